"""Golden ONNX files of every architecture: what torch.onnx.export makes of a network of testdata/golden/archs. The file must answer what
the weights answer, and the picture and the answer lie there."""

import json
from contextlib import nullcontext
from unittest import mock

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from spandrel import ModelLoader

from cases import Called
from onnx_files import export, shortened, without_comments
from zoo import CUGAN_SIZES, narrower

# The case of each architecture, the multiple that sides must have, and sizes that spandrel does not let choose.
CASES = {
    "compact/x2-odd-features": (1, {}),
    "dctlsa/x2": (16, {}),
    "dncnn/colour": (1, {}),
    "dncnn/told-colour": (1, {}),
    "drunet/colour": (8, {}),
    "esrgan/old-x1": (1, {}),
    "esrgan/new-x2-unshuffle": (2, {}),
    "esrgan/plus-x4": (1, {}),
    "fbcnn/colour": (8, {512: 12}),
    "mm-realsr/x4": (1, {512: 16, 260: 10, 264: 12}),
    "mm-realsr/x4-odd-size": (1, {512: 16, 260: 10, 264: 12}),
    "moesr/x4": (2, {}),
    "moesr/x2-dysample": (2, {}),
    "mosr/x2-gps": (1, {}),
    "mosr/x4-dys": (1, {}),
    "nafnet/colour": (4, {}),
    "nafnet/odd-size": (4, {}),
    "plksr/x2-doubled-mixer": (1, {}),
    "plksr/real-x2-layer-norm": (1, {}),
    "plksr/real-x4-dysample": (1, {}),
    "rcan/x2-unshuffle": (2, {}),
    "real-cugan/x2": (2, CUGAN_SIZES),
    "real-cugan/x4-pro": (2, CUGAN_SIZES),
    "real-cugan/x2-fast": (4, CUGAN_SIZES),
    "real-cugan/x2-odd-size": (2, CUGAN_SIZES),
    "real-cugan/x3-odd-size": (4, CUGAN_SIZES),
    "real-cugan/x4-pro-odd-size": (2, CUGAN_SIZES),
    "real-cugan/x2-fast-odd-size": (4, CUGAN_SIZES),
    "safmn/x2": (8, {}),
    "safmn/x4": (8, {}),
    "seemore/x2": (16, {}),
    "seemore/x4": (16, {}),
    "span/x2-odd-size": (1, {}),
    "swift-srgan/x2": (1, {}),
}


# PyTorch exports SAFMN's pooling for pictures of one size only.
ONE_SIZE = {"safmn/x2"}

# Networks that are right only at the size, or for the choice, that they are exported with.
OWN_PICTURE = {"moesr/x2-dysample", "mosr/x4-dys", "plksr/real-x4-dysample", "safmn/x2", "seemore/x2", "seemore/x4"}


def make(root, archs):
    for name, (multiple, sizes) in CASES.items():
        make_case(root / name, archs / name, multiple, sizes)


def make_case(folder, case, multiple, sizes):
    picture = torch.from_numpy(np.load(case / "input.npy"))
    name = f"{case.parent.name}/{case.name}"
    with narrower(sizes) if sizes else nullcontext(), growth(case), open_pooling(name):
        net = Called(ModelLoader().load_from_state_dict(load_file(case / "model.safetensors"))).eval()
        side = 0 if name in OWN_PICTURE else 2 * multiple
        example = torch.nn.functional.pad(picture, [0, side, 0, side], mode="replicate")
        model = without_comments(export(net, example, open_sides=name not in ONE_SIZE))
    if len(model.graph.node) > 300:
        model = shortened(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    difference = np.abs(session.run(None, {"input": picture.numpy()})[0] - np.load(case / "output.npy")).max()
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    size = (folder / "model.onnx").stat().st_size >> 10
    expect = {"case": f"archs/{name}", "onnxruntime_difference": float(difference)}
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
    print(f"{name}: {size} KiB, {len(model.graph.node)} nodes, {difference:.1e}", flush=True)


def open_pooling(name):
    """SAFMN's pooling as blocks of a fixed size, which are the same for multiples of eight, and which PyTorch exports for all sizes."""
    if not name.startswith("safmn") or name in ONE_SIZE:
        return nullcontext()

    def pooled(x, size):
        return torch.nn.functional.max_pool2d(x, int(x.shape[-1]) // int(size[-1]))

    return mock.patch.object(torch.nn.functional, "adaptive_max_pool2d", pooled)


def growth(case):
    from esrgan import growth_of

    found = json.loads((case / "expect.json").read_text())["parameters"].get("growth")
    return growth_of(found) if case.parent.name == "esrgan" else nullcontext()
