"""The heart with its chambers, left appendage and coronary vessels in the pericardium's fat."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Blob, Floats, ball, curve
from nodewise.phantom.geometry import Tissue

_AXIS = np.array([0.70, -0.50, -0.51])  # from base to apex: left, forward and down


def _turn() -> Floats:
    """Axes of the ventricles in columns: to the apex, sideways, and across both."""
    axis = _AXIS / np.linalg.norm(_AXIS)
    side = np.cross(axis, (0, 0, 1.0))
    side /= np.linalg.norm(side)
    return np.column_stack([axis, side, np.cross(axis, side)])


def heart(pen: Pen) -> list[Part]:
    """Muscle and chambers from the outside in; the apex points left, forward and down."""
    p = pen.person
    grow = pen.between(0.9, 1.13) * p.scale.mean()
    turn = _turn()

    def chamber(
        name: str, tissue: Tissue, at: tuple[float, float, float], radii: tuple[float, float, float], organ: str,
        turned: bool = False,
    ) -> Part:  # fmt: skip
        r = np.asarray(radii) * grow
        return Part(name, tissue, ball(pen.way([at], 0.6)[0], r, turn if turned else None), organ=organ)

    left = pen.way([(39, -30, -86)], 0.6)[0]
    muscle = "heart_myocardium"
    wall = pen.between(9, 12)
    cavity = np.array([47, 33, 33]) * grow - wall
    return [
        chamber("heart_body", Tissue.HEART, (10, -34, -78), (46, 31, 31), muscle, True),
        chamber("right_ventricle_wall", Tissue.HEART, (14, -51, -90), (47, 22, 31), muscle, True),
        chamber("right_ventricle", Tissue.HEART_RIGHT, (14, -51, -90), (43, 18.5, 27.5), "heart_ventricle_right", True),
        chamber("outflow", Tissue.HEART_RIGHT, (15, -59, -66), (16, 14, 20), "heart_ventricle_right"),
        chamber("right_atrium", Tissue.HEART_RIGHT, (-27, -30, -74), (22, 25, 30), "heart_atrium_right"),
        chamber("right_appendage", Tissue.HEART_RIGHT, (-16, -54, -52), (13, 11, 13), "heart_atrium_right"),
        Part("left_ventricle_wall", Tissue.HEART, ball(left, np.array([47, 33, 33]) * grow, turn), organ=muscle),
        Part(
            "left_ventricle", Tissue.HEART_LEFT, ball(left - 2 * turn[:, 0], cavity, turn), organ="heart_ventricle_left"
        ),
        chamber("left_atrium", Tissue.HEART_LEFT, (4, 1, -54), (32, 17, 20), "heart_atrium_left"),
        _appendage(pen, grow),
    ]


def _appendage(pen: Pen, grow: float) -> Part:
    """The left atrial appendage: a lobed finger forward along the pulmonary trunk's left side."""
    way = pen.way([(27, -8, -46), (37, -18, -40), (42, -30, -38)], 0.6)
    radii = np.array([(8, 9, 9), (8.5, 9, 10), (6.5, 8, 8)]) * grow * pen.between(0.85, 1.2)
    return Part("left_appendage", Tissue.HEART_LEFT, Blob(way, radii, np.eye(3)), organ="atrial_appendage_left")


def pericardium(pen: Pen, chambers: list[Part]) -> list[Part]:
    """The sac as its fat-filled inside with a thin wall, to be painted before the chambers."""
    p = pen.person
    fat = 0.5 + 0.9 * (p.slack - 0.9) + pen.between(0, 0.9)
    held = ("heart_body", "right_ventricle_wall", "right_atrium", "left_ventricle_wall")
    blobs = [c.shape for c in chambers if isinstance(c.shape, Blob) and c.name in held]
    return [
        *(Part("pericardium", Tissue.PERICARDIUM, Blob(b.centres, b.radii + fat + 0.9, b.axes)) for b in blobs),
        *(Part("epicardial_fat", Tissue.FAT, Blob(b.centres, b.radii + fat, b.axes), organ="heart") for b in blobs),
    ]


def coronaries(pen: Pen) -> list[Part]:
    """Anterior descending, circumflex and right coronary artery in their grooves."""
    ways = (
        [(14, -42, -52), (30, -53, -60), (48, -66, -84), (64, -64, -108)],
        [(14, -40, -52), (34, -24, -52), (52, -12, -66), (56, -2, -86)],
        [(-2, -52, -56), (-18, -66, -72), (-16, -64, -98), (2, -44, -114)],
    )
    return [
        Part("coronary", Tissue.VESSEL_SMALL, curve(pen.way(list(w), 0.8), [1.9, 1.7, 1.3, 0.9]), organ="heart")
        for w in ways
    ]
