"""P1, step 1: the mediastinum and its lymph node stations, by one network with two heads.

Shevtsov et al., medRxiv 2024, doi:10.1101/2024.05.07.24304092, section 2.3. As in the paper: a crop to the lungs, one
head for the mediastinum (any station) by cross-entropy with adaptive weights, one for the station by cross-entropy
inside the true mediastinum alone; no quarter turns. ``stations_paper`` learns from labelled scans with the paper's
numbers, and one flip that exchanges the sides in the stations' names; the differences of ``train_stations`` are:
    - ``TRAINED`` are all stations that the phantom draws; the paper trains the eleven of ``PAPER_STATIONS``;
    - 3 mm voxels instead of 1 mm, in two windows instead of one, and no batch normalisation;
    - trained on drawn chests, whose true stations leave out great vessels, oesophagus and airway as the paper's do;
    - the stations' cross-entropy is weighted, so that a small one counts as one where nodes are;
    - AdamW with a cosine instead of Adam with a constant rate, and no flips: a patient's left is not its right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.models.preparation import Preparation
from nodewise.recipes.three_step.chest_bank import chest_bank
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.stations_held_out import HeldOut
from nodewise.recipes.three_step.stations_patches import IGNORE, OTHER, OUTSIDE, StationPatches
from nodewise.values.box import Index3
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.learn.fit import FitPlan
    from nodewise.learn.network import NetworkPlan
    from nodewise.models.model_file import StepFile

PAPER_STATIONS = tuple(Station(code) for code in ("2R", "2L", "3a", "3p", "4R", "4L", "5", "6", "7", "10R", "10L"))
PAPER_PREPARATION = Preparation(spacing_mm=(1.0, 1.0, 1.0), windows=((-160.0, 240.0),), margin_mm=0.0)
PAPER_CHANNELS = (16, 32, 64, 128, 256)
PAPER_STEPS, PAPER_LEARNING_RATE, PAPER_BATCH, PAPER_TURN_DEG = 30_000, 3e-3, 2, 10.0

TRAINED = tuple(
    Station(code)
    for code in (
        *("1R", "1L", "2R", "2L", "3a", "3p", "4R", "4L", "5", "6", "7", "8", "9R", "9L", "10R", "10L"),
        *("11R", "11L", "12R", "12L", "13R", "13L", "14R", "14L"),
    )
)
PREPARATION = Preparation(spacing_mm=(3.0, 3.0, 3.0), windows=((-160.0, 240.0), (-1000.0, 600.0)), margin_mm=0.0)
PATCH = (64, 64, 96)
CHANNELS, BLOCKS, FOLD = (16, 48, 96, 128), (1, 1, 1, 1), (2, 2, 2)
BATCH = 1
LEARNING_RATE = 3e-3
LARGEST_CLASS_WEIGHT = 4.0
HELD_OUT_PATCHES = 12


@dataclass(frozen=True, slots=True)
class TrainedStations:
    """What training gave: a checkpoint for ``load_weights``, the network's plan, its stations, what was measured."""

    weights: Path
    plan: NetworkPlan
    stations: tuple[Station, ...]
    measures: Mapping[str, float]
    steps: int
    preparation: Preparation
    patch: Index3


def step_file(trained: TrainedStations) -> StepFile:
    """The step as it is kept in ``model.json``; its weights are ``load_weights(trained.weights)``."""
    from nodewise.models.model_file import StepFile
    from nodewise.models.plan_file import describe_plan
    from nodewise.models.preparation_file import describe_preparation
    from nodewise.models.station_reader import MEDIASTINUM

    return StepFile(
        kind="unet",
        plan=describe_plan(trained.plan),
        preparation=describe_preparation(trained.preparation),
        patch=trained.patch,
        outputs=(MEDIASTINUM, *(station.code for station in trained.stations)),
        steps=trained.steps,
    )


