"""Drawn lymph nodes with the little that lies around each, to train a classifier of nodes on.

A whole chest takes many seconds to draw and its nodes take one: each body is drawn once, and several patients are
made of it by placing other nodes in it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

if TYPE_CHECKING:
    from nodewise.phantom.chest.drawing import Drawing
    from nodewise.phantom.chest.hard import Hard
    from nodewise.phantom.draw.canvas import Canvas
    from nodewise.phantom.drawn_node import DrawnNode

FIRST_SEED = 20_000_000  # never those of phantoms to evaluate on, nor those that the nodes are segmented in
SEEDS_A_RUN = 100_000
CUBE = 44  # voxels of 1 mm: a patch of 32 turned by 10° and shifted, and what the scanner blurs into it
PATIENTS_A_BODY = 24

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCase:
    """The nodes of one drawn patient, n cubes of ``CUBE`` voxels of 1 mm with a node in the middle of each.

    Attributes:
        tissue, other, share: (n, z, y, x) uint8, see ``phantom.geometry.Geometry``.
        nodes: (n, z, y, x) uint8, 1 the node itself, 2 and more its neighbours.
        stations: (n,) of each node.
        malignant: (n,) truth, of which training sees ``histology`` alone.
        short_axis_mm: (n,) RECIST, of the drawn node.
        histology: whether the resected stations hold metastasis, by station; no entry for those not resected.
        primary_side: of the tumour.
    """

    tissue: Labels
    other: Labels
    share: Labels
    nodes: Labels
    stations: tuple[Station, ...]
    malignant: npt.NDArray[np.bool_]
    short_axis_mm: npt.NDArray[np.float64]
    histology: Mapping[str, bool]
    primary_side: Side

    def __len__(self) -> int:
        return len(self.stations)

    def only(self, which: Sequence[int]) -> DrawnCase:
        """The same patient with some nodes alone."""
        w = list(which)
        return replace(
            self,
            tissue=self.tissue[w],
            other=self.other[w],
            share=self.share[w],
            nodes=self.nodes[w],
            stations=tuple(self.stations[n] for n in w),
            malignant=self.malignant[w],
            short_axis_mm=self.short_axis_mm[w],
        )


def node_bank(
    folder: Path,
    count: int,
    seed: int,
    *,
    patients_a_body: int = PATIENTS_A_BODY,
    progress: Callable[[int], None] = lambda _n: None,
) -> list[Path]:
    """``count`` drawn patients with at least one node each, one file a patient; those already in ``folder`` are kept.

    Args:
        folder: where they lie.
        count: how many.
        seed: of the run; body i has seed ``FIRST_SEED + SEEDS_A_RUN * seed + i``.
        patients_a_body: how many patients share one body, each with nodes of its own.
        progress: told how many are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = FIRST_SEED + SEEDS_A_RUN * seed
    paths: list[Path] = []
    body = 0
    while len(paths) < count:
        names = [folder / f"{first + body}-{n}.npz" for n in range(patients_a_body)]
        if not names[-1].exists():  # the last is written last
            for path, case in zip(names, drawn_cases(first + body, patients_a_body), strict=True):
                _save(case, path)
        paths += [path for path in names if path.stat().st_size > 0]
        body += 1
        progress(min(len(paths), count))
    return paths[:count]


def body_of(path: Path) -> str:
    """The seed of the body of a patient's file in a bank."""
    return path.stem.partition("-")[0]


def drawn_cases(seed: int, count: int) -> Iterator[DrawnCase | None]:
    """Patients with the body of ``seed``, the first with the nodes that belong to it; None for one without nodes."""
    from nodewise.phantom.chest.drawing import draw_patient
    from nodewise.phantom.chest.lymph import place_nodes
    from nodewise.phantom.chest.painting import holds_nodes, mediastinal_grid, paint
    from nodewise.phantom.chest.stations import station_map
    from nodewise.phantom.draw.canvas import Canvas
    from nodewise.phantom.drawn_node import paint_node

    drawing = draw_patient(seed)
    fine = Canvas(mediastinal_grid(drawing.person, (1.0, 1.0, 1.0)))
    paint(fine, drawing)
    if count > 1:
        plan = Canvas(mediastinal_grid(drawing.person, (2.0, 2.0, 2.0)))
        inside = paint(plan, drawing)
        stations = station_map(plan.axes, inside & holds_nodes(plan.tissue), drawing.borders)
    for number in range(count):
        rng = np.random.default_rng([20268, seed, number])
        nodes: list[DrawnNode] = list(drawing.nodes)
        if number:
            nodes = place_nodes(copy.deepcopy(plan), stations, drawing.tumour, rng, _hard(drawing, rng))
        canvas = copy.deepcopy(fine)
        for index, node in enumerate(nodes, 1):
            paint_node(canvas, index, node)
        yield _case(canvas, nodes, drawing, rng)


