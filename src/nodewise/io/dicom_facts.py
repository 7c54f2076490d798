"""Facts on a scan worth reporting; nothing that could name the patient or the place."""

from __future__ import annotations

from typing import Any

import numpy as np

from nodewise.io.dicom_header import Slice, number
from nodewise.values.grid import Grid

Facts = dict[str, str | float | int]

_NO_AGENT = {"NO", "NONE", "NON", "N", "WITHOUT", "NO CONTRAST", "UNENHANCED", "NATIVE", "-", "0"}


def grid_facts(grid: Grid) -> Facts:
    """Shape, spacing and orientation of a grid as stored, before its axes are turned."""
    return {
        "shape": " × ".join(str(n) for n in grid.shape),
        "spacing_mm": " × ".join(f"{s:.3f}".rstrip("0").rstrip(".") for s in grid.spacing),
        "orientation": orientation(grid),
    }


def orientation(grid: Grid) -> str:
    """Where the array axes run to, in nibabel's letters (``LPS``), and by how much they are turned from there."""
    order, sign = grid.axes_to_lps()
    letters = {axis: name[s > 0] for axis, s, name in zip(order, sign, ("RL", "AP", "IS"), strict=True)}
    cosine = min(abs(float(grid.direction[world, axis])) for world, axis in enumerate(order))
    angle = float(np.degrees(np.arccos(min(1.0, cosine))))
    return "".join(letters[axis] for axis in range(3)) + (f", oblique by {angle:.1f}°" if angle > 0.1 else "")


def facts_of(first: Slice, grid: Grid) -> Facts:
    """Modality, scanner, kernel, kVp, slice thickness, contrast, patient position and the grid's own."""
    texts = {
        "modality": first.header.get("Modality"),
        "manufacturer": first.header.get("Manufacturer"),
        "model": first.header.get("ManufacturerModelName"),
        "kernel": first.get("CTReconstructionSequence", "ConvolutionKernel"),
        "patient_position": first.header.get("PatientPosition"),
    }
    numbers = {
        "kvp": first.get("CTXRayDetailsSequence", "KVP"),
        "slice_thickness_mm": first.get("PixelMeasuresSequence", "SliceThickness"),
    }
    facts: Facts = {name: _text(value) for name, value in texts.items() if value not in (None, "")}
    facts |= {name: number(value, 0.0) for name, value in numbers.items() if number(value, 0.0) > 0}
    return facts | {"contrast_agent": _contrast(first.header)} | grid_facts(grid)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else "\\".join(str(part) for part in value)


def _contrast(header: Any) -> str:
    """``yes``, ``no``, ``oral`` or ``unknown``: a missing attribute does not say that none was given."""
    if header.get("ContrastBolusAgentSequence"):
        return "yes"
    agent = str(header.get("ContrastBolusAgent") or "").strip().upper()
    if not agent:
        return "unknown"
    if agent in _NO_AGENT:
        return "no"
    return "oral" if "ORAL" in str(header.get("ContrastBolusRoute") or "").upper() else "yes"
