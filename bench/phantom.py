"""Seconds and memory of one drawn patient, with its parts: body, CT, PET, files.

    python bench/phantom.py
    python bench/phantom.py --spacing 1 1 1 --no-pet --region neck

Each spacing is drawn in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMITS = {1.0: 60.0, 2.0: 12.0}
"""Seconds that one chest with PET may take at this spacing in mm; memory is to stay under 3 GB at both."""


def measure(spacing: tuple[float, float, float], seed: int, region: str, pet: bool) -> dict[str, float]:
    """Draw, scan and write one patient; processor seconds by part, wall seconds of all, peak resident memory in MB."""
    start = time.perf_counter()
    from nodewise.phantom.body import BodyRegion
    from nodewise.phantom.drawn_body import draw_body
    from nodewise.phantom.patient import make_patient
    from nodewise.phantom.write import write_patient

    marks = [time.process_time()]
    patient = make_patient(seed, spacing, region=BodyRegion(region), pet=pet)
    marks.append(time.process_time())
    with tempfile.TemporaryDirectory() as folder:
        write_patient(Path(folder), seed, patient, "nifti")
    marks.append(time.process_time())
    wall = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    voxels = patient.study.ct.array.size / 1e6
    del patient
    body = draw_body(seed, spacing, 400.0, BodyRegion(region), None)  # once more, to know its part
    marks.append(time.process_time())
    drawn = marks[3] - marks[2]
    parts = {"imports": marks[0], "body": drawn, "scans": marks[1] - marks[0] - drawn, "write": marks[2] - marks[1]}
    return parts | {"wall": wall, "peak_mb": peak, "megavoxels": voxels, "nodes": len(body.nodes)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Seconds and memory of one drawn patient.")
    parser.add_argument("--spacing", type=float, nargs=3, metavar=("X", "Y", "Z"), help="mm (default: 1 and 2 cubed)")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--region", choices=("chest", "neck", "abdomen"), default="chest")
    parser.add_argument("--pet", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(tuple(asked.spacing), asked.seed, asked.region, asked.pet)))
        return
    for spacing in [asked.spacing] if asked.spacing else [[1.0] * 3, [2.0] * 3]:
        again = [sys.executable, __file__, "--one", "--seed", str(asked.seed), "--region", asked.region]
        again += ["--spacing", *map(str, spacing), "--pet" if asked.pet else "--no-pet"]
        found = json.loads(subprocess.run(again, check=True, capture_output=True, text=True).stdout)
        limit = LIMITS.get(spacing[0]) if len(set(spacing)) == 1 and asked.region == "chest" else None
        print(f"{asked.region} at {' × '.join(f'{s:g}' for s in spacing)} mm, {found['megavoxels']:.1f} million voxels")
        for part in ("imports", "body", "scans", "write"):
            print(f"  {part:8} {found[part]:6.1f} s of processor")
        print(f"  {'whole':8} {found['wall']:6.1f} s" + (f", at most {limit:g}" if limit else ""))
        print(f"  {'peak':8} {found['peak_mb']:6.0f} MB, at most 3000")


if __name__ == "__main__":
    main()
