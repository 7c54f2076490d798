"""Visits of drawn patients to an imaginary scanner: patches of their nodes, new at every visit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.recipes.node_bank import CUBE, DrawnCase

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.models.node_patch import NodePatchPreparation
    from nodewise.phantom.scan.protocol import Protocol

TURN_DEG = 10.0
SHIFT_MM = 2.0
Floats = npt.NDArray[np.float32]


def scanned(case: DrawnCase, rng: np.random.Generator) -> Floats:
    """HU (n, z, y, x) of one visit: all nodes of the patient in the same phase and by the same protocol."""
    from nodewise.phantom.scan.scanner import Layers, redraw
    from nodewise.phantom.scan.tissue import draw_appearance

    look, protocol = draw_appearance(rng), _protocol(rng)
    cubes = zip(case.tissue, case.other, case.share, case.nodes, strict=True)
    return np.stack([redraw(Layers(*cube), (1.0, 1.0, 1.0), look, protocol, rng) for cube in cubes])


def _protocol(rng: np.random.Generator) -> Protocol:
    """A protocol for pieces of a body: what depends on the rest of it, attenuation and streaks, is left out."""
    from nodewise.phantom.scan.protocol import draw_protocol

    protocol = draw_protocol(rng)
    return replace(protocol, attenuation=0.0, streaks=0.0, noise_hu=min(protocol.noise_hu, 40.0))
