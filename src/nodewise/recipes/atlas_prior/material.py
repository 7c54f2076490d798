"""From labelled scans to what is trained on: surveyed, an atlas laid, a network planned, cases prepared."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from nodewise.anatomy.read import read_anatomy
from nodewise.datasets.case import LabelledCase
from nodewise.learn.planner import plan_training
from nodewise.models.prior_preparation import PriorPreparation
from nodewise.recipes.atlas_prior.cases import Lay, prior_cases
from nodewise.recipes.atlas_prior.effort import Effort, OnProgress
from nodewise.recipes.atlas_prior.laid import LaidGiven, as_read, atlas_of, given_atlas
from nodewise.recipes.atlas_prior.learn import Material
from nodewise.recipes.atlas_prior.prior import NodeAtlas
from nodewise.recipes.atlas_prior.survey import ReadAnatomy, Surveyed, fingerprint_of, intensity_of, survey
from nodewise.values.errors import BadInputError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """How anatomy is read, and in words all that decides it."""

    read: ReadAnatomy = read_anatomy
    how: str = "landmarks"
    has_prior: bool = False


LANDMARKS = Reader()


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What one network is trained on, the atlas of its prior (None where it was read with it), and what lays that."""

    material: Material
    atlas: NodeAtlas | None
    lay: Lay


def gather(
    training: Sequence[LabelledCase],
    validating: Sequence[LabelledCase],
    cache: Path,
    effort: Effort,
    progress: OnProgress,
    reader: Reader,
    held_out: Sequence[LabelledCase] = (),
) -> Gathered:
    """Survey and prepare; what is in ``cache`` already is not made again.

    The nodes of ``held_out`` are taken out of an atlas that is given.

    Raises:
        BadInputError: a scan cannot be read, no case has a node, or no atlas can be read or built.
    """
    given = None if effort.atlas is None else given_atlas(effort.atlas, held_out)
    known, others = (look_at(cases, cache, effort, progress, reader) for cases in (training, validating))
    lay, how, atlas = _prior(known, given, effort, reader)
    intensity, size = intensity_of(known), effort.size
    in_channels = PriorPreparation((1.0, 1.0, 1.0), intensity, effort.way.channels).count
    planned = plan_training(fingerprint_of(known), in_channels, 2, size.budget, size.spacing_mm)
    x, y, z = (round(mm, 6) for mm in planned.spacing_mm)
    preparation = PriorPreparation((x, y, z), intensity, effort.way.channels, effort.margin_mm)
    prepare = partial(
        prior_cases,
        preparation=preparation,
        lay=lay,
        how=how,
        folder=cache / "cases",
        processes=effort.helpers,
        progress=partial(progress, "preparing scans"),
    )
    cases = prepare(known)
    if not any(case.classes for case in cases):
        raise BadInputError("no case has a node within the lungs' box: there is nothing to learn from")
    return Gathered(Material(cases, prepare(others) if others else (), preparation, planned), atlas, lay)


def look_at(
    cases: Sequence[LabelledCase], cache: Path, effort: Effort, progress: OnProgress, reader: Reader
) -> tuple[Surveyed, ...]:
    """Survey cases, see there; what is in ``cache`` already is not read again."""
    return survey(
        cases,
        reader.read,
        f"{reader.how} nodewise {version('nodewise')}",
        cache / "anatomy",
        effort.margin_mm,
        processes=effort.helpers,
        progress=partial(progress, "reading anatomy"),
    )


def _prior(
    known: Sequence[Surveyed], given: NodeAtlas | None, effort: Effort, reader: Reader
) -> tuple[Lay, str, NodeAtlas | None]:
    """How the prior of a case is had, the same in words, and the atlas that has to travel with the weights."""
    if reader.has_prior:
        return as_read, "prior as read", None
    if given is not None:
        laid_over = LaidGiven(given)
        return laid_over, laid_over.how, given
    try:
        laid = atlas_of(known)
    except BadInputError as error:
        if effort.way.channels == "prior":
            raise
        log.warning("no place is likelier than another: %s", error)
        return as_read, "no prior", None
    return laid, laid.how, laid.atlas
