"""The whole story on a phantom patient, with a segmenter that knows the truth."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from nodewise.anatomy.read import read_anatomy
from nodewise.nodes.split import label_map
from nodewise.nodes.suspicion import size_suspicion
from nodewise.story import assess, measure
from nodewise.values.pipeline import Pipeline
from nodewise.values.station import Side, Station
from nodewise.values.volume import Quantity


@pytest.fixture(scope="module")
def anatomy(patient):
    return read_anatomy(patient.study)


@pytest.fixture(scope="module")
def oracle(patient, anatomy):
    def segment(study, _anatomy):
        truth = label_map(patient.nodes, study.ct.grid)
        return truth.with_array((truth.array > 0).astype(np.float32), Quantity.PROBABILITY)

    return Pipeline(
        read_anatomy=lambda _study: anatomy,
        segment=segment,
        malignancy=size_suspicion,
        threshold=0.5,
        minimum_short_axis_mm=0.0,
        name="oracle",
        weights_sha256="0" * 64,
        trained_on="the truth",
        device="cpu",
    )


@pytest.fixture(scope="module")
def result(patient, oracle):
    return assess(patient.study, oracle, patient.primary_side)


def test_every_true_node_is_in_a_finding(patient, result):
    found = label_map([f.node for f in result.findings], patient.study.ct.grid).array > 0
    assert np.array_equal(found, label_map(patient.nodes, patient.study.ct.grid).array > 0)


def test_left_stays_left(patient, result):
    """A node whose true station has a side is never named with the other one."""
    truth = label_map(patient.nodes, patient.study.ct.grid).array
    stations = {node.id: station for node, station in zip(patient.nodes, patient.stations, strict=True)}
    compared = 0
    for finding in result.findings:
        inside = truth[finding.node.box.slices][finding.node.mask]
        sides = {stations[i].side for i in np.unique(inside[inside > 0])}
        if finding.station.station.side is not None and None not in sides:
            assert finding.station.station.side in sides
            compared += 1
    assert compared >= 3


def test_the_carina_is_where_it_was_drawn(patient, result):
    found = result.anatomy.landmarks["carina"].lps_mm
    assert np.linalg.norm(np.subtract(found, patient.landmarks["carina"])) < 5


def test_the_stage_names_nodes_that_exist(result):
    ids = {f.node.id for f in result.findings}
    assert set(result.stage.driving_nodes) <= ids
    assert sum(result.stage.probability.values()) == pytest.approx(1) or not result.stage.probability
    assert result.stage.edition == 9


def test_provenance_says_how_it_was_made(result):
    made = result.provenance
    assert list(made.seconds) == ["anatomy", "segmentation", "nodes"]
    assert made.model == "oracle" and made.versions["nodewise"]
    assert made.settings["threshold"] == 0.5


def test_unknown_side_gives_both_answers(patient, oracle):
    both = assess(patient.study, oracle, None, edition=8).stage
    assert both.if_left.primary_side is Side.LEFT and both.if_right.primary_side is Side.RIGHT
    assert both.category in {both.if_left.category, both.if_right.category}


def test_measuring_the_true_nodes_gives_the_same_findings(patient, anatomy, result, monkeypatch):
    monkeypatch.setattr("nodewise.story.read_anatomy", lambda _study: anatomy)
    nodes = [f.node for f in result.findings]
    again = measure(patient.study, nodes, patient.primary_side)
    for a, b in zip(result.findings, again.findings, strict=True):
        assert (a.size, a.station, a.malignancy) == (b.size, b.station, b.malignancy)
    assert again.stage == result.stage
    assert again.provenance.weights_sha256 == ""


def test_nodes_that_are_not_soft_tissue_are_warned_of(patient, anatomy, result, monkeypatch):
    monkeypatch.setattr("nodewise.story.read_anatomy", lambda _study: anatomy)
    ct = patient.study.ct
    air = replace(patient.study, ct=ct.with_array(np.full_like(ct.array, -900), ct.quantity))
    assert not any("soft tissue" in w for w in result.warnings)
    warned = measure(air, [result.findings[0].node], Side.LEFT).warnings
    assert any(w.startswith("Node 1 is not soft tissue") for w in warned)


def test_touching_nodes_are_separated_when_asked(patient, oracle, result):
    apart = assess(patient.study, oracle, patient.primary_side, separate_touching=True)
    assert len(apart.findings) >= len(result.findings)
    assert apart.provenance.settings["touching_nodes"] == "separated"
    whole = label_map([f.node for f in result.findings], patient.study.ct.grid).array > 0
    assert np.array_equal(label_map([f.node for f in apart.findings], patient.study.ct.grid).array > 0, whole)


def test_what_is_found_outside_the_rib_cage_is_dropped_and_said(patient, oracle, anatomy, result):
    nowhere = anatomy.cavity.with_array(np.zeros_like(anatomy.cavity.array), Quantity.MASK)
    empty = assess(patient.study, replace(oracle, read_anatomy=lambda _study: replace(anatomy, cavity=nowhere)))
    assert empty.findings == ()
    assert any(w.startswith(f"{len(result.findings)} candidates outside") for w in empty.warnings)
    assert not any("outside the rib cage" in w for w in result.warnings)


def test_what_is_found_far_from_every_station_is_dropped_and_said(patient, oracle, anatomy, result):
    high = anatomy.stations
    only = high.with_array(
        np.asfortranarray(np.where(high.array == Station("4R").label, high.array, 0)), Quantity.LABEL
    )
    where = replace(oracle, read_anatomy=lambda _study: replace(anatomy, stations=only, stations_error_mm=2.0))
    everywhere, close = assess(patient.study, where), assess(patient.study, replace(where, reach_mm=8.0))
    assert len(everywhere.findings) == len(result.findings)
    places = only.grid.to_lps(np.argwhere(only.array > 0))
    grid = patient.study.ct.grid
    parts = [grid.crop(f.node.box).to_lps(np.argwhere(f.node.mask)) for f in everywhere.findings]
    away = [np.median(cdist(points, places).min(axis=1)) for points in parts]
    kept = sorted(f.centroid_lps_mm for f, mm in zip(everywhere.findings, away, strict=True) if mm <= 10)
    assert 0 < len(kept) < len(away)
    np.testing.assert_allclose(sorted(f.centroid_lps_mm for f in close.findings), kept)
    dropped = len(away) - len(kept)
    assert any(
        w.startswith(f"{dropped} candidates for the most part more than 10 mm from every station")
        for w in close.warnings
    )
    assert close.provenance.settings["farthest_from_station_mm"] == 10.0


def test_without_a_carina_stations_are_unknown_and_the_stage_is_at_least(patient, oracle, anatomy):
    blind = replace(anatomy, stations=None)
    stage = assess(patient.study, replace(oracle, read_anatomy=lambda _study: blind), Side.LEFT)
    assert {f.station.station for f in stage.findings} == {Station.UNKNOWN}
    assert stage.stage.at_least and "carina" in stage.stage.reason


def test_a_scan_that_does_not_show_all_gives_at_least(patient, oracle, anatomy):
    cut = replace(anatomy, unseen="the scan does not reach the apex of the lungs")
    stage = assess(patient.study, replace(oracle, read_anatomy=lambda _study: cut), Side.LEFT).stage
    assert stage.at_least == (stage.category != "N3")
    assert "apex" in stage.reason or stage.category == "N3"


def test_nodes_are_numbered_from_head_to_feet(result):
    heights = [f.centroid_lps_mm[2] for f in result.findings]
    assert all(a >= b - 1e-6 for a, b in pairwise(heights))
