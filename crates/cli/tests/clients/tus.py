"""Sends a picture in parts with tus' own client, breaks off, goes on, and has a job made of it."""

import io
import sys
import tempfile
import time

import requests
from PIL import Image
from tusclient import client

url = sys.argv[1]

picture = Image.effect_noise((120, 80), 60).convert("RGB")
with tempfile.NamedTemporaryFile(suffix=".png") as file:
    picture.save(file, "PNG")
    file.flush()
    uploads = client.TusClient(url + "/v1/uploads")
    first = uploads.uploader(file.name, chunk_size=5000, metadata={"filename": "noise.png"})
    first.upload_chunk()
    assert first.offset == 5000, first.offset
    second = uploads.uploader(file.name, chunk_size=5000, url=first.url)
    assert second.offset == 5000, "the server knows how far it is"
    second.upload()

job = requests.post(url + "/v1/jobs", json={"upload": first.url.rsplit("/", 1)[1], "parameters": {"scale": "2"}}).json()
assert job["name"] == "noise.png", job
while job["state"] in ("queued", "running"):
    time.sleep(0.1)
    job = requests.get(f"{url}/v1/jobs/{job['id']}").json()
assert job["state"] == "done", job
result = Image.open(io.BytesIO(requests.get(url + job["links"]["output"]).content))
assert (result.format, result.size) == ("PNG", (240, 160)), result
