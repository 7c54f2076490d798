"""What a data set would say of a patient, written beside the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nodewise.io.itk import read_labels
from nodewise.io.truthfile import read_truth
from nodewise.phantom.annotated import check_style
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.patient import Phantom
from nodewise.phantom.write import write_patient
from nodewise.values.errors import BadInputError


@pytest.mark.parametrize("style", ["partial", "station", "noisy"])
def test_an_annotation_lies_beside_the_truth(style: str, pet_patient: Phantom, tmp_path: Path) -> None:
    write_patient(tmp_path, 7, pet_patient, "nifti", annotation=style)
    truth, beside = (tmp_path / kind / "phantom-0007" for kind in ("truth", "annotation"))
    told = json.loads((beside / "annotation.json").read_text(encoding="utf-8"))
    labels, nodes = (read_labels(folder / "nodes.nii.gz") for folder in (beside, truth))
    assert labels.grid.same_as(nodes.grid)
    assert {int(label) for label in told["stands_for"]} == set(np.unique(labels.array).tolist()) - {0}
    assert told["complete"] is (style == "noisy")
    known = read_truth(truth / "truth.json")
    assert len(known.nodes) == len(pet_patient.nodes)
    assert (known.station_histology is not None) is (style == "station")
    for label, ids in told["stands_for"].items():
        inside = nodes.array[labels.array == int(label)]
        assert not ids or set(ids) & set(np.unique(inside).tolist())
    if style == "partial":
        assert 1 <= len(told["stands_for"]) < len(pet_patient.nodes)
    if style == "station":
        assert not labels.array.any() and known.station_histology == told["station_histology"]


def test_the_truth_alone_needs_no_annotation(pet_patient: Phantom, tmp_path: Path) -> None:
    write_patient(tmp_path, 7, pet_patient, "nifti")
    assert not (tmp_path / "annotation").exists()


def test_what_cannot_be_annotated() -> None:
    with pytest.raises(BadInputError, match="no annotation is called weak"):
        check_style("weak", BodyRegion.CHEST)
    with pytest.raises(BadInputError, match="of the chest, not of the abdomen"):
        check_style("station", BodyRegion.ABDOMEN)
    check_style("noisy", BodyRegion.NECK)
