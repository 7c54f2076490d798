"""A data set by its name and the folder it was unpacked into."""

from __future__ import annotations

from pathlib import Path

from nodewise.datasets.case import Dataset
from nodewise.datasets.lnq2023 import lnq2023_dataset
from nodewise.datasets.lynos import lynos_dataset
from nodewise.datasets.names import DatasetName
from nodewise.datasets.nih import nih_dataset
from nodewise.datasets.read import find_cases, layout_of
from nodewise.datasets.totalsegmentator import totalsegmentator_dataset
from nodewise.values.errors import BadInputError

_PUBLIC = {
    DatasetName.lnq2023: lnq2023_dataset,
    DatasetName.nih: nih_dataset,
    DatasetName.lynos: lynos_dataset,
    DatasetName.totalsegmentator: totalsegmentator_dataset,
}


def read_named(name: DatasetName, root: Path) -> Dataset:
    """The data set of this name in a folder; no voxel is read.

    Raises:
        BadInputError: there is no such folder, or it does not hold that data set.
    """
    if not root.is_dir():
        raise BadInputError(f"{root}: there is no such folder")
    if name in _PUBLIC:
        return _PUBLIC[name](root)
    if name is DatasetName.nnunet and layout_of(root) != "nnU-Net":
        raise BadInputError(f"{root} is not nnU-Net's raw data: expected imagesTr, labelsTr and dataset.json")
    return find_cases(root)