def _hard(drawing: Drawing, rng: np.random.Generator) -> list[Hard]:
    """What is hard about a further patient: what the body tells, and how many nodes there are, drawn anew."""
    from nodewise.phantom.chest.hard import Hard, draw_hard

    body, new = (Hard.POST_SURGICAL,), (Hard.CONGLOMERATE, Hard.FEW_NODES)
    return [*(k for k in drawing.hard if k in body), *(k for k in draw_hard(rng) if k in new)]


def load_case(path: Path) -> DrawnCase:
    """Read a patient of the bank.

    Raises:
        BadInputError: the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return DrawnCase(
                tissue=file["tissue"],
                other=file["other"],
                share=file["share"],
                nodes=file["nodes"],
                stations=tuple(Station.of_label(int(label)) for label in file["stations"]),
                malignant=file["malignant"],
                short_axis_mm=file["short_axis_mm"],
                histology=dict(zip(file["resected"].tolist(), file["positive"].tolist(), strict=True)),
                primary_side=Side(str(file["primary_side"])),
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise BadInputError(f"{path} is no drawn patient of a node bank: {error}") from error


def _save(case: DrawnCase | None, path: Path) -> None:
    """Written aside and renamed: a kill leaves no half file; an empty one stands for a patient without nodes."""
    if case is None:
        path.write_bytes(b"")
        return
    aside = path.with_suffix(".part.npz")
    np.savez_compressed(
        aside,
        tissue=case.tissue,
        other=case.other,
        share=case.share,
        nodes=case.nodes,
        stations=[s.label for s in case.stations],
        malignant=case.malignant,
        short_axis_mm=case.short_axis_mm,
        resected=np.array(list(case.histology), dtype="U3"),
        positive=np.array(list(case.histology.values()), dtype=np.bool_),
        primary_side=case.primary_side.value,
    )
    aside.replace(path)


def _case(canvas: Canvas, nodes: list[DrawnNode], drawing: Drawing, rng: np.random.Generator) -> DrawnCase | None:
    from scipy import ndimage

    from nodewise.image.shape import measure
    from nodewise.phantom.annotation import KnownNode, Verdict, station_histology

    places = {n: box for n, box in enumerate(ndimage.find_objects(canvas.nodes), 1) if box is not None}
    if not places:
        return None
    cubes, known = [], []
    for number, box in places.items():
        mask = np.asfortranarray(canvas.nodes[box] == number)
        start, stop = tuple(s.start for s in box), tuple(s.stop for s in box)
        size = measure(mask, canvas.grid.crop(Box(start, stop)))
        node = nodes[number - 1]
        known.append(KnownNode(node.place, node.status, size.short_axis_mm))
        cubes.append(_cube(canvas, number, [(s.start + s.stop) // 2 for s in box]))
    verdicts = station_histology(known, rng)
    side = drawing.tumour.side
    assert side is not None
    tissue, other, share, numbers = (np.stack(arrays) for arrays in zip(*cubes, strict=True))
    return DrawnCase(
        tissue=tissue,
        other=other,
        share=share,
        nodes=numbers,
        stations=tuple(Station(n.place) for n in known),
        malignant=np.array([n.status.malignant for n in known]),
        short_axis_mm=np.array([n.short_axis_mm for n in known]),
        histology={c: v is Verdict.MALIGNANT for c, v in verdicts.items() if v is not Verdict.NONE},
        primary_side=side,
    )


def _cube(canvas: Canvas, number: int, middle: list[int]) -> list[Labels]:
    """Tissue, other, share and nodes (z, y, x) about ``middle``; beyond the canvas its edge is repeated."""
    at = [np.arange(m - CUBE // 2, m + CUBE // 2) for m in middle]
    inside = np.ix_(*(np.clip(a, 0, n - 1) for a, n in zip(at, canvas.tissue.shape, strict=True)))
    numbers = canvas.nodes[inside]
    x, y, z = ((a >= 0) & (a < n) for a, n in zip(at, canvas.tissue.shape, strict=True))
    numbers *= x[:, None, None] & y[:, None] & z
    return [np.ascontiguousarray(a.T) for a in (canvas.tissue[inside], canvas.other[inside], canvas.share[inside])] + [
        np.ascontiguousarray(_renumbered(numbers, number).T)
    ]


def _renumbered(numbers: npt.NDArray[np.uint16], own: int) -> Labels:
    """1 for ``own``, 2 and more for the others, 0 for none."""
    others = [n for n in np.unique(numbers).tolist() if n not in (0, own)]
    table = np.zeros(int(numbers.max()) + 1, np.uint8)
    table[own] = 1
    table[others] = 2 + np.arange(len(others))
    return np.asarray(table[numbers])
