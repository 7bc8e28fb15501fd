"""How exact engines are on real pictures, against PyTorch in 64 bits."""

import engines
import nets
import numpy as np
import pictures
import running
from benchmarks import table

SIDE = 160
ENGINES = ["amplio full", "amplio exact", "amplio exact avx2", "amplio fast", "torch bf16"]


def measured(names, setting):
    """A table for each network."""
    chosen = [engine for engine in running.ALL if engine.name in ENGINES]
    said = [
        "## Accuracy",
        "",
        f"Crops of {SIDE}x{SIDE} pixels: PSNR in decibels, and the largest difference in levels, of the result with 8 bits a sample"
        " against PyTorch's with 64 bits. Exact computes in tiles of 4x4 or 6x6 results, as suits the machine; with AVX2 in those of 6x6.",
    ]
    for name in names:
        net = nets.find(name, setting.weights, setting.made)
        said += ["", table([name, *(engine.name for engine in chosen)], rows(net, chosen, setting))]
    return "\n".join(said)


def rows(net, chosen, setting):
    started = [running.start(engine, net, setting) for engine in [engines.TRUTH, *chosen]]
    try:
        for picture in pictures.CROPS:
            array = pictures.crop(picture, SIDE, SIDE)
            truth, *outputs = (pictures.levels(running.compute(one, array)) for one in started)
            row = [picture, *(f"{pictures.psnr(output, truth, 255):.1f} / {np.abs(output - truth).max()}" for output in outputs)]
            print(f"{net.name:10} {' | '.join(row)}", flush=True)
            yield row
    finally:
        for one in started:
            one.close()
