"""The area of a mask's surface where eight voxels meet: marching cubes with corners half way between voxel centres."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Bools, Floats, Spacing

_CORNERS = np.array([(n & 1, n >> 1 & 1, n >> 2 & 1) for n in range(8)])  # a corner's bit in the code is its number
_FACES = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))  # corners in turn
_Edge = frozenset[int]


def neighbour_codes(mask: Bools) -> npt.NDArray[np.uint8]:
    """(nx + 1, ny + 1, nz + 1): which of the eight voxels that meet at a corner are inside; none outside the array."""
    codes = np.pad(mask, 1).astype(np.uint8, order="F")
    for axis in range(3):
        along = codes.swapaxes(0, axis)
        codes = (along[:-1] + (along[1:] << np.uint8(2**axis))).swapaxes(0, axis)
    return codes


def areas_mm2(spacing: Spacing) -> Floats:
    """(256,) area of the surface within the cuboid between eight voxel centres, by neighbour code.

    The areas are those of DeepMind's surface-distance: inside voxels that touch across a face's diagonal only are kept
    apart where they are the fewer of the eight, and joined where they are the more.
    """
    x, y, z = spacing
    return np.asarray(np.linalg.norm(_normals() * (y * z, x * z, x * y), axis=2).sum(axis=1))


@cache
def _normals() -> Floats:
    """(256, 4, 3) normals of each code's triangles, as long as their area at unit spacing; else zeros."""
    normals = np.zeros((256, 4, 3))
    for code in range(1, 255):
        inside = {n for n in range(8) if code >> n & 1}
        few = inside if len(inside) <= 4 else set(range(8)) - inside
        found = [normal for outline in _outlines(few) for normal in _triangles(outline)]
        normals[code, : len(found)] = found
    return normals


def _outlines(inside: set[int]) -> Iterator[Floats]:
    """Closed polygons (n, 3) through the middle of every edge between an inside and an outside corner."""
    links: dict[_Edge, list[_Edge]] = {}
    for face in _FACES:
        edges = [frozenset({a, b}) for a, b in zip(face, (*face[1:], face[0]), strict=True)]
        cut = [e for e in edges if len(e & inside) == 1]
        pairs = [cut] if len(cut) == 2 else [[e for e in cut if corner in e] for corner in inside & set(face) if cut]
        for a, b in pairs:
            links.setdefault(a, []).append(b)
            links.setdefault(b, []).append(a)
    while links:
        outline = [next(iter(links))]
        while onward := [e for e in links.pop(outline[-1]) if e in links]:
            outline.append(onward[0])
        yield np.array([_CORNERS[list(e)].mean(axis=0) for e in outline])


def _triangles(outline: Floats) -> Floats:
    """Normals of the triangles when every other corner is cut off, from where their area at unit spacing is largest.

    A polygon of five or six corners is not flat: where it is cut decides its area, and this cut is surface-distance's.
    """
    cuts = [_cut(np.roll(outline, shift, axis=0)) for shift in range(len(outline))]
    return max(cuts, key=lambda normals: round(float(np.linalg.norm(normals, axis=1).sum()), 9))


def _cut(outline: Floats) -> Floats:
    n = len(outline)
    triangles = [outline[[k, k + 1, (k + 2) % n]] for k in range(0, n - 1, 2)]
    if n > 4:
        triangles.append(outline[::2])
    a, b, c = np.array(triangles).swapaxes(0, 1)
    return np.asarray(np.cross(b - a, c - a) / 2)
