"""The primary tumour of mouth, throat or larynx, and which levels it spreads to."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.body import Tumour
from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.draw.placing import Wanted, draw_short
from nodewise.phantom.draw.shapes import Blob, rotation
from nodewise.phantom.geometry import Tissue
from nodewise.values.node import Status
from nodewise.values.station import Side

# Site: how often, template point (left), median diameter in mm, and how often each level is its first to be ill.
_SITES = {
    "oral cavity": (0.42, ((17, -36, 80), (10, -50, 70), (36, -44, 74)), 27,
        {"IA": 8, "IB": 28, "IIA": 36, "IIB": 8, "III": 15, "IV": 4, "VA": 1}),
    "oropharynx": (0.24, ((15, 0, 75), (8, -9, 63), (8, -4, 92)), 30,
        {"IB": 4, "IIA": 45, "IIB": 16, "III": 21, "IV": 9, "VA": 5}),
    "hypopharynx": (0.18, ((15, 4, 28), (3, 9, 24), (13, 6, 36)), 30,
        {"IIA": 30, "IIB": 6, "III": 33, "IV": 20, "VA": 3, "VB": 4, "VI": 4}),
    "larynx": (0.16, ((6, -5, 16), (7, -4, 32), (6, -3, 22)), 22,
        {"IIA": 30, "IIB": 4, "III": 36, "IV": 20, "VB": 1, "VI": 9}),
}  # fmt: skip

# How often a benign node lies where.
_BENIGN = {"IA": 7, "IB": 20, "IIA": 26, "IIB": 12, "III": 14, "IV": 7, "VA": 9, "VB": 5, "VI": 2}

_GROWS_IN = (
    Tissue.MUSCLE, Tissue.MUCOSA, Tissue.LYMPHOID, Tissue.FAT, Tissue.GLAND, Tissue.CARTILAGE, Tissue.VESSEL_SMALL,
)  # fmt: skip


def primary(brush: Brush) -> tuple[Piece, Tumour]:
    """Draw the tumour; T by its diameter alone (AJCC 8, oral cavity and oropharynx: 20 and 40 mm)."""
    rng = brush.rng
    sites = list(_SITES)
    site = sites[int(rng.choice(len(sites), p=[_SITES[s][0] for s in sites]))]
    _, points, usual, _ = _SITES[site]
    side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    at = brush.sided(1 if side is Side.LEFT else -1).way([points[int(rng.integers(len(points)))]])[0]
    r = 0.5 * float(np.clip(usual * np.exp(rng.normal(0, 0.42)), 8, 48))
    n = int(rng.integers(3, 6))
    away = rng.normal(0, 0.35 * r, (n, 3))
    away[0] = 0
    shape = Blob(at + away, rng.uniform(0.6, 1.0, (n, 3)) * r, rotation(rng))
    t = "T1" if r <= 10 else "T2" if r <= 20 else "T3"
    centre = (float(at[0]), float(at[1]), float(at[2]))
    return Piece("tumour", Tissue.TUMOUR, shape, _GROWS_IN), Tumour(site, side, 2 * r, t, centre)


def spread(rng: np.random.Generator, site: str, side: Side) -> list[Wanted]:
    """Nodes of one patient, as P4 Table 1 counts them in its 213 training patients.

    1531 negative (4 % over 10 mm), 278 positive (55 %) and 145 with extranodal extension (87 %): 7.2, 1.3 and 0.7 a
    patient; a short axis, measured on axial slices, is about 8 % longer than the smallest diameter drawn here. Which
    levels are ill follows from the site and the side; the other side is ill less often.
    """
    wanted = [
        Wanted(_level(rng, _BENIGN, None), Status.BENIGN, draw_short(rng, 4.65, 0.40, 2.8, 14))
        for _ in range(_count(rng))
    ]
    if rng.random() < 0.6:
        for _ in range(1 + int(rng.poisson(rng.gamma(1.5, 1.7)))):
            extends = rng.random() < 0.345
            status = Status.EXTRANODAL if extends else Status.MALIGNANT
            short = draw_short(rng, 15.8, 0.45, 7, 38) if extends else draw_short(rng, 10.0, 0.5, 4, 30)
            wanted.append(Wanted(_level(rng, _SITES[site][3], side), status, short))
    return wanted


def _count(rng: np.random.Generator) -> int:
    """How many benign nodes: 7.2 on average, unevenly."""
    return int(np.clip(rng.poisson(rng.gamma(5.0, 1.52)), 1, 22))


def _level(rng: np.random.Generator, weights: dict[str, int], side: Side | None) -> str:
    """A level; on ``side`` in seven of eight, on either where None."""
    p = np.array(list(weights.values()), float)
    level = list(weights)[int(rng.choice(len(p), p=p / p.sum()))]
    if level == "VI":
        return level
    own = rng.random() < (0.5 if side is None else 0.87)
    left = own if side is not Side.RIGHT else not own
    return f"{level}-{'L' if left else 'R'}"
