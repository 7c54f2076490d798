"""``nodewise predict``: from a scan to nodes, stations, N category and a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from nodewise.cli.options import (
    Device,
    DeviceOption,
    Edition,
    EditionOption,
    GapsOption,
    Input,
    Output,
    OverwriteOption,
    Primary,
    PrimaryOption,
    Runtime,
    RuntimeOption,
    ThreadsOption,
    cache_folder,
    use_threads,
)


def predict(
    source: Input,
    out: Output,
    model: Annotated[str, typer.Option(help="Name of a bundled model, or a model folder.")] = "default",
    primary: PrimaryOption = Primary.unknown,
    tnm: EditionOption = Edition.ninth,
    separate_touching: Annotated[
        bool, typer.Option("--separate-touching", help="Cut conglomerates at their necks into nodes of their own.")
    ] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Look at every window in its eight mirror images: eight times the time.")
    ] = False,
    bulk_rule: Annotated[
        bool,
        typer.Option(" /--no-bulk-rule", help="Do not call every node of more than 30 mm short axis metastatic."),
    ] = True,
    device: DeviceOption = Device.auto,
    runtime: RuntimeOption = Runtime.auto,
    threads: ThreadsOption = None,
    allow_gaps: GapsOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Find, measure, name and stage the lymph nodes of a chest CT.

    OUT gets assessment.json, nodes.csv, nodes.nii.gz, stations.nii.gz,
    report.html and run.log. A folder of studies gets one folder each,
    summary.csv and failures.csv; run again, it goes on with what is missing.

    Example: nodewise predict scans/anna -o out/anna --primary left
    """
    from nodewise.cli.case import run_many, run_one
    from nodewise.io.casefile import AssessmentRecord
    from nodewise.io.folder import find_studies
    from nodewise.io.whole import require_outside
    from nodewise.recipes.load import load_pipeline
    from nodewise.story import assess
    from nodewise.values.assessment import Assessment
    from nodewise.values.study import Study

    studies = find_studies(source)
    require_outside(out, source)
    use_threads(threads)
    pipeline = load_pipeline(
        model, device.value, runtime=runtime.value, cache=cache_folder(), mirrored=mirrored, bulk=bulk_rule
    )

    def work(study: Study, on_stage: Callable[[str], None]) -> Assessment:
        return assess(
            study,
            pipeline,
            primary.side,
            edition=int(tnm.value),
            separate_touching=separate_touching,
            on_stage=on_stage,
        )

    def same(record: AssessmentRecord) -> bool:
        made = record.provenance
        separated = made.settings.get("touching_nodes") == "separated"
        turned = made.settings.get("windows") == "mirrored too"
        bulk = made.settings.get("bulk_rule") != "none"
        asked = (pipeline.weights_sha256, primary.value, int(tnm.value), separate_touching, mirrored, bulk_rule)
        return (made.weights_sha256, record.stage.primary_side, record.stage.edition, separated, turned, bulk) == asked

    if len(studies) == 1:
        run_one(Path(studies[0][1]), out, work, allow_gaps=allow_gaps, overwrite=overwrite, n_stages=5)
        return
    code = run_many(studies, out, work, allow_gaps=allow_gaps, overwrite=overwrite, same=same)
    if code:
        raise typer.Exit(code)
