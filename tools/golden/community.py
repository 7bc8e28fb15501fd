"""Golden crops of the community's models, as files of which only the outputs are kept. Needs the weights of tools/fetch-weights."""

import json

import numpy as np
import torch
from PIL import Image
from spandrel import ModelLoader

from cases import reference
from pictures import PHOTOS, fetched_weights

MODELS = ["2x-AniScale", "4x-NMKD-YandereNeo-Superlite"]


def make(root):
    cache = fetched_weights()
    crop = Image.open(PHOTOS / "chelsea.png").convert("RGB").crop((140, 100, 154, 112))
    picture = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None].float() / 255
    for name in MODELS:
        loaded = ModelLoader().load_from_file(cache / f"{name}.pth")
        output, difference = reference(loaded.model.eval(), picture)
        folder = root / name
        folder.mkdir(parents=True)
        np.save(folder / "input.npy", picture.numpy())
        np.save(folder / "output.npy", output.numpy())
        expect = {
            "weights": f"{name}.pth",
            "architecture": loaded.architecture.id.lower(),
            "scale": loaded.scale,
            "in_channels": loaded.input_channels,
            "out_channels": loaded.output_channels,
            "f32_difference": difference,
        }
        (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
        print(f"{name}: {expect}")
