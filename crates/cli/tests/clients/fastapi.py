"""Asks POST /inference as the FastAPI server's sample client does: a picture in base64, a text in base64 back."""

import base64
import io
import sys

import requests
from PIL import Image

url = sys.argv[1]

assert requests.get(url).json() == {"Hello": "World"}

picture = Image.radial_gradient("L").resize((24, 16)).convert("RGB")
file = io.BytesIO()
picture.save(file, "PNG")
fields = {
    "img_str": base64.b64encode(file.getvalue()).decode(),
    "tile": 512,
    "half": False,
    "output_dir": "results",
}
answer = requests.post(url + "/inference", json=fields)
assert answer.status_code == 200, answer.text
result = Image.open(io.BytesIO(base64.b64decode(answer.json(), validate=True)))
assert (result.format, result.size, result.mode) == ("PNG", (96, 64), "RGB"), result

# A red picture stays red: that server took it for a blue one.
red = io.BytesIO()
Image.new("RGB", (8, 8), (200, 30, 30)).save(red, "PNG")
answer = requests.post(url + "/inference", json={"img_str": base64.b64encode(red.getvalue()).decode()})
r, g, b = Image.open(io.BytesIO(base64.b64decode(answer.json()))).getpixel((16, 16))
assert r > 150 and g < 80 and b < 80, (r, g, b)

missing = requests.post(url + "/inference", json={"tile": 0})
assert missing.status_code == 422, missing.text
assert missing.json()["detail"][0]["loc"] == ["body", "img_str"], missing.text
