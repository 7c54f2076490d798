"""Curves of the evaluation page as SVG that takes the page's own colours and says the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.metrics.reliability import Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Draw = Callable[["Axes"], None]
COLOURS = ("#3f7cb3", "#d98a1f", "#3a9679", "#b0578d")
_SIZE = (5.4, 3.8)
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


def steps(curves: Sequence[Curve], x_label: str, y_label: str, x_end: float) -> Draw:
    """Lines in steps with their bands, y from 0 to 1; what is marked has a ring."""

    def draw(axes: Axes) -> None:
        for curve, colour in zip(curves, COLOURS, strict=False):
            axes.step(curve.x, curve.y, where="post", color=colour, linewidth=1.8, label=curve.name)
            if curve.band is not None:
                axes.fill_between(*curve.band, step="post", color=colour, alpha=0.16, linewidth=0)
            if curve.marked is not None:
                axes.plot(*curve.marked, "o", markersize=7, markerfacecolor="none", color=colour, markeredgewidth=1.8)
        _frame(axes, x_label, y_label, x_end)
        axes.legend(loc="best")

    return draw


def lines(curves: Sequence[Curve], x_label: str, y_label: str, *, diagonal: bool = False) -> Draw:
    """Straight lines between points, both axes from 0 to 1; what is marked has a ring."""

    def draw(axes: Axes) -> None:
        if diagonal:
            axes.plot((0, 1), (0, 1), color=_INK, alpha=0.4, linewidth=0.8, linestyle="--")
        for curve, colour in zip(curves, COLOURS, strict=False):
            axes.plot(curve.x, curve.y, color=colour, linewidth=1.8, label=curve.name)
            if curve.marked is not None:
                axes.plot(*curve.marked, "o", markersize=7, markerfacecolor="none", color=colour, markeredgewidth=1.8)
        _frame(axes, x_label, y_label, 1.0)
        if any(curve.name for curve in curves):
            axes.legend(loc="lower right")

    return draw


def bars(given: Sequence[Bar], x_label: str, y_label: str) -> Draw:
    """Shares as bars with their intervals; each says of how many."""

    def draw(axes: Axes) -> None:
        places = list(range(len(given)))
        axes.bar(places, [bar.share or 0.0 for bar in given], width=0.62, color=COLOURS[0])
        for x, bar in zip(places, given, strict=True):
            if bar.share is None:
                continue
            top = bar.share
            if bar.low is not None and bar.high is not None:
                ends = [[bar.share - bar.low], [bar.high - bar.share]]
                axes.errorbar(x, bar.share, yerr=np.maximum(ends, 0), color=_INK, capsize=4, linewidth=1.2)
                top = max(bar.high, bar.share)
            axes.text(x, top + 0.02, f"{100 * bar.share:.0f} %", ha="center", va="bottom")
        axes.set_xticks(places, [f"{bar.name}\nn = {bar.count}" for bar in given])
        axes.set_ylim(0, 1.12)
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return draw


def matrix(
    rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]], right: Sequence[Sequence[bool]]
) -> Draw:
    """Counts of a confusion, shaded by their share of the row; what is right is framed, its share stands at the end."""

    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for r, row in enumerate(counts):
            whole = max(1, sum(row))
            for c, count in enumerate(row):
                shade = (*_rgb(COLOURS[0]), 0.85 * count / whole)
                frame = _INK if right[r][c] else "none"
                axes.add_patch(
                    Rectangle((c - 0.46, r - 0.46), 0.92, 0.92, facecolor=shade, edgecolor=frame, linewidth=1)
                )
                if count:
                    axes.text(c, r, str(count), ha="center", va="center", fontsize=8.5)
            share = sum(count for count, hit in zip(row, right[r], strict=True) if hit) / whole
            axes.text(len(columns) + 0.55, r, f"{100 * share:.0f} %", ha="right", va="center", fontsize=8.5)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), [f"{name} ({sum(row)})" for name, row in zip(rows, counts, strict=True)])
        axes.set_xlim(-0.6, len(columns) + 0.6)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_aspect("equal")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.set_xlabel("station named")
        axes.set_ylabel("true station (nodes)")

    return draw


def holds(curves: Sequence[tuple[str, Reliability]]) -> Draw:
    """What came true of what was said, in bins; a dot as large as its bin, on the diagonal where it holds."""

    def draw(axes: Axes) -> None:
        axes.plot((0, 1), (0, 1), color=_INK, alpha=0.4, linewidth=0.8, linestyle="--")
        for (name, curve), colour in zip(curves, COLOURS, strict=False):
            axes.plot(curve.mean, curve.share, color=colour, linewidth=1.2, alpha=0.7)
            size = 18 + 160 * curve.count / curve.count.sum()
            label = f"{name} (n = {curve.count.sum():.0f}), error {curve.error:.2f}"
            axes.scatter(curve.mean, curve.share, s=size, color=colour, alpha=0.85, linewidth=0, label=label, zorder=3)
        _frame(axes, "probability given", "share malignant", 1.0)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.legend(loc="upper left", markerscale=0.6)

    return draw


def step_plot(curves: Sequence[Curve], x_label: str, y_label: str, x_end: float) -> str:
    """``steps`` as SVG."""
    return as_svg(steps(curves, x_label, y_label, x_end))


def line_plot(curves: Sequence[Curve], x_label: str, y_label: str, *, diagonal: bool = False) -> str:
    """``lines`` as SVG."""
    return as_svg(lines(curves, x_label, y_label, diagonal=diagonal))


def bar_plot(given: Sequence[Bar], x_label: str, y_label: str) -> str:
    """``bars`` as SVG."""
    return as_svg(bars(given, x_label, y_label))


def as_svg(draw: Draw, size: tuple[float, float] = _SIZE) -> str:
    """A drawing for the page; ``size`` in inches."""
    with _drawing(size) as (figure, axes):
        draw(axes)
        return _svg(figure)


def as_png(draw: Draw, size: tuple[float, float] = _SIZE, title: str = "", foot: str = "") -> bytes:
    """The same on white, as a file of its own that says what it is."""
    buffer = io.BytesIO()
    with _drawing(size) as (figure, axes):
        draw(axes)
        axes.set_title(title, fontsize=10, loc="left")
        figure.supxlabel(foot, fontsize=7, color=_INK, alpha=0.7)
        figure.savefig(buffer, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return red, green, blue


def _frame(axes: Axes, x_label: str, y_label: str, x_end: float) -> None:
    axes.set_xlim(0, x_end)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


@contextmanager
def _drawing(size: tuple[float, float]) -> Iterator[tuple[Figure, Axes]]:
    """A figure of its own, away from the screen and from matplotlib's state."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
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
