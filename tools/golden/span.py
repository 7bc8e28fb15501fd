"""Golden cases of SPAN."""

import sys
from dataclasses import dataclass

import torch
from safetensors.torch import save_file
from spandrel import ModelLoader
from spandrel.architectures.SPAN import SPAN

from cases import calm_last_convolution, noise, reference, settle, write_case

Conv3XC = sys.modules[SPAN.__module__].Conv3XC


@dataclass(frozen=True)
class Case:
    """`form` is trained (with branches, and convolutions merged from older ones) or merged (without branches)."""

    name: str
    features: int
    scale: int
    in_channels: int = 3
    out_channels: int = 3
    norm: bool = True
    size: tuple = (12, 16)
    prefix: str = ""
    form: str = "trained"
    dtype: torch.dtype = torch.float32


CASES = [
    Case("x4", features=7, scale=4),
    Case("x2-odd-size", features=6, scale=2, size=(13, 17)),
    Case("x1-odd-features", features=5, scale=1),
    Case("x3-tiny-picture", features=4, scale=3, size=(1, 2)),
    Case("x4-no-norm", features=5, scale=4, norm=False),
    Case("x2-grey", features=4, scale=2, in_channels=1, out_channels=1, norm=False),
    Case("x2-four-channels", features=4, scale=2, in_channels=4, out_channels=4, norm=False),
    Case("x4-params-ema", features=5, scale=4, prefix="params_ema."),
    Case("x2-f16", features=6, scale=2, dtype=torch.float16),
    Case("x4-merged", features=8, scale=4, form="merged"),
]


def make(root):
    for seed, case in enumerate(CASES, start=400):
        make_case(case, seed, root / case.name)


def make_case(case, seed, folder):
    picture = noise((1, case.in_channels, *case.size), seed)
    state = {key: value.to(case.dtype) for key, value in network(case, picture, seed).state_dict().items()}
    loaded = ModelLoader().load_from_state_dict({key: value.float() for key, value in state.items()})
    assert (loaded.architecture.id, loaded.scale) == ("SPAN", case.scale)
    assert (loaded.input_channels, loaded.output_channels) == (case.in_channels, case.out_channels)
    assert loaded.model.is_norm == case.norm
    output, difference = reference(loaded.model.eval(), picture)
    write_case(folder, picture, output, expectation(case, difference))
    if case.form == "merged":
        state = {key: value for key, value in loaded.model.state_dict().items() if ".sk." not in key and ".conv." not in key}
    save_file({case.prefix + key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")


def network(case, picture, seed):
    channels = {"num_in_ch": case.in_channels, "num_out_ch": case.out_channels}
    net = SPAN(**channels, feature_channels=case.features, upscale=case.scale, norm=case.norm)
    return settled(net, picture, seed)


def settled(net, picture, seed):
    settle(net, picture, seed)
    # Left alone, the attention makes small numbers vanish within six blocks, and large ones explode.
    hooks = [module.register_forward_hook(spread_by_two) for module in net.modules() if isinstance(module, Conv3XC)]
    net.train()(picture)
    for hook in hooks:
        hook.remove()
    calm_last_convolution(net, picture)
    return net.eval()


def merge(module):
    """Puts one convolution in the place of each that has branches."""
    for name, child in module.named_children():
        if isinstance(child, Conv3XC):
            child.update_params()
            setattr(module, name, child.eval_conv)
        else:
            merge(child)
    return module


@torch.no_grad()
def spread_by_two(conv, _inputs, output):
    """Scales the last layers of a convolution's branches so that its output has a standard deviation of two."""
    factor = 2 / output.std()
    for parameter in (*conv.sk.parameters(), *conv.conv[2].parameters()):
        parameter *= factor
    return output * factor


def expectation(case, difference):
    return {
        "architecture": "span",
        "scale": case.scale,
        "in_channels": case.in_channels,
        "out_channels": case.out_channels,
        "parameters": {"features": case.features, "norm": case.norm},
        "prefix": case.prefix,
        "f32_difference": difference,
    }
