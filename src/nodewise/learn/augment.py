"""Random changes to a patch, each drawn from a generator: the same generator gives the same change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def flip(arrays: tuple[Array, ...], rng: np.random.Generator, *, axes: tuple[int, ...]) -> tuple[Array, ...]:
    """The arrays, all mirrored along each of ``axes`` with probability 1/2; as views."""
    chosen = tuple(axis for axis in axes if rng.random() < 0.5)
    return tuple(np.flip(a, chosen) for a in arrays) if chosen else arrays


def quarter_turns(
    arrays: tuple[Array, ...], rng: np.random.Generator, *, plane: tuple[int, int] = (0, 1)
) -> tuple[Array, ...]:
    """The arrays, all turned by 0, 90, 180 or 270° in ``plane``; as views.

    Raises:
        ValueError: the two axes differ in length, so that a quarter turn would change the shape.
    """
    if arrays[0].shape[plane[0]] != arrays[0].shape[plane[1]]:
        raise ValueError(f"a quarter turn needs a square plane, not {arrays[0].shape} in axes {plane}")
    turns = int(rng.integers(4))
    return tuple(np.rot90(a, turns, axes=plane) for a in arrays)


def intensity(image: Floats, rng: np.random.Generator, *, shift: float, scale: float, noise: float) -> Floats:
    """``image × (1 ± scale) ± shift`` plus white noise, of standard deviation up to ``noise``, in its units."""
    factor = np.float32(1 + rng.uniform(-scale, scale))
    offset = np.float32(rng.uniform(-shift, shift))
    sigma = np.float32(rng.uniform(0, noise))
    return image * factor + offset + sigma * rng.standard_normal(image.shape, dtype=np.float32)


def gamma(image: Floats, rng: np.random.Generator, *, limits: tuple[float, float] = (0.8, 1.25)) -> Floats:
    """An image of 0 to 1 to a power that lies log-evenly between ``limits``."""
    power = np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1])))
    return np.asarray(np.clip(image, 0, 1) ** np.float32(power), dtype=np.float32)
