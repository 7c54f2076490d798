"""The pictures of docs/phantom.md, drawn anew from their seeds.

    python bench/phantom_pictures.py docs/images
    python bench/phantom_pictures.py docs/images --only pet

Everything shown is drawn by the phantom; nothing is a patient.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from nodewise.image.resample import resample
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.phantom.scan.tissue import Phase
from nodewise.values.node import Status
from nodewise.values.volume import Volume

Picture = npt.NDArray[np.uint8]  # (rows, columns, 3)
Plane = npt.NDArray[Any]  # (rows, columns)
SEED = 1004
FINE, COARSE = (0.8, 0.8, 1.5), (1.0, 1.0, 2.0)
COLOURS = {Status.BENIGN: (80, 220, 100), Status.MALIGNANT: (255, 80, 60), Status.EXTRANODAL: (255, 60, 220)}
TUMOUR = (255, 210, 40)


def gray(plane: Plane, low: float = -160.0, high: float = 240.0) -> Picture:
    """Values between ``low`` and ``high`` from black to white."""
    scaled = np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1)
    return np.repeat((scaled * 255).astype(np.uint8)[..., None], 3, axis=2)


def hot(plane: Plane, most: float) -> Picture:
    """SUV from black over red and yellow to white."""
    t = 3 * np.clip(plane.astype(np.float32) / most, 0, 1)
    return (np.stack([np.clip(t - k, 0, 1) for k in range(3)], axis=-1) * 255).astype(np.uint8)


def axial(volume: Volume, z_mm: float) -> Plane:
    """The slice nearest to a height, as radiologists see it: the patient's right on the left, front on top."""
    k = int(np.clip(round(volume.grid.to_index((0, 0, z_mm))[2]), 0, volume.grid.shape[2] - 1))
    return np.asarray(volume.array[:, :, k].T)


def coronal(volume: Volume, y_mm: float) -> Plane:
    """The plane nearest to a depth, head on top, its pixels made square."""
    j = int(np.clip(round(volume.grid.to_index((0, y_mm, 0))[1]), 0, volume.grid.shape[1] - 1))
    return square(np.asarray(volume.array[:, j, ::-1].T), volume)


def square(plane: Plane, volume: Volume) -> Plane:
    """Rows repeated so that a coronal pixel is as high as wide."""
    step = volume.grid.spacing[0] / volume.grid.spacing[2]
    rows = np.arange(int(plane.shape[0] / step)) * step
    if plane.dtype.kind in "iub":
        return np.asarray(plane[np.minimum(rows.round().astype(int), plane.shape[0] - 1)])
    found = ndimage.map_coordinates(plane, np.meshgrid(rows, np.arange(plane.shape[1]), indexing="ij"), order=1)
    return np.asarray(found)


def outlined(picture: Picture, phantom: Phantom, cut: Callable[[Volume], Plane]) -> Picture:
    """Outlines: green benign, red malignant, pink with extranodal extension, yellow the tumour."""
    picture = picture.copy()
    labels = cut(labels_of(phantom))
    for node in phantom.nodes:
        inside = labels == node.id
        if inside.any() and node.status:
            picture[ndimage.binary_dilation(inside) & ~inside] = COLOURS[node.status]
    if phantom.study.tumor is not None:
        inside = cut(phantom.study.tumor).astype(bool)
        picture[ndimage.binary_dilation(inside) & ~inside] = TUMOUR
    return picture


def labels_of(phantom: Phantom) -> Volume:
    """Every node's number where it lies."""
    labels = np.zeros(phantom.study.ct.grid.shape, np.int32, order="F")
    for node in phantom.nodes:
        labels[node.box.slices][node.mask] = node.id
    return Volume(labels, phantom.study.ct.grid, phantom.place_map.quantity)


def coloured(picture: Picture, labels: Plane) -> Picture:
    """A label map over a picture, a colour a label."""
    colours = np.random.default_rng(3).integers(60, 255, (256, 3)).astype(np.float32)
    shown = labels > 0
    out = picture.astype(np.float32)
    out[shown] = 0.55 * out[shown] + 0.45 * colours[labels[shown]]
    return out.astype(np.uint8)


def titled(picture: Picture, text: str, width: int = 400) -> Picture:
    """A panel ``width`` pixels wide with its name on top."""
    height = round(picture.shape[0] * width / picture.shape[1])
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
    panel = Image.new("RGB", (width, height + 22))
    panel.paste(image, (0, 22))
    ImageDraw.Draw(panel).text((6, 3), text, fill=(235, 235, 235), font_size=14)
    return np.asarray(panel)


def table(panels: Sequence[Picture], columns: int) -> Image.Image:
    """Panels side by side, row after row."""
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(p.shape[0] for p in row) for row in rows]
    image = Image.new("RGB", (columns * (panels[0].shape[1] + 4), sum(heights) + 4 * len(rows)))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for place, panel in enumerate(row):
            image.paste(Image.fromarray(panel), (place * (panel.shape[1] + 4), top))
        top += height + 4
    return image


def middle_of(phantom: Phantom) -> tuple[float, float]:
    """Height and depth of the level with the most nodes."""
    labels = labels_of(phantom).array
    k = int(np.argmax([len(np.unique(labels[:, :, k])) for k in range(labels.shape[2])]))
    j = int(np.argmax((labels > 0).sum(axis=(0, 2))))
    _, y, z = phantom.study.ct.grid.to_lps((0, j, k)).tolist()
    return z, y


