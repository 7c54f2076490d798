"""What a data set would say of a drawn patient, beside its truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from nodewise.image.shape import measure
from nodewise.io.itk import write_nifti
from nodewise.phantom.annotation import Annotation, KnownNode, Style, annotate
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.mislabel import LabelNoise
from nodewise.phantom.organ_names import ORGANS
from nodewise.phantom.patient import Phantom
from nodewise.phantom.scan.stored import Storage, stored
from nodewise.values.errors import BadInputError
from nodewise.values.node import Status
from nodewise.values.volume import Volume

STYLES = ("full", "partial", "station", "noisy")
_LOOKALIKES = ("azygos_vein", "esophagus", "thymus", "brachiocephalic_vein_left", "pulmonary_vein", "thyroid_gland")


def check_style(style: str, region: BodyRegion) -> None:
    """Refuse an annotation that cannot be.

    Raises:
        BadInputError: no such style, or stations outside the chest.
    """
    if style not in STYLES:
        raise BadInputError(f"no annotation is called {style}: choose among {', '.join(STYLES)}")
    if style == "station" and region is not BodyRegion.CHEST:
        raise BadInputError(
            f"histology by station is of the chest, not of the {region.value}: choose another annotation"
        )


def annotation_of(seed: int, phantom: Phantom, labels: Volume, style: str) -> Annotation | None:
    """The annotation of a patient made from ``seed``; None for ``full``, which is the truth.

    ``partial`` marks one or a few clinically relevant nodes (P3), ``station`` gives histology alone (P1), ``noisy``
    marks all nodes with a reader's errors.
    """
    if style == "full":
        return None
    rng = np.random.default_rng([20267, seed])
    known = [KnownNode("unknown", Status.BENIGN, 0.0)] * max((n.id for n in phantom.nodes), default=0)
    for node, place in zip(phantom.nodes, phantom.places, strict=True):
        size = measure(node.mask, labels.grid.crop(node.box))
        known[node.id - 1] = KnownNode(place, node.status or Status.BENIGN, size.short_axis_mm)
    if style == "noisy":
        alike = np.isin(phantom.organs.array, [ORGANS[name] for name in _LOOKALIKES])
        return annotate(labels, known, Style.FULL, rng, LabelNoise(), alike)
    return annotate(labels, known, Style.PARTIAL if style == "partial" else Style.HISTOLOGY, rng)


def write_annotation(annotation: Annotation, storage: Storage, folder: Path) -> None:
    """Write ``nodes.nii.gz``, its axes those of the scan as stored, and ``annotation.json``.

    The latter holds style, completeness, what each label stands for, and histology.
    """
    folder.mkdir(parents=True)
    write_nifti(stored(annotation.labels, storage), folder / "nodes.nii.gz")
    told = {
        "style": annotation.style.value,
        "complete": annotation.complete,
        "stands_for": {str(label): list(ids) for label, ids in enumerate(annotation.stands_for, 1)},
        "station_histology": {station: verdict.value for station, verdict in annotation.histology.items()},
    }
    (folder / "annotation.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
