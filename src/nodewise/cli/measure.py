"""``nodewise measure``: the same outputs for nodes that someone has already drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nodewise.cli.options import (
    Edition,
    EditionOption,
    GapsOption,
    Input,
    Output,
    OverwriteOption,
    Primary,
    PrimaryOption,
    ThreadsOption,
    use_threads,
)


def measure(
    source: Input,
    nodes: Annotated[
        Path,
        typer.Option(
            help="Mask of the nodes: NIfTI, NRRD, MHA or DICOM SEG, on any grid. A binary mask is split into "
            "26-connected components; several labels are kept as instances.",
            show_default=False,
        ),
    ],
    out: Output,
    primary: PrimaryOption = Primary.unknown,
    tnm: EditionOption = Edition.ninth,
    threads: ThreadsOption = None,
    allow_gaps: GapsOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Measure, name and stage lymph nodes from a mask that you have.

    Example: nodewise measure scans/anna --nodes anna_nodes.nii.gz -o out/anna --primary left
    """
    from nodewise import story
    from nodewise.cli.case import run_one
    from nodewise.image.onto import labels_onto
    from nodewise.io.mask import read_mask
    from nodewise.nodes.split import nodes_from_labels
    from nodewise.values.assessment import Assessment
    from nodewise.values.study import Study

    use_threads(threads)
    mask = read_mask(nodes)

    def work(study: Study, on_stage: Callable[[str], None]) -> Assessment:
        labels, told = labels_onto(mask, study.ct.grid)
        given = nodes_from_labels(labels)
        made = story.measure(study, given, primary.side, edition=int(tnm.value), on_stage=on_stage)
        return replace(made, warnings=(*told, *made.warnings))

    run_one(source, out, work, allow_gaps=allow_gaps, overwrite=overwrite, n_stages=4)
