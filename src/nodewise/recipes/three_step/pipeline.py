"""The three steps, from a model folder to a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import Bundle, load_bundle
from nodewise.models.segmenter import segmenter
from nodewise.values.anatomy import Anatomy
from nodewise.values.pipeline import Judge, Pipeline
from nodewise.values.study import Study

if TYPE_CHECKING:
    from nodewise.learn.runtime import Runtime


def pipeline(folder: Path, device: str, runtime: Runtime = "auto", cache: Path | None = None) -> Pipeline:
    """The three steps with the weights in ``folder``.

    A model without a station network takes the landmarks' stations; one without a malignancy network judges by size.

    Args:
        folder: of the model.
        device: as ``choose_device`` gives it.
        runtime: of the networks, see ``nodewise.learn.runtime``.
        cache: folder in which compiled networks are kept.

    Raises:
        BadInputError: the folder is damaged, or has no node network.
    """
    bundle = load_bundle(folder)
    model, nodes = bundle.model, bundle.step("nodes")
    return Pipeline(
        read_anatomy=_reader(bundle, device),
        segment=segmenter(
            bundle.networks("nodes", device),
            nodes.preparation.build(),
            nodes.patch,
            runtime=runtime,
            device=device,
            cache=cache,
        ),
        malignancy=_judge(bundle, device),
        threshold=nodes.threshold or 0.5,
        minimum_short_axis_mm=model.minimum_short_axis_mm,
        name=model.name,
        weights_sha256=model.weights_sha256,
        trained_on=model.trained_on,
        device=device,
    )


def _reader(bundle: Bundle, device: str) -> Callable[[Study], Anatomy]:
    from nodewise.anatomy.read import read_anatomy

    if "stations" not in bundle.model.steps:
        return read_anatomy
    from nodewise.models.station_reader import StationReader
    from nodewise.values.station import Station

    step = bundle.step("stations")
    (network,) = bundle.networks("stations", device)
    stations = tuple(Station(code) for code in step.outputs[1:])
    reader = StationReader(network, step.preparation.build(), step.patch, stations, device)
    return lambda study: reader(study, read_anatomy(study))


def _judge(bundle: Bundle, device: str) -> Judge:
    from nodewise.nodes.suspicion import size_suspicion

    if "malignancy" not in bundle.model.steps:
        return size_suspicion
    from nodewise.models.node_classifier import NodeClassifier

    step = bundle.step("malignancy")
    (network,) = bundle.networks("malignancy", device)
    return NodeClassifier(network, step.preparation.build(), step.calibration and step.calibration.build(), device)
