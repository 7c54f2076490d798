"""Shapes of organs as signed distances in millimetres, negative inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

Floats = npt.NDArray[np.float64]
Field = npt.NDArray[np.float32]
Axes = tuple[Field, Field, Field]


class Shape(Protocol):
    """What a canvas can paint."""

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        ...

    def distance(self, axes: Axes, reach: float) -> Field:
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm); beyond ``reach`` mm it is merely large."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A round tube along a polyline.

    Attributes:
        points: (n, 3) LPS mm, n at least 2.
        radii: (n,) mm.
        flat: width over depth (y) of the section; ``radii`` is half the width.
    """

    points: Floats
    radii: Floats
    flat: float = 1.0

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        r = self.radii[:, None]
        return (self.points - r).min(axis=0), (self.points + r).max(axis=0)

    def distance(self, axes: Axes, reach: float) -> Field:
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm); beyond ``reach`` mm it is merely large."""
        x, y, z = axes
        out = np.full((z.size, y.size, x.size), 1e3, np.float32)
        metric = np.array([1.0, self.flat, 1.0])
        for a, b, ra, rb in zip(self.points[:-1], self.points[1:], self.radii[:-1], self.radii[1:], strict=True):
            low, high = np.minimum(a, b) - max(ra, rb) - reach, np.maximum(a, b) + max(ra, rb) + reach
            i, j, k = (slice(*np.searchsorted(ax, (lo, hi))) for ax, lo, hi in zip(axes, low, high, strict=True))
            if min(s.stop - s.start for s in (i, j, k)) == 0:
                continue
            along = (b - a) * metric
            length = max(float(np.linalg.norm(along)), 1e-6)
            ux, uy, uz = (along / length).astype(np.float32)
            px, py, pz = x[i] - a[0], (y[j] - a[1]) * self.flat, z[k] - a[2]
            plane = (px * ux)[None, :] + (py * uy)[:, None]
            projection = (pz * uz)[:, None, None] + plane[None]
            t = np.clip(projection, 0, length)
            square = (pz**2)[:, None, None] + ((px**2)[None, :] + (py**2)[:, None])[None] + t * (t - 2 * projection)
            d = np.sqrt(np.maximum(square, 0)) - (ra + t * ((rb - ra) / length))
            view = out[k, j, i]
            np.minimum(view, d, out=view)
        return out.T


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """One or more ellipsoids run together.

    Attributes:
        centres: (n, 3) LPS mm. radii: (n, 3) mm along the axes. axes: 3×3, unit vectors in columns, shared.
    """

    centres: Floats
    radii: Floats
    axes: Floats

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        half = np.sqrt(((self.axes[None] * self.radii[:, None, :]) ** 2).sum(axis=2))
        return (self.centres - half).min(axis=0), (self.centres + half).max(axis=0)

    def distance(self, axes: Axes, reach: float) -> Field:  # noqa: ARG002 - same call as a tube's
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm), exact on the surface."""
        x, y, z = axes
        out: Field | None = None
        for c, r in zip(self.centres, self.radii, strict=True):
            px, py, pz = x - c[0], y - c[1], z - c[2]
            near, far = np.float32(0), np.float32(0)
            for m in range(3):
                e = (self.axes[:, m] / r[m]).astype(np.float32)
                q = (pz * e[2])[:, None, None] + ((px * e[0])[None, :] + (py * e[1])[:, None])[None]
                q *= q
                near = near + q
                far = far + q * np.float32(1 / r[m] ** 2)
            k0 = np.sqrt(near)
            d = k0 * (k0 - 1) / np.sqrt(np.maximum(far, 1e-12))
            d = np.where(near < 1e-6, -r.min(), d).astype(np.float32)
            out = d if out is None else np.minimum(out, d)
        assert out is not None
        return out.T


@dataclass(frozen=True, slots=True, eq=False)
class Drum:
    """A waisted, somewhat square cylinder with flat ends, as a vertebra's body or a disc is.

    Attributes:
        centre: (3,) LPS mm. axes: 3×3, unit vectors in columns: width, depth and the drum's axis.
        radii: half width, half depth and half height, mm. waist: how much slimmer it is half-way, 0 to 1.
    """

    centre: Floats
    axes: Floats
    radii: Floats
    waist: float = 0.0

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        half = np.abs(self.axes * self.radii).sum(axis=1)
        return self.centre - half, self.centre + half

    def distance(self, axes: Axes, reach: float) -> Field:  # noqa: ARG002 - same call as a tube's
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm), to first order."""
        x, y, z = (a - c for a, c in zip(axes, self.centre, strict=True))
        e = self.axes.astype(np.float32)
        across, deep, high = (
            (z * e[2, m])[:, None, None] + ((x * e[0, m])[None, :] + (y * e[1, m])[:, None])[None] for m in range(3)
        )
        a, b, h = (np.float32(r) for r in self.radii)
        slim = 1 - np.float32(self.waist) * np.maximum(1 - (high / h) ** 2, 0)
        f = (np.abs(across / a) ** 2.6 + np.abs(deep / b) ** 2.6) ** np.float32(1 / 2.6)
        side = np.hypot(across, deep) * (1 - slim / np.maximum(f, np.float32(0.05)))
        return np.asarray(np.maximum(side, np.abs(high) - h).T)


def ball(centre: npt.ArrayLike, radii: npt.ArrayLike, axes: Floats | None = None) -> Blob:
    """One ellipsoid; ``radii`` mm along x, y, z, or along the columns of ``axes``."""
    return Blob(
        np.atleast_2d(np.asarray(centre, float)),
        np.atleast_2d(np.asarray(radii, float)),
        np.eye(3) if axes is None else axes,
    )


def curve(points: npt.ArrayLike, radii: npt.ArrayLike, step: float = 3.0, flat: float = 1.0) -> Tube:
    """A tube along a smooth curve through ``points`` (n, 3), in pieces of about ``step`` mm."""
    p = np.asarray(points, float)
    r = np.broadcast_to(np.asarray(radii, float), len(p))
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.linspace(0, s[-1], max(2, round(s[-1] / step) + 1))
    way = Akima1DInterpolator(s, p)(at) if len(p) > 2 else p[0] + (p[1] - p[0]) * (at / s[-1])[:, None]
    return Tube(way, PchipInterpolator(s, r)(at), flat)


def rotation(rng: np.random.Generator) -> Floats:
    """A random rotation, 3×3."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] = -q[:, 0]
    return np.asarray(q)
