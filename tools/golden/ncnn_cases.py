"""Golden cases in NCNN form: written here in the way of Real-ESRGAN's published files, or converted by pnnx."""

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pnnx
import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SPAN import SPAN
from torch import nn

import esrgan
import ncnn_files
import ncnn_layers
import span
from cases import noise, reference, settle, write_case

NETWORKS = {"compact": Compact, "esrgan": ESRGAN, "span": SPAN}


@dataclass(frozen=True)
class Case:
    """`options` go to the network, `lowering` to its writer; `form` is text, crlf, binary or pnnx."""

    name: str
    network: str
    options: dict
    flag: int = ncnn_files.F16
    lowering: dict = field(default_factory=dict)
    form: str = "text"
    channels: int = 3
    size: tuple = (12, 16)


def compact(name, scale, features=8, convs=2, activation="prelu", channels=3, **rest):
    options = {"num_feat": features, "num_conv": convs, "upscale": scale, "act_type": activation}
    return Case(name, "compact", options | {"num_in_ch": channels, "num_out_ch": channels}, channels=channels, **rest)


def rrdb(name, scale, features=8, blocks=1, unshuffle=None, plus=False, **rest):
    options = {"num_filters": features, "num_blocks": blocks, "scale": scale, "plus": plus}
    return Case(name, "esrgan", options | {"in_nc": 3 * (unshuffle or 1) ** 2, "shuffle_factor": unshuffle}, **rest)


def attentive(name, scale, features, channels=3, norm=True, **rest):
    options = {"num_in_ch": channels, "num_out_ch": channels, "feature_channels": features, "upscale": scale, "norm": norm}
    return Case(name, "span", options, channels=channels, form="pnnx", **rest)


CASES = [
    compact("compact-x4-f16", scale=4, features=16, convs=3),
    compact("compact-x4-f32", scale=4, features=16, flag=ncnn_files.F32),
    compact("compact-x1-f16", scale=1),
    compact("compact-x2-odd-f16", scale=2, features=7, size=(13, 17)),
    compact("compact-x3-f32", scale=3, flag=ncnn_files.F32),
    compact("compact-x2-grey-f16", scale=2, features=5, channels=1),
    compact("compact-x4-relu", scale=4, activation="relu"),
    compact("compact-x4-leakyrelu", scale=4, activation="leakyrelu", flag=ncnn_files.F32),
    compact("compact-x2-fused-relu", scale=2, activation="relu", lowering={"fused_slope": 0.0}),
    compact("compact-x2-fused-leakyrelu", scale=2, activation="leakyrelu", lowering={"fused_slope": 0.1}),
    compact("compact-x2-by-shrinking", scale=4, lowering={"shrink": 0.5}),
    compact("compact-x3-by-shrinking", scale=4, lowering={"shrink": 0.75}),
    compact("compact-x4-crlf", scale=4, form="crlf"),
    compact("compact-x4-binary-param", scale=4, form="binary"),
    compact("compact-x4-pnnx", scale=4, form="pnnx"),
    compact("compact-x2-relu-pnnx", scale=2, activation="relu", form="pnnx"),
    compact("compact-x2-leakyrelu-pnnx", scale=2, activation="leakyrelu", form="pnnx"),
    compact("compact-x2-int8", scale=2, flag=ncnn_files.INT8),
    rrdb("esrgan-x4-f16", scale=4, blocks=2),
    rrdb("esrgan-x4-f32", scale=4, size=(9, 13), flag=ncnn_files.F32),
    rrdb("esrgan-x2-f16", scale=2, features=11),
    rrdb("esrgan-x1-f16", scale=1),
    rrdb("esrgan-x8-f16", scale=8, size=(5, 6)),
    rrdb("esrgan-x2-unshuffle-f16", scale=4, unshuffle=2),
    rrdb("esrgan-x4-binary-param", scale=4, form="binary"),
    rrdb("esrgan-x4-pnnx", scale=4, form="pnnx"),
    rrdb("esrgan-x2-plus-pnnx", scale=2, plus=True, form="pnnx"),
    rrdb("esrgan-x2-unshuffle-pnnx", scale=4, unshuffle=2, form="pnnx"),
    attentive("span-x4-pnnx", scale=4, features=8),
    attentive("span-x2-grey-no-norm-pnnx", scale=2, features=5, channels=1, norm=False),
]


