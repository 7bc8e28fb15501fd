"""Golden cases of ONNX files: small networks as PyTorch's exporters write them, and what onnxruntime makes of a picture of
another size than the one that they were exported with."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable
from unittest.mock import patch

import numpy as np
import onnx
import torch
from onnx import TensorProto
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.HAT import HAT
from spandrel.architectures.MoSR import MoSR
from spandrel.architectures.PLKSR import RealPLKSR
from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet3x, UpCunet4x
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from cases import noise
from esrgan import growth_of
from onnx_files import all_half, export, run, shortened, stored_as, without_comments


class Fused(nn.Module):
    """Three convolutions and a cut residual, as networks for video are fused for speed: SPANF's shape."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 12, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(12, 12, 3, padding=1) for _ in range(3))
        self.tail = nn.Conv2d(24, 12, 3, padding=1)

    def forward(self, x):
        first = x = self.head(x)
        for block in self.blocks:
            y = block(x)
            x = (y + x) * (torch.sigmoid(y) - 0.5)
        return nn.functional.pixel_shuffle(self.tail(torch.cat([first, x], 1)), 2)


class Halved(nn.Module):
    """SPAN's blocks at half the picture's size, fused to one convolution each, as the networks called SPANF3 have them whose names say
    `unshuffle`. No definition of those is public: this one only has their shape."""

    def __init__(self, features=16, blocks=5, scale=2):
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(12, features, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(3)) for _ in range(blocks)
        )
        self.joined = nn.Conv2d(4 * features, features, 1)
        self.tail = nn.Conv2d(features, 3 * (2 * scale) ** 2, 3, padding=1)

    def forward(self, picture):
        first = x = self.head(nn.functional.pixel_unshuffle(picture, 2))
        seen = []
        for convolutions in self.blocks:
            y = x
            for index, convolution in enumerate(convolutions):
                y = convolution(nn.functional.silu(y) if index else y)
            x = (y + x) * (torch.sigmoid(y) - 0.5)
            seen.append(x)
        x = self.joined(torch.cat([first, x, seen[0], seen[-2]], 1))
        return nn.functional.pixel_shuffle(self.tail(x), 2 * self.scale)


