"""Seconds and memory of ``nodewise predict`` on one study, beside SimpleITK that only reads and resamples it.

    python bench/predict.py scans/anna
    python bench/predict.py scans/anna --threads 2 --spacing 1.5 -- --model runs/first/model --primary left

What follows ``--`` goes to ``nodewise predict``. Both run as processes of their own, one after the other.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MOST_S, MOST_MB = 60.0, 4000.0
TARGET_ON = "thorax-noncontrast-nsclc"
YARDSTICK = """
import os
import sys
import SimpleITK as sitk

path, spacing, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
if threads:
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
if os.path.isdir(path):
    found = [(folder, uid) for folder, _, _ in os.walk(path)
             for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder)]
    series = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder, uid) for folder, uid in found]
    image = sitk.ReadImage(max(series, key=len), sitk.sitkFloat32)
else:
    image = sitk.ReadImage(path, sitk.sitkFloat32)
size = [max(1, round(n * s / spacing)) for n, s in zip(image.GetSize(), image.GetSpacing())]
sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [spacing] * 3,
              image.GetDirection(), -1024.0)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall seconds and largest resident memory (MB) of a process."""

    seconds: float
    peak_mb: float


def cost_of(command: list[str]) -> Cost:
    """Run a command; its memory is known only where it is the largest of all children so far, else it bounds it."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    spent = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(spent, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """What was typed before ``--``, and after it."""
    parser = argparse.ArgumentParser(
        description="Seconds and memory of `nodewise predict`, and their ratio to reading and resampling by SimpleITK.",
        epilog="What follows -- goes to nodewise predict.",
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="DICOM folder, or NIfTI, NRRD or MHA file")
    parser.add_argument("--spacing", type=float, default=1.5, help="mm to which SimpleITK resamples (default 1.5)")
    parser.add_argument("--threads", type=int, default=0, help="processor threads of both (default: all)")
    typed = sys.argv[1:]
    end = typed.index("--") if "--" in typed else len(typed)
    return parser.parse_args(typed[:end]), typed[end + 1 :]


def main() -> None:
    """Measure and print."""
    asked, more = arguments()
    threads = ["--threads", str(asked.threads)] if asked.threads else []
    # the small one first: RUSAGE_CHILDREN keeps the largest child only
    yardstick = cost_of([sys.executable, "-c", YARDSTICK, str(asked.input), str(asked.spacing), str(asked.threads)])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        code = "from nodewise.cli.main import run; run()"
        verb = [sys.executable, "-c", code, "predict", str(asked.input), "-o", str(out), *threads, *more]
        predict = cost_of(verb)
        record = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    stages = record["provenance"]["seconds"]
    print(f"nodewise predict {predict.seconds:8.1f} s   peak {predict.peak_mb:7.0f} MB   {len(record['nodes'])} nodes")
    for name, seconds in stages.items():
        print(f"  {name:14} {seconds:8.1f} s")
    rest = predict.seconds - sum(stages.values())
    print(f"  {'start':14} {rest:8.1f} s")
    print(f"SimpleITK        {yardstick.seconds:8.1f} s   peak {yardstick.peak_mb:7.0f} MB   read, resample")
    fast, small = ("met" if met else "missed" for met in (predict.seconds <= MOST_S, predict.peak_mb <= MOST_MB))
    print(f"target           {MOST_S:8.1f} s   peak {MOST_MB:7.0f} MB   {fast}, {small}; set for {TARGET_ON}")
    print(
        f"ratio            {predict.seconds / yardstick.seconds:8.1f}     {predict.peak_mb / yardstick.peak_mb:10.1f}"
    )


if __name__ == "__main__":
    main()
