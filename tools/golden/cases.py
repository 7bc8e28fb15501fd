"""What every golden case shares: reproducible weights, the reference run in double precision, and the files of a case."""

import copy
import json

import numpy as np
import torch
from torch import nn


def noise(shape, seed):
    """A float32 picture batch (N, C, H, W) of uniform noise in [0, 1)."""
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def settle(net, picture, seed):
    """Fills `net` with random weights under which activations and output stay near one."""
    random = np.random.default_rng(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            _assign(module.weight, random.normal(0, (1.8 / fan_in) ** 0.5, module.weight.shape))
            if module.bias is not None:
                _assign(module.bias, random.uniform(-0.1, 0.1, module.bias.shape))
        elif isinstance(module, nn.PReLU):
            _assign(module.weight, random.uniform(-0.2, 0.6, module.weight.shape))
    calm_last_convolution(net, picture)
    return net.eval()


def _assign(parameter, values):
    parameter.data = torch.from_numpy(values.astype(np.float32))


def calm_last_convolution(net, picture):
    """Scales the last convolution so that the output stays near one."""
    last = [module for module in net.modules() if isinstance(module, nn.Conv2d)][-1]
    seen = []
    hook = last.register_forward_hook(lambda _module, _inputs, output: seen.append(output.std().item()))
    with torch.no_grad():
        net(picture)
        hook.remove()
        for parameter in last.parameters():
            parameter /= 2.5 * seen[0]


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
        assert output.abs().max() < 3, f"{folder}: output reaches {output.abs().max():.2f}"
        np.save(folder / "output.npy", output.numpy())
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
    print(f"{folder.parent.name}/{folder.name}: {expect}")