def chest() -> Image.Image:
    """Four levels without and with contrast medium, and a coronal plane."""
    panels = []
    for phase in (Phase.NONE, Phase.PORTAL):
        patient = make_patient(SEED, FINE, phase=phase)
        ct = patient.study.ct
        arch, carina = (patient.landmarks[name][2] for name in ("arch_top", "carina"))
        for text, z in (("aortic arch", arch - 8), ("carina", carina - 2), ("below the carina", carina - 28)):
            panels.append(titled(gray(axial(ct, z)), f"{text}, {'no contrast' if phase is Phase.NONE else 'venous'}"))
        y = patient.landmarks["carina"][1]
        panels.append(titled(gray(coronal(ct, y)), "coronal, at the carina"))
    return table(panels, 4)


def truth() -> Image.Image:
    """What is known: nodes and tumour, organs, stations; on one slice and one coronal plane."""
    patient = make_patient(SEED, FINE, phase=Phase.PORTAL)
    z, y = middle_of(patient)
    panels = []
    for cut in (partial(axial, z_mm=z), partial(coronal, y_mm=y)):
        base = gray(cut(patient.study.ct))
        panels.append(titled(outlined(base, patient, cut), "nodes: green benign, red malignant; yellow tumour"))
        panels.append(titled(coloured(base, cut(patient.organs)), "organs"))
        panels.append(titled(coloured(base, cut(patient.place_map)), "stations"))
    return table(panels, 3)


def pet() -> Image.Image:
    """CT, PET and both over each other, axial and coronal, and the PET seen from the front."""
    # The same patient whatever the spacing: looked for on a coarse grid, which is quick.
    seed = next(s for s in range(SEED, SEED + 60) if _shows(make_patient(s, (4.0, 4.0, 4.0), pet=True)))
    patient = make_patient(seed, COARSE, pet=True)
    assert patient.study.pet is not None and patient.pet is not None
    ct, suv = patient.study.ct, patient.study.pet
    over = resample(suv, ct.grid, fill=0.0)
    best = max(patient.nodes, key=lambda n: np.nan_to_num(patient.pet.node_uptake[n.id - 1]) if patient.pet else 0)
    _, y, z = ct.grid.to_lps(np.add(best.box.start, best.box.stop) / 2).tolist()
    panels = []
    for cut in (partial(axial, z_mm=z), partial(coronal, y_mm=y)):
        base, seen = gray(cut(ct)), cut(over)
        panels.append(titled(outlined(base, patient, cut), "CT with nodes and tumour"))
        panels.append(titled(255 - gray(seen, 0, 8), "PET, SUV 0 to 8"))
        fused = np.maximum(base, 0) * 0.6 + hot(seen, 10) * 0.6
        panels.append(titled(np.clip(fused, 0, 255).astype(np.uint8), "both"))
    mip = square(np.asarray(suv.array.max(axis=1)[:, ::-1].T), suv)
    panels.append(titled(255 - gray(mip, 0, 10), f"PET from the front; breath {patient.pet.shift_mm:+.0f} mm"))
    return table(panels, 3)


def _shows(patient: Phantom) -> bool:
    """Whether a hot node is seen and the PET is off by a breath."""
    assert patient.pet is not None
    return float(np.nanmax(patient.pet.node_uptake, initial=0)) > 4 and abs(patient.pet.shift_mm) > 6


def hard() -> Image.Image:
    """Every kind of hard patient, axial and coronal."""
    across: list[Picture] = []
    along: list[Picture] = []
    for kind in Hard:
        patient = make_patient(SEED + 5, COARSE, hard=(kind.value,))
        _, y, z = patient.landmarks["carina"]
        if patient.nodes and kind in (Hard.CONGLOMERATE, Hard.FEW_NODES):
            z, y = middle_of(patient)
        elif kind in (Hard.HILAR_MASS, Hard.COLLAPSED_LOBE) and patient.tumour:
            _, y, z = patient.tumour.centre_mm
        elif kind is Hard.EFFUSION:
            y, z = y + 60, z - 60
        for cut, panels in ((partial(axial, z_mm=z), across), (partial(coronal, y_mm=y), along)):
            picture = outlined(gray(cut(patient.study.ct)), patient, cut)
            panels.append(titled(picture, kind.value.replace("_", " "), 240))
    return table(across + along, len(across))


def regions() -> Image.Image:
    """Neck and abdomen, axial and coronal, with their nodes."""
    panels = []
    for region, spacing in ((BodyRegion.NECK, (0.6, 0.6, 1.5)), (BodyRegion.ABDOMEN, COARSE)):
        patient = make_patient(SEED, spacing, region=region, phase=Phase.PORTAL)
        z, y = middle_of(patient)
        for cut in (partial(axial, z_mm=z), partial(coronal, y_mm=y)):
            base = gray(cut(patient.study.ct))
            panels += [titled(base, region.value), titled(outlined(base, patient, cut), "its nodes")]
    return table(panels, 4)


PICTURES = {"chest": chest, "truth": truth, "pet": pet, "hard": hard, "regions": regions}


def main() -> None:
    """Draw them all, or those asked for."""
    parser = argparse.ArgumentParser(description="Draw the pictures of docs/phantom.md.")
    parser.add_argument("folder", type=Path, help="where they go (docs/images)")
    parser.add_argument("--only", choices=PICTURES, nargs="+", default=list(PICTURES))
    asked = parser.parse_args()
    for name in asked.only:
        path = asked.folder / f"phantom-{name}.jpg"
        PICTURES[name]().save(path, quality=82, optimize=True)
        print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
