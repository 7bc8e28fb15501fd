"""A process that holds one engine with one network and answers requests, one JSON object a line.

{"run": IN.npy, "to": OUT.npy} computes a file; {"time": [width, height]} warms up, runs once, and answers with milliseconds and with
the most memory that the process has had so far, in MiB.
"""

import json
import sys
import time
from pathlib import Path

import engines
import nets
import numpy as np


def main():
    name, net, threads, weights, made = sys.argv[1:]
    engine = next(engine for engine in [*engines.PEERS, engines.TRUTH] if engine.name == name)
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries that print must not answer
    prepare = engines.open_engine(engine, nets.find(net, weights, made), int(threads))
    prepared = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "run" in request:
            np.save(request["to"], as_array(prepare(np.load(request["run"]))()))
            answer = {}
        else:
            size = tuple(request["time"])
            if size not in prepared:
                prepared[size] = prepare(pattern(*size))
            answer = {"ms": timed(prepared[size]), "peak": peak()}
        print(json.dumps(answer), file=answers, flush=True)


def as_array(output):
    return (output if isinstance(output, np.ndarray) else output.float().numpy()).astype(np.float32)


def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def pattern(width, height):
    """The picture that `amplio bench` makes up."""
    channel, y, x = np.ogrid[:3, :height, :width]
    return (((y * 7 + x * 13 + channel * 29) % 97) / np.float32(97)).astype(np.float32)[None]


def timed(compute):
    compute()
    began = time.perf_counter()
    compute()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
