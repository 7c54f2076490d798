"""A tumour of the colon in some, and which nodes are ill or swollen."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.abdomen.bowel import Colon
from nodewise.phantom.body import Tumour
from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.draw.placing import Wanted, draw_short
from nodewise.phantom.draw.shapes import Blob, Tube, rotation
from nodewise.phantom.geometry import Tissue
from nodewise.values.node import Status
from nodewise.values.station import Side

# Part of the colon: how often its tumours, its side, and the compartments that it drains to, the first ones first.
_DRAINS = {
    "caecum": (0.2, Side.RIGHT, ("ileocolic", "mesenteric", "retroperitoneal right", "aortocaval")),
    "ascending colon": (0.22, Side.RIGHT, ("right colic", "ileocolic", "mesenteric", "aortocaval")),
    "transverse colon": (0.15, None, ("middle colic", "mesenteric", "coeliac", "retroperitoneal left")),
    "descending colon": (0.13, Side.LEFT, ("left colic", "inferior mesenteric", "retroperitoneal left")),
    "sigmoid colon": (0.3, Side.LEFT, ("sigmoid", "inferior mesenteric", "iliac left", "retroperitoneal left")),
}

# How often a benign node lies where.
_BENIGN = {
    "mesenteric": 30, "ileocolic": 14, "right colic": 7, "middle colic": 5, "left colic": 4, "sigmoid": 5,
    "inferior mesenteric": 4, "coeliac": 3, "portal": 4, "splenic": 1.5, "perigastric": 2.5,
    "retroperitoneal right": 4, "aortocaval": 5, "retroperitoneal left": 10, "iliac right": 3, "iliac left": 3,
}  # fmt: skip

_ELSEWHERE = ("mesenteric", "retroperitoneal left", "aortocaval", "retroperitoneal right", "portal", "coeliac")


def primary(brush: Brush, colon: Colon) -> tuple[list[Piece], Tumour | None]:
    """In six of ten a tumour that grows about the colon and narrows it; T by its length alone.

    No T category of the colon goes by size: 20, 40 and 70 mm stand in for T1 to T4.
    """
    rng = brush.rng
    if rng.random() > 0.6:
        return [], None
    sites = list(_DRAINS)
    site = sites[int(rng.choice(len(sites), p=[_DRAINS[s][0] for s in sites]))]
    at = [n for n, name in enumerate(colon.parts) if name == site]
    middle = at[int(rng.integers(len(at) // 4, max(len(at) * 3 // 4, len(at) // 4 + 1)))]
    length = float(np.clip(38 * np.exp(rng.normal(0, 0.4)), 12, 90))
    half = max(2, round(length / 6))
    lumen = colon.lumen
    part = slice(max(middle - half, 0), min(middle + half + 1, len(lumen.points)))
    line, radii = lumen.points[part], lumen.radii[part]
    swell = np.sin(np.linspace(0.15, np.pi - 0.15, len(line)))
    aside = rng.normal(0, 3, 3)
    mass = Tube(line + aside * swell[:, None], np.minimum(radii, 15) + 1 + rng.uniform(3, 8) * swell)
    lump = Blob(line[[len(line) // 2]] + aside * 2, rng.uniform(0.25, 0.45, (1, 3)) * length, rotation(rng))
    left = Tube(line[1:-1], np.maximum(radii[1:-1] * 0.35 * (1.6 - swell[1:-1]), 1.8))
    bowel = (Tissue.FAT, Tissue.BOWEL_WALL, Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS, Tissue.VESSEL_SMALL)
    pieces = [
        Piece("tumour", Tissue.TUMOUR, mass, bowel),
        Piece("tumour", Tissue.TUMOUR, lump, bowel),
        Piece("colon", Tissue.BOWEL_CONTENT, left, (Tissue.TUMOUR,)),
    ]
    t = next((name for limit, name in ((20, "T1"), (40, "T2"), (70, "T3")) if length <= limit), "T4")
    c = line[len(line) // 2]
    return pieces, Tumour(site, _DRAINS[site][1], length, t, (float(c[0]), float(c[1]), float(c[2])))


def spread(rng: np.random.Generator, tumour: Tumour | None) -> list[Wanted]:
    """Nodes of one patient: many small ones, some swollen without metastasis, and those with metastasis.

    Sizes of the ill and the swollen lean on NIH CT Lymph Nodes (Roth et al. 2014: marked abdominal nodes, median short
    axis 13 mm) and DeepLesion (mesentery 11 mm). About half of the patients have metastases, as in P2.
    """
    wanted = [Wanted(_benign(rng), Status.BENIGN, draw_short(rng, 4.6, 0.35, 3.0, 9.9)) for _ in range(rng.poisson(11))]
    if rng.random() < 0.3:
        place = _benign(rng)
        for _ in range(int(rng.integers(2, 8))):
            where = place if rng.random() < 0.7 else _benign(rng)
            wanted.append(Wanted(where, Status.BENIGN, draw_short(rng, 10.5, 0.3, 6, 22)))
    if rng.random() < (0.55 if tumour else 0.35):
        order = _DRAINS[tumour.site][2] if tumour else tuple(rng.permutation(_ELSEWHERE))
        bulk = 1.0 if tumour else 1.25
        for _ in range(1 + int(rng.poisson(rng.gamma(1.5, 2.6)))):
            place = str(order[min(int(rng.geometric(0.55)) - 1, len(order) - 1)])
            status = Status.EXTRANODAL if rng.random() < 0.15 else Status.MALIGNANT
            wanted.append(Wanted(place, status, draw_short(rng, 12.5 * bulk, 0.45, 4, 45)))
    return wanted


def _benign(rng: np.random.Generator) -> str:
    p = np.array(list(_BENIGN.values()))
    return list(_BENIGN)[int(rng.choice(len(p), p=p / p.sum()))]
