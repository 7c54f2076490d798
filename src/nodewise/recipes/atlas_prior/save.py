"""P3's networks as a model folder: one, or the ensemble of several, with the atlas beside them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from nodewise.learn.checkpoint import load_weights
from nodewise.models.bundle import save_bundle
from nodewise.models.card import card
from nodewise.models.model_file import Metric, ModelFile, OperatingPoint, StepFile
from nodewise.models.plan_file import describe_plan
from nodewise.models.preparation_file import ATLAS_FILE, describe_prior
from nodewise.recipes.atlas_prior.after import After
from nodewise.recipes.atlas_prior.learn import Material
from nodewise.recipes.atlas_prior.prior import NodeAtlas

WHAT = "Lymph nodes of the chest on CT, by a network that is told where nodes are likely (P3)."
LIMITS = (
    "The score of a node is its probability, stretched so that the threshold is the same everywhere.",
    "What lies outside the convex hull of the lungs is not looked at.",
    "Malignancy is judged by size alone.",
)


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came to be.

    Attributes:
        trained_on: one sentence for every report. held_out: on what its threshold was chosen, in words.
        fingerprint: of the data. command: that made it. figures: on what was held out.
    """

    name: str
    trained_on: str
    held_out: str
    fingerprint: str
    command: str
    seed: int
    figures: Mapping[str, float] = field(default_factory=dict)


def save_prior(
    folder: Path,
    made: Made,
    material: Material,
    atlas: NodeAtlas | None,
    weights: Sequence[Path],
    after: After,
    steps: int,
) -> Path:
    """Write the model folder, complete or not at all.

    Args:
        folder: of the model.
        made: see there.
        material: its preparation, patch and network are kept.
        atlas: to travel with the weights; None where there is none.
        weights: checkpoints, several of which are an ensemble.
        after: post-processing.
        steps: of the optimiser.
    """
    data = None if atlas is None else atlas.to_bytes()
    step = StepFile(
        kind="unet",
        plan=describe_plan(material.network),
        preparation=describe_prior(
            material.preparation,
            prior_share=after.prior_share,
            hull=after.hull,
            atlas_sha256="" if data is None else hashlib.sha256(data).hexdigest(),
        ),
        patch=material.patch,
        outputs=("background", "node"),
        threshold=after.threshold,
        steps=steps,
    )
    model = ModelFile(
        name=made.name,
        recipe="atlas_prior",
        steps={"nodes": step},
        minimum_short_axis_mm=after.diameter_mm,
        operating_point=OperatingPoint(threshold=after.threshold, chosen_on=made.held_out if made.figures else ""),
        trained_on=made.trained_on,
        data_fingerprint=made.fingerprint,
        seed=made.seed,
        versions={name: version(name) for name in ("nodewise", "torch", "numpy")},
        licence="that of the data set",
        metrics={
            f"nodes_{name}": Metric(value=round(value, 4), on=made.held_out)
            for name, value in made.figures.items()
            if math.isfinite(value)
        },
        command=made.command,
    )
    files = {} if data is None else {ATLAS_FILE: data}
    save_bundle(
        folder,
        model,
        {"nodes": [load_weights(path) for path in weights]},
        card(model, WHAT, limits=LIMITS),
        files=files,
    )
    return folder
