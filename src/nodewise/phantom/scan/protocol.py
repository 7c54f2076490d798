"""How a scan is made: kernel, slices, field of view, noise, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a scan is made; what is 0, None or False is switched off.

    Attributes:
        blur_mm: standard deviation of the point spread in plane.
        slice_mm: thickness; densities are averaged over it.
        noise_hu: standard deviation of the noise, root mean square over the body.
        grain_mm: standard deviation of the noise's own point spread in plane.
        edge: overshoot of a sharp kernel: ``1 + edge`` times the point spread less ``edge`` times one 2.2 as wide.
        hollow: how much of the lowest frequencies the noise lacks, 0 to 1.
        increment_mm: from slice to slice; less than ``slice_mm`` overlaps them, None is gapless.
        attenuation: how closely the noise follows the body's attenuation along the rays; 0 is the same everywhere,
            1 a constant tube current.
        streaks: strength of the streaks off dense contrast medium and metal; 1 is usual.
        inflow: how unevenly undiluted contrast medium fills the great veins, 0 to 1.
        heart_mm: how far the heart moves while it is scanned. dome_mm: the same of the diaphragm.
        doubled: whether moving borders are seen twice, not smeared.
        padding: value outside the reconstructed circle; None where all of the square is reconstructed.
        field_mm: width of the square field of view; None keeps all that is drawn.
        field_offset_mm: its middle less that of what is drawn, along x and y.
    """

    blur_mm: float
    slice_mm: float
    noise_hu: float
    grain_mm: float
    edge: float = 0.0
    hollow: float = 0.0
    increment_mm: float | None = None
    attenuation: float = 0.0
    streaks: float = 0.0
    inflow: float = 0.0
    heart_mm: float = 0.0
    dome_mm: float = 0.0
    doubled: bool = False
    padding: int | None = None
    field_mm: float | None = None
    field_offset_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def pitch_mm(self) -> float:
        """From slice to slice."""
        return self.increment_mm or self.slice_mm

    @property
    def kernel(self) -> str:
        """A name for the kernel, as a header gives one."""
        return "SHARP" if self.edge >= 0.3 else "SOFT"

    @property
    def facts(self) -> dict[str, float | str | None]:
        """What is worth keeping with the scan, lengths in mm; names as in a scan's own facts where it has them."""
        return {
            "slice_thickness_mm": self.slice_mm,
            "slice_increment_mm": self.pitch_mm,
            "kernel": self.kernel,
            "point_spread_mm": round(self.blur_mm, 3),
            "noise_hu": round(self.noise_hu, 2),
            "streaks": round(self.streaks, 2),
            "heart_motion_mm": round(self.heart_mm, 2),
            "diaphragm_motion_mm": round(self.dome_mm, 2),
            "padding": self.padding,
        }


def draw_protocol(rng: np.random.Generator, slice_mm: float | None = None) -> Protocol:
    """A protocol as hospitals use them; ``slice_mm`` fixes the thickness and leaves the slices gapless."""
    thick = float(rng.choice(_SLICES_MM, p=_SLICE_SHARES))
    noise = float(np.clip(13 * np.exp(rng.normal(0, 0.55)), 4, 40))
    sharp = bool(rng.random() < 0.25)
    noise *= float(rng.uniform(1, 2)) if sharp else 1.0
    blur = float(rng.uniform(0.38, 0.6) if sharp else rng.uniform(0.5, 0.95))
    share = float(rng.choice((1.0, 0.8, 0.5), p=(0.6, 0.25, 0.15)))
    circle = rng.random() < 0.35
    padding = int(rng.choice((-1024, -2000, -3024), p=(0.5, 0.3, 0.2)))
    moves = rng.random() < 0.7
    return Protocol(
        blur_mm=blur,
        slice_mm=slice_mm or thick,
        noise_hu=noise,
        grain_mm=float(blur * rng.uniform(0.7, 1.5)),
        edge=float(rng.uniform(0.3, 1.0)) if sharp else float(rng.choice((0.0, 0.2))),
        hollow=float(rng.uniform(0.75, 0.95) if sharp else rng.uniform(0.2, 0.8)),
        increment_mm=None if slice_mm else thick * share,
        attenuation=float(rng.uniform(0.2, 0.7)),
        streaks=float(rng.uniform(0.5, 2.5)),
        inflow=float(rng.uniform(0.1, 0.8)),
        heart_mm=float(rng.uniform(1.5, 6)) if moves else 0.0,
        dome_mm=float(rng.uniform(1, 6)) if rng.random() < 0.4 else 0.0,
        doubled=bool(rng.random() < 0.3),
        padding=padding if circle else None,
    )


_SLICES_MM = (0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0)
_SLICE_SHARES = (0.04, 0.05, 0.17, 0.14, 0.13, 0.14, 0.12, 0.13, 0.08)