class Unshuffled(nn.Module):
    """ESRGAN behind a pixel-unshuffle without the padding for odd sizes, which pnnx would turn into a Crop by expressions."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, picture):
        return self.net.model(torch.pixel_unshuffle(picture, self.net.shuffle_factor))


def make(root):
    for seed, case in enumerate(CASES, start=300):
        with esrgan.growth_of(4):
            make_case(case, seed, root / case.name)


def make_case(case, seed, folder):
    folder.mkdir(parents=True)
    picture = noise((1, case.channels, *case.size), seed)
    net = settled(case, picture, seed)
    if case.flag == ncnn_files.INT8:
        write_quantised(case, net, picture, folder)
        return
    if case.flag == ncnn_files.F16:
        round_weights(net)
    if case.form == "pnnx":
        drop_subnormals(net)
        convert(net, picture, folder)
    else:
        write_model(case, lower(case, net), folder)
    write_answer(case, net, picture, folder)


def settled(case, picture, seed):
    net = NETWORKS[case.network](**case.options)
    return span.merge(span.settled(net, picture, seed)) if case.network == "span" else settle(net, picture, seed)


def write_answer(case, net, picture, folder):
    output, difference = reference(net, picture)
    if shrink := case.lowering.get("shrink"):
        output = ncnn_layers.bicubic(output, shrink)
    ncnn_difference = (ncnn_files.run(folder, picture) - output).abs().max().item()
    assert ncnn_difference < 1e-5, f"{folder}: NCNN lies {ncnn_difference} away"
    expect = {
        "network": case.network,
        "scale": output.shape[2] // picture.shape[2],
        "in_channels": picture.shape[1],
        "out_channels": output.shape[1],
        "f32_difference": difference,
        "ncnn_difference": ncnn_difference,
    }
    write_case(folder, picture, output, expect)


def convolutions(net):
    return [module for module in net.modules() if isinstance(module, nn.Conv2d)]


def round_weights(net):
    """To float16; biases and slopes stay float32 in NCNN's files."""
    for module in convolutions(net):
        module.weight.data = module.weight.data.half().float()


def drop_subnormals(net):
    """pnnx writes weights that are subnormal in float16 as zero."""
    smallest = torch.finfo(torch.float16).smallest_normal
    for module in convolutions(net):
        module.weight.data[module.weight.data.abs() < smallest] = 0


def lower(case, net):
    lowering = {"compact": ncnn_layers.compact, "esrgan": ncnn_layers.esrgan}[case.network]
    return ncnn_files.with_splits(lowering(net, **case.lowering))


def write_model(case, layers, folder):
    (folder / "model.bin").write_bytes(ncnn_files.weights(layers, case.flag))
    if case.form == "binary":
        (folder / "model.param.bin").write_bytes(ncnn_files.binary_param(layers))
    else:
        newline = "\r\n" if case.form == "crlf" else "\n"
        (folder / "model.param").write_text(ncnn_files.text_param(layers), newline=newline)


def write_quantised(case, net, picture, folder):
    """A model to be refused, as ncnn2int8 leaves it: one scale for each output channel, one for the input."""
    layers = lower(case, net)
    for layer in layers:
        if layer.kind == "Convolution":
            scales = 127 / np.abs(layer.flagged).max(axis=(1, 2, 3))
            layer.flagged = np.round(layer.flagged * scales[:, None, None, None])
            layer.plain += [scales, np.array([127.0 / 4])]
            layer.parameters[8] = 2
    write_model(case, layers, folder)
    assert (ncnn_files.run(folder, picture) - reference(net, picture)[0]).abs().mean() < 0.05
    write_case(folder, picture, None, {"refused": "int8 weights"})


def convert(net, picture, folder):
    traced = torch.jit.trace(Unshuffled(net) if getattr(net, "shuffle_factor", None) else net, picture)
    _, channels, height, width = picture.shape
    shapes = [f"inputshape=[1,{channels},{height},{width}]", f"inputshape2=[1,{channels},{height + 8},{width + 8}]"]
    with tempfile.TemporaryDirectory() as work:
        traced.save(f"{work}/model.pt")
        subprocess.run([pnnx.EXEC_PATH, "model.pt", *shapes], cwd=work, check=True, capture_output=True)
        for form in ("param", "bin"):
            Path(work, f"model.ncnn.{form}").rename(folder / f"model.{form}")
