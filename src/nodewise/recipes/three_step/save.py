"""What the three steps learned, as a model folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import save_bundle
from nodewise.models.calibration_file import describe_calibration
from nodewise.models.card import card
from nodewise.models.model_file import Metric, ModelFile, OperatingPoint, Source, StepFile, shortened
from nodewise.models.plan_file import describe_plan
from nodewise.models.preparation_file import describe_preparation
from nodewise.recipes.three_step.malignancy import Learned
from nodewise.recipes.three_step.nodes import NodesWay, TrainedNodes

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.recipes.three_step.stations import TrainedStations

MINIMUM_SHORT_AXIS_MM = 3.0
WHAT = (
    "Lymph nodes of the chest on CT, with or without contrast medium: where they are, their stations, and how suspect."
)


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came to be.

    Attributes:
        trained_on: one sentence for every report. held_out: on what its nodes were validated, in words; and, where that
            is something else, stations_held_out and malignancy_held_out.
        fingerprint: of the data. command: that made it.
    """

    name: str
    trained_on: str
    held_out: str
    fingerprint: str
    command: str
    seed: int
    licence: str
    sources: tuple[Source, ...] = ()
    stations_held_out: str = ""
    malignancy_held_out: str = ""


def save_model(
    folder: Path,
    made: Made,
    way: NodesWay,
    nodes: TrainedNodes,
    stations: TrainedStations | None,
    malignancy: Learned | None,
) -> Path:
    """Write the model folder; steps that could not be learned are left out.

    Returns:
        ``folder``.
    """
    from nodewise.learn.checkpoint import load_weights
    from nodewise.recipes.three_step.stations import step_file

    steps: dict[str, StepFile] = {}
    weights: dict[str, Sequence[Mapping[str, Tensor]]] = {}
    metrics = _metrics("nodes", nodes.figures, made.held_out)
    if stations is not None:
        steps["stations"], weights["stations"] = step_file(stations), [load_weights(stations.weights)]
        metrics |= _metrics("stations", stations.measures, made.stations_held_out or made.held_out)
    steps["nodes"] = StepFile(
        kind="unet",
        plan=describe_plan(way.plan),
        preparation=describe_preparation(way.preparation),
        patch=way.window,
        outputs=("node",),
        threshold=nodes.threshold,
        steps=nodes.steps,
    )
    weights["nodes"] = [nodes.network.state_dict()]
    if malignancy is not None:
        steps["malignancy"], weights["malignancy"] = _malignancy(malignancy), [malignancy.weights]
        metrics |= _metrics("malignancy", malignancy.measures, made.malignancy_held_out or made.held_out)
    model = ModelFile(
        name=made.name,
        recipe="three_step",
        steps=steps,
        minimum_short_axis_mm=MINIMUM_SHORT_AXIS_MM,
        operating_point=OperatingPoint(threshold=nodes.threshold, chosen_on=made.held_out if nodes.figures else ""),
        trained_on=made.trained_on,
        data_fingerprint=made.fingerprint,
        seed=made.seed,
        versions={name: version(name) for name in ("nodewise", "torch", "numpy")},
        licence=made.licence,
        sources=made.sources,
        metrics=metrics,
        command=shortened(made.command),
    )
    save_bundle(folder, model, weights, card(model, WHAT, limits=LIMITS))
    return folder


def _metrics(step: str, figures: Mapping[str, float], on: str) -> dict[str, Metric]:
    """Those that are defined: where nothing was there to be found, recall is not."""
    return {
        f"{step}_{name}": Metric(value=round(value, 4), on=on)
        for name, value in figures.items()
        if math.isfinite(value)
    }


LIMITS = (
    "Measured above on held-out patches alone, which are easier than patients.",
    "Nodes of the chest wall and the axilla are not looked for.",
)


def _malignancy(learned: Learned) -> StepFile:
    return StepFile(
        kind="resnet",
        plan=describe_plan(learned.plan),
        preparation=describe_preparation(learned.preparation),
        patch=(learned.preparation.size_voxels,) * 3,
        outputs=("metastatic",),
        threshold=0.5,
        calibration=describe_calibration(learned.calibration),
        steps=learned.steps,
    )
