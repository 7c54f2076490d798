"""Step 1 learned from labelled scans as P1 does it: two heads at 1 mm over the lungs, one flip with sides exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.read import read_anatomy
from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import load_case
from nodewise.image.resample import resample
from nodewise.learn.augment import P1_STATIONS
from nodewise.learn.case_cache import CachedCase, Case, CaseFiles, cached
from nodewise.learn.patches import Patches, PatchPlan
from nodewise.models.preparation import Preparation
from nodewise.models.station_reader import region_of_lungs
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.labelled import region_around
from nodewise.recipes.three_step.stations import (
    PAPER_BATCH,
    PAPER_CHANNELS,
    PAPER_PREPARATION,
    PAPER_STATIONS,
    TrainedStations,
    identity,
    paper_fit_plan,
    station_loss,
    weights_of,
)
from nodewise.recipes.three_step.stations_held_out import HeldOut, Patch
from nodewise.recipes.three_step.stations_patches import class_table, mirrored
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from nodewise.learn.fit import Progress

PATCH = (128, 128, 96)  # not printed
MARGIN_MM = 20.0  # about the drawn stations, where no lungs were found


def station_cases(
    cases: Sequence[LabelledCase],
    folder: Path,
    preparation: Preparation = PAPER_PREPARATION,
    stations: tuple[Station, ...] = PAPER_STATIONS,
    *,
    processes: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[CachedCase, ...]:
    """The lungs' box of each case with drawn stations, as prepared: HU int16 and the stations' classes uint8."""
    known = {case.name: case for case in cases if case.stations is not None}
    files = [
        CaseFiles(case.name, "stations", (case.image, case.nodes, case.stations))
        for case in known.values()
        if case.stations is not None
    ]
    words = f"stations {preparation} {stations} nodewise {version('nodewise')}"
    return cached(
        files, partial(_prepared, known, preparation, stations), words, folder, processes=processes, progress=progress
    )


def train_stations_on(
    training: tuple[CachedCase, ...],
    validating: Sequence[CachedCase],
    run: Run,
    preparation: Preparation,
    stations: tuple[Station, ...],
    progress: Callable[[Progress], None],
) -> TrainedStations:
    """Train on cases of ``station_cases``; goes on where it was stopped."""
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.fit import fit
    from nodewise.learn.network import NetworkPlan, build_network

    plan = NetworkPlan(
        1, (1, len(stations)), channels=PAPER_CHANNELS, blocks=(1,) * len(PAPER_CHANNELS), norm="batch", slope=0.0
    )
    swap = mirrored(stations)
    how = PatchPlan(PATCH, PAPER_BATCH, augmentation=P1_STATIONS, swaps=(swap,))
    held_out = HeldOut(_OnDisk(tuple(validating)), stations, preparation, PATCH)
    network = build_network(plan, run.seed)
    best = fit(
        network,
        Patches(training, how, run.seed, prepare=partial(_channels, preparation)),
        station_loss(weights_of((case.labels()[0] for case in training), len(stations))),
        paper_fit_plan(run, identity(preparation, stations)),
        run.out,
        validate=held_out.measures if validating else None,
        pictures=held_out.pictures if validating else None,
        progress=progress,
    )
    network.load_state_dict(load_weights(best))
    figures = held_out.measures(network.eval()) if validating else {}
    return TrainedStations(best, plan, stations, figures, run.steps, preparation, PATCH)


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """Cases that stay on disk until looked at, in whatever process."""

    cases: tuple[CachedCase, ...]

    def __iter__(self) -> Iterator[Patch]:
        return ((case.image()[0], case.labels()[0]) for case in self.cases)


def _prepared(
    known: Mapping[str, LabelledCase], preparation: Preparation, trained: tuple[Station, ...], files: CaseFiles
) -> Case:
    loaded = load_case(known[files.name])
    ct, stations = loaded.study.ct, loaded.stations
    if stations is None:
        raise ValueError("no stations are drawn")
    region = region_of_lungs(read_anatomy(loaded.study)) or region_around(stations, MARGIN_MM)
    native, grid = preparation.grids(ct.grid, region)
    hu = preparation.resampled(ct, native, grid)
    places = Volume(stations.array.astype(np.uint8), stations.grid, Quantity.LABEL)
    classes = class_table(trained)[resample(places, grid).array]
    return Case(np.clip(np.rint(hu), -32768, 32767).astype(np.int16)[None], (classes,), grid.spacing)


def _channels(preparation: Preparation, hu: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return preparation.channels(hu[0])
