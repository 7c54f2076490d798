"""Which slices and which field of view of a drawing become a scan, for its HU and its label maps alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.scan.protocol import Protocol
from nodewise.phantom.scan.slices import Floats
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """Where a scan lies in its drawing.

    Attributes:
        box: of the drawing that is reconstructed, all of it along z.
        middles: of the slices, in voxels of the drawing along z, feet first.
        grid: of the scan.
    """

    box: Box
    middles: Floats
    grid: Grid

    @staticmethod
    def of(drawn: Grid, protocol: Protocol) -> Framing:
        """The framing of a drawing whose axes are the patient's.

        Raises:
            BadInputError: the field of view or a slice is larger than what is drawn,
                or a slice thinner than its voxels.
        """
        step, n = drawn.spacing[2], drawn.shape[2]
        thick, pitch = protocol.slice_mm / step, protocol.pitch_mm / step
        if thick < 1 - 1e-6:
            raise BadInputError(f"slices of {protocol.slice_mm} mm out of voxels of {step:.2f} mm: draw it finer")
        count = int(np.floor((n - thick) / pitch + 1e-6)) + 1
        if count < 1:
            raise BadInputError(f"a slice of {protocol.slice_mm} mm does not fit into {n * step:.1f} mm: draw more")
        middles = (thick - 1) / 2 + np.arange(count) * pitch
        box = _field(drawn, protocol)
        affine = drawn.affine.copy()
        affine[:3, 3] = drawn.to_lps((box.start[0], box.start[1], middles[0]))
        affine[:3, 2] *= pitch
        return Framing(box, middles, Grid((box.shape[0], box.shape[1], count), affine))

    def labels(self, drawn: Volume) -> Volume:
        """A label map or mask of the drawing on the scan's grid: what lies in the middle of each slice.

        Of two layers that are as near to it the lower one counts, always: slices stay as far apart as they are.
        """
        lower = np.ceil(self.middles - 0.5 - 1e-6).astype(int)
        at = np.clip(lower, 0, drawn.grid.shape[2] - 1)
        x, y, _ = self.box.slices
        return Volume(np.asfortranarray(drawn.array[x, y][:, :, at]), self.grid, drawn.quantity)

    def outside(self) -> npt.NDArray[np.bool_]:
        """Pixels (x, y) outside the circle in the field of view."""
        across, down = (np.abs(np.arange(n) - (n - 1) / 2) / (n / 2) for n in self.grid.shape[:2])
        return np.asarray(across[:, None] ** 2 + down**2 > 1)


def _field(drawn: Grid, protocol: Protocol) -> Box:
    """The part of the drawing in the field of view."""
    start, stop = [0, 0], list(drawn.shape[:2])
    if protocol.field_mm is not None:
        for axis in (0, 1):
            n, step = drawn.shape[axis], drawn.spacing[axis]
            width = round(protocol.field_mm / step)
            if not 1 <= width <= n:
                raise BadInputError(f"a field of view of {protocol.field_mm} mm does not fit into {n * step:.0f} mm")
            first = round((n - width) / 2 + protocol.field_offset_mm[axis] / step)
            start[axis] = min(max(0, first), n - width)
            stop[axis] = start[axis] + width
    return Box((start[0], start[1], 0), (stop[0], stop[1], drawn.shape[2]))
