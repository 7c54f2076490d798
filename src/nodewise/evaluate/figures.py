"""Curves of the evaluation page as SVG that takes the page's own colours and says the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
COLOURS = ("#3f7cb3", "#d98a1f", "#3a9679", "#b0578d")
_INK, _GRID = "#16202a", "#dde2e7"  # stand for the page's ink and line, and are replaced by them
_STYLE: Any = {
    "svg.hashsalt": "nodewise",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line of a plot; ``band`` is where it may lie: x, low, high."""

    name: str
    x: Floats
    y: Floats
    band: tuple[Floats, Floats, Floats] | None = None
    marked: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a share of ``count`` things, and its interval where it has one."""

    name: str
    share: float | None
    count: int
    low: float | None = None
    high: float | None = None


def step_plot(curves: Sequence[Curve], x_label: str, y_label: str, x_end: float) -> str:
    """Lines in steps with their bands, y from 0 to 1; what is marked has a ring."""
    with _drawing() as (figure, axes):
        for curve, colour in zip(curves, COLOURS, strict=False):
            axes.step(curve.x, curve.y, where="post", color=colour, linewidth=1.8, label=curve.name)
            if curve.band is not None:
                axes.fill_between(*curve.band, step="post", color=colour, alpha=0.16, linewidth=0)
            if curve.marked is not None:
                axes.plot(*curve.marked, "o", markersize=7, markerfacecolor="none", color=colour, markeredgewidth=1.8)
        _frame(axes, x_label, y_label, x_end)
        axes.legend(loc="best")
        return _svg(figure)


def line_plot(curves: Sequence[Curve], x_label: str, y_label: str, *, diagonal: bool = False) -> str:
    """Straight lines between points, both axes from 0 to 1."""
    with _drawing() as (figure, axes):
        if diagonal:
            axes.plot((0, 1), (0, 1), color=_INK, alpha=0.4, linewidth=0.8, linestyle="--")
        for curve, colour in zip(curves, COLOURS, strict=False):
            axes.plot(curve.x, curve.y, color=colour, linewidth=1.8, label=curve.name)
        _frame(axes, x_label, y_label, 1.0)
        if any(curve.name for curve in curves):
            axes.legend(loc="lower right")
        return _svg(figure)


def bar_plot(bars: Sequence[Bar], x_label: str, y_label: str) -> str:
    """Shares as bars with their intervals; each says of how many."""
    with _drawing() as (figure, axes):
        places = list(range(len(bars)))
        axes.bar(places, [bar.share or 0.0 for bar in bars], width=0.62, color=COLOURS[0])
        for x, bar in zip(places, bars, strict=True):
            if bar.share is None:
                continue
            top = bar.share
            if bar.low is not None and bar.high is not None:
                ends = [[bar.share - bar.low], [bar.high - bar.share]]
                axes.errorbar(x, bar.share, yerr=np.maximum(ends, 0), color=_INK, capsize=4, linewidth=1.2)
                top = max(bar.high, bar.share)
            axes.text(x, top + 0.02, f"{100 * bar.share:.0f} %", ha="center", va="bottom")
        axes.set_xticks(places, [f"{bar.name}\nn = {bar.count}" for bar in bars])
        axes.set_ylim(0, 1.12)
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return _svg(figure)


def _frame(axes: Axes, x_label: str, y_label: str, x_end: float) -> None:
    axes.set_xlim(0, x_end)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


@contextmanager
def _drawing() -> Iterator[tuple[Figure, Axes]]:
    """A figure of its own, away from the screen and from matplotlib's state."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.4, 3.8), layout="constrained")
        yield figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    """Inline SVG without a date, its ink and grid those of the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)
    for size in ("width", "height"):  # as wide as the page gives it
        text = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", text, count=1)
    text = text.replace("sans-serif", "inherit")
    return text.replace(_INK, "currentColor").replace(_GRID, "var(--line)")
