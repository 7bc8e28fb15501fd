"""What every golden case shares: reproducible weights, the reference run in double precision, and the files of a case."""

import copy
import json
from contextlib import nullcontext

import numpy as np
import torch
from safetensors.torch import save_file
from spandrel import ModelLoader
from torch import nn


def noise(shape, seed):
    """A float32 picture batch (N, C, H, W) of uniform noise in [0, 1)."""
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def settle(net, picture, seed, last=None, quiet=()):
    """Fills `net` with random weights under which activations and output stay near one; `last` is the convolution that makes
    the output, if it is not the last one. `quiet` is what the names of weights end in that are made smaller, in networks that would else
    carry a difference of one bit from layer to layer until it is large."""
    random = np.random.default_rng(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            _assign(module.weight, random.normal(0, (1.8 / fan_in) ** 0.5, module.weight.shape))
            if module.bias is not None:
                _assign(module.bias, random.uniform(-0.1, 0.1, module.bias.shape))
        elif isinstance(module, nn.PReLU):
            _assign(module.weight, random.uniform(-0.2, 0.6, module.weight.shape))
        else:
            _settle_others(module, random)
    for name, parameter in net.named_parameters():
        if name.endswith(tuple(quiet)):
            parameter.data *= 0.2
    calm_last_convolution(net, picture, last)
    return net.eval()


def _settle_others(module, random):
    """Layers that are neither convolutions nor slopes: matrices, norms and their statistics, single factors."""
    for name, parameter in module.named_parameters(recurse=False):
        if isinstance(module, nn.ConvTranspose2d) and name == "weight":
            _assign(parameter, random.normal(0, (1.8 / parameter[:, 0].numel() * 4) ** 0.5, parameter.shape))
        elif parameter.dim() > 1 and parameter.shape[-1] > 1:
            _assign(parameter, random.normal(0, (1.0 / parameter.shape[-1]) ** 0.5, parameter.shape))
        elif name == "weight":
            _assign(parameter, random.uniform(0.6, 1.4, parameter.shape))
        else:
            _assign(parameter, random.uniform(-0.2, 0.2, parameter.shape))
    if isinstance(module, nn.BatchNorm2d):
        _assign(module.running_mean, random.uniform(-0.2, 0.2, module.running_mean.shape))
        _assign(module.running_var, random.uniform(0.5, 1.5, module.running_var.shape))


def _assign(parameter, values):
    parameter.data = torch.from_numpy(values.astype(np.float32))


def calm_last_convolution(net, picture, last=None):
    """Scales the last convolution, or the one given as `last`, so that the output stays near one."""
    last = last or [module for module in net.modules() if isinstance(module, nn.Conv2d)][-1]
    seen = []
    hook = last.register_forward_hook(lambda _module, _inputs, output: seen.append(output.std().item()))
    with torch.no_grad():
        net(picture)
        hook.remove()
        for parameter in last.parameters():
            parameter /= 2.5 * seen[0]


def make_network_case(folder, net, seed, expect, spandrel_id, size=(12, 14), last=None, beside=0, loading=nullcontext, quiet=()):
    """A case of a network that spandrel knows: spandrel must recognise it from its state dict alone. `beside` counts the channels
    that spandrel adds to the picture; `loading` makes a context in which spandrel loads the network."""
    picture = noise((1, expect["in_channels"], *size), seed)
    state = settle(net.eval(), noise((1, expect["in_channels"] + beside, *size), seed), seed, last, quiet).state_dict()
    with loading():
        loaded = ModelLoader().load_from_state_dict({key: value.clone() for key, value in state.items()})
    assert (loaded.architecture.id, loaded.scale) == (spandrel_id, expect["scale"]), (loaded.architecture.id, loaded.scale)
    output, difference = reference(Called(loaded).eval(), picture)
    write_case(folder, picture, output, {**expect, "f32_difference": difference})
    save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")


class Called(nn.Module):
    """A model as spandrel calls it: some take more than a picture."""

    def __init__(self, loaded):
        super().__init__()
        self.model = loaded.model
        self.call = loaded._call_fn

    def forward(self, picture):
        # Some networks write into what they are given.
        return self.call(self.model, picture.clone())


@torch.no_grad()
def reference(net, picture):
    """The network's output computed in float64 and stored as float32, and how far a float32 run lies from it."""
    exact = copy.deepcopy(net).double()(picture.double())
    difference = (net(picture).double() - exact).abs().max().item()
    return exact.float(), difference


def write_case(folder, picture, output, expect):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "input.npy", picture.numpy())
    if output is not None:
        assert output.abs().max() < 4, f"{folder}: output reaches {output.abs().max():.2f}"
        np.save(folder / "output.npy", output.numpy())
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
    print(f"{folder.parent.name}/{folder.name}: {expect}")
