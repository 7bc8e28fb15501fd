"""Golden crops of the published NCNN models that tools/fetch-weights fetches: what NCNN itself makes of them, as files of which only the
inputs and outputs are kept. waifu2x's and Real-CUGAN's networks are given what their own programs give them: a margin of repeated
pixels, and Real-CUGAN's for four times the size gets the sum with the repeated picture."""

import json

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

import ncnn_files
from pictures import PHOTOS, fetched_weights

# Name, scale, margin, whether the repeated picture is added.
MODELS = [
    ("REALCUGAN_SE_UP2X", 2, 18, False),
    ("REALCUGAN_SE_UP2X_DENOISE3X", 2, 18, False),
    ("REALCUGAN_SE_UP3X", 3, 14, False),
    ("REALCUGAN_SE_UP4X", 4, 19, True),
    ("REALCUGAN_SE_UP4X_CONSERVATIVE", 4, 19, True),
    ("REALCUGAN_PRO_UP2X", 2, 18, False),
    ("REALCUGAN_PRO_UP3X_DENOISE3X", 3, 14, False),
    ("WAIFU2X_CUNET_UP1X_DENOISE0X", 1, 28, False),
    ("WAIFU2X_CUNET_UP2X", 2, 18, False),
    ("WAIFU2X_CUNET_UP2X_DENOISE3X", 2, 18, False),
    ("WAIFU2X_ANIME_UP2X", 2, 7, False),
    ("WAIFU2X_PHOTO_UP2X_DENOISE1X", 2, 7, False),
    ("realesr-animevideov3-x2", 2, 0, False),
    ("realesr-animevideov3-x3", 3, 0, False),
    ("realesrgan-x4plus-anime", 4, 0, False),
    ("spanx2_ch52", 2, 0, False),
    ("spanx4_ch48", 4, 0, False),
    ("2x_span_anime_pretrain", 2, 0, False),
    ("2xHFA2kSPAN_27k", 2, 0, False),
    ("4xSPANkendata", 4, 0, False),
    ("ClearReality4x", 4, 0, False),
]


def make(root):
    cache = fetched_weights()
    photo = np.array(Image.open(PHOTOS / "chelsea.png").convert("RGB").crop((140, 100, 164, 120)))
    picture = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    for name, scale, margin, added in MODELS:
        output = answer(cache, picture, name, scale, margin, added)
        assert output.shape[2:] == (20 * scale, 24 * scale), output.shape
        folder = root / name
        folder.mkdir(parents=True)
        np.save(folder / "input.npy", picture.numpy())
        np.save(folder / "output.npy", output.numpy())
        expect = {"weights": f"{name}.param", "scale": scale, "in_channels": 3, "out_channels": 3}
        (folder / "expect.json").write_text(json.dumps(expect, indent=2) + "\n")
        print(f"{name}: {expect}")


def answer(cache, picture, name, scale, margin, added):
    given = functional.pad(picture, [margin] * 4, mode="replicate")
    output = ncnn_files.run(cache, given, name)
    return output + functional.interpolate(picture, scale_factor=scale, mode="nearest") if added else output
