"""``nodewise atlas``: where lymph nodes lie, learned from labelled scans, and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from nodewise.cli.options import OverwriteOption, ThreadsOption, command_line, use_threads
from nodewise.cli.screen import console, counted, errors
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodewise.datasets.case import LabelledCase
    from nodewise.report.atlas_figures import Laid
    from nodewise.values.atlas import Atlas

FOLDS = 5

atlas = typer.Typer(
    help="Where lymph nodes lie: an atlas from labelled scans, laid over a patient (P3).", invoke_without_command=True
)

AtlasOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="ATLAS", help="Folder to make; it is complete or absent.", show_default=False
    ),
]


@atlas.callback()
def _without_a_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@atlas.command("build")
def build(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="Labelled scans, as train takes them.", exists=True, file_okay=False),
    ],
    out: AtlasOption,
    fold: Annotated[
        int | None,
        typer.Option(
            min=0, max=FOLDS - 1, help="Leave out this fifth of the patients, as train does.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="With --fold: draws who is in which fifth.")] = 0,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATIENT", help="Leave out this patient; may be repeated.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="CASE", help="Scan to lay all others over.", show_default="the most ordinary one"),
    ] = None,
    onto: Annotated[
        str | None,
        typer.Option(metavar="ATLAS", help="Take the reference of this atlas instead, so that both compare."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the atlas.", show_default="that of OUT")] = None,
    licence: Annotated[str, typer.Option(help="Under which the atlas may be used.")] = "that of its data",
    ct: Annotated[
        bool, typer.Option("--ct/--no-ct", help="Keep the reference's CT, coarse, to draw on: it is a patient's image.")
    ] = True,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Bring the nodes of labelled scans together in one chest: probability, stations and organs of the reference.

    Each scan is laid over the reference by its organs where the data set has
    them, else by landmarks read off the CT. A build that was stopped goes on
    where it was. Leave out whom a model is to be tested on.

    Example: nodewise atlas build lnq2023 -o atlases/fold-0 --fold 0
    """
    from dataclasses import replace

    from nodewise import __version__
    from nodewise.anatomy.atlas.folder import find_atlas, save_atlas
    from nodewise.datasets.atlas import build_atlas
    from nodewise.io.whole import require_free, require_outside
    from nodewise.values.atlas import Origin

    require_outside(out, data)
    require_free(out, overwrite=overwrite)
    use_threads(threads)
    cases = _cases(data, fold, seed, exclude or [])
    what = f"{len(cases)} scans of {len({case.patient for case in cases})} patients"
    origin = Origin(name or out.resolve().name, "", what, command_line(), __version__, licence)
    work = out.resolve().with_name(f".{out.resolve().name}.parts")
    laid_onto = find_atlas(onto) if onto else None
    with counted("atlas") as progress:
        built = build_atlas(cases, work, origin, reference=reference, onto=laid_onto, progress=progress)
    for line in built.left_out:
        errors.print(f"[yellow]left out:[/] {escape(line)}", soft_wrap=True)
    made = built.atlas if ct else replace(built.atlas, ct=None)
    save_atlas(made, out, _card(made, built.left_out), overwrite=overwrite)
    console.print(f"atlas of {len(made.cases)} scans: {out}", soft_wrap=True, markup=False)


