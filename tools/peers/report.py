"""What has been measured, as Markdown."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import date
from pathlib import Path
from statistics import median

import running

FILE = Path(__file__).parents[2] / "BENCHMARKS.md"
HEAD = """# Benchmarks

Written by `tools/bench-peers --write`, for each kind of machine by itself, also with `--memory` and `--accuracy`. The weights are real ones,
fetched by `tools/fetch-weights`; all engines run the same ones.
"""
PACKAGES = ["ncnn", "onnxruntime", "openvino", "torch", "spandrel", "numpy"]
ISAS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "asimd", "bf16"]

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


def table(head, rows):
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def write(text, arguments):
    """Replaces the section of the report that begins with the same heading."""
    old = FILE.read_text().split("\n## ")[1:] if FILE.exists() else []
    sections = {section.splitlines()[0]: section.rstrip("\n") for section in old}
    new = f"{text}\n\n{circumstances(arguments)}".removeprefix("## ")
    sections[new.splitlines()[0]] = new
    FILE.write_text(HEAD + "".join(f"\n## {section}\n" for section in sections.values()))


def circumstances(arguments):
    flags, model = cpu()
    commit = said("git", "-C", FILE.parent, "describe", "--always", "--dirty")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"Measured on {date.today()} with {model} ({os.cpu_count()} logical cores; {', '.join(flags)}), {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}; amplio {commit}; {versions}. To repeat it, when the machine"
        f" has nothing else to do: `tools/bench-peers {' '.join(options(arguments))}`."
    )


def options(arguments):
    if arguments.accuracy:
        return ["--accuracy", f"--threads {arguments.threads}"]
    width, height = arguments.size
    engines = ",".join(arguments.engines)
    turns = "--memory" if arguments.memory else f"--rounds {arguments.rounds}"
    return [turns, f"--size {width}x{height}", f"--threads {arguments.threads}", f'--engines "{engines}"']


def machine():
    """The name of the CPU, and what tells its kind from others that may be called the same."""
    facts = cpu_facts()
    return f"{cpu()[1]} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def cpu():
    """The instruction sets that matter, and the name."""
    facts = cpu_facts()
    there = (facts.get("flags") or facts.get("Features", "")).split()
    return [isa for isa in ISAS if isa in there], facts.get("model name", platform.processor())


def cpu_facts():
    """What the kernel tells of the last processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
