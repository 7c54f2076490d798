"""Real scans to implant nodes into while training: read, put to one spacing and surveyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.image.resample import resample
from nodewise.io.folder import read_study
from nodewise.values.grid import Point

if TYPE_CHECKING:
    from nodewise.phantom.implant import Background, Review


def survey_scans(
    paths: Sequence[Path],
    spacing_mm: Point,
    reviews: Mapping[str, Review],
    *,
    twins: bool = False,
    progress: Callable[[int], None] = lambda _done: None,
) -> tuple[Background, ...]:
    """Each scan on voxels of ``spacing_mm``, surveyed for implants.

    Args:
        paths: a CT each, any format that nodewise reads.
        spacing_mm: of the network's voxels.
        reviews: by the study's id, what was seen in some of them.
        twins: after each scan with contrast medium whose blood can be found, the same without.
        progress: told how many are done.

    Raises:
        BadInputError: one is no CT, or has too little fat in its mediastinum.
    """
    from dataclasses import replace

    from nodewise.phantom.implant import survey, unenhanced

    done = []
    for number, path in enumerate(paths, 1):
        study = read_study(path)
        ct = resample(study.ct, study.ct.grid.resampled(spacing_mm))
        scan = survey(replace(study, ct=ct), review=reviews.get(study.id))
        done.append(scan)
        if twins and scan.look.enhanced:
            plain = unenhanced(scan)
            if plain is not scan.study:
                done.append(survey(plain, review=reviews.get(study.id)))
        progress(number)
    return tuple(done)
