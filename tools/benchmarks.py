"""BENCHMARKS.md, and what it says of the machine that was measured on."""

import os
import platform
import subprocess
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "BENCHMARKS.md"
ISAS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "asimd", "bf16"]


def write(text):
    """Puts a section into the report, in place of the one that has the same heading."""
    head, *others = REPORT.read_text().split("\n## ")
    named = {section.splitlines()[0]: section.rstrip("\n") for section in [*others, text.removeprefix("## ")]}
    REPORT.write_text(head.rstrip("\n") + "\n" + "".join(f"\n## {section}\n" for section in named.values()))


def table(head, rows):
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def machine():
    """The name of the CPU, and what tells its kind from others that may be called the same."""
    facts = cpu_facts()
    return f"{model()} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def circumstances(command, *versions):
    """When, on what and with what versions of others something was measured, and the command that repeats it."""
    facts = cpu_facts()
    there = (facts.get("flags") or facts.get("Features", "")).split()
    flags = ", ".join(isa for isa in ISAS if isa in there)
    commit = said("git", "-C", ROOT, "describe", "--always", "--dirty")
    return (
        f"Measured on {date.today()} with {model()} ({os.cpu_count()} logical cores; {flags}), {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}; {'; '.join([f'amplio {commit}', *versions])}. To repeat it, when"
        f" the machine has nothing else to do: `{command}`."
    )


def model():
    return cpu_facts().get("model name", platform.processor())


def cpu_facts():
    """What the kernel tells of the last processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def said(*command):
    """What a command says first."""
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
