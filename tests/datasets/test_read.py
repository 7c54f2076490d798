"""Every layout of a data set on tiny trees: what is found, what is refused in one line, what is loaded."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nodewise.datasets.read import load_case, read_dataset
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Side, Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((12, 10, 8), (1.0, 1.0, 2.0))


HU = np.rint(np.linspace(-1000, 400, int(np.prod(GRID.shape)), dtype=np.float32)).reshape(GRID.shape, order="F")


def ct(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(Volume(HU, GRID, Quantity.HU), path)


def labels(path: Path, value: int = 1, grid: Grid = GRID, other: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros(grid.shape, np.uint8, order="F")
    array[2:5, 2:5, 2:4] = value
    array[7:9, 2:5, 2:4] = other
    write_nifti(Volume(array, grid, Quantity.LABEL), path)


def table(folder: Path, *rows: dict[str, str]) -> None:
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for name in ("anna", "bert"):
        ct(tmp_path / "images" / f"{name}.nii.gz")
        labels(tmp_path / "labels" / f"{name}.nii.gz")
    return tmp_path


@pytest.fixture
def nnunet(tmp_path: Path) -> Path:
    for name in ("anna", "bert"):
        ct(tmp_path / "imagesTr" / f"{name}_0000.nii.gz")
        labels(tmp_path / "labelsTr" / f"{name}.nii.gz", value=2, other=3)
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "vessel": 1, "lymph_node": 2, "ignore": 3}}
    (tmp_path / "dataset.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path


def test_pairs_are_found_by_name_and_loaded_on_one_grid(pairs: Path) -> None:
    labels(pairs / "stations" / "bert.nii.gz", Station.S7.label)
    labels(pairs / "ignore" / "anna.nii.gz")
    data = read_dataset(pairs)
    assert (data.layout, [c.name for c in data.cases], data.patients) == ("pairs", ["anna", "bert"], ("anna", "bert"))
    assert data.counts == {"cases": 2, "patients": 2, "partial": 0, "stations": 1, "histology": 0}
    anna, bert = map(load_case, data.cases)
    assert anna.nodes.grid.same_as(anna.study.ct.grid) and int(anna.nodes.array.sum()) == 18
    assert anna.ignore is not None and int(anna.ignore.array.sum()) == 18 and anna.stations is None
    assert bert.stations is not None and set(np.unique(bert.stations.array)) == {0, Station.S7.label}
    assert bert.ignore is None


def test_a_number_that_is_no_station_is_refused(pairs: Path) -> None:
    labels(pairs / "stations" / "bert.nii.gz", 90)
    _, bert = read_dataset(pairs).cases
    with pytest.raises(BadInputError, match=r"bert\.nii\.gz holds the number 90: stations have"):
        load_case(bert)


def test_the_table_says_what_files_cannot(pairs: Path) -> None:
    more = {"patient": "p1", "primary_side": "left"}
    table(
        pairs,
        {"name": "anna", **more, "annotation": "partial", "4R": "malignant", "9": "benign", "7": "n/a"},
        {"name": "bert", **more, "annotation": "", "4R": "", "9": "", "7": ""},
    )
    data = read_dataset(pairs)
    anna, bert = data.cases
    assert data.patients == ("p1",) and anna.primary is Side.LEFT
    assert (anna.annotation, bert.annotation, bert.histology) == ("partial", "full", None)
    assert anna.malignant(Station.S4R) is True and anna.malignant(Station.S4L) is None
    assert anna.malignant(Station.S9R) is False and anna.malignant(Station.S7) is None


def test_nnunet_raw_data_name_the_node_and_what_is_ignored(nnunet: Path) -> None:
    data = read_dataset(nnunet)
    assert data.layout == "nnU-Net" and [c.name for c in data.cases] == ["anna", "bert"]
    loaded = load_case(data.cases[0])
    assert set(np.unique(loaded.nodes.array)) == {0, 1} and int(loaded.nodes.array.sum()) == 18
    assert loaded.ignore is not None and int(loaded.ignore.array.sum()) == 12
    assert not (loaded.ignore.array & (loaded.nodes.array > 0)).any()


def test_dicom_studies_hold_their_mask(tmp_path: Path) -> None:
    volume = Volume(HU, GRID, Quantity.HU)
    write_ct_series(
        volume, tmp_path / "anna" / "ct", identity="anna", patient_name="A", body_part="CHEST", kernel="B30"
    )
    labels(tmp_path / "anna" / "nodes.nii.gz")
    data = read_dataset(tmp_path)
    assert (data.layout, [c.name for c in data.cases]) == ("DICOM", ["anna"])
    loaded = load_case(data.cases[0])
    assert np.array_equal(np.argwhere(loaded.nodes.array).min(axis=0), (2, 2, 2))
    (tmp_path / "anna" / "nodes.nii.gz").unlink()
    with pytest.raises(BadInputError, match="anna has no mask beside the CT"):
        read_dataset(tmp_path)


def test_a_mask_that_is_a_crop_of_the_ct_is_put_in_its_place(pairs: Path) -> None:
    crop = GRID.crop(type(GRID.box_of(GRID))((2, 2, 1), (12, 10, 7)))
    labels(pairs / "labels" / "anna.nii.gz", grid=crop)
    nodes = load_case(read_dataset(pairs).cases[0]).nodes
    assert np.array_equal(np.argwhere(nodes.array).min(axis=0), (4, 4, 3)) and int(nodes.array.sum()) == 18


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid.of((12, 10, 8), (1.0, 1.0, 2.5)), "anna: anna.nii.gz .* does not lie on the voxels of the CT"),
        (Grid.of((12, 10, 8), (1.0, 1.0, 2.0), (0.0, 0.0, 10.0)), "anna: anna.nii.gz .* reaches beyond the CT"),
    ],
)
def test_another_grid_is_found_when_the_case_is_loaded(pairs: Path, grid: Grid, words: str) -> None:
    labels(pairs / "labels" / "anna.nii.gz", grid=grid)
    with pytest.raises(BadInputError, match=words):
        load_case(read_dataset(pairs).cases[0])


def break_nothing(folder: Path) -> None:
    shutil.rmtree(folder / "images")


def break_label(folder: Path) -> None:
    (folder / "labels" / "bert.nii.gz").unlink()


def break_scan(folder: Path) -> None:
    (folder / "images" / "anna.nii.gz").unlink()


def break_twice(folder: Path) -> None:
    shutil.copy(folder / "images" / "anna.nii.gz", folder / "images" / "anna.nii")


def break_empty(folder: Path) -> None:
    for path in folder.glob("*/*"):
        path.unlink()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (break_nothing, "is no data set"),
        (break_label, "bert has no label"),
        (break_scan, "anna has no scan"),
        (break_twice, "for the same name"),
        (break_empty, "holds no case"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(pairs: Path, break_it, words: str) -> None:
    break_it(pairs)
    with pytest.raises(BadInputError, match=words) as caught:
        read_dataset(pairs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "carl"}, "names carl, of which there is no scan"),
        ({"name": "anna", "4R": "ill"}, "station 4R is ill"),
        ({"name": "anna", "primary_side": "both"}, "primary_side is both"),
        ({"name": "anna", "annotation": "some"}, "annotation is some"),
        ({"name": "anna", "4RL": "benign"}, "column 4RL"),
        ({"patient": "anna"}, "no column name"),
    ],
)
def test_what_is_wrong_with_the_table_is_said_in_one_line(pairs: Path, row: dict[str, str], words: str) -> None:
    table(pairs, row)
    with pytest.raises(BadInputError, match=words):
        read_dataset(pairs)


def test_an_nnunet_data_set_without_a_node_is_refused(nnunet: Path) -> None:
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "spleen": 2}}
    (nnunet / "dataset.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"cannot be told \(liver, spleen\)"):
        read_dataset(nnunet)


def test_the_ct_channel_is_found_by_its_name(nnunet: Path) -> None:
    told = {"channel_names": {"0": "PET", "1": "CT"}, "labels": {"background": 0, "node": 1}}
    (nnunet / "dataset.json").write_text(json.dumps(told), encoding="utf-8")
    for path in sorted((nnunet / "imagesTr").iterdir()):
        path.rename(path.with_name(path.name.replace("_0000", "_0001")))
    assert read_dataset(nnunet).cases[0].image.name == "anna_0001.nii.gz"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no such folder"):
        read_dataset(tmp_path / "nowhere")