@atlas.command("show")
def show(
    atlases: Annotated[
        list[str],
        typer.Argument(metavar="ATLAS...", help="Atlas folder; several for Figure 5.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Draw P3's Figures 2, 3, 5 and 6 here.", show_default=False
        ),
    ] = None,
    scan: Annotated[
        list[Path] | None,
        typer.Option(metavar="CT", help="Lay the first atlas over this scan in Figures 2, 3 and 6.", exists=True),
    ] = None,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """What an atlas is made of; with -o its pictures, over its own reference or over scans.

    Example: nodewise atlas show atlases/fold-0 -o pictures

    nodewise atlas show train validation test -o pictures --scan scans/anna
    """
    from nodewise.anatomy.atlas.folder import find_atlas
    from nodewise.io.whole import require_free, whole
    from nodewise.report.atlas_figures import draw_distance, draw_making, draw_prior, draw_sets, own

    use_threads(threads)
    read = [find_atlas(word) for word in atlases]
    if out is None:
        if scan:
            raise BadInputError("--scan is of the pictures: say where to draw them (-o FOLDER)")
        for one in read:
            console.print(_facts(one))
        return
    require_free(out, overwrite=overwrite)
    laid = [_laid(path, read[0]) for path in scan or []]
    with whole(out, overwrite=overwrite) as aside:
        draw_distance(laid or [own(read[0])], aside / "figure-2-distance.png")
        draw_prior(laid or [own(read[0])], aside / "figure-3-prior.png")
        draw_sets(read, aside / "figure-5-sets.png")
        draw_making(read[0], laid, aside / "figure-6-making.png")
    console.print(f"pictures: {out}", soft_wrap=True, markup=False)


def _cases(data: Path, fold: int | None, seed: int, exclude: Sequence[str]) -> tuple[LabelledCase, ...]:
    """The scans to take, without a fold's held-out patients and those named."""
    from nodewise.datasets.folds import folds
    from nodewise.datasets.read import read_dataset

    cases = read_dataset(data).cases
    strange = sorted(set(exclude) - {case.patient for case in cases})
    if strange:
        raise BadInputError(f"{data} has no patient {strange[0]} to leave out")
    if fold is not None:
        cases = folds(cases, FOLDS, seed)[fold].training
    kept = tuple(case for case in cases if case.patient not in exclude)
    if not kept:
        raise BadInputError("every patient is left out: nothing is left to build an atlas of")
    return kept


def _laid(path: Path, one: Atlas) -> Laid:
    from nodewise.anatomy.atlas.lay import distance, lay, prior_grid
    from nodewise.anatomy.read import read_anatomy
    from nodewise.anatomy.registration.warp import carry
    from nodewise.io.folder import read_study
    from nodewise.report.atlas_figures import Laid

    study = read_study(path)
    anatomy = read_anatomy(study)
    warp = lay(anatomy, one)
    if warp is None:
        raise BadInputError(f"{path}: no carina was found, so that the atlas cannot be laid over it")
    grid = prior_grid(anatomy.mediastinum)
    x, y, z = warp.to_patient(one.carina).tolist()
    return Laid(path.name, study.ct, carry(one.prior, warp, grid, "patient"), distance(one, warp, grid), (x, y, z))


def _facts(one: Atlas) -> Table:
    methods = {case.method for case in one.cases}
    shown = {
        "made from": one.origin.made_from,
        "nodes of": f"{len(one.cases)} scans, {len({case.patient for case in one.cases})} patients",
        "reference": one.origin.reference,
        "laid over it by": ", ".join(sorted(methods)),
        "largest folding": f"{max(case.folding for case in one.cases):.2%}",
        "grid": " × ".join(map(str, one.prior.grid.shape)) + f" of {one.prior.grid.spacing[0]:g} mm",
        "carina": ", ".join(f"{c:.0f}" for c in one.carina) + " mm (LPS)",
        "farthest point": f"{one.farthest_mm:.0f} mm from it",
        "prior at least a half": f"{_litres(one):.3f} l",
        "organs": str(len(one.organ_names)),
        "CT": "kept" if one.ct is not None else "not kept",
        "command": one.origin.command,
        "nodewise": one.origin.version,
        "licence": one.origin.licence,
    }
    table = Table(
        "", Column(overflow="fold"), show_header=False, title=f"Atlas {one.origin.name}", title_justify="left"
    )
    for key, value in shown.items():
        table.add_row(key, escape(value))
    return table


def _litres(one: Atlas) -> float:
    return float((one.prior.array >= 0.5).sum()) * one.prior.grid.voxel_volume_mm3 / 1e6


def _card(one: Atlas, left_out: Sequence[str]) -> str:
    lost = f"{len(left_out)} scans could not be laid over the reference and are not in it.\n" if left_out else ""
    folding = max(case.folding for case in one.cases)
    return f"""# {one.origin.name}

How often a lymph node lies where, in the chest of {one.origin.reference}; organs and stations of the same chest.

- Made from {one.origin.made_from}, laid over it by {", ".join(sorted({case.method for case in one.cases}))}.
- Mean of the nodes, Gaussian of 5 mm, divided by its largest value (Engelson et al., LNQ Challenge 2023).
- At most {folding:.2%} of the voxels fold in a scan. {lost}
- Command: `{one.origin.command}`, nodewise {one.origin.version}. Licence: {one.origin.licence}.

Research use only, not for diagnosis. The prior says where labelled nodes were in these scans, not where disease is.
"""
