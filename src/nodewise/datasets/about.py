"""Whose data they are, and under which licence they may be used."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from nodewise.values.errors import BadInputError

ABOUT_FILE = "prepared.json"


@dataclass(frozen=True, slots=True)
class About:
    """What has to be known and said of a data set, one line each.

    Attributes:
        name: short, as typed.
        title: as its makers call it.
        licence: of the data; it may differ from that of any program published beside them.
        url: where a user gets it.
        citation: what its makers ask to be cited.
    """

    name: str
    title: str
    licence: str
    url: str
    citation: str


def read_about(folder: Path) -> About | None:
    """Whose data ``nodewise prepare`` wrote into a folder; None where it did not, or did not know.

    Raises:
        BadInputError: ``prepared.json`` cannot be understood.
    """
    path = folder / ABOUT_FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["about"]
        return None if told is None else About(**{field.name: str(told[field.name]) for field in fields(About)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is not a file by nodewise prepare") from error
