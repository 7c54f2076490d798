"""A whole phantom patient: its true nodes measured by the story, all but two, held against the truth on disk."""

import numpy as np
import pytest

from nodewise import story
from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.page import page
from nodewise.evaluate.pairs import Pair, find_pairs
from nodewise.evaluate.run import evaluate_pairs
from nodewise.evaluate.tables import case_row
from nodewise.image.shape import measure
from nodewise.io.itk import read_labels, write_nifti
from nodewise.io.truthfile import TruthRecord, true_node, write_truth
from nodewise.nodes.split import label_map
from nodewise.report.write import write_case
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.orientation import closest_lps


@pytest.fixture(scope="module")
def truth(patient, tmp_path_factory):
    """``OUT/truth/phantom-0007`` and the CT beside it."""
    folder = tmp_path_factory.mktemp("truth")
    name, grid = folder / "truth" / "phantom-0007", patient.study.ct.grid
    name.mkdir(parents=True)
    write_nifti(label_map(patient.nodes, grid), name / "nodes.nii.gz")
    nodes = []
    for node, station in zip(patient.nodes, patient.stations, strict=True):
        part = grid.crop(node.box)
        centre, size = part.to_lps(np.argwhere(node.mask).mean(axis=0)), measure(node.mask, part)
        nodes.append(true_node(node.id, "chest", station.code, node.status, centre, size, mean_hu=40.0))
    record = TruthRecord(
        region="chest", seed=7, phase="venous", contrast=True, primary_side=patient.primary_side.value, nodes=nodes,
        n_category_8=patient.n_category_8, n_category_9=patient.n_category_9,
    )  # fmt: skip
    write_truth(record, name / "truth.json")
    (folder / "images").mkdir()
    write_nifti(patient.study.ct, folder / "images" / "phantom-0007.nii.gz")
    return folder


@pytest.fixture(scope="module")
def kept(patient):
    return patient.nodes[2:]


@pytest.fixture(scope="module")
def predicted(patient, written_patient, kept, tmp_path_factory):
    """What ``nodewise measure`` writes of all nodes but the first two, its station map the drawn one."""
    folder = tmp_path_factory.mktemp("predicted") / "phantom-0007"
    folder.mkdir()
    stations = closest_lps(read_labels(written_patient / "truth" / "phantom-0007" / "stations.nii.gz"))
    found = {name: Landmark(place, LandmarkStatus.FOUND, 1.0) for name, place in patient.landmarks.items()}
    whole = Region((-1000.0, -1000.0, -1000.0), (1000.0, 1000.0, 1000.0))
    anatomy = Anatomy(found, whole, "drawn", stations=stations)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(story, "read_anatomy", lambda _study: anatomy)
        write_case(story.measure(patient.study, kept, patient.primary_side), folder)
    return folder.parent


@pytest.fixture(scope="module")
def cohort(truth, predicted):
    return summarize(evaluate_pairs(find_pairs(truth, predicted)))


def test_all_but_the_two_left_out_are_found(patient, kept, cohort):
    row = case_row(cohort.cases[0])
    assert (row["nodes"], row["missed"], row["false_positives"]) == (len(patient.nodes), 2, 0)
    assert cohort.figures["detection_rate_50"].value == pytest.approx(len(kept) / len(patient.nodes))
    assert cohort.figures["precision_mean"].value == 1.0
    assert cohort.figures["obj_dsc_hit_d0"].value == 1.0
    voxels = [np.count_nonzero(node.mask) for node in patient.nodes]
    assert cohort.figures["recall_mean"].value == pytest.approx(sum(voxels[2:]) / sum(voxels))


def test_stations_and_sizes_are_those_of_the_report(cohort):
    """The map is the truth's own, read for every true node, the missed ones too."""
    case = cohort.cases[0]
    assert cohort.figures["station_top1"].value >= 0.8 and cohort.figures["station_top3"].value == 1.0
    for node in case.nodes:
        if node.found_by is not None:
            found = next(p for p in case.predicted if p.id == node.found_by)
            assert found.short_axis_mm == pytest.approx(node.short_axis_mm, abs=1e-3)
    assert case.patient.named_9 in ("N0", "N1", "N2a", "N2b", "N3")
    assert case.confusion.sum() == case.confusion[0, 0] + sum(round(n.volume_mm3 / 7.68) for n in case.nodes)


def test_the_two_missed_nodes_are_pictured_on_the_ct(cohort):
    text = page(cohort, {"nodewise_version": "0", "threshold": 0.5})
    assert text.count("<figcaption><strong>") == 2 and "no CT" not in text


def test_a_dicom_series_is_the_ct_of_the_pictures(written_patient, predicted):
    nodes = written_patient / "truth" / "phantom-0007" / "nodes.nii.gz"
    image = written_patient / "images" / "phantom-0007"
    cohort = summarize(evaluate_pairs([Pair("seven", nodes, predicted / "phantom-0007", image)]))
    assert cohort.figures["lesion_precision"].value == 1.0
    assert "no CT" not in page(cohort, {"nodewise_version": "0", "threshold": 0.5})
