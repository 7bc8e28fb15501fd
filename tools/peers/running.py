"""Engines as they run: amplio's command, and peers each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import engines
import numpy as np
from worker import pattern

AMPLIO = [
    engines.Engine("amplio fast", False, "amplio", {"arguments": ["--precision", "fast"]}),
    engines.Engine("amplio exact", True, "amplio", {"arguments": ["--precision", "exact"]}),
    engines.Engine("amplio full", True, "amplio", {"arguments": ["--precision", "full"]}),
    engines.Engine("amplio exact avx2", True, "amplio", {"arguments": ["--precision", "exact", "--isa", "avx2"]}),
]
ALL = AMPLIO + engines.PEERS


# Runs a command and says the most KiB that it had. A process of its own does it, as the system counts what the parent had as its child's.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Failed(Exception):
    """An engine could not do what it was asked for."""


@dataclass(frozen=True)
class Setting:
    amplio: Path
    weights: Path
    made: Path
    threads: int


def start(engine, net, setting):
    return Amplio(engine, net, setting) if engine.library == "amplio" else Peer(engine, net, setting)


class Amplio:
    """`amplio bench` warms up by itself, so that a process for each request measures the same as one that stays."""

    def __init__(self, engine, net, setting):
        self.engine, self.net = engine, net
        self.command = setting.amplio
        self.arguments = ["--threads", str(setting.threads), *engine.options["arguments"]]

    def run(self, source, result):
        self._call("tensor", self.net.param, source, result)

    def time(self, width, height):
        said = self._call("bench", "--json", "--rounds=1", f"--size={width}x{height}", "--model", self.net.param)
        return json.loads(said)["minimum_ms"]

    def peak(self, width, height):
        """Of the whole command, from file to file."""
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder, "in.ppm"), Path(folder, "out.png")
            picture = (pattern(width, height)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
            source.write_bytes(b"P6 %d %d 255\n" % (width, height) + picture.tobytes())
            command = [self.command, source, "--model", self.net.param, "-o", result, "--tile", "off", "--quiet", *self.arguments]
            done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{self.engine.name}: {done.stderr.strip()}")
        return int(done.stdout) / 1024

    def _call(self, *arguments):
        done = subprocess.run([self.command, *arguments, *self.arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{self.engine.name}: {done.stderr.strip()}")
        return done.stdout

    def close(self):
        """Nothing stays."""


class Peer:
    """A library in a process that stays, and does nothing while others have their turn."""

    def __init__(self, engine, net, setting):
        self.engine, self.net = engine, net
        self.log = tempfile.TemporaryFile("w+")
        worker, threads = Path(__file__).with_name("worker.py"), str(setting.threads)
        self.process = subprocess.Popen(
            [sys.executable, worker, engine.name, net.name, threads, setting.weights, setting.made],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": threads} | engine.environment,
        )

    def run(self, source, result):
        self._ask({"run": str(source), "to": str(result)})

    def time(self, width, height):
        return self._ask({"time": [width, height]})["ms"]

    def peak(self, width, height):
        """Of the interpreter, the library, and a network that has made a picture out of a picture in memory."""
        return self._ask({"time": [width, height]})["peak"]

    def _ask(self, request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.log.seek(0)
            raise Failed(f"{self.engine.name} ended: {self.log.read().strip()[-2000:]}")
        return json.loads(answer)

    def close(self):
        self.process.kill()
        self.process.wait()


def compute(running, array):
    """The output of a running engine for an array."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "in.npy"), Path(folder, "out.npy")
        np.save(source, array)
        running.run(source, result)
        return np.load(result)


def truth(net, setting, array):
    """The output of PyTorch in 64 bits."""
    exact = Peer(engines.TRUTH, net, setting)
    try:
        return compute(exact, array)
    finally:
        exact.close()
