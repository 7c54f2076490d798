"""How long ``import nodewise`` takes beside ``import numpy``, each in a fresh interpreter, in turns.

python bench/start.py --repeats 9
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

NOTHING, NUMPY, NODEWISE = "", "import numpy", "import nodewise"


def seconds(code: str) -> float:
    """Wall seconds of a fresh interpreter that runs ``code``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and the ratio."""
    parser = argparse.ArgumentParser(description="Time of `import nodewise` as a ratio to that of `import numpy`.")
    parser.add_argument("--repeats", type=int, default=9, help="interpreters started for each (default 9)")
    repeats = parser.parse_args().repeats
    if repeats < 1:
        parser.error("--repeats is at least 1")
    for code in (NOTHING, NUMPY, NODEWISE):  # once each, so that compiled files and the disk's cache are there
        seconds(code)
    rounds = [[seconds(code) for code in (NOTHING, NUMPY, NODEWISE)] for _ in range(repeats)]
    nothing, numpy, nodewise = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"median of {repeats} rounds, in turns")
    print(f"python alone            {nothing:7.3f} s")
    print(f"python, import numpy    {numpy:7.3f} s")
    print(f"python, import nodewise {nodewise:7.3f} s")
    print(f"nodewise / numpy        {nodewise / numpy:7.2f}")


if __name__ == "__main__":
    main()
