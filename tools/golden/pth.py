"""Golden cases of PyTorch's own files: one network's weights in every way in which checkpoints are saved.

A case is the file, and `weights.safetensors` with the numbers that must be found in it, under the network's own names.
"""

import argparse
import collections
import datetime
import json
import pathlib
import zipfile
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact
from torch import nn

from cases import noise, settle


def make(root):
    torch.manual_seed(0)
    for case in [
        zipped, legacy, torchscript_scripted, torchscript_traced, protocol_4, protocol_5, legacy_protocol_4, half, bfloat16,
        double, mixed, one_storage, transposed, expanded, parameters, whole_module, whole_module_legacy, data_parallel,
        running_average, checkpoint, checkpoint_legacy, lightning, pair_of_networks, whole_numbers, attributes, licensed,
    ]:
        folder = root / case.__name__.replace("_", "-")
        folder.mkdir(parents=True)
        case(folder / "model.pth", network())
        if not (folder / "weights.safetensors").exists():
            expect(folder / "model.pth", network().state_dict())
        (folder / "expect.json").write_text(json.dumps({"architecture": "compact", "scale": 2}) + "\n")


def network():
    """The same network, with the same weights, each time."""
    net = Compact(num_feat=4, num_conv=1, upscale=2)
    return settle(net, noise((1, 3, 8, 8), 301), 302)


def expect(path, state):
    save_file({key: value.contiguous().clone() for key, value in state.items()}, path.parent / "weights.safetensors")


def changed(state, change):
    return collections.OrderedDict((key, change(value)) for key, value in state.items())


def zipped(path, net):
    torch.save(net.state_dict(), path)


def legacy(path, net):
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False)


def torchscript_scripted(path, net):
    save_script(torch.jit.script(Plain(net)), path)


