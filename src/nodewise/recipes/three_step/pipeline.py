"""The three steps, from a model folder to a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nodewise.models.bundle import Bundle, load_bundle
from nodewise.models.model_file import StepFile
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.models.preparation import Preparation
from nodewise.models.segmenter import segmenter
from nodewise.values.anatomy import Anatomy
from nodewise.values.errors import BadInputError
from nodewise.values.pipeline import Judge, Pipeline
from nodewise.values.study import Study

if TYPE_CHECKING:
    from nodewise.learn.runtime import Runtime

T = TypeVar("T")
REACH_MM = 3.0  # from the stations, a voxel of their network; P1 segments nodes in their box alone


def pipeline(
    folder: Path,
    device: str,
    runtime: Runtime = "auto",
    cache: Path | None = None,
    *,
    mirrored: bool = False,
    bulk: bool = True,
) -> Pipeline:
    """The three steps with the weights in ``folder``.

    A model without a station network takes the landmarks' stations; one without a malignancy network judges by size.

    Args:
        folder: of the model.
        device: as ``choose_device`` gives it.
        runtime: of the networks, see ``nodewise.learn.runtime``.
        cache: folder in which compiled networks are kept.
        mirrored: average node windows over their mirror images.
        bulk: call a node of more than 30 mm metastatic whatever the network says.

    Raises:
        BadInputError: the folder is damaged, or has no node network.
    """
    bundle = load_bundle(folder)
    model, nodes = bundle.model, bundle.step("nodes")
    return Pipeline(
        read_anatomy=_reader(bundle, device, runtime, cache),
        segment=segmenter(
            bundle.networks("nodes", device),
            _of_kind(nodes, Preparation),
            nodes.window,
            flips=(0, 1, 2) if mirrored else (),
            runtime=runtime,
            device=device,
            cache=cache,
        ),
        malignancy=_judge(bundle, device, bulk),
        threshold=0.5 if nodes.threshold is None else nodes.threshold,
        minimum_short_axis_mm=model.minimum_short_axis_mm,
        reach_mm=REACH_MM,
        name=model.name,
        weights_sha256=model.weights_sha256,
        trained_on=model.trained_on,
        device=device,
        mirrored=mirrored,
        bulk=bulk,
    )


def _reader(bundle: Bundle, device: str, runtime: Runtime, cache: Path | None) -> Callable[[Study], Anatomy]:
    from nodewise.anatomy.read import read_anatomy

    if "stations" not in bundle.model.steps:
        return read_anatomy
    from nodewise.models.station_reader import station_reader

    reader = station_reader(
        bundle.step("stations"), bundle.networks("stations", device), device=device, runtime=runtime, cache=cache
    )
    return lambda study: reader(study, read_anatomy(study))


def _judge(bundle: Bundle, device: str, bulk: bool) -> Judge:
    from nodewise.nodes.suspicion import size_suspicion

    if "malignancy" not in bundle.model.steps:
        return partial(size_suspicion, bulk=bulk)
    from torch import nn

    from nodewise.learn.runtime import Averaged
    from nodewise.models.node_classifier import NodeClassifier

    step = bundle.step("malignancy")
    network = Averaged(bundle.networks("malignancy", device), nn.Identity()).eval()
    calibration = None if step.calibration is None else step.calibration.build()
    return NodeClassifier(network, _of_kind(step, NodePatchPreparation), calibration, device, bulk)


def _of_kind(step: StepFile, kind: type[T]) -> T:
    preparation = step.preparation.build()
    if not isinstance(preparation, kind):
        raise BadInputError(f"the recipe three_step does not prepare scans as a {step.preparation.kind}")
    return preparation
