"""``nodewise predict``: from a scan to nodes, stations, N category and a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nodewise.anatomy.organs import OrganMap
    from nodewise.values.grid import Point
    from nodewise.values.pipeline import Pipeline
    from nodewise.values.volume import Volume

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
from nodewise.values.errors import BadInputError

TOTAL = "total"


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
    folds: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Run of nodewise train --fold: each scan is given to the model of the fold that held it out. INPUT is "
            "then the data set, or scans by the same names.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    organs: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|total",
            help="Organs from which to lay out the stations: a label map of this scan, or total, which runs "
            "TotalSegmentator (pip install 'nodewise[organs]').",
            show_default=False,
        ),
    ] = None,
    organ_names: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help='Names of the map\'s labels, {"1": "spleen"}; without it those of TotalSegmentator\'s task total.',
            show_default=False,
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="TotalSegmentator in 3 mm voxels, not 1.5 mm.")] = False,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="Corrected landmarks.json of this scan: stations are laid out from its points, not by a network.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = Device.auto,
    runtime: RuntimeOption = Runtime.auto,
    threads: ThreadsOption = None,
    allow_gaps: GapsOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Find, measure, name and stage the lymph nodes of a chest CT.

    OUT gets assessment.json, landmarks.json, nodes.csv, nodes.nii.gz,
    stations.nii.gz, report.html and run.log; stations-rules.nii.gz too where
    a network names the stations. A folder of studies gets one folder each,
    summary.csv and failures.csv; run again, it goes on with what is missing.
    So does --folds: every patient of P1's leave-one-out, in one folder.

    Example: nodewise predict scans/anna -o out/anna --primary left

    Example: nodewise predict scans/anna -o out/again --landmarks mended.json
    """
    from nodewise.cli.case import Job, run_many, run_one
    from nodewise.io.casefile import SCHEMA_VERSION, AssessmentRecord
    from nodewise.io.folder import find_studies
    from nodewise.io.whole import require_outside
    from nodewise.recipes.load import load_pipeline, with_given
    from nodewise.story import assess
    from nodewise.values.assessment import Assessment
    from nodewise.values.study import Study

    studies = find_studies(source) if folds is None else _scans(source)
    require_outside(out, source, *([] if folds is None else [folds]))
    use_threads(threads)
    given = _given(organs, organ_names, landmarks, fast=fast, device=device.value)
    if len(studies) > 1 and (landmarks is not None or organs not in (None, TOTAL)):
        raise BadInputError(f"--organs FILE and --landmarks belong to one scan, {source} holds {len(studies)}")

    @lru_cache(1)  # one model in memory
    def load(folder: str | Path) -> Pipeline:
        loaded = load_pipeline(
            folder, device.value, runtime=runtime.value, cache=cache_folder(), mirrored=mirrored, bulk=bulk_rule
        )
        return with_given(loaded, *given)

    def work(pipeline: Pipeline, study: Study, on_stage: Callable[[str], None]) -> Assessment:
        return assess(
            study,
            pipeline,
            primary.side,
            edition=int(tnm.value),
            separate_touching=separate_touching,
            on_stage=on_stage,
        )

    def same(pipeline: Pipeline, record: AssessmentRecord) -> bool:
        if record.schema_version != SCHEMA_VERSION:  # windows were averaged otherwise then
            return False
        made = record.provenance
        separated = made.settings.get("touching_nodes") == "separated"
        turned = made.settings.get("windows") == "mirrored too"
        bulk = made.settings.get("bulk_rule") != "none"
        had = str(made.settings.get("given", ""))
        asked = (pipeline.weights_sha256, primary.value, int(tnm.value), separate_touching, mirrored, bulk_rule)
        found = (made.weights_sha256, record.stage.primary_side, record.stage.edition, separated, turned, bulk)
        return (*found, had) == (*asked, pipeline.given)

    if folds is None:
        load(model)  # one that is not there is refused before any study
        models: list[Callable[[], Pipeline]] = [partial(load, model)] * len(studies)
    else:
        studies, models = _by_fold(studies, folds, model, load)
    if len(studies) == 1 and folds is None:
        run_one(studies[0][1], out, partial(work, load(model)), allow_gaps=allow_gaps, overwrite=overwrite, n_stages=5)
        return
    jobs = [Job(name, path, loader) for (name, path), loader in zip(studies, models, strict=True)]
    code = run_many(jobs, out, work, allow_gaps=allow_gaps, overwrite=overwrite, same=same)
    if code:
        raise typer.Exit(code)


def _given(
    organs: str | None, names: Path | None, landmarks: Path | None, *, fast: bool, device: str
) -> tuple[Callable[[Volume], OrganMap] | None, Mapping[str, Point] | None]:
    """What reads the organs of a CT, and corrected points; what cannot be read is refused before any work."""
    from nodewise.anatomy.organs import read_organs
    from nodewise.anatomy.totalsegmentator import TotalSegmentator
    from nodewise.io.landmarkfile import read_landmarks

    if names is not None and organs in (None, TOTAL):
        raise BadInputError("--organ-names gives the names of --organs FILE: give that too")
    if fast and organs != TOTAL:
        raise BadInputError("--fast is TotalSegmentator's: it goes with --organs total")
    points = None if landmarks is None else read_landmarks(landmarks)
    if organs is None:
        return None, points
    if organs != TOTAL:
        drawn = read_organs(Path(organs), names)
        return (lambda _ct: drawn), points
    home, weights = os.environ.get("TOTALSEG_HOME_DIR"), os.environ.get("TOTALSEG_WEIGHTS_PATH")
    networks = Path(weights) if weights else Path(home) / "nnunet" / "results" if home else None
    return TotalSegmentator(dict(os.environ), fast, device, cache_folder(), networks), points


def _scans(source: Path) -> list[tuple[str, Path]]:
    """Name and image of each case of a data set; of other folders each study, by the names that ``predict`` gives."""
    from nodewise.datasets.dicom import studies_in
    from nodewise.datasets.files import CT_CHANNEL
    from nodewise.datasets.read import layout_of, read_dataset
    from nodewise.io.folder import find_studies

    layout = layout_of(source) if source.is_dir() else None
    if layout == "DICOM":  # with or without masks
        return list(studies_in(source).items())
    if layout is not None:
        return [(case.name, case.image) for case in read_dataset(source).cases]
    return [(name.removesuffix(CT_CHANNEL), path) for name, path in find_studies(source)]


def _by_fold(
    studies: Sequence[tuple[str, Path]], run: Path, model: str, load: Callable[[Path], Pipeline]
) -> tuple[list[tuple[str, Path]], list[Callable[[], Pipeline]]]:
    """Studies in the order of their folds, so that each model is loaded once, and what loads the model of each."""
    from nodewise.datasets.folds import held_out_by

    if model != "default":
        raise BadInputError("--folds takes the models of the run: leave --model out")
    held = held_out_by(run)
    if not any(name in held for name, _ in studies):
        some = ", ".join(list(held)[:4])
        raise BadInputError(
            f"no scan given was held out by a fold of {run}, which has {some}: give the data set's root"
        )
    ordered = sorted(studies, key=lambda study: (str(held.get(study[0], "")), study[0]))

    def of_fold(name: str) -> Pipeline:
        if name not in held:
            raise BadInputError("no fold held it out, so every model of the run may have seen it")
        if not held[name].is_dir():
            raise BadInputError(f"{held[name].parent.name} has no model yet: let the training end")
        return load(held[name])

    return ordered, [partial(of_fold, name) for name, _ in ordered]
