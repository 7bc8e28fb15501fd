"""Golden cases of Compact (SRVGGNetCompact).

All have PReLU: a state dict without slopes does not tell ReLU from LeakyReLU, and spandrel refuses both. The NCNN cases have those.
"""

from dataclasses import dataclass

import torch
from safetensors.torch import save_file
from spandrel import ModelLoader
from spandrel.architectures.Compact import Compact

from cases import noise, reference, settle, write_case


@dataclass(frozen=True)
class Case:
    name: str
    features: int
    convs: int
    scale: int
    channels: int = 3
    size: tuple = (16, 20)
    prefix: str = ""
    dtype: torch.dtype = torch.float32
    batch: int = 1


CASES = [
    Case("x1", features=8, convs=2, scale=1),
    Case("x2", features=16, convs=3, scale=2),
    Case("x3", features=8, convs=4, scale=3),
    Case("x4", features=24, convs=5, scale=4),
    Case("x4-odd-size", features=16, convs=2, scale=4, size=(13, 17)),
    Case("x2-odd-features", features=13, convs=2, scale=2, size=(9, 21)),
    Case("x2-tiny-picture", features=8, convs=2, scale=2, size=(1, 2)),
    Case("x4-batch-2", features=8, convs=2, scale=4, size=(8, 11), batch=2),
    Case("x1-grey", features=8, convs=3, scale=1, channels=1),
    Case("x2-grey", features=16, convs=2, scale=2, channels=1, size=(15, 19)),
    Case("x4-grey", features=8, convs=2, scale=4, channels=1),
    Case("x2-four-channels", features=8, convs=2, scale=2, channels=4),
    Case("x4-params", features=16, convs=2, scale=4, prefix="params."),
    Case("x2-params-ema", features=8, convs=3, scale=2, prefix="params_ema."),
    Case("x3-module", features=16, convs=2, scale=3, prefix="module."),
    Case("x4-state-dict", features=8, convs=2, scale=4, prefix="state_dict."),
    Case("x2-f16", features=16, convs=2, scale=2, dtype=torch.float16),
    Case("x2-bf16", features=16, convs=2, scale=2, dtype=torch.bfloat16),
]


def make(root):
    for seed, case in enumerate(CASES, start=100):
        make_case(case, seed, root / case.name)


def make_case(case, seed, folder):
    picture = noise((case.batch, case.channels, *case.size), seed)
    state = {key: value.to(case.dtype) for key, value in network(case, picture, seed).state_dict().items()}
    loaded = ModelLoader().load_from_state_dict({key: value.float() for key, value in state.items()})
    assert (loaded.architecture.id, loaded.scale) == ("Compact", case.scale)
    assert loaded.input_channels == loaded.output_channels == case.channels
    output, difference = reference(loaded.model.eval(), picture)
    write_case(folder, picture, output, expectation(case, difference))
    save_file({case.prefix + key: value for key, value in state.items()}, folder / "model.safetensors")


def network(case, picture, seed):
    shape = {"num_feat": case.features, "num_conv": case.convs, "upscale": case.scale}
    return settle(Compact(num_in_ch=case.channels, num_out_ch=case.channels, **shape), picture, seed)


def expectation(case, difference):
    return {
        "architecture": "compact",
        "scale": case.scale,
        "in_channels": case.channels,
        "out_channels": case.channels,
        "parameters": {"features": case.features, "convs": case.convs, "activation": "prelu"},
        "prefix": case.prefix,
        "f32_difference": difference,
    }
