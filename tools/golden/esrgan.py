"""Golden cases of ESRGAN (RRDBNet), in each of the key dialects in which its state dicts are published."""

import importlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from safetensors.torch import save_file
from spandrel import ModelLoader
from spandrel.architectures.ESRGAN import ESRGAN

from cases import noise, reference, settle, write_case

BLOCKS = importlib.import_module("spandrel.architectures.__arch_helpers.block")


@dataclass(frozen=True)
class Case:
    """`ups` counts the ×2 stages of the network; with `unshuffle` the picture grows by 2^ups / unshuffle only."""

    name: str
    dialect: str
    ups: int
    features: int = 8
    blocks: int = 1
    growth: int = 4
    in_channels: int = 3
    out_channels: int = 3
    unshuffle: int = 1
    plus: bool = False
    size: tuple = (12, 16)
    prefix: str = ""

    @property
    def scale(self):
        return 2**self.ups // self.unshuffle


CASES = [
    Case("old-x1", "old", ups=0, features=16, size=(16, 20)),
    Case("old-x2", "old", ups=1, blocks=2),
    Case("old-x4", "old", ups=2, features=12, blocks=3),
    Case("old-x8", "old", ups=3, size=(7, 9)),
    Case("old-x2-growth-16", "old", ups=1, features=4, growth=16, size=(13, 17)),
    Case("old-x4-grey", "old", ups=2, in_channels=1, out_channels=1, size=(11, 13)),
    Case("old-x4-four-channels", "old", ups=2, in_channels=4, out_channels=4),
    Case("old-x2-grey-to-colour", "old", ups=1, in_channels=1, out_channels=3),
    Case("old-x1-colour-to-grey", "old", ups=0, in_channels=3, out_channels=1),
    Case("old-x2-unshuffle", "old", ups=2, unshuffle=2),
    Case("old-x4-module", "old", ups=2, prefix="module."),
    Case("plus-x4", "old", ups=2, blocks=2, plus=True),
    Case("plus-x1", "old", ups=0, features=16, plus=True, size=(15, 17)),
    Case("new-x1", "new", ups=0),
    Case("new-x2", "new", ups=1, features=24, size=(11, 13)),
    Case("new-x4", "new", ups=2, features=16, blocks=2),
    Case("new-x8", "new", ups=3, size=(6, 8)),
    Case("new-x4-params-ema", "new", ups=2, blocks=2, prefix="params_ema."),
    Case("new-x4-params", "new", ups=2, growth=8, prefix="params."),
    Case("new-x2-unshuffle", "new", ups=2, unshuffle=2, blocks=2, size=(16, 20)),
    Case("new-x2-unshuffle-odd-size", "new", ups=2, unshuffle=2, size=(15, 21), prefix="params_ema."),
    Case("new-x1-unshuffle", "new", ups=2, unshuffle=4, size=(24, 32)),
    Case("new-x1-unshuffle-odd-size", "new", ups=2, unshuffle=4, size=(21, 26)),
    Case("new-x2-unshuffle-grey", "new", ups=2, unshuffle=2, in_channels=1, out_channels=1),
    Case("trunk-x2", "trunk", ups=1, blocks=2, size=(11, 15)),
    Case("trunk-x4", "trunk", ups=2, features=16),
    Case("trunk-x4-grey", "trunk", ups=2, in_channels=1, out_channels=1),
    Case("trunk-x4-state-dict", "trunk", ups=2, prefix="state_dict."),
    Case("plus-x2", "old", ups=1, features=12, growth=8, plus=True),
]

NEW_NAMES = {"block": "body.{}.rdb{}.conv{}", "body": "conv_body", "up": "conv_up{}", "hr": "conv_hr"}
TRUNK_NAMES = {"block": "RRDB_trunk.{}.RDB{}.conv{}", "body": "trunk_conv", "up": "upconv{}", "hr": "HRconv"}


def make(root):
    for seed, case in enumerate(CASES, start=200):
        with growth_of(case.growth):
            make_case(case, seed, root / case.name)


@contextmanager
def growth_of(channels):
    """Lets spandrel build and load networks of any growth; it knows 32 only."""
    original = BLOCKS.RRDB
    with mock.patch.object(BLOCKS, "RRDB", lambda **options: original(**{**options, "gc": channels})):
        yield


def make_case(case, seed, folder):
    picture = noise((1, case.in_channels, *case.size), seed)
    state = in_dialect(network(case, picture, seed).state_dict(), case)
    loaded = ModelLoader().load_from_state_dict(state)
    assert (loaded.architecture.id, loaded.scale) == ("ESRGAN", case.scale)
    assert (loaded.input_channels, loaded.output_channels) == (case.in_channels, case.out_channels)
    output, difference = reference(loaded.model.eval(), picture)
    write_case(folder, picture, output, expectation(case, difference))
    save_file({case.prefix + key: value for key, value in state.items()}, folder / "model.safetensors")


def network(case, picture, seed):
    net = ESRGAN(
        in_nc=case.in_channels * case.unshuffle**2,
        out_nc=case.out_channels,
        num_filters=case.features,
        num_blocks=case.blocks,
        scale=2**case.ups,
        plus=case.plus,
        shuffle_factor=case.unshuffle if case.unshuffle > 1 else None,
    )
    return settle(net, picture, seed)


def in_dialect(state, case):
    if case.dialect == "old":
        return state
    names = {"new": NEW_NAMES, "trunk": TRUNK_NAMES}[case.dialect]
    return {renamed(key, names, case): value for key, value in state.items()}


def renamed(key, names, case):
    """The name of an old-dialect key in a newer dialect."""
    layer, kind = key.rsplit(".", 1)
    if block := re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0", layer):
        return f"{names['block'].format(*block.groups())}.{kind}"
    last = 3 * case.ups + 4
    fixed = {
        "model.0": "conv_first",
        f"model.1.sub.{case.blocks}": names["body"],
        f"model.{last - 2}": names["hr"],
        f"model.{last}": "conv_last",
    }
    ups = {f"model.{3 * up}": names["up"].format(up) for up in range(1, case.ups + 1)}
    return f"{(fixed | ups)[layer]}.{kind}"


def expectation(case, difference):
    return {
        "architecture": "esrgan",
        "scale": case.scale,
        "in_channels": case.in_channels,
        "out_channels": case.out_channels,
        "parameters": {
            "features": case.features,
            "blocks": case.blocks,
            "growth": case.growth,
            "upsamplings": case.ups,
            "unshuffle": case.unshuffle,
            "plus": case.plus,
        },
        "dialect": case.dialect,
        "prefix": case.prefix,
        "f32_difference": difference,
    }
