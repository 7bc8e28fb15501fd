"""The times that were measured, as Markdown, and what they were measured with."""

import importlib.metadata
from statistics import median

import running
from benchmarks import circumstances, machine, table

PACKAGES = ["ncnn", "onnxruntime", "openvino", "torch", "spandrel", "numpy"]

# Which of amplio's modes is to be compared with the fastest of which peers.
COMPARISONS = [
    ("amplio fast", "the fastest peer", lambda peer: not peer.is_avx2),
    ("amplio exact", "the fastest peer in 32 bits", lambda peer: peer.exact and not peer.is_avx2),
    ("amplio exact avx2", "ncnn with AVX2", lambda peer: peer.name == "ncnn fp32 avx2"),
    ("amplio exact avx2", "PyTorch with AVX2", lambda peer: peer.name == "torch fp32 avx2"),
]


def speed(times, arguments):
    """Tables of the times in milliseconds: {net: {engine: [ms, …]}}."""
    width, height = arguments.size
    names = [engine.name for engine in running.ALL if any(engine.name in of for of in times.values())]
    rows = [[name, *(shown(of.get(name)) for of in times.values())] for name in names]
    ratios = [[f"{ours}, {theirs}", *(ratio(of, ours, which) for of in times.values())] for ours, theirs, which in COMPARISONS]
    return "\n".join(
        [
            f"## Speed: {machine()}",
            "",
            f"Milliseconds for an input of {width}x{height} pixels with {arguments.threads} threads, least / median of"
            f" {arguments.rounds} rounds. In each round each engine warms up and is timed once, in turns.",
            "",
            table(["engine", *times], rows),
            "",
            "How many times faster, by least / median times:",
            "",
            table(["", *times], ratios),
        ]
    )


def shown(times):
    return f"{min(times):.1f} / {median(times):.1f}" if times else "–"


def ratio(times, ours, which):
    peers = [times[peer.name] for peer in running.ALL if peer.library != "amplio" and which(peer) and times.get(peer.name)]
    if not peers or not times.get(ours):
        return "–"
    return " / ".join(f"{min(map(middle, peers)) / middle(times[ours]):.2f}" for middle in (min, median))


def ending(arguments):
    """What was measured with, and how to repeat it."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return circumstances(" ".join(["tools/bench-peers", *options(arguments)]), versions)


def options(arguments):
    if arguments.accuracy:
        return ["--accuracy", f"--threads {arguments.threads}"]
    width, height = arguments.size
    engines = ",".join(arguments.engines)
    turns = "--memory" if arguments.memory else f"--rounds {arguments.rounds}"
    return [turns, f"--size {width}x{height}", f"--threads {arguments.threads}", f'--engines "{engines}"']
