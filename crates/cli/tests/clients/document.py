"""Schemathesis, which learns how the pieces of uploads are sent: as they are."""

import schemathesis
from schemathesis.cli import schemathesis as command

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
command()
