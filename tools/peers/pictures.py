"""Real pictures as arrays (1, 3, H, W) of float32 between 0 and 1, and how far two of them are apart."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parents[2] / "testdata" / "photos"
SCIKIT_IMAGE = Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"

CROPS = {  # file, left, top
    "astronaut": (PHOTOS / "astronaut.png", 150, 20),
    "horse": (PHOTOS / "horse.png", 40, 40),
    "cat": (SCIKIT_IMAGE / "chelsea.png", 110, 60),
    "coffee": (SCIKIT_IMAGE / "coffee.png", 250, 100),
    "motorcycle": (SCIKIT_IMAGE / "motorcycle_left.png", 300, 180),
    "rocket": (SCIKIT_IMAGE / "rocket.jpg", 250, 150),
    "galaxies": (SCIKIT_IMAGE / "hubble_deep_field.jpg", 300, 300),
    "page": (SCIKIT_IMAGE / "page.png", 60, 20),
}


def crop(name, width, height):
    path, left, top = CROPS[name]
    pixels = Image.open(path).convert("RGB").crop((left, top, left + width, top + height))
    return np.ascontiguousarray(np.asarray(pixels, np.float32).transpose(2, 0, 1)[None] / 255)


def psnr(a, b, peak=1.0):
    """Peak signal-to-noise ratio in decibels; infinite for equal pictures."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return 10 * np.log10(peak**2 / error) if error > 0 else np.inf


def levels(array):
    """The picture with 8 bits a sample."""
    return np.rint(np.clip(array, 0, 1) * 255).astype(int)
