"""P1's rule of 30 mm in our own predictions: made by the story, written, read and scored with and without it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.run import evaluate_pairs
from nodewise.io.casefile import read_record
from nodewise.models.node_classifier import NodeClassifier
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.nodes.suspicion import size_suspicion
from nodewise.report.write import write_case
from nodewise.story import assess
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.grid import Grid
from nodewise.values.node import BULK
from nodewise.values.pipeline import Pipeline
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 40, 24), (2.0, 2.0, 2.0))
VOXELS = {"large": 17, "small": 6}  # along each edge: 34 mm and more, 12 mm and more
STATUS = {"large": "benign", "small": "malignant"}


def _smaller_is_likelier(patches):
    """Logits: the more of the mask's voxels, the lower."""
    return 2 - patches[:, 1].sum(dim=(1, 2, 3)) / 3000


def _pipeline(malignancy, *, bulk=True):
    def segment(study, _anatomy):
        return study.ct.with_array((study.ct.array > 0).astype(np.float32), Quantity.PROBABILITY)

    return Pipeline(
        read_anatomy=lambda _study: Anatomy({}, Region((0, 0, 0), (80, 80, 48)), "none"),
        segment=segment,
        malignancy=malignancy,
        threshold=0.5,
        minimum_short_axis_mm=0.0,
        name="drawn",
        weights_sha256="",
        trained_on="",
        device="cpu",
        bulk=bulk,
    )


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, drawn):
    """A node-negative patient with a node of more than 30 mm, and a node-positive one with a node of 12 mm."""

    def make(malignancy, *, bulk=True):
        folder = tmp_path_factory.mktemp("bulk")
        for name, n in VOXELS.items():
            hu = np.full(GRID.shape, -100, np.float32, order="F")
            hu[4 : 4 + n, 4 : 4 + n, 4 : 4 + n] = 40
            study = Study(name, Volume(hu, GRID, Quantity.HU), Source(GRID))
            (folder / "predicted" / name).mkdir(parents=True)
            write_case(assess(study, _pipeline(malignancy, bulk=bulk)), folder / "predicted" / name, page=False)
            category = "N0" if STATUS[name] == "benign" else "N2"
            nodes = [(1, 2.0 * n, "7", STATUS[name])]
            known = {"n_category_8": category, "n_category_9": None}
            drawn.truth(folder / "truth" / name, {1: (0, 6)}, nodes, **known)
        return folder

    return make


def _classifier(*, bulk=True):
    return NodeClassifier(_smaller_is_likelier, NodePatchPreparation(), None, bulk=bulk)


def _figures(folder):
    cases = evaluate_pairs(find_pairs(folder / "truth", folder / "predicted"))
    return {name: figure.value for name, figure in summarize(cases, bootstraps=0).figures.items()}


def test_the_rule_that_a_prediction_applied_is_taken_back(predicted):
    folder = predicted(_classifier())
    (node,) = read_record(folder / "predicted" / "large" / "assessment.json").nodes
    assert node.short_axis_mm > 30 and (node.malignancy, node.malignancy_method) == (1.0, BULK)
    assert 0 < node.malignancy_before_bulk < 0.5
    figures = _figures(folder)
    assert (figures["patient_auc"], figures["patient_auc_without_bulk_rule"]) == (0.0, 1.0)


def test_a_prediction_without_the_rule_gives_the_same_two_figures(predicted):
    folder = predicted(_classifier(bulk=False), bulk=False)
    record = read_record(folder / "predicted" / "large" / "assessment.json")
    assert record.nodes[0].malignancy < 0.5 and record.nodes[0].malignancy_before_bulk is None
    assert record.provenance.settings["bulk_rule"] == "none"
    figures = _figures(folder)
    assert (figures["patient_auc"], figures["patient_auc_without_bulk_rule"]) == (0.0, 1.0)


def test_by_size_the_probability_before_the_rule_is_the_logistic(predicted):
    folder = predicted(size_suspicion)
    (node,) = read_record(folder / "predicted" / "large" / "assessment.json").nodes
    assert node.malignancy == 1.0 and node.malignancy_before_bulk == pytest.approx(1.0, abs=1e-4)


def test_an_older_file_holds_only_what_the_rule_made_of_it(predicted):
    folder = predicted(_classifier())
    for path in (folder / "predicted").glob("*/assessment.json"):
        content = json.loads(path.read_text())
        content["schema_version"] = "1.0"
        del content["nodes"][0]["malignancy_before_bulk"]
        path.write_text(json.dumps(content))
    cases = evaluate_pairs(find_pairs(folder / "truth", folder / "predicted"))
    scores = {case.name: (case.patient.score, case.patient.score_bulk) for case in cases}
    assert scores["large"] == (None, 1.0) and scores["small"][0] == scores["small"][1] > 0.5
    cohort = summarize(cases, bootstraps=0)
    assert cohort.figures["patient_auc_without_bulk_rule"].n_undefined == 1
