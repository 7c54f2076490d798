"""A pipeline by the name of a bundled model or from a model folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.models.bundle import bundled_models, load_bundle
from nodewise.recipes import atlas_prior, nnunet, three_step
from nodewise.values.anatomy import ORGAN_STATIONS, Anatomy
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point
from nodewise.values.pipeline import Pipeline
from nodewise.values.study import Study
from nodewise.values.volume import Volume

if TYPE_CHECKING:
    from nodewise.anatomy.organs import OrganMap
    from nodewise.learn.runtime import Runtime

DEFAULT = three_step.NAME


def load_pipeline(
    model: str | Path = "default",
    device: str = "auto",
    *,
    runtime: Runtime = "auto",
    cache: Path | None = None,
    mirrored: bool = False,
    bulk: bool = True,
) -> Pipeline:
    """The pipeline of a model.

    Args:
        model: ``default``, the name of a bundled model, or a model folder.
        device: auto, cpu, cuda, cuda:1, mps.
        runtime: auto (OpenVINO on a CPU, torch elsewhere), torch or openvino.
        cache: folder in which OpenVINO keeps compiled networks, to start sooner the next time; None keeps none.
        mirrored: average over all eight mirror images of every window, which takes eight times as long.
        bulk: call a node of more than 30 mm short axis metastatic whatever else is known (P1).

    Raises:
        BadInputError: there is no such model, device or runtime, or the model folder is damaged; an imported model is
            to be mirrored, which was settled when it was imported.
    """
    from nodewise.learn.device import choose_device

    folder = find_model(model)
    where = choose_device(device)
    recipe = load_bundle(folder).model.recipe
    if recipe == "three_step":
        return three_step.pipeline(folder, where, runtime, cache, mirrored=mirrored, bulk=bulk)
    if recipe == "atlas_prior":
        return atlas_prior.pipeline(folder, where, runtime, cache, mirrored=mirrored, bulk=bulk)
    if recipe == "nnunet":
        if mirrored:
            raise BadInputError(f"whether {folder} mirrors was settled when it was imported: leave --mirrored out")
        return nnunet.pipeline(folder, where, runtime, cache, bulk=bulk)
    raise BadInputError(f"{folder} was made by the recipe {recipe}, which this nodewise does not have: update nodewise")


def with_given(
    pipeline: Pipeline, organs: Callable[[Volume], OrganMap] | None = None, points: Mapping[str, Point] | None = None
) -> Pipeline:
    """The pipeline with stations laid out from given organs or corrected landmarks, in place of its own way.

    Where the organs do not tell the stations, and no points are given, the pipeline reads them as it does without.

    Args:
        pipeline: of a model.
        organs: the organ map of a CT, such as ``TotalSegmentator`` is.
        points: landmarks by name, LPS mm.
    """
    from nodewise.anatomy.read import read_anatomy

    if organs is None and not points:
        return pipeline

    def read(study: Study) -> Anatomy:
        anatomy = read_anatomy(study, None if organs is None else organs(study.ct), points or {})
        if points or anatomy.how == ORGAN_STATIONS:
            return anatomy
        own = pipeline.read_anatomy(study)
        return replace(own, warnings=tuple(dict.fromkeys((*own.warnings, *anatomy.warnings))))

    given = " and ".join(word for word, there in (("organs", organs), ("landmarks", points)) if there)
    return replace(pipeline, read_anatomy=read, given=given)


def find_model(model: str | Path = "default") -> Path:
    """The folder of a model; see ``load_pipeline``.

    Raises:
        BadInputError: there is no such model.
    """
    if Path(model).is_dir():
        return Path(model)
    bundled = {bundle.name: bundle.folder for bundle in bundled_models()}
    wanted = DEFAULT if str(model) == "default" else str(model)
    if wanted not in bundled:
        names = ", ".join(bundled) or "none"
        raise BadInputError(f"there is no model {model}: give a model folder or a bundled model ({names})")
    return bundled[wanted]
