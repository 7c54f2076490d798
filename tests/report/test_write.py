from dataclasses import replace

import nibabel
import numpy as np
import SimpleITK

from nodewise.evaluate.read import RULES_FILE, STATIONS_FILE
from nodewise.io.casefile import read_record, record_of
from nodewise.report.write import write_case
from nodewise.values.anatomy import LEARNED_STATIONS
from nodewise.values.grid import Grid
from nodewise.values.station import Station

RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stored_upside_down(assessment):
    """The same study as if stored with array axes z, x, y and the first of them running to the feet."""
    grid = assessment.study.ct.grid
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = -grid.affine[:3, 2], grid.affine[:3, 0], grid.affine[:3, 1]
    affine[:3, 3] = grid.to_lps((0, 0, grid.shape[2] - 1))
    native = Grid((grid.shape[2], grid.shape[0], grid.shape[1]), affine)
    return replace(assessment, study=replace(assessment.study, source=replace(assessment.study.source, native=native)))


def test_a_case_is_six_files_that_agree(sided, tmp_path):
    case = stored_upside_down(sided)
    write_case(case, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "assessment.json",
        "landmarks.json",
        "nodes.csv",
        "nodes.nii.gz",
        "stations.nii.gz",
        "report.html",
    }
    assert read_record(tmp_path / "assessment.json") == record_of(case)
    nodes, stations = (nibabel.load(tmp_path / f"{name}.nii.gz") for name in ("nodes", "stations"))
    for image in (nodes, stations):
        assert image.get_data_dtype().kind == "u"
        assert image.shape == case.study.source.native.shape
        assert np.allclose(RAS_OF_LPS @ image.affine, case.study.source.native.affine, atol=1e-3)
    labels, where = np.asarray(nodes.dataobj), np.asarray(stations.dataobj)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 7}
    for finding in case.findings:
        i, j, k = np.rint(case.study.source.native.to_index(finding.centroid_lps_mm)).astype(int)
        assert labels[i, j, k] == finding.node.id
        assert (labels == finding.node.id).sum() == finding.node.mask.sum()
        side = Station.S4R if finding.centroid_lps_mm[0] < 0 else Station.S4L
        assert where[i, j, k] == side.label


def test_without_stations_their_map_is_empty(empty, tmp_path):
    write_case(empty, tmp_path)
    assert not SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "stations.nii.gz")).any()
    assert not SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "nodes.nii.gz")).any()


def test_the_landmarks_map_lies_beside_learned_stations(sided, empty, tmp_path):
    rules = sided.anatomy.stations
    swapped = np.where(rules.array == Station.S4R.label, Station.S4L.label, Station.S4R.label)
    rules = rules.with_array(np.asfortranarray(swapped.astype(np.uint8)), rules.quantity)
    learned = replace(sided, anatomy=replace(sided.anatomy, how=LEARNED_STATIONS, stations_by_rules=rules))
    write_case(stored_upside_down(learned), tmp_path, page=False)
    maps = [nibabel.load(tmp_path / name) for name in (STATIONS_FILE, RULES_FILE)]
    assert np.array_equal(maps[0].affine, maps[1].affine)
    here, by_rules = (np.asarray(image.dataobj) for image in maps)
    assert by_rules.dtype.kind == "u" and np.array_equal(by_rules == Station.S4L.label, here == Station.S4R.label)
    blind = replace(empty, anatomy=replace(empty.anatomy, how=LEARNED_STATIONS, stations=rules))
    write_case(blind, tmp_path, page=False)
    assert not np.asarray(nibabel.load(tmp_path / RULES_FILE).dataobj).any()
