"""What ``nodewise prepare`` calls the data sets it knows."""

from __future__ import annotations

from enum import StrEnum


class DatasetName(StrEnum):
    """A public data set; or what a user has: nnU-Net's raw data, or a folder in any other layout."""

    lnq2023 = "lnq2023"
    nih = "nih"
    lynos = "lynos"
    totalsegmentator = "totalsegmentator"
    nnunet = "nnunet"
    folder = "folder"

    @property
    def own(self) -> bool:
        """Whether file names are the user's, so that they may name patients."""
        return self in (DatasetName.nnunet, DatasetName.folder)
