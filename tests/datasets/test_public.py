"""Every public data set on a tiny tree of its shape: which cases, how annotated, what is left out, and the voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.datasets.bouget import node_stations
from nodewise.datasets.lnq2023 import ABOUT as LNQ2023
from nodewise.datasets.lnq2023 import lnq2023_dataset
from nodewise.datasets.lynos import ABOUT as LYNOS
from nodewise.datasets.nih import ABOUT as NIH
from nodewise.datasets.nih import nih_dataset
from nodewise.datasets.node_table import read_node_table, station_named
from nodewise.datasets.nodes import nodes_of, stations_of
from nodewise.datasets.read import layout_of, load_case, read_dataset
from nodewise.datasets.totalsegmentator import ABOUT as TOTALSEGMENTATOR
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station

DOCS = Path(__file__).parents[2] / "docs" / "datasets.md"


def test_lnq2023_is_annotated_in_part_where_it_trains(trees, tmp_path: Path) -> None:
    data = read_dataset(trees.lnq(tmp_path))
    assert data.layout == "LNQ2023" and data.about is LNQ2023
    kinds = {case.name: case.annotation for case in data.cases}
    assert kinds == {"lnq2023-train-0001": "partial", "lnq2023-val-0002": "full"}
    assert [(one.name, one.check) for one in data.left_out] == [("lnq2023-train-0003", "files")]
    loaded = load_case(data.cases[0])
    assert np.array_equal(loaded.nodes.array, trees.drawn()) and loaded.study.ct.grid.same_as(trees.GRID)


def test_masks_alone_are_no_data_set(trees, tmp_path: Path) -> None:
    trees.nrrd(tmp_path / "lnq" / "lnq2023-val-0001-seg.nrrd", trees.drawn())
    trees.nifti(tmp_path / "nih" / "MED_LYMPH_001.nii.gz", trees.drawn())
    scan = trees.dicom(tmp_path / "scan", trees.hu(), "x")
    trees.seg(tmp_path / "seg" / "MED_LYMPH_001" / "1.dcm", scan, trees.drawn())
    assert [layout_of(tmp_path / name) for name in ("lnq", "nih", "seg")] == [None, None, "DICOM"]


def test_a_segmentation_smaller_or_larger_than_its_scan_is_put_in_its_place(trees, tmp_path: Path) -> None:
    trees.lnq(tmp_path)
    part = trees.GRID.crop(type(trees.GRID.box_of(trees.GRID))((3, 3, 1), (12, 10, 7)))
    trees.nrrd(tmp_path / "train/lnq2023-train-0001-seg.nrrd", trees.drawn()[3:12, 3:10, 1:7], part)
    wide = Grid.of((18, 14, 8), (1.0, 1.0, 2.0), (-32.0, -21.0, 100.0))
    large = np.zeros(wide.shape, np.uint8, order="F")
    large[2:16, 1:13] = trees.drawn()
    trees.nrrd(tmp_path / "val/lnq2023-val-0002-seg.nrrd", large, wide)
    first, second = read_dataset(tmp_path).cases
    for case in (first, second):
        assert np.array_equal(load_case(case).nodes.array, trees.drawn())
    large[0, 0, 0] = 1
    trees.nrrd(tmp_path / "val/lnq2023-val-0002-seg.nrrd", large, wide)
    with pytest.raises(BadInputError, match="reaches beyond the CT"):
        load_case(second)


def test_lnq2023_from_the_archive_is_dicom_with_its_segmentation(trees, tmp_path: Path) -> None:
    case = tmp_path / "Mediastinal-Lymph-Node-SEG" / "case_0001"
    trees.dicom(case / "1.2" / "CT_1", trees.hu(), "case_0001")
    trees.seg(case / "1.2" / "SEG_2" / "1-1.dcm", case / "1.2" / "CT_1", trees.drawn())
    trees.dicom(tmp_path / "Mediastinal-Lymph-Node-SEG" / "case_0002" / "1.3" / "CT_1", trees.hu(1), "case_0002")
    (tmp_path / "cases.csv").write_text("name,annotation\ncase_0001,full\n", encoding="utf-8")
    data = lnq2023_dataset(tmp_path)
    assert [(c.name, c.annotation) for c in data.cases] == [("case_0001", "full")]
    assert [(one.name, one.check) for one in data.left_out] == [("case_0002", "files")]
    assert np.array_equal(load_case(data.cases[0]).nodes.array > 0, trees.drawn() > 0)


def test_nih_takes_the_best_labels_of_each_patient(trees, tmp_path: Path) -> None:
    data = read_dataset(trees.nih(tmp_path))
    assert data.layout == "CT Lymph Nodes" and data.about is NIH
    kinds = {case.name[-3:]: (case.nodes.name, case.annotation, case.unplaced) for case in data.cases}
    assert kinds == {
        "001": ("1-1.dcm", "partial", False),
        "002": ("MED_LYMPH_002_mask.nii.gz", "partial", True),
        "005": ("pat5_labels_LymphNodes.nii.gz", "full", True),
        "006": ("pat6_labels_LymphNodes.nii.gz", "partial", True),
    }
    assert {one.name[-3:]: one.check for one in data.left_out} == {"004": "files", "043": "known"}
    loaded = {case.name[-3:]: load_case(case) for case in data.cases}
    for number, values in {"001": (1, 0), "002": (1, 2), "005": (1, 2)}.items():
        assert np.array_equal(loaded[number].nodes.array, trees.drawn(values)), number
    first, second = stations_of(loaded["005"], nodes_of(loaded["005"]))
    assert (first, second) == (Station.UNKNOWN, Station.S7R)


def test_a_mask_without_a_place_of_another_shape_is_refused(trees, tmp_path: Path) -> None:
    trees.nih(tmp_path)
    grid = Grid.of((14, 12, 7), trees.GRID.spacing)
    trees.nifti(tmp_path / "MED_ABD_LYMPH_MASKS/MED_LYMPH_002/MED_LYMPH_002_mask.nii.gz", trees.drawn(grid=grid), grid)
    case = next(case for case in nih_dataset(tmp_path).cases if case.name.endswith("002"))
    with pytest.raises(BadInputError, match=r"14×12×7 .* reaches beyond the CT"):
        load_case(case)


def test_lynos_has_stations_of_nodes_and_organs(trees, tmp_path: Path) -> None:
    data = read_dataset(trees.lynos(tmp_path))
    assert data.about is LYNOS and [case.name for case in data.cases] == ["lynos-01", "lynos-12"]
    assert [one.name for one in data.left_out] == ["lynos-03"]
    first, second = data.cases
    assert first.annotation == "full" and first.node_stations == {1: (Station.S4R, Station.S2R), 2: (Station.S3P,)}
    assert second.node_stations is None  # 9 has no side
    loaded = load_case(first)
    assert stations_of(loaded, nodes_of(loaded)) == (Station.S4R, Station.S3P)
    assert loaded.organs is not None and first.organ_names is not None
    assert np.all(loaded.organs.array[trees.NODE] == first.organ_names["azygos_vein"])
    assert np.all(loaded.organs.array[trees.OTHER] == first.organ_names["esophagus"])
    assert np.count_nonzero(loaded.organs.array) == 36


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_of_stations_in_any_delimiter(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "stations.csv"
    path.write_text(mark.join(("patient_id", "lymph node", "station")) + "\n" + mark.join(("pat7", "3.0", "10l/11L")))
    assert node_stations(path) == {7: {3: (Station.S10L, Station.S11L)}}


def test_a_table_that_is_not_understood_says_so_and_gives_no_stations(tmp_path: Path, caplog) -> None:
    path = tmp_path / "stations.csv"
    path.write_text("a,b,c\n1,2,4R\n", encoding="utf-8")
    with caplog.at_level("WARNING", "nodewise"):
        assert node_stations(path) == {}
    assert "its columns (a, b, c) are not understood" in caplog.text


def test_totalsegmentator_knows_organs_and_nothing_of_nodes(trees, tmp_path: Path) -> None:
    trees.nifti(trees.total(tmp_path) / "s0011" / "segmentations" / "lymph_nodes.nii.gz", trees.drawn())
    data = read_dataset(tmp_path)
    assert data.about is TOTALSEGMENTATOR and [one.name for one in data.left_out] == ["s0012"]
    first, second = data.cases
    assert (first.annotation, second.annotation) == ("none", "full")
    assert first.organ_names == second.organ_names == {"aorta": 1, "heart": 2}
    loaded = load_case(first)
    assert not loaded.nodes.array.any() and loaded.ignore is not None and loaded.ignore.array.all()
    assert loaded.organs is not None and np.array_equal(loaded.organs.array, trees.drawn((1, 2)))
    assert np.array_equal(load_case(second).nodes.array, trees.drawn())


def test_a_dataset_json_that_lists_its_cases(trees, tmp_path: Path) -> None:
    data = read_dataset(trees.listed(tmp_path))
    assert (data.layout, data.about and data.about.licence) == ("dataset.json", "CC0")
    assert [(c.name, c.patient, c.annotation) for c in data.cases] == [("a", "a", "full"), ("b", "p", "partial")]
    assert [(one.name, one.check) for one in data.left_out] == [("c", "files")]
    assert np.array_equal(load_case(data.cases[0]).nodes.array, trees.drawn((1, 0)))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"image": "./imagesTr/a.nii.gz", "label": "../secret.nii.gz"}, "lies outside its folder"),
        ({"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz", "name": "../a"}, "cannot be the name"),
        ({"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz", "annotation": "half"}, "give full, partial"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_in_one_line(
    trees, tmp_path: Path, entry: dict[str, str], words: str
) -> None:
    trees.listed(tmp_path, training=[entry])
    with pytest.raises(BadInputError, match=words):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("name,node,station\na,1,4R\na,1,7\n", "node 1 of a is there twice"),
        ("name,node,station\na,0,4R\n", "node is 0"),
        ("name,node,station\na,1,4X\n", "there is no station 4X"),
        ("name,node\na,1\n", "station is missing"),
    ],
)
def test_what_is_wrong_with_the_table_of_nodes_is_said_in_one_line(tmp_path: Path, lines: str, words: str) -> None:
    (tmp_path / "stations.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(BadInputError, match=words):
        read_node_table(tmp_path)


@given(st.sampled_from([s for s in Station if s is not Station.UNKNOWN]), st.booleans(), st.integers(0, 3))
def test_a_station_is_known_however_it_is_written(station: Station, upper: bool, blanks: int) -> None:
    code = station.code.upper() if upper else station.code.lower()
    assert station_named(" " * blanks + code + " " * blanks) is station


@pytest.mark.parametrize("about", [LNQ2023, NIH, LYNOS, TOTALSEGMENTATOR], ids=lambda about: about.name)
def test_the_page_says_where_a_data_set_is_had_and_under_which_licence(about) -> None:
    section = next(part for part in DOCS.read_text(encoding="utf-8").split("\n## ") if f"`{about.name}`" in part[:200])
    assert about.licence in section and about.url in section
    assert all(len(line) > 3 for line in (about.title, about.citation))