def save_script(script, path):
    """As torch.jit.save, but for what tells where the sources lay on the machine."""
    torch.jit.save(script, path)
    entries = [(entry, zipfile.ZipFile(path).read(entry)) for entry in zipfile.ZipFile(path).infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, contents in entries:
            if not entry.filename.endswith(".debug_pkl"):
                archive.writestr(entry, contents)


class Plain(nn.Module):
    """Compact in the words that TorchScript understands, under the same names."""

    def __init__(self, net):
        super().__init__()
        self.body = net.body
        self.upscale = 2

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        return nn.functional.pixel_shuffle(y, self.upscale) + nn.functional.interpolate(x, scale_factor=2.0)


def torchscript_traced(path, net):
    save_script(torch.jit.trace(net, noise((1, 3, 8, 8), 303)), path)


def protocol_4(path, net):
    torch.save({"params": net.state_dict()}, path, pickle_protocol=4)


def protocol_5(path, net):
    torch.save({"params": net.state_dict()}, path, pickle_protocol=5)


def legacy_protocol_4(path, net):
    torch.save(net.state_dict(), path, pickle_protocol=4, _use_new_zipfile_serialization=False)


def half(path, net):
    save_as(path, net, torch.float16)


def bfloat16(path, net):
    save_as(path, net, torch.bfloat16)


def double(path, net):
    save_as(path, net, torch.float64)


def save_as(path, net, dtype):
    state = changed(net.state_dict(), lambda value: value.to(dtype))
    torch.save(state, path)
    expect(path, state)


def mixed(path, net):
    state = changed(net.state_dict(), lambda value: value.half() if value.dim() > 1 else value)
    torch.save(state, path, _use_new_zipfile_serialization=False)
    expect(path, state)


def one_storage(path, net):
    """All tensors are parts of one vector."""
    state = net.state_dict()
    parts = torch.cat([value.flatten() for value in state.values()]).split([value.numel() for value in state.values()])
    torch.save({key: part.view(value.shape) for part, (key, value) in zip(parts, state.items())}, path)


def transposed(path, net):
    """The same numbers in other orders of the storage: channels last, and kernels turned around."""

    def turned(value):
        if value.dim() < 4:
            return value
        return value.to(memory_format=torch.channels_last) if value.shape[0] > 4 else value.mT.contiguous().mT

    state = changed(net.state_dict(), turned)
    assert not all(value.is_contiguous() for value in state.values())
    torch.save(state, path)


def expanded(path, net):
    """One stored number for a whole vector, and every other number of a storage."""

    def thinned(value):
        if value.dim() > 1:
            return value
        if value.numel() == 4:
            return torch.full((1,), 0.25).expand(4)
        return torch.stack([value, -value], dim=1)[:, 1]

    state = changed(net.state_dict(), thinned)
    torch.save(state, path, _use_new_zipfile_serialization=False)
    expect(path, state)


def parameters(path, net):
    """Parameters instead of tensors, some with attributes of their own."""
    state = dict(net.named_parameters())
    state["body.0.bias"].origin = "noise"
    torch.save(state, path)


def whole_module(path, net):
    torch.save(net, path)


def whole_module_legacy(path, net):
    """Such files hold the sources of all classes and where they lay."""
    with mock.patch("torch.serialization.get_source_lines_and_file", lambda _: (["pass"], 0, "network.py")):
        torch.save(net, path, _use_new_zipfile_serialization=False)


def data_parallel(path, net):
    torch.save({"model": nn.DataParallel(net), "epoch": 7}, path)


def running_average(path, net):
    noisy = changed(net.state_dict(), lambda value: value + 1)
    torch.save({"params": noisy, "params_ema": net.state_dict()}, path)


def checkpoint(path, net, **options):
    """Of a training: weights, an optimiser that has run, a schedule, and whatever people keep beside them."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 10)
    net(noise((1, 3, 8, 8), 304)).mean().backward()
    optimiser.step()
    contents = {
        "epoch": 7,
        "state_dict": nn.DataParallel(net).state_dict(),
        "optimizer": optimiser.state_dict(),
        "scheduler": schedule.state_dict(),
        "best": np.float64(31.7),
        "history": np.arange(5.0),
        "args": argparse.Namespace(scale=2, lr=1e-4, root=pathlib.PurePosixPath("data"), device=torch.device("cpu")),
        "when": datetime.datetime(2024, 2, 29, 12, 30),
        "rng": torch.get_rng_state(),
        "seen": {3, 5, 8},
        "kinds": (torch.float32, np.dtype("float32"), slice(1, 2), 1 << 90, -(1 << 40), b"bytes", None, 2.5j),
    }
    torch.save(contents, path, **options)


def checkpoint_legacy(path, net):
    checkpoint(path, net, _use_new_zipfile_serialization=False)


def lightning(path, net):
    state = {f"model.{key}": value for key, value in net.state_dict().items()}
    contents = {"pytorch-lightning_version": "2.0.0", "state_dict": state, "hyper_parameters": {"loss": nn.L1Loss()}}
    torch.save(contents, path)


def pair_of_networks(path, net):
    torch.save({"netG": net.state_dict(), "netD": nn.Conv2d(3, 4, 3).state_dict(), "iter": 1000}, path)


def whole_numbers(path, net):
    """Buffers of whole numbers between the weights: they are left out, as they are of safetensors files."""
    state = net.state_dict()
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        state[f"body.0.{dtype}"] = torch.arange(6).reshape(2, 3).to(dtype)
    torch.save(state, path)


class Settings(dict):
    """A class that nobody else has."""


def attributes(path, net):
    """Objects of unknown classes around the weights."""
    settings = Settings(state_dict=net.state_dict())
    settings.author = "somebody"
    torch.save(settings, path)


def licensed(path, net):
    """What is said beside the weights, and beside what holds them, but not elsewhere."""
    contents = {"params": {**net.state_dict(), "pro": True}, "license": "CC0-1.0", "iter": 5000, "loss": 0.25}
    torch.save({**contents, "options": {"scale": 2}}, path)
