"""Golden pictures: crops of photographs enlarged by the four real models. Needs the weights of tools/fetch-weights."""

import importlib.util
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

import ncnn_files
from cases import reference

PHOTOS = Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"


@dataclass(frozen=True)
class Model:
    """`weights` names the files in the cache; `crop` is (left, top, width, height) of `photo`."""

    name: str
    weights: str
    network: nn.Module
    photo: str
    crop: tuple


def models():
    return [
        Model("realesr-general-x4v3", "realesrgan-x4fast", Compact(num_conv=32), "astronaut", (190, 92, 64, 48)),
        Model("realesr-animevideov3", "realesr-animevideov3-x4", Compact(), "coffee", (318, 120, 64, 48)),
        Model("realesrgan-x4plus", "realesrgan-x4plus", ESRGAN(), "chelsea", (120, 96, 64, 48)),
        Model("realesrgan-x4plus-anime", "realesrgan-x4plus-anime", ESRGAN(num_blocks=6), "astronaut", (140, 356, 63, 47)),
    ]


def make(root):
    cache = fetched_weights()
    for model in models():
        make_picture(model, cache, root / model.name)


def fetched_weights():
    done = subprocess.run([Path(__file__).parents[1] / "fetch-weights"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def make_picture(model, cache, folder):
    left, top, width, height = model.crop
    crop = Image.open(PHOTOS / f"{model.photo}.png").convert("RGB").crop((left, top, left + width, top + height))
    picture = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None].float() / 255
    fill(model.network, ncnn_files.read_weights(cache / f"{model.weights}.param", cache / f"{model.weights}.bin"))
    output, difference = reference(model.network.eval(), picture)
    ncnn_output = ncnn_files.run(cache, picture, model.weights)
    steps = np.abs(quantised(ncnn_output).astype(int) - quantised(output))
    assert steps.max() <= 1, f"{model.name}: NCNN lies {steps.max()} steps of 8 bits away"
    folder.mkdir(parents=True)
    Image.fromarray(np.array(crop)).save(folder / "input.png", optimize=True)
    Image.fromarray(quantised(output)).save(folder / "expected.png", optimize=True)
    expect = {
        "weights": model.weights,
        "scale": 4,
        "photo": model.photo,
        "crop": model.crop,
        "f32_difference": difference,
        "ncnn_difference": (ncnn_output - output).abs().max().item(),
        "ncnn_samples_off_by_one": int(steps.sum()),
    }
    (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
    print(f"{model.name}: {expect}")


def fill(network, arrays):
    """Hands the arrays of an NCNN file to the layers of a network, which stand in the same order."""
    remaining = iter(arrays)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.PReLU)):
            for parameter in module.parameters():
                parameter.data = torch.from_numpy(next(remaining)).reshape(parameter.shape)
    assert next(remaining, None) is None


def quantised(output):
    return (output.clamp(0, 1) * 255).round().byte()[0].permute(1, 2, 0).numpy()


def copy_photos(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("astronaut.png", "horse.png"):
        shutil.copyfile(PHOTOS / name, folder / name)
