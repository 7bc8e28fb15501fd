"""Stores a picture and retrieves it as the AWS sample's client and its test bench do; the second argument is the bucket."""

import base64
import io
import sys

import requests
from PIL import Image

url, bucket = sys.argv[1:]

assert requests.get(url + "/health").json() == [{"status": "ok"}, 200]

file = io.BytesIO()
Image.radial_gradient("L").resize((320, 240)).convert("RGB").save(file, "JPEG")
fields = {
    "image": base64.b64encode(file.getvalue()).decode("utf-8"),
    "s3_bucket": bucket,
    "s3_key_name": "wolf.jpg",
    "endpoint": "upscaleEndpoint",
    "upscaleMethod": "sageMakerRT",
}
stored = requests.post(url + "/store", headers={"Content-Type": "application/json"}, json=fields).json()
assert stored == [{"data": "image uploaded to S3"}, 200], stored

answer = requests.get(f"{url}/retrieve?s3_key=wolf.jpg&s3_bucket={bucket}&endpoint=upscaleEndpoint").json()
assert answer[1] == 200, answer
picture = Image.open(io.BytesIO(base64.b64decode(answer[0]["data"])))
assert (picture.format, picture.size) == ("JPEG", (800, 600)), picture

missing = requests.get(f"{url}/retrieve?s3_key=none.jpg&s3_bucket={bucket}&endpoint=x")
assert missing.status_code == 200 and missing.json()[1] == 500 and missing.json()[0]["error"], missing.text
