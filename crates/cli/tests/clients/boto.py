"""Reads with boto3 what jobs have written into a bucket: URL of the S3 server, access key, secret key."""

import io
import sys

import boto3
from PIL import Image

endpoint, key, secret = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")

names = sorted(entry["Key"] for entry in s3.list_objects_v2(Bucket="pictures", Prefix="all/")["Contents"])
assert names == ["all/a.png", "all/deep/b c.png"], names
for name in names:
    picture = Image.open(io.BytesIO(s3.get_object(Bucket="pictures", Key=name)["Body"].read()))
    assert (picture.format, picture.size) == ("PNG", (80, 48)), picture