def train_stations(
    run: Run,
    *,
    phantoms: int = 100,
    stations: tuple[Station, ...] = TRAINED,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrainedStations:
    """Draw chests, train on them, keep the best weights; the same command goes on where it was stopped.

    Args:
        run: its folder gets ``bank`` of chests and ``fit`` with checkpoints and log; a step is ``BATCH`` patches.
        phantoms: how many to train on; some more are drawn to validate on.
        stations: told apart; those left out count as mediastinum alone.
        progress: told (done, total), chests and steps alike.
    """
    from nodewise.learn.checkpoint import load_weights
    from nodewise.learn.fit import fit
    from nodewise.learn.network import build_network

    drawn = phantoms + max(2, phantoms // 20)
    total = drawn + run.steps
    source, held_out = _material(run, phantoms, drawn, stations, lambda n: progress(n, total))
    plan = network_plan(len(stations))
    network = build_network(plan, run.seed)
    best = fit(
        network,
        Batches(source, run.seed),
        station_loss(class_weights(source)),
        _fit_plan(run, stations),
        run.out / "fit",
        validate=held_out.measures,
        pictures=held_out.pictures,
        progress=lambda now: progress(drawn + now.step, total),
    )
    network.load_state_dict(load_weights(best))
    return TrainedStations(best, plan, stations, held_out.measures(network.eval()), run.steps, PREPARATION, PATCH)


def _material(
    run: Run, phantoms: int, drawn: int, stations: tuple[Station, ...], progress: Callable[[int], None]
) -> tuple[StationPatches, HeldOut]:
    import torch

    chests = chest_bank(run.out / "bank", drawn, run.seed, processes=torch.get_num_threads(), progress=progress)
    source, others = (
        StationPatches(c, stations, PATCH, PREPARATION.spacing_mm[0]) for c in (chests[:phantoms], chests[phantoms:])
    )
    examples = [others.draw(np.random.default_rng((run.seed, 1, i))) for i in range(HELD_OUT_PATCHES)]
    return source, HeldOut(examples, stations, PREPARATION, PATCH)


def _fit_plan(run: Run, stations: Sequence[Station]) -> FitPlan:
    from nodewise.learn.fit import FitPlan

    return FitPlan(
        run.steps,
        LEARNING_RATE,
        seed=run.seed,
        device=run.device,
        devices=run.devices,
        precision="auto",
        workers=run.workers,
        identity=identity(PREPARATION, stations),
    )


def identity(preparation: Preparation, stations: Sequence[Station]) -> str:
    """What makes it another run, for ``FitPlan``: one network fits all voxels, and as many other stations."""
    return f"{preparation.words}, stations {' '.join(station.code for station in stations)}"


def paper_fit_plan(run: Run, method: str = "") -> FitPlan:
    """The paper's schedule: Adam at a constant rate."""
    from nodewise.learn.fit import FitPlan
    from nodewise.learn.optimise import Adam
    from nodewise.learn.schedule import Constant

    return FitPlan(
        run.steps,
        PAPER_LEARNING_RATE,
        optimiser=Adam(),
        schedule=Constant(),
        average=0.0,
        seed=run.seed,
        device=run.device,
        devices=run.devices,
        precision="auto",
        workers=run.workers,
        identity=method,
    )


def network_plan(stations: int) -> NetworkPlan:
    """Two heads, mediastinum and ``stations``; voxels are folded, so that the levels cost an eighth."""
    from nodewise.learn.network import NetworkPlan

    heads = (1, stations)
    return NetworkPlan(len(PREPARATION.windows), heads, channels=CHANNELS, blocks=BLOCKS, fold=FOLD)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Batches for training, each a pure function of its number; may be sent to other processes."""

    source: StationPatches
    seed: int

    def __call__(self, number: int) -> tuple[Tensor, Tensor]:
        """Inputs (batch, channels, x, y, z) and classes (batch, x, y, z)."""
        import torch

        from nodewise.learn.augment import gamma, intensity

        rng = np.random.default_rng((self.seed, 0, number))
        images, truths = [], []
        for _ in range(BATCH):
            hu, classes = self.source.draw(rng)
            hu = intensity(blurred(hu, rng), rng, shift=20, scale=0.06, noise=15)
            images.append(torch.from_numpy(gamma(PREPARATION.channels(hu), rng)))
            truths.append(torch.from_numpy(np.ascontiguousarray(classes)))
        return torch.stack(images), torch.stack(truths)


def blurred(hu: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """One time in four a Gaussian of up to 0.8 voxels, other along z than in plane: thick slices and soft kernels."""
    from scipy import ndimage

    if rng.random() >= 0.25:
        return hu
    plane, along = rng.uniform(0, 0.8, 2)
    return np.asarray(ndimage.gaussian_filter(hu, (plane, plane, along)), np.float32)


def station_loss(weights: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Of both heads' logits (batch, 1 + stations, …) and classes (batch, …): the sum of the two cross-entropies.

    The first is that of the mediastinum, any station, with adaptive weights. The second is of the station, over voxels
    of the true mediastinum alone, weighted by ``weights`` (stations,).
    """
    return partial(_station_loss, weights=weights)


def _station_loss(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    from nodewise.learn.loss import IGNORE as LEFT_OUT
    from nodewise.learn.loss import adaptive_binary_cross_entropy, cross_entropy

    named = (classes != OUTSIDE) & (classes != OTHER) & (classes != IGNORE)
    station = (classes.long() - 1).masked_fill(~named, LEFT_OUT)
    there = (classes != OUTSIDE).to(classes.dtype).masked_fill(classes == IGNORE, LEFT_OUT)
    found = adaptive_binary_cross_entropy(logits[:, :1], there, ignore=LEFT_OUT)
    return found + cross_entropy(logits[:, 1:], station, weights=weights.to(logits.device))


def class_weights(source: StationPatches) -> Tensor:
    """One over the root of each station's share of voxels, the commonest being 1; at most ``LARGEST_CLASS_WEIGHT``."""
    return weights_of((source.classes[c.stations] for c in source.chests), len(source.stations))


def weights_of(classes: Iterable[npt.NDArray[np.uint8]], stations: int) -> Tensor:
    """The same of any arrays of classes.

    Raises:
        BadInputError: none of them holds a station.
    """
    import torch

    count = sum(np.bincount(one.ravel(), minlength=256) for one in classes)
    there = np.asarray(count)[1 : stations + 1]
    if not there.any():
        raise BadInputError(
            "no voxel is of a station that is trained: draw stations with the numbers of docs/datasets.md"
        )
    weight = np.sqrt(there.max() / np.maximum(there, 1))
    return torch.from_numpy(np.minimum(weight, LARGEST_CLASS_WEIGHT).astype(np.float32))
