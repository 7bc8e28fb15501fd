"""Golden ONNX files of every architecture: what torch.onnx.export makes of a network of testdata/golden/archs. The file must answer what
the weights answer, and the picture and the answer lie there."""

import json
from contextlib import nullcontext

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
    "mm-realsr/x4": (4, {512: 16, 260: 10, 264: 12}),
    "moesr/x4": (2, {}),
    "moesr/x2-dysample": (2, {}),
    "mosr/x2-gps": (1, {}),
    "mosr/x4-dys": (1, {}),
    "nafnet/colour": (4, {}),
    "plksr/x2-doubled-mixer": (1, {}),
    "plksr/real-x2-layer-norm": (1, {}),
    "plksr/real-x4-dysample": (1, {}),
    "rcan/x2-unshuffle": (2, {}),
    "real-cugan/x2": (2, CUGAN_SIZES),
    "real-cugan/x4-pro": (2, CUGAN_SIZES),
    "safmn/x2": (8, {}),
    "span/x2-odd-size": (1, {}),
    "swift-srgan/x2": (1, {}),
}


def make(root, archs):
    for name, (multiple, sizes) in CASES.items():
        make_case(root / name, archs / name, multiple, sizes)


def make_case(folder, case, multiple, sizes):
    picture = torch.from_numpy(np.load(case / "input.npy"))
    with narrower(sizes) if sizes else nullcontext(), growth(case):
        net = Called(ModelLoader().load_from_state_dict(load_file(case / "model.safetensors"))).eval()
        # Some networks are right only at the size that they are exported for.
        side = 0 if "dys" in case.name else 2 * multiple
        example = torch.nn.functional.pad(picture, [0, side, 0, side], mode="replicate")
        model = without_comments(export(net, example))
    if len(model.graph.node) > 300:
        model = shortened(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    difference = np.abs(session.run(None, {"input": picture.numpy()})[0] - np.load(case / "output.npy")).max()
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    size = (folder / "model.onnx").stat().st_size >> 10
    expect = {"case": f"archs/{case.parent.name}/{case.name}", "onnxruntime_difference": float(difference)}
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
    print(f"{case.parent.name}/{case.name}: {size} KiB, {len(model.graph.node)} nodes, {difference:.1e}", flush=True)


def growth(case):
    from esrgan import growth_of

    found = json.loads((case / "expect.json").read_text())["parameters"].get("growth")
    return growth_of(found) if case.parent.name == "esrgan" else nullcontext()
