"""An atlas by ``nodewise atlas build`` as the recipe takes one: laid by registration, packed beside the weights."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.anatomy.atlas import folder as atlas_folder
from nodewise.anatomy.atlas.lay import node_prior
from nodewise.anatomy.atlas.prior import without
from nodewise.models.prior_preparation import lung_region
from nodewise.recipes.atlas_prior.prior import DAMAGED, NodeAtlas, load_atlas
from nodewise.values.anatomy import Anatomy
from nodewise.values.atlas import Atlas, CaseNodes
from nodewise.values.errors import BadInputError

_MARK = "atlas.json"
ALL = "all"


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredAtlas:
    """An atlas with a reference chest."""

    atlas: Atlas

    def lay(self, anatomy: Anatomy) -> Anatomy:
        """The anatomy with ``prior`` and ``distance`` over the box of its lungs; without them where that fails."""
        return node_prior(anatomy, self.atlas, region=lung_region(anatomy))

    @property
    def patients(self) -> frozenset[str]:
        """Whose nodes it holds."""
        return frozenset(case.patient for case in self.atlas.cases)

    def without(self, patients: Collection[str]) -> RegisteredAtlas:
        """The same without these patients' nodes.

        Raises:
            BadInputError: nobody else is left.
        """
        left = self.atlas
        for patient in sorted(self.patients.intersection(patients)):
            left = without(left, patient)
        return self if left is self.atlas else RegisteredAtlas(left)

    def to_bytes(self) -> bytes:
        """The maps as a file, without the reference's CT, the names of scans, which may name people, and whose nodes.

        What is read of it again can leave nobody out.
        """
        nothing = np.empty(0, np.int32), np.empty(0, np.uint8)
        folding = max(case.folding for case in self.atlas.cases)
        one = CaseNodes(ALL, ALL, *nothing, self.atlas.cases[0].method, folding)
        origin = replace(self.atlas.origin, reference="")
        plain = replace(self.atlas, cases=(one,), origin=origin, ct=None)
        file = io.BytesIO()
        with tempfile.TemporaryDirectory() as made:
            atlas_folder.save_atlas(plain, Path(made) / "atlas", "")
            parts = {path.name: path.read_bytes() for path in sorted((Path(made) / "atlas").iterdir())}
        arrays: dict[str, Any] = {name: np.frombuffer(data, np.uint8) for name, data in parts.items()}
        np.savez(file, **arrays)
        return file.getvalue()


def node_atlas(path: Path) -> NodeAtlas:
    """A node atlas: the file of a model, a folder by ``nodewise atlas build``, or ``default`` for the bundled one.

    Raises:
        BadInputError: it is missing or damaged.
    """
    if not path.is_file():
        return RegisteredAtlas(atlas_folder.find_atlas(str(path)))
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = {name: file[name].tobytes() for name in file.files} if _MARK in file.files else {}
    except DAMAGED as error:
        raise BadInputError(f"{path} is no node atlas, or is damaged") from error
    if not parts:
        return load_atlas(path)
    with tempfile.TemporaryDirectory() as made:
        for name, data in parts.items():
            (Path(made) / Path(name).name).write_bytes(data)
        return RegisteredAtlas(atlas_folder.load_atlas(Path(made)))
