"""How much memory engines take for a picture that is one tile."""

import nets
import running
from benchmarks import machine, table


def measured(arguments, setting):
    """A table of all engines and networks."""
    width, height = arguments.size
    chosen = [engine for engine in running.ALL if engine.name in arguments.engines]
    rows = [[engine.name, *(peak(engine, name, arguments.size, setting) for name in arguments.nets)] for engine in chosen]
    return "\n".join(
        [
            f"## Memory: {machine()}",
            "",
            f"The most memory, in MiB, that a process has for a picture of {width}x{height} pixels, in one tile, with"
            f" {arguments.threads} threads: amplio from a file to a PNG file; peers, in Python, only from array to array.",
            "",
            table(["engine", *arguments.nets], rows),
        ]
    )


def peak(engine, name, size, setting):
    one = running.start(engine, nets.find(name, setting.weights, setting.made), setting)
    try:
        mebibytes = f"{one.peak(*size):.0f}"
    except running.Failed as failed:
        mebibytes = "–"
        print(failed, flush=True)
    finally:
        one.close()
    print(f"{name:10} {engine.name:20} {mebibytes} MiB", flush=True)
    return mebibytes
