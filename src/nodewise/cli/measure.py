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
    from nodewise.io.whole import require_outside
    from nodewise.nodes.split import label_map, nodes_from_labels
    from nodewise.values.assessment import Assessment
    from nodewise.values.study import Study

    require_outside(out, source, nodes)
    use_threads(threads)
    mask = read_mask(nodes)
    instances = label_map(nodes_from_labels(mask), mask.grid)  # on its own grid, where nodes are best told apart

    def work(study: Study, on_stage: Callable[[str], None]) -> Assessment:
        labels, told = labels_onto(instances, study.ct.grid)
        given = nodes_from_labels(labels)
        made = story.measure(study, given, primary.side, edition=int(tnm.value), on_stage=on_stage)
        empty = () if given else ("The mask is empty: no node was measured, which is not to say there is none.",)
        return replace(made, warnings=(*told, *empty, *made.warnings))

    run_one(source, out, work, allow_gaps=allow_gaps, overwrite=overwrite, n_stages=4)
