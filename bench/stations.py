"""How often the stations of true nodes are named rightly: from landmarks, by the station network, from organs.

    python bench/stations.py out/stations --seeds 5000 5049
    python bench/stations.py --by organs total --seeds 5000 5049

The folder is that of ``train_stations``, which ``learned`` needs. ``organs`` is given the phantom's true organs,
``total`` those of them that TotalSegmentator names too. Even seeds are scanned without contrast medium, odd ones with.
Each true node's voxels are given to the call that ``nodewise predict`` makes. Intervals are 95 %, by drawing patients
with replacement.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from nodewise.anatomy.call import call_station
from nodewise.anatomy.organs import OrganMap
from nodewise.anatomy.read import read_anatomy
from nodewise.evaluate.stations import same_station, wrong_side
from nodewise.learn.checkpoint import load_weights
from nodewise.learn.network import build_network
from nodewise.metrics.bootstrap import bootstrap, pooled
from nodewise.models.station_reader import StationReader, station_reader
from nodewise.phantom.organ_names import NAMES
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
from nodewise.values.anatomy import LEARNED_STATIONS, ORGAN_STATIONS, Anatomy
from nodewise.values.organ_names import TOTAL_V2
from nodewise.values.volume import Quantity

READERS = ("landmarks", "learned", "organs", "total")
Reader = Callable[[Phantom], tuple[Anatomy, bool]]
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


def readers(names: Sequence[str], folder: Path | None) -> dict[str, Reader]:
    """By name; each says whether its own answer was used, not what it falls back on."""
    found: dict[str, Reader] = {}
    for name in names:
        if name == "learned":
            if folder is None:
                raise SystemExit("learned needs the folder of train_stations")
            found[name] = _learned(reader_of(folder))
        else:
            found[name] = _by_landmarks if name == "landmarks" else partial(_by_organs, name == "organs")
    return found


def _by_landmarks(phantom: Phantom) -> tuple[Anatomy, bool]:
    anatomy = read_anatomy(phantom.study)
    return anatomy, anatomy.stations is not None


def _by_organs(own: bool, phantom: Phantom) -> tuple[Anatomy, bool]:
    table = NAMES if own else TOTAL_V2
    known = np.where(np.isin(phantom.organs.array, list(table)), phantom.organs.array, 0).astype(np.uint8)
    organs = OrganMap(phantom.organs.with_array(known, Quantity.LABEL), table, "the phantom's own")
    anatomy = read_anatomy(phantom.study, organs)
    return anatomy, anatomy.how == ORGAN_STATIONS


def _learned(network: StationReader) -> Reader:
    def read(phantom: Phantom) -> tuple[Anatomy, bool]:
        anatomy = network(phantom.study, read_anatomy(phantom.study))
        return anatomy, anatomy.how == LEARNED_STATIONS

    return read


def compare(seeds: Sequence[int], by: dict[str, Reader], keep: Callable[[list[Called]], None]) -> list[Called]:
    """Every reader on phantoms of these seeds; ``keep`` is told each phantom's rows."""
    rows: list[Called] = []
    for seed in seeds:
        start = time.perf_counter()
        phantom = make_patient(seed, (1.0, 1.0, 2.0), phase=phase_of(seed))
        told = [
            f"{seed} {phantom.phase.value:9s} {len(phantom.nodes):3d} nodes, drawn {time.perf_counter() - start:.1f} s"
        ]
        new: list[Called] = []
        for name, reader in by.items():
            start = time.perf_counter()
            anatomy, used = reader(phantom)
            named = called(phantom, seed, name, anatomy, used)
            told.append(f"{name} right {sum(map(_right, named))} in {time.perf_counter() - start:.1f} s")
            told += [] if used else list(anatomy.warnings[-1:])
            new += named
        rows += new
        keep(new)
        print("; ".join(told), flush=True)
    return rows


def report(rows: Sequence[Called]) -> str:
    """Top-1, top-2 and wrong sides with their intervals, by reader and phase, and by true station."""
    from nodewise.values.station import Station

    lines = []
    for contrast, title in ((None, "all"), (False, "no contrast"), (True, "contrast")):
        for reader in _by(rows):
            kept = [r for r in rows if r.reader == reader and contrast in (None, r.phase != "none")]
            if kept:
                lines.append(f"{title:12s} {reader:10s} {_figures(kept)}")
    lines.append(f"by true station: nodes, then top-1 and the commonest other name by {', '.join(_by(rows))}:")
    for station in sorted({r.true for r in rows}, key=lambda code: Station(code).label):
        here = [[r for r in rows if r.reader == name and r.true == station] for name in _by(rows)]
        told = []
        for kept in here:
            wrong = Counter(r.named for r in kept if not _right(r)).most_common(1)
            told.append(f"{sum(map(_right, kept)) / len(kept):.2f} {wrong[0][0] if wrong else '':7s}")
        lines.append(f"  {station:4s} {len(here[0]):4d} {' '.join(told)}")
    return "\n".join(lines)


def _by(rows: Sequence[Called]) -> list[str]:
    """The readers asked, in their order."""
    return [name for name in READERS if any(r.reader == name for r in rows)]


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
    parser.add_argument("folder", type=Path, nargs="?", help="of train_stations")
    parser.add_argument("--by", choices=READERS, nargs="+", default=("landmarks",), help="readers to compare")
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

    compare(range(asked.seeds[0], asked.seeds[1] + 1), readers(asked.by, asked.folder), keep)
    print(report(kept))


if __name__ == "__main__":
    main()
