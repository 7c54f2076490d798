"""How often the stations of true nodes are named rightly: by planes from landmarks, and by the station network.

    python bench/stations.py out/stations --seeds 5000 5049
    python bench/stations.py --seeds 5000 5049        # by landmarks alone

The folder is that of ``train_stations``. Even seeds are scanned without contrast medium, odd ones with. Each true
node's voxels are given to the call that ``nodewise predict`` makes. Intervals are 95 %, by drawing patients with
replacement.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nodewise.anatomy.call import call_station
from nodewise.anatomy.read import read_anatomy
from nodewise.evaluate.stations import same_station, wrong_side
from nodewise.learn.checkpoint import load_weights
from nodewise.learn.network import build_network
from nodewise.metrics.bootstrap import bootstrap, pooled
from nodewise.models.station_reader import StationReader, station_reader
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.phantom.scan.tissue import Phase
from nodewise.recipes.three_step.stations import (
    PATCH,
    PREPARATION,
    TRAINED,
    TrainedStations,
    network_plan,
    step_file,
)
from nodewise.values.anatomy import LEARNED_STATIONS, Anatomy

READERS = ("landmarks", "learned")
COLUMNS = ("seed", "phase", "reader", "node", "true", "named", "second", "confidence", "short_axis_mm", "used")


@dataclass(frozen=True, slots=True)
class Called:
    """One node by one reader; ``used`` is whether the reader's own answer was, not what it falls back on."""

    seed: int
    phase: str
    reader: str
    node: int
    true: str
    named: str
    second: str
    confidence: float
    short_axis_mm: float
    used: bool


def reader_of(folder: Path) -> StationReader:
    """The network that ``train_stations`` left in ``folder``, the running average of a run that has not ended."""
    plan, fit = network_plan(len(TRAINED)), folder / "fit"
    network = build_network(plan, seed=0)
    weights = fit / "best.pt"
    if weights.is_file():
        network.load_state_dict(load_weights(weights))
    else:
        network.load_state_dict(torch.load(fit / "last.pt", map_location="cpu", weights_only=True)["average"])
    step = step_file(TrainedStations(weights, plan, TRAINED, {}, 0, PREPARATION, PATCH))
    return station_reader(step, (network.eval(),))


def phase_of(seed: int) -> Phase:
    """None for even seeds, the three others in turn for odd ones."""
    enhanced = [phase for phase in Phase if phase is not Phase.NONE]
    return enhanced[seed // 2 % len(enhanced)] if seed % 2 else Phase.NONE


def called(phantom: Phantom, seed: int, reader: str, anatomy: Anatomy, used: bool) -> list[Called]:
    """Every true node of a phantom."""
    from nodewise.image.shape import measure

    rows = []
    for node, true in zip(phantom.nodes, phantom.places, strict=True):
        grid = phantom.study.ct.grid.crop(node.box)
        call = call_station(anatomy, grid.to_lps(np.argwhere(node.mask)))
        second = call.second.code if call.second else ""
        size = round(measure(node.mask, grid).short_axis_mm, 2)
        rows.append(
            Called(
                seed, phantom.phase.value, reader, node.id, true, call.station.code, second, call.confidence, size, used
            )
        )
    return rows


def compare(seeds: Sequence[int], learned: StationReader | None, keep: Callable[[list[Called]], None]) -> list[Called]:
    """Both readers, or the landmarks alone, on phantoms of these seeds; ``keep`` is told each phantom's rows."""
    rows: list[Called] = []
    for seed in seeds:
        start = time.perf_counter()
        phantom = make_patient(seed, (1.0, 1.0, 2.0), phase=phase_of(seed))
        drawn = time.perf_counter()
        marks = read_anatomy(phantom.study)
        read = time.perf_counter()
        new = called(phantom, seed, "landmarks", marks, marks.stations is not None)
        told = ""
        if learned is not None:
            maps = learned(phantom.study, marks)
            new += called(phantom, seed, "learned", maps, maps.how == LEARNED_STATIONS)
            told = "" if maps.how == LEARNED_STATIONS else f" {maps.warnings[-1]}"
        done = time.perf_counter()
        rows += new
        keep(new)
        right = [sum(_right(r) for r in new if r.reader == name) for name in READERS]
        print(
            f"{seed} {phantom.phase.value:9s} {len(phantom.nodes):3d} nodes, right {right[0]:3d} {right[1]:3d}; drawn "
            f"{drawn - start:.1f} s, landmarks {read - drawn:.1f} s, network {done - read:.1f} s{told}",
            flush=True,
        )
    return rows


def report(rows: Sequence[Called]) -> str:
    """Top-1, top-2 and wrong sides with their intervals, by reader and phase, and by true station."""
    from nodewise.values.station import Station

    lines = []
    for contrast, title in ((None, "all"), (False, "no contrast"), (True, "contrast")):
        for reader in READERS:
            kept = [r for r in rows if r.reader == reader and contrast in (None, r.phase != "none")]
            if kept:
                lines.append(f"{title:12s} {reader:10s} {_figures(kept)}")
    lines.append("by true station (nodes, top-1 landmarks, learned where asked, the last one's commonest other name):")
    for station in sorted({r.true for r in rows}, key=lambda code: Station(code).label):
        named = [[r for r in rows if r.reader == name and r.true == station] for name in READERS]
        both = [kept for kept in named if kept]
        wrong = Counter(r.named for r in both[-1] if not _right(r)).most_common(1)
        shares = " ".join(f"{sum(map(_right, kept)) / len(kept):.2f}" for kept in both)
        lines.append(f"  {station:4s} {len(both[0]):4d} {shares} {wrong[0] if wrong else ''}")
    return "\n".join(lines)


def _figures(rows: Sequence[Called]) -> str:
    seeds = sorted({r.seed for r in rows})
    counts = np.zeros((4, len(seeds)))
    for r in rows:
        at = seeds.index(r.seed)
        counts[:, at] += (_right(r), _right(r) or _second(r), _crossed(r), 1)
    spans = bootstrap(lambda w: [pooled(part, counts[3], w) for part in counts[:3]], len(seeds))
    named = zip(("top-1", "top-2", "wrong side"), spans, strict=True)
    words = ", ".join(f"{name} {s.value:.3f} ({s.low:.3f} to {s.high:.3f})" for name, s in named)
    return f"{words}; {int(counts[2].sum())} of {len(rows)} on the wrong side, in {len(seeds)} phantoms"


def _right(r: Called) -> bool:
    from nodewise.values.station import Station

    return same_station(Station(r.true), Station(r.named))


def _second(r: Called) -> bool:
    from nodewise.values.station import Station

    return bool(r.second) and same_station(Station(r.true), Station(r.second))


def _crossed(r: Called) -> bool:
    from nodewise.values.station import Station

    return wrong_side(Station(r.true), Station(r.named))


def main() -> None:
    """Read the options, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="of train_stations; the landmarks alone without it")
    parser.add_argument("--seeds", type=int, nargs=2, default=(5000, 5049), help="first and last")
    parser.add_argument("--rows", type=Path, help="CSV to write every call to")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    kept: list[Called] = []

    def keep(new: list[Called]) -> None:
        kept.extend(new)
        if asked.rows:
            with asked.rows.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                writer.writerows([getattr(r, name) for name in COLUMNS] for r in kept)

    compare(range(asked.seeds[0], asked.seeds[1] + 1), reader_of(asked.folder) if asked.folder else None, keep)
    print(report(kept))


if __name__ == "__main__":
    main()
