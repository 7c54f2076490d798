"""A model's card: what it is, how it was made, how well it does and what it must not be used for (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodewise.models.model_file import Metric, ModelFile, StepFile
from nodewise.models.plan_file import UNetFile

RESEARCH_USE_ONLY = "**Research use only**; not a medical device, not for diagnosis."


def card(
    model: ModelFile,
    what: str,
    *,
    made: str = "",
    measured: str = "",
    metrics: Mapping[str, Metric] | None = None,
    seen: str = "",
    limits: Sequence[str] = (),
) -> str:
    """The card of a model, Markdown.

    Args:
        model: whose card it is.
        what: it finds and on what, a sentence or two.
        made: on which machine and in what time.
        measured: how: which patients, by which command, what counts as found; paragraphs put before the table.
        metrics: rows of the table; the model's own where None.
        seen: on real scans, with counts; paragraphs.
        limits: what it cannot do, a line each.
    """
    rows = model.metrics if metrics is None else metrics
    parts = [
        f"# {model.name}",
        f"{what.strip()} {RESEARCH_USE_ONLY}",
        "\n".join(_making(model, made)),
        _section("Networks", "\n".join(_network(name, step) for name, step in model.steps.items())),
        _section("Operating point", _operating_point(model)),
        _section("Measured", _together(measured, metric_table(rows))),
        _section("Seen on real scans", seen),
        _section("Limits", "\n".join(f"- {line}" for line in limits)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def metric_table(metrics: Mapping[str, Metric]) -> str:
    """Each figure, its 95 % interval and on what it was measured; empty without any."""
    if not metrics:
        return ""
    head = [("figure", "value", "95 % interval", "on"), ("---",) * 4]
    rows = [(name.replace("_", " "), _number(m.value), _interval(m), m.on or "–") for name, m in metrics.items()]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (*head, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def describe_network(step: StepFile) -> str:
    """One step's network in words: its kind, size and what goes in."""
    plan, many = step.plan, len(step.weights)
    names = {"unet": "U-Net", "resnet": "ResNet"}
    kind = names[step.kind]
    if isinstance(plan, UNetFile):
        kind = f"{plan.dimension}-D {'residual encoder' if plan.residual else 'plain'} {kind}"
    ensemble = f"{many} × " if many > 1 else ""
    channels = ", ".join(map(str, plan.channels))
    patch = " × ".join(map(str, step.patch))
    return f"{ensemble}{kind}, channels {channels}, {plan.in_channels} in, {patch} voxels at a time"


def _making(model: ModelFile, made: str) -> list[str]:
    version = f" with nodewise {model.versions['nodewise']}" if "nodewise" in model.versions else ""
    command = f"- Made by `{model.command}`{version}{', ' + made if made else ''}." if model.command else ""
    sources = "; ".join(f"{source.name} ({source.licence})" for source in model.sources)
    lines = [command, f"- {model.trained_on}", f"- Data: {sources}." if sources else "", f"- Licence: {model.licence}."]
    return [line for line in lines if line]


def _network(name: str, step: StepFile) -> str:
    outputs = ", ".join(step.outputs)
    trained = f" {step.steps:,} steps of the optimiser." if step.steps else ""
    threshold = f" Threshold {_number(step.threshold)}." if step.threshold is not None else ""
    calibration = f" Calibrated: {step.calibration.kind}." if step.calibration else ""
    return f"- {name}: {describe_network(step)}. Outputs: {outputs}.{trained}{threshold}{calibration}"


def _operating_point(model: ModelFile) -> str:
    point = model.operating_point
    lines = []
    if point.threshold is not None:
        chosen = f", chosen on {point.chosen_on}" if point.chosen_on else ""
        lines.append(f"- Nodes are shown from a score of {_number(point.threshold)}{chosen}.")
    if point.recall is not None and point.false_positives_per_case is not None:
        false = _number(point.false_positives_per_case)
        lines.append(f"- There: recall {_number(point.recall)} at {false} false nodes a case.")
    lines.append(f"- Nodes under {_number(model.minimum_short_axis_mm)} mm short axis are dropped.")
    return "\n".join(lines)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text.strip()}" if text.strip() else ""


def _together(*paragraphs: str) -> str:
    return "\n\n".join(p.strip() for p in paragraphs if p.strip())


def _interval(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return "–"
    return f"{_number(metric.low)}–{_number(metric.high)}"


def _number(value: float) -> str:
    """Three significant digits, whole numbers whole."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
