"""The folder of one case: everything that was found, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodewise.image.resample import resample
from nodewise.io.casefile import record_of, write_record
from nodewise.io.itk import write_nifti
from nodewise.io.landmarkfile import write_landmarks
from nodewise.nodes.split import label_map
from nodewise.report.html import report_html
from nodewise.report.tables import nodes_csv
from nodewise.values.anatomy import LEARNED_STATIONS
from nodewise.values.assessment import Assessment
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume


def write_case(assessment: Assessment, folder: Path, *, page: bool = True) -> None:
    """Write ``assessment.json``, ``landmarks.json``, ``nodes.csv``, both label maps and ``report.html``.

    The label maps, ``nodes.nii.gz`` and ``stations.nii.gz``, lie on the CT's grid as stored, as unsigned integers: 0 is
    background, a node's label is its id, a station's is ``Station.label``. Where stations cannot be told the map of
    stations is all 0. Where a network made the stations, or was asked to, ``stations-rules.nii.gz`` holds those by
    landmarks and planes.

    Args:
        assessment: what to write.
        folder: is there already.
        page: ``report.html`` too.
    """
    write_record(record_of(assessment), folder / "assessment.json")
    write_landmarks(assessment.anatomy.landmarks, folder / "landmarks.json")
    nodes_csv(assessment, folder / "nodes.csv")
    stored = assessment.study.source.native
    write_nifti(onto_axes_of(_nodes(assessment), stored), folder / "nodes.nii.gz")
    anatomy, grid = assessment.anatomy, assessment.study.ct.grid
    write_nifti(onto_axes_of(_stations(anatomy.stations, grid), stored), folder / "stations.nii.gz")
    if anatomy.how == LEARNED_STATIONS or anatomy.stations_by_rules is not None:
        write_nifti(onto_axes_of(_stations(anatomy.stations_by_rules, grid), stored), folder / "stations-rules.nii.gz")
    if page:
        (folder / "report.html").write_text(report_html(assessment), encoding="utf-8")


def _nodes(assessment: Assessment) -> Volume:
    return label_map([finding.node for finding in assessment.findings], assessment.study.ct.grid)


def _stations(stations: Volume | None, grid: Grid) -> Volume:
    if stations is None:
        return Volume(np.zeros(grid.shape, dtype=np.uint16, order="F"), grid, Quantity.LABEL)
    return resample(stations, grid)
