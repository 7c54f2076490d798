"""From findings to the patient's N category."""

from __future__ import annotations

from collections.abc import Sequence

from nodewise.staging.posterior import category_probabilities
from nodewise.staging.rules import CATEGORIES, n_category
from nodewise.values.assessment import Stage
from nodewise.values.node import Finding
from nodewise.values.station import Side, Station


def stage(
    findings: Sequence[Finding],
    primary: Side | None,
    edition: int = 9,
    threshold: float = 0.5,
    *,
    at_least_reason: str = "",
) -> Stage:
    """The N category by the TNM rules, counting every node whose malignancy is ``threshold`` or more.

    Where the primary's side is unknown (None) both answers are given, in ``if_left`` and ``if_right``; the category is
    theirs where they agree, else the lower one, as "at least". A metastatic node of unknown station makes the answer
    "at least" too. N3 is never "at least": there is nothing above it.

    Args:
        findings: every node of the patient.
        primary: side of the primary tumour.
        edition: of the TNM classification, 8 or 9.
        threshold: probability from which a node counts as metastatic.
        at_least_reason: why nodes may have been missed (part of the chest not scanned, …), empty if they may not.

    Raises:
        BadInputError: any other edition.
    """
    if primary is None:
        left, right = (
            _of_side(findings, side, edition, threshold, at_least_reason) for side in (Side.LEFT, Side.RIGHT)
        )
        return _of_both(left, right)
    return _of_side(findings, primary, edition, threshold, at_least_reason)


def _of_side(findings: Sequence[Finding], primary: Side, edition: int, threshold: float, at_least_reason: str) -> Stage:
    """The stage where the primary's side is known."""
    metastatic = [f for f in findings if f.malignancy.probability >= threshold]
    category = n_category((f.station.station for f in metastatic), primary, edition)
    reasons = () if category.name == "N3" else (_unknown_station(metastatic), at_least_reason)
    reason = "; ".join(r for r in reasons if r)
    return Stage(
        edition=edition,
        category=category.name,
        primary_side=primary,
        at_least=bool(reason),
        reason=reason,
        probability=category_probabilities(
            [f.station.station for f in findings], [f.malignancy.probability for f in findings], primary, edition
        ),
        driving_nodes=tuple(sorted(f.node.id for f in metastatic if f.station.station in category.driving)),
        rule=category.rule,
        threshold=threshold,
    )


def _of_both(left: Stage, right: Stage) -> Stage:
    """One stage from the answers for either side."""
    order = CATEGORIES[left.edition].index
    lower = min(left, right, key=lambda s: order(s.category))
    differ = left.category != right.category
    sides = f"primary side unknown: {_named(left)} if left, {_named(right)} if right" if differ else ""
    driving = lower.driving_nodes if differ else tuple(sorted({*left.driving_nodes, *right.driving_nodes}))
    return Stage(
        edition=lower.edition,
        category=lower.category,
        primary_side=None,
        at_least=differ or lower.at_least,
        reason="; ".join(r for r in (sides, lower.reason) if r),
        probability={},
        driving_nodes=driving,
        rule=lower.rule,
        threshold=lower.threshold,
        if_left=left,
        if_right=right,
    )


def _named(answer: Stage) -> str:
    """The category in words."""
    return f"at least {answer.category}" if answer.at_least else answer.category


def _unknown_station(metastatic: Sequence[Finding]) -> str:
    """Why the station of some metastatic node makes the category a lower bound; empty if none does."""
    ids = sorted(f.node.id for f in metastatic if f.station.station is Station.UNKNOWN)
    if not ids:
        return ""
    named = f"node {ids[0]} is" if len(ids) == 1 else f"nodes {', '.join(map(str, ids))} are"
    return f"{named} suspicious but of unknown station"
