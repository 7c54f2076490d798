"""The report: one page that needs no network, for a screen, a phone and paper."""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import jinja2

from nodewise.io.casefile import AssessmentRecord, NodeRecord, StageRecord, record_of
from nodewise.report.figures import SCALE_BAR_MM, Picture, pictures
from nodewise.report.levels import levels
from nodewise.report.overview import colour_of, overview
from nodewise.values.assessment import Assessment

MOST_PICTURED = 100  # nodes with pictures; what comes after is in the table only


@dataclass(frozen=True, slots=True)
class _Answer:
    """The N category for one side of the primary."""

    title: str
    stage: StageRecord
    drivers: tuple[NodeRecord, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One node in the report; ``drives`` names the categories that it makes, ``views`` is empty past the limit."""

    node: NodeRecord
    drives: str
    views: tuple[Picture, ...]


def report_html(assessment: Assessment) -> str:
    """The whole page; nodes by probability of malignancy, then by short axis, largest first."""
    record = record_of(assessment)
    answers = _answers(record)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            record=record,
            answers=answers,
            nodes=_shown(assessment, record, answers),
            overview=overview(assessment),
            levels=levels(assessment),
            how=assessment.anatomy.how,
            scale_bar_mm=SCALE_BAR_MM,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def _answers(record: AssessmentRecord) -> list[_Answer]:
    stage = record.stage
    if stage.if_left and stage.if_right:
        pairs = [("If the primary tumour is on the left", stage.if_left)]
        pairs.append(("If the primary tumour is on the right", stage.if_right))
    elif stage.primary_side == "unknown":
        pairs = [("Side of the primary tumour not given", stage)]
    else:
        pairs = [(f"Primary tumour on the {stage.primary_side}", stage)]
    node = {node.id: node for node in record.nodes}
    return [_Answer(title, s, tuple(node[i] for i in s.driving_nodes if i in node)) for title, s in pairs]


def _shown(assessment: Assessment, record: AssessmentRecord, answers: Sequence[_Answer]) -> list[_Shown]:
    pairs = list(zip(record.nodes, assessment.findings, strict=True))
    pairs.sort(key=lambda pair: (-pair[0].malignancy, -pair[0].short_axis_mm, pair[0].id))
    return [
        _Shown(
            node=node,
            drives=_drives(node, answers),
            views=pictures(assessment.study, finding, assessment.findings) if rank < MOST_PICTURED else (),
        )
        for rank, (node, finding) in enumerate(pairs)
    ]


def _drives(node: NodeRecord, answers: Sequence[_Answer]) -> str:
    return ", ".join(dict.fromkeys(a.stage.category for a in answers if node.id in a.stage.driving_nodes))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nodewise.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    environment.filters["colour"] = colour_of
    environment.filters["percent"] = _percent
    return environment


def _percent(probability: float) -> str:
    """Whole per cent, never 0 % or 100 % for what is merely near."""
    if 0 < probability < 0.01:
        return "< 1 %"
    if 0.99 < probability < 1:
        return "> 99 %"
    return f"{100 * probability:.0f} %"
