"""Writes the golden cases under testdata/ from the reference implementations.

usage: make.py [archs] [plksr] [mosr] … [pth] [community] [fetched] [ncnn] [onnx] [pictures] [photos]        (all of them by default; README.md in testdata/golden tells more)
"""

import shutil
import sys
from pathlib import Path

import torch

import community
import compact
import esrgan
import fetched
import ncnn_cases
import onnx_archs
import onnx_networks
import onnx_ops
import pictures
import pth
import span
import zoo

TESTDATA = Path(__file__).resolve().parents[2] / "testdata"
GOLDEN = TESTDATA / "golden"


def emptied(folder):
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def make_archs():
    compact.make(emptied(GOLDEN / "archs" / "compact"))
    esrgan.make(emptied(GOLDEN / "archs" / "esrgan"))
    span.make(emptied(GOLDEN / "archs" / "span"))


def make_onnx():
    onnx_networks.make(emptied(GOLDEN / "onnx" / "networks"))
    onnx_archs.make(emptied(GOLDEN / "onnx" / "archs"), GOLDEN / "archs")
    onnx_ops.make(emptied(GOLDEN / "onnx" / "ops"))


def zoo_maker(architecture):
    return lambda: architecture(emptied(GOLDEN / "archs" / architecture.__name__.replace("_", "-")))


MAKERS = {
    "archs": make_archs,
    **{architecture.__name__: zoo_maker(architecture) for architecture in zoo.ARCHITECTURES},
    "pth": lambda: pth.make(emptied(GOLDEN / "pth")),
    "community": lambda: community.make(emptied(GOLDEN / "community")),
    "fetched": lambda: fetched.make(emptied(GOLDEN / "fetched")),
    "ncnn": lambda: ncnn_cases.make(emptied(GOLDEN / "ncnn")),
    "onnx": make_onnx,
    "pictures": lambda: pictures.make(emptied(GOLDEN / "pictures")),
    "photos": lambda: pictures.copy_photos(TESTDATA / "photos"),
}


def main():
    torch.set_num_threads(2)
    wanted = sys.argv[1:] or list(MAKERS)
    unknown = [name for name in wanted if name not in MAKERS]
    if unknown:
        sys.exit(f"{__doc__}\nnot one of {', '.join(MAKERS)}: {', '.join(unknown)}")
    for name in wanted:
        MAKERS[name]()


if __name__ == "__main__":
    main()
