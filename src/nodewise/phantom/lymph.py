"""Lymph nodes: how many, where, how large, of which shape, and which of them are malignant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.canvas import Canvas
from nodewise.phantom.drawn_node import DrawnNode, paint_node
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.shapes import Blob, Floats, rotation
from nodewise.staging.rules import level
from nodewise.values.node import Status
from nodewise.values.station import Side, Station

Labels = npt.NDArray[np.uint8]

# How often a node lies where; drawn to keep every station of the map in play, weighted as chest CT shows them.
_WHERE = {
    "1R": 2, "1L": 2, "2R": 6, "2L": 3, "3a": 3, "3p": 2, "4R": 20, "4L": 9, "5": 9, "6": 7, "7": 13, "8": 5, "9R": 1,
    "9L": 1, "10R": 7, "10L": 6, "11R": 7, "11L": 6, "12R": 2, "12L": 2, "13R": 0.7, "13L": 0.7, "14R": 0.5, "14L": 0.5,
}  # fmt: skip


def spread(rng: np.random.Generator, primary: Side) -> list[tuple[Station, Status]]:
    """Station and status of 6 to 20 nodes: the hilum drains first, then the mediastinum, then the other side."""
    codes, weights = list(_WHERE), np.array(list(_WHERE.values()), float)
    count = int(rng.integers(6, 21))
    stations = [Station(str(c)) for c in rng.choice(codes, count, p=weights / weights.sum())]
    category = int(rng.choice(4, p=(0.40, 0.13, 0.27, 0.20)))
    levels = [category] if category else []
    if category >= 2 and rng.random() < 0.7:
        levels.append(1)
    if category == 3 and rng.random() < 0.75:
        levels.append(2)
    ill: set[Station] = set()
    for wanted in levels:
        fits = [s for s in stations if level(s, primary) == wanted]
        if not fits:
            pool = [c for c in codes if level(Station(c), primary) == wanted]
            p = np.array([_WHERE[c] for c in pool], float)
            fits = [Station(str(rng.choice(pool, p=p / p.sum())))]
            stations[int(rng.integers(count))] = fits[0]
        take = rng.choice(len(fits), min(len(fits), int(rng.integers(1, 4))), replace=False)
        ill |= {fits[int(t)] for t in take}
    first = dict.fromkeys(ill, True)
    status = []
    for s in stations:
        bad = s in ill and (first[s] or rng.random() < 0.6)
        if bad:
            first[s] = False
        status.append(Status.MALIGNANT if bad else Status.BENIGN)
    return list(zip(stations, status, strict=True))


def draw_shape(rng: np.random.Generator, centre: Floats, short: float, status: Status) -> Blob:
    """A lobulated ellipsoid; ``short`` is its smallest diameter, mm. Malignant ones are rounder on average."""
    longest = 1 + rng.beta(1.8, 1.9 if status is Status.MALIGNANT else 1.3) * 1.2
    middle = rng.uniform(1.0, longest)
    radii = 0.5 * short * np.array([1.0, middle, longest])
    axes = rotation(rng)
    centres, sizes = [centre], [radii]
    for _ in range(int(rng.choice(4, p=(0.45, 0.3, 0.15, 0.1)))):
        way = axes @ (rng.uniform(-1, 1, 3) * radii * (0.2, 0.6, 0.8))
        centres.append(centre + way)
        sizes.append(radii * rng.uniform(0.5, 0.85, 3))
    return Blob(np.array(centres), np.array(sizes), axes)


def place_nodes(canvas: Canvas, stations: Labels, primary: Side, rng: np.random.Generator) -> list[DrawnNode]:
    """Draw a patient's nodes and paint them on the planning ``canvas``; those that find no room are left out."""
    room = ndimage.distance_transform_edt(_is_room(canvas.tissue), sampling=canvas.grid.spacing).astype(np.float32)
    wanted = spread(rng, primary)
    found: list[DrawnNode] = []
    for station, status in wanted:
        grow = 1.25 if status is Status.MALIGNANT else 1.0
        short = float(np.clip(6.5 * np.exp(rng.normal(0, 0.55)) * grow, 2.8, 30))
        beside = [n for n in found if n.place == station.code] if rng.random() < 0.45 else []
        for attempt in range(12):
            size = short * (1.0 if attempt < 6 else 0.75)
            at = (
                _beside(rng, beside, size)
                if beside and attempt < 4
                else _free(canvas, stations, room, station, size, rng)
            )
            if at is None:
                continue
            shape = draw_shape(rng, at, size, status)
            if _fits(canvas, stations, shape, station):
                found.append(DrawnNode(shape, station.code, status))
                paint_node(canvas, len(found), found[-1])
                break
    return found


def _is_room(tissue: Labels) -> npt.NDArray[np.bool_]:
    return np.asarray((tissue == Tissue.FAT) | (tissue == Tissue.LUNG))


def _beside(rng: np.random.Generator, others: Sequence[DrawnNode], short: float) -> Floats:
    """A place that touches a node already there."""
    other = others[int(rng.integers(len(others)))].shape
    way = rng.normal(0, 1, 3)
    reach = 0.5 * short + float(other.radii[0].mean())
    return np.asarray(other.centres[0] + way / np.linalg.norm(way) * reach * rng.uniform(0.75, 1.1))


def _free(
    canvas: Canvas,
    stations: Labels,
    room: npt.NDArray[np.float32],
    station: Station,
    short: float,
    rng: np.random.Generator,
) -> Floats | None:
    """A place in the station, as close to its neighbours as the node's size allows."""
    here = np.flatnonzero((stations == station.label).ravel(order="K") & (canvas.tissue == Tissue.FAT).ravel(order="K"))
    if here.size == 0:
        return None
    space = room.ravel(order="F")[here]
    r = 0.5 * short
    gap = rng.uniform(0, 4)
    fits = here[(space >= 0.75 * r) & (space <= r + gap + 1)]
    if fits.size == 0:
        order = np.argsort(space)[-max(1, space.size // 50) :]
        if space[order[-1]] < 0.45 * r:
            return None
        fits = here[order]
    index = np.unravel_index(int(rng.choice(fits)), canvas.tissue.shape, order="F")
    return np.asarray(canvas.grid.to_lps(index) + rng.uniform(-0.4, 0.4, 3) * canvas.grid.spacing)


def _fits(canvas: Canvas, stations: Labels, shape: Blob, station: Station) -> bool:
    """Whether enough of the shape finds room, and most of that in its station."""
    part = canvas.window(shape, canvas.step)
    if part is None:
        return False
    distance = canvas.distance(shape, part, canvas.step)
    inside, tissue = distance < 0, canvas.tissue[part]
    total = int(inside.sum())
    if total == 0:
        index = np.rint(canvas.grid.to_index(shape.centres[0])).astype(int)
        if (index < 0).any() or (index >= canvas.tissue.shape).any():
            return False
        i = tuple(index)
        return bool(canvas.tissue[i] == Tissue.FAT and stations[i] == station.label)
    lung = inside & (tissue == Tissue.LUNG)
    fat = inside & (tissue == Tissue.FAT)
    named = stations[part][(distance < 0.5 * canvas.step) & (tissue == Tissue.FAT)]  # a small node's own are too few
    own = int((named == station.label).sum())
    if own < 0.75 * max(1, named.size) or fat.sum() < 0.4 * total:
        return False
    return bool(fat.sum() + lung.sum() >= 0.6 * total)