class Plain(nn.Module):
    """A network that takes a picture and nothing else."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)


class UNet(nn.Module):
    """Halved twice and resized to the size of the other branch; channels gated by their means; a picture of any size."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1)])
        self.gate = nn.Conv2d(8, 8, 1)
        self.up = nn.Conv2d(8, 8, 3, padding=1)
        self.tail = nn.Conv2d(11, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        y = nn.functional.silu(self.norm(self.down[0](x)))
        z = nn.functional.gelu(self.down[1](y))
        z = z * torch.sigmoid(self.gate(z.mean((2, 3), keepdim=True)))
        z = nn.functional.interpolate(z, size=y.shape[2:], mode="bilinear", align_corners=False)
        y = nn.functional.interpolate(self.up(y + z), size=x.shape[2:], mode="nearest")
        return x + self.tail(torch.cat([x, y], 1))


@dataclass(frozen=True)
class Case:
    name: str
    network: Callable
    scale: int = 2
    opset: int = 17
    dynamo: bool = False
    channels: int = 3
    multiple: int = 1
    size: tuple = (20, 28)
    change: Callable = None
    exported: tuple = (32, 48)
    external: bool = False


def swinir(**options):
    shape = {"img_size": 16, "window_size": 4, "depths": [2], "embed_dim": 8, "num_heads": [2], "mlp_ratio": 2}
    with narrow():
        return SwinIR(**shape, img_range=1.0, **options)



def hat(**options):
    shape = {"img_size": 16, "window_size": 4, "depths": [2], "embed_dim": 8, "num_heads": [2], "mlp_ratio": 2}
    return HAT(**shape, compress_ratio=4, squeeze_factor=4, overlap_ratio=0.5, num_feat=8, img_range=1.0, **options)


def plksr(**options):
    return RealPLKSR(dim=16, n_blocks=2, kernel_size=5, split_ratio=0.25, **options)


@contextmanager
def narrow():
    """Networks with an eighth of the channels that their code says, so that files are small."""

    def eighth(kind):
        class Narrow(kind):
            def __init__(self, inputs, outputs, *rest, **options):
                super().__init__(*(c if c < 32 else c // 8 for c in (inputs, outputs)), *rest, **options)

        return Narrow

    with patch.object(nn, "Conv2d", eighth(nn.Conv2d)), patch.object(nn, "ConvTranspose2d", eighth(nn.ConvTranspose2d)):
        yield


def cugan(network):
    with narrow():
        return Plain(network(in_channels=3, out_channels=3))


def span(**options):
    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2, **options)


def esrgan(**options):
    with growth_of(4):
        return ESRGAN(num_filters=8, num_blocks=1, **options)


def tiny():
    return Compact(num_feat=8, num_conv=2, upscale=2)


CASES = [
    Case("compact", tiny, size=(13, 17)),
    Case("compact-opset-11", lambda: Compact(num_feat=8, num_conv=2, upscale=4), 4, opset=11, size=(9, 10)),
    Case("compact-opset-13", lambda: Compact(num_feat=8, num_conv=2, upscale=3), 3, opset=13, size=(9, 10)),
    Case("compact-opset-20", tiny, opset=20),
    Case("compact-dynamo", tiny, dynamo=True, size=(15, 22)),
    Case("compact-grey", lambda: Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=2, upscale=2), channels=1),
    Case("compact-relu", lambda: Compact(num_feat=8, num_conv=2, upscale=2, act_type="leakyrelu")),
    Case("esrgan", lambda: esrgan(scale=4), 4, size=(8, 11)),
    Case("esrgan-dynamo", lambda: esrgan(scale=4), 4, dynamo=True, size=(8, 11)),
    Case("esrgan-plus", lambda: esrgan(scale=2, plus=True), 2, size=(8, 11)),
    Case("esrgan-x1", lambda: esrgan(scale=1), 1, size=(8, 11)),
    Case("esrgan-unshuffle", lambda: esrgan(in_nc=12, scale=4, shuffle_factor=2), 2, multiple=2, size=(12, 18)),
    Case("esrgan-unshuffle-dynamo", lambda: esrgan(in_nc=12, scale=4, shuffle_factor=2), 2, dynamo=True, multiple=2, size=(12, 18)),
    Case("span", lambda: span(norm=False)),
    Case("span-norm", lambda: span(norm=True, img_range=1.0)),
    Case("fused", Fused),
    Case("fused-dynamo", Fused, dynamo=True),
    Case("unet", UNet, 1, multiple=4, size=(24, 36)),
    Case("unet-opset-18", UNet, 1, opset=18, multiple=4, size=(24, 36)),
    Case("cugan-x2", lambda: cugan(UpCunet2x), 2, multiple=2, size=(20, 26)),
    Case("cugan-x3", lambda: cugan(UpCunet3x), 3, multiple=4, size=(20, 24)),
    Case("cugan-x4", lambda: cugan(UpCunet4x), 4, multiple=2, size=(20, 22)),
    Case("plksr", lambda: plksr(upscaling_factor=2)),
    Case("plksr-dysample", lambda: plksr(upscaling_factor=2, dysample=True), exported=(20, 28)),
    Case("mosr", lambda: MoSR(n_block=2, dim=16, upscale=2)),
    Case("swinir", lambda: swinir(upscale=2, upsampler="pixelshuffledirect", resi_connection="1conv"), multiple=4),
    Case("swinir-nearest", lambda: swinir(upscale=4, upsampler="nearest+conv", resi_connection="3conv"), 4, multiple=4, size=(12, 16)),
    Case("compact-f16", tiny, change=lambda m: stored_as(m, TensorProto.FLOAT16)),
    Case("compact-bf16", tiny, change=lambda m: stored_as(m, TensorProto.BFLOAT16)),
    Case("compact-f64", tiny, change=lambda m: stored_as(m, TensorProto.DOUBLE)),
    Case("compact-all-half", tiny, change=all_half),
    Case("compact-f16-lists", tiny, change=lambda m: stored_as(m, TensorProto.FLOAT16, as_list=True)),
    Case("compact-f64-lists", tiny, change=lambda m: stored_as(m, TensorProto.DOUBLE, as_list=True)),
    Case("compact-f32-lists", tiny, change=lambda m: stored_as(m, TensorProto.FLOAT, as_list=True)),
    Case("compact-external", tiny, external=True),
    Case("hat", lambda: hat(upscale=2, upsampler="pixelshuffle"), multiple=4),
    Case("halved", Halved, multiple=2),
    Case("halved-all-half", Halved, multiple=2, change=all_half),
    Case("halved-dynamo", Halved, dynamo=True, multiple=2),
    Case("halved-8-blocks", lambda: Halved(features=14, blocks=8), multiple=2),
    Case("halved-x4", lambda: Halved(features=10, blocks=6, scale=4), 4, multiple=2),
]


def make(root, names=()):
    for seed, case in enumerate(CASES, start=900):
        if not names or case.name in names:
            make_case(case, seed, root / case.name)


def make_case(case, seed, folder):
    torch.manual_seed(seed)
    net = settled(case.network(), seed)
    example = noise((1, case.channels, *case.exported), seed)
    model = without_comments(export(net, example, case.opset, case.dynamo, case.multiple))
    if len(model.graph.node) > 1000:
        model = shortened(model)
    reference = model
    if case.change:
        model = case.change(model)
        model, reference = model if isinstance(model, tuple) else (model, model)
    picture = noise((1, case.channels, *case.size), seed + 1).numpy()
    write(folder, model, picture, run(reference, picture), case.external)
    expect = {"scale": case.scale, "channels": case.channels, "multiple": case.multiple}
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")


def settled(net, seed):
    """The network with random numbers under which values neither vanish nor grow."""
    random = np.random.default_rng(seed)
    state = net.state_dict()
    for key, value in state.items():
        if not value.dtype.is_floating_point or key.endswith(("mean", "init_pos", "attn_mask")):
            continue
        fan_in = value[0].numel() if value.dim() > 1 else 0
        if fan_in:
            values = random.normal(0, (1.2 / fan_in) ** 0.5, value.shape)
        elif key.endswith("running_var") or (key.endswith("weight") and value.numel() > 1):
            values = random.uniform(0.5, 1.5, value.shape)
        else:
            values = random.uniform(-0.1, 0.1, value.shape)
        state[key] = torch.from_numpy(np.asarray(values, dtype=np.float32)).reshape(value.shape)
    net.load_state_dict(state)
    return net.eval()


def write(folder, model, picture, output, external):
    assert np.isfinite(output).all() and 1e-3 < np.abs(output).max() < 1e3, f"{folder}: {np.abs(output).max()}"
    folder.mkdir(parents=True, exist_ok=True)
    if external:
        options = {"save_as_external_data": True, "location": "model.data", "size_threshold": 64}
        (folder / "model.data").unlink(missing_ok=True)
        onnx.save(model, folder / "model.onnx", **options)
    else:
        onnx.save(model, folder / "model.onnx")
    np.save(folder / "input.npy", picture)
    np.save(folder / "output.npy", output.astype(np.float32))
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"onnx/{folder.name}: {size >> 10} KiB, {len(model.graph.node)} nodes, {output.shape[2]}x{output.shape[3]}")
    if size > 300 << 10:
        print(f"  {folder.name} is too large")
