"""Times amplio and its peers with the same networks on the same input, in turns; or measures how exact they are, or their memory."""

import argparse
import os
from pathlib import Path

import accuracy
import engines
import memory
import nets
import numpy as np
import pictures
import report
import running
from benchmarks import write
from running import Failed, Setting

# How close to the truth an engine must come to be timed at all: PSNR of the unrounded output, in decibels.
LEAST_PSNR = {True: 60, False: 35}


def main():
    arguments = parsed()
    setting = Setting(arguments.amplio, arguments.weights, arguments.made, arguments.threads)
    for name in arguments.nets:
        nets.convert(nets.find(name, arguments.weights, arguments.made), arguments.amplio)
    if arguments.accuracy:
        text = accuracy.measured(arguments.nets, setting)
    elif arguments.memory:
        text = memory.measured(arguments, setting)
    else:
        times = {name: timed(name, arguments, setting) for name in arguments.nets}
        text = report.speed(times, arguments)
    print(f"\n{text}")
    if arguments.write:
        write(f"{text}\n\n{report.ending(arguments)}")


def parsed():
    parser = argparse.ArgumentParser(prog="tools/bench-peers", description=__doc__)
    for internal in ("--amplio", "--weights", "--made"):
        parser.add_argument(internal, type=Path, required=True, help=argparse.SUPPRESS)
    names = [engine.name for engine in running.ALL]
    usual = [name for name in names if name not in engines.OPTIONAL]
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine's turn comes (%(default)s)")
    parser.add_argument("--size", type=size, default=(256, 256), metavar="WxH", help="of the input (256x256)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="for each engine (%(default)s)")
    parser.add_argument("--nets", type=one_of(nets.WEIGHTS), default=list(nets.WEIGHTS), help=", ".join(nets.WEIGHTS))
    parser.add_argument("--engines", type=one_of(names), default=usual, help="separated by commas: " + ", ".join(names))
    parser.add_argument("--accuracy", action="store_true", help="measure exactness on real pictures, not time")
    parser.add_argument("--memory", action="store_true", help="measure the memory that processes take, not time")
    parser.add_argument("--write", action="store_true", help="write the tables into BENCHMARKS.md")
    return parser.parse_args()


def size(text):
    width, height = map(int, text.split("x"))
    return width, height


def one_of(known):
    def parse(text):
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"not one of {', '.join(known)}: {', '.join(unknown)}")
        return chosen

    return parse


def timed(name, arguments, setting):
    """For each engine that gives the right answer, the times of its rounds in milliseconds."""
    net = nets.find(name, arguments.weights, arguments.made)
    chosen = [engine for engine in running.ALL if engine.name in arguments.engines]
    started = agreeing(chosen, net, setting)
    times = {one.engine.name: [] for one in started}
    try:
        for turn in range(1, arguments.rounds + 1):
            for one in started:
                took = one.time(*arguments.size)
                times[one.engine.name].append(took)
                print(f"{name:10} {one.engine.name:20} round {turn}: {took:.1f} ms", flush=True)
    finally:
        for one in started:
            one.close()
    return times


def agreeing(chosen, net, setting):
    """The engines, running, without those that fail or differ from the truth."""
    picture = pictures.crop("astronaut", 64, 48)
    truth = running.truth(net, setting, picture)
    started = []
    for engine in chosen:
        one = running.start(engine, net, setting)
        if agrees(one, picture, truth):
            started.append(one)
        else:
            one.close()
    return started


def agrees(one, picture, truth):
    """Whether a running engine gives the right answer, and says so."""
    name = f"{one.net.name:10} {one.engine.name:20}"
    try:
        output = running.compute(one, picture)
    except Failed as problem:
        print(f"{name} FAILED: {problem}", flush=True)
        return False
    difference, likeness = np.abs(output - truth).max(), pictures.psnr(output, truth)
    right = likeness >= LEAST_PSNR[one.engine.exact]
    verdict = "agrees" if right else "DIFFERS and is not timed"
    print(f"{name} {verdict}: {likeness:.1f} dB, at most {difference:.1e}", flush=True)
    return right


if __name__ == "__main__":
    main()
