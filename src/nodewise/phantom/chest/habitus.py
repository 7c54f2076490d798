"""One person's measures, drawn once; everything else follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Axes, Field, Floats
from nodewise.values.station import Side

BOTTOM_MM, TOP_MM = -175.0, 128.0
_BENT = np.array([(-250, 0.0), (-175, 0.25), (-90, 1.0), (-20, 1.0), (60, -0.1), (128, -1.5), (170, -2.2)])


@dataclass(frozen=True, slots=True, eq=False)
class Habitus:
    """Measures of one person; lengths in mm.

    The template's own frame is LPS with the carina at 0; it is scaled, turned about z and moved into the world.

    Attributes:
        scale: of the template along x, y, z. turn_rad: about z. carina: where the template's origin lies in the world.
        female: of sex. kyphosis: how far the back stands out at mid-chest, mm; the neck leans forward by as much.
        calibre: factor on vessels' radii. jitter: standard deviation of a control point's place.
        arch_top, arch_low: height of the aortic arch over the carina (world mm).
        aorta: radius of the ascending aorta. unfolded: a wide, tortuous aorta.
        notch: height of the manubrium's upper border over the carina (world mm).
        trachea, bronchus: lumen radii. fat: thickness under the skin. slack: fat between organ and lung.
        closing: how far fat fills the nooks between organs. calcified: how much of the cartilage is bone, 0 to 1.
        vein_cross: lower margin of the left brachiocephalic vein over the arch, before the trachea.
        primary: side of the tumour.
    """

    scale: Floats
    turn_rad: float
    carina: Floats
    female: bool
    kyphosis: float
    calibre: float
    jitter: float
    arch_top: float
    aorta: float
    unfolded: bool
    notch: float
    trachea: float
    bronchus: float
    fat: float
    slack: float
    closing: float
    calcified: float
    vein_cross: float
    primary: Side

    @property
    def arch_low(self) -> float:
        """Lower border of the arch over the carina, mm."""
        return self.arch_top - 1.75 * self.aorta

    @property
    def lung_artery(self) -> float:
        """Upper rim of the left pulmonary artery over the carina, mm."""
        return min(-2.0, self.arch_low - 5.0)

    def world(self, points: npt.ArrayLike) -> Floats:
        """Template points (…, 3) in the world."""
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        p = np.array(points, float)
        p[..., 1] += self.bent(p[..., 2]) * np.clip((p[..., 1] + 20) / 60, 0, 1)
        return np.asarray((p * self.scale) @ turn.T + self.carina)

    def bent(self, w: npt.ArrayLike) -> Floats:
        """How far back the spine lies at template height ``w`` for its kyphosis, template mm."""
        return np.asarray(self.kyphosis * np.interp(np.asarray(w, float), _BENT[:, 0], _BENT[:, 1]))

    def template(self, axes: Axes) -> tuple[Field, Field, Field]:
        """World axes as template coordinates: x and y as (nx, ny, 1), z as (1, 1, nz)."""
        x, y = (axes[0] - self.carina[0])[:, None, None], (axes[1] - self.carina[1])[None, :, None]
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        u = ((c * x + s * y) / self.scale[0]).astype(np.float32)
        v = ((c * y - s * x) / self.scale[1]).astype(np.float32)
        w = ((axes[2] - self.carina[2])[None, None, :] / self.scale[2]).astype(np.float32)
        return u, v, w


def draw_habitus(rng: np.random.Generator) -> Habitus:
    """Draw one person (FINDINGS of real chests: arch 17 to 57 mm above the carina, a large aorta in a quarter)."""
    female = bool(rng.random() < 0.42)
    size = float(np.clip(rng.normal(0.95 if female else 1.03, 0.065), 0.8, 1.2))
    old = float(rng.beta(2.0, 1.6))
    unfolded = bool(rng.random() < 0.5 * old)
    aorta = float(np.sqrt(size) * (rng.uniform(17, 20.5) if unfolded else rng.uniform(13.8, 17)))
    arch = float(np.clip(rng.normal(33 + 8 * old, 8.5), 17, 57))
    fat = float(rng.gamma(3.0, 5.5) * (1.15 if female else 0.9) + 5)
    cross = float(rng.uniform(3, 13))
    plump = float(np.clip(0.35 * fat / 20 + 0.65 * rng.beta(1.6, 2.2), 0, 1))  # of the mediastinum
    return Habitus(
        scale=size * np.exp(rng.normal(0, (0.04, 0.06, 0.045))),
        turn_rad=float(np.deg2rad(rng.normal(0, 3.5))),
        carina=rng.normal(0, (8, 15, 60)).round(1),
        female=female,
        kyphosis=float(np.clip(rng.normal(2 + 9 * old, 4), -5, 18)),
        calibre=float(np.sqrt(size) * rng.uniform(0.9, 1.12)),
        jitter=float(rng.uniform(0.8, 2.2)),
        arch_top=arch,
        aorta=aorta,
        unfolded=unfolded,
        notch=max(float(size * (44 + 0.5 * arch + rng.normal(0, 3))), arch + cross + float(rng.uniform(13, 19))),
        trachea=float(rng.uniform(7.2, 8.9) if female else rng.uniform(8.2, 10.6)),
        bronchus=float(rng.uniform(5.4, 6.5) if female else rng.uniform(5.9, 7.2)),
        fat=fat,
        slack=0.9 + 3.0 * plump,
        closing=6.0 + 8.5 * plump,
        calcified=float(np.clip(rng.normal(0.9 * old - 0.15, 0.25), 0, 1)),
        vein_cross=cross,
        primary=Side.LEFT if rng.random() < 0.45 else Side.RIGHT,
    )
