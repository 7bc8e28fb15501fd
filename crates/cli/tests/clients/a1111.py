"""Enlarges pictures with webuiapi, a client of AUTOMATIC1111's interface; the second argument is a password, if there is one."""

import sys
from urllib.parse import urlparse

import webuiapi
from PIL import Image

url = urlparse(sys.argv[1])
access = {"username": "anyone", "password": sys.argv[2]} if len(sys.argv) > 2 else {}
api = webuiapi.WebUIApi(host=url.hostname, port=url.port, **access)

names = [upscaler["name"] for upscaler in api.get_upscalers()]
assert "None" in names and "realesr-general-x4v3" in names, names

picture = Image.radial_gradient("L").resize((24, 16)).convert("RGB")
single = api.extra_single_image(picture, upscaler_1="realesr-general-x4v3", upscaling_resize=3)
assert single.image.size == (72, 48), single.image

unchanged = api.extra_single_image(picture)
assert list(unchanged.image.getdata()) == list(picture.getdata())

sized = api.extra_single_image(
    picture, resize_mode=1, upscaling_resize_w=40, upscaling_resize_h=40, upscaler_1="realesr-general-x4v3"
)
assert sized.image.size == (40, 40), sized.image

several = api.extra_batch_images([picture, picture.rotate(90, expand=True)], upscaler_1="anime", upscaling_resize=4)
assert [image.size for image in several.images] == [(96, 64), (64, 96)], several.images

api.util_wait_for_ready()
assert api.util_get_model_names() == []
try:
    api.txt2img(prompt="a wolf")
    raise SystemExit("pictures are not made of words here")
except RuntimeError as error:
    assert error.args[0] == 501, error
