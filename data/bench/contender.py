"""What every contender of `cargo xtask bench` shares: its options, its ids and the protocol.

A contender loads, prints one JSON line with its name and versions, answers each line `go` on standard input with one
repetition and one JSON line, and at the end of its input prints its peak memory. `BENCHMARKS.md` says what a
repetition is in each group; the harness that takes the turns is `xtask/src/bench/`.
"""

import argparse
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

VOCABULARY = 50257


def gpt2_encoder():
    """GPT-2's tokenizer as the reference scripts have it, without the network."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "reference"))
    import common

    return common.gpt2_encoder()


def options():
    """The options that every contender understands, of which it uses those of its group."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group")
    parser.add_argument("--style", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--dtype", default="f32")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new", type=int, default=128)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--llama", type=Path)
    given = parser.parse_args()
    # Read by OpenMP when the library is loaded, which is why contenders import theirs after this.
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    return given


def ids(count, vocabulary=VOCABULARY):
    """The same ids for every contender, spread over the vocabulary."""
    return [(7919 * i + 17) % vocabulary for i in range(count)]


def say(**line):
    print(json.dumps(line), flush=True)


def absent(reason):
    """Says why this contender cannot run here, and ends."""
    say(absent=reason)
    sys.exit(0)


def peak_bytes():
    """The most memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def serve(name, packages, repetition, peak=peak_bytes):
    """Introduces the contender, then calls `repetition`, which returns what it measured, for each `go`."""
    versions = {package: version(package) for package in packages} if not isinstance(packages, dict) else packages
    say(contender=name, versions=versions)
    for line in sys.stdin:
        assert line.strip() == "go", f"the harness said {line!r}"
        say(**repetition())
    say(peak_bytes=peak())
