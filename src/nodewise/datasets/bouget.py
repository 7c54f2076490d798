"""Stations of nodes as Bouget et al. (2022) give them, beside LyNoS and beside their refined masks of the NIH's scans.

Which columns their tables have could not be confirmed: a column of the patient, one of the node's value in the labels,
and up to three of stations are found by what their headings say, and a table in which they are not is left aside.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nodewise.datasets.node_table import NodeStations, station_named
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station

log = logging.getLogger(__name__)

_PATIENT = ("patient", "pat", "case", "uid")
_NODE = ("label", "node", "lymph", "instance", "ln")
_STATIONS = ("station", "primary", "secondary", "tertiary")


def node_stations(path: Path | None) -> Mapping[int, NodeStations]:
    """Stations by the patient's number and the node's value; nothing where there is no table or it is not understood.

    Stations that have no code of the 2009 map with its side where it has two, such as 9, are passed over.

    Raises:
        BadInputError: the file is not text.
    """
    if path is None:
        return {}
    rows = _rows(path)
    columns = _columns(rows[0]) if rows else None
    if columns is None:
        log.warning(
            "%s: its columns (%s) are not understood: no stations", path.name, ", ".join(rows[0] if rows else [])
        )
        return {}
    patient, node, stations = columns
    found: dict[int, dict[int, tuple[Station, ...]]] = {}
    unknown: set[str] = set()
    for row in rows[1:]:
        cells = dict(enumerate(row))
        who, which = _number(cells.get(patient, "")), _number(cells.get(node, ""))
        words = [word for place in stations for word in re.split(r"[/,;+&]", cells.get(place, "")) if word.strip()]
        named = dict.fromkeys(station for word in words if (station := station_named(word)))
        unknown |= {word.strip() for word in words if station_named(word) is None}
        if who is not None and which is not None and named:
            found.setdefault(who, {})[which] = tuple(named)
    if unknown:
        log.warning("%s: no station is called %s: left out", path.name, ", ".join(sorted(unknown)[:5]))
    return found


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from error
    lines = [line for line in text.splitlines() if line.strip()]
    mark = max(",;\t", key=lines[0].count) if lines else ","
    return list(csv.reader(lines, delimiter=mark))


def _columns(headings: Sequence[str]) -> tuple[int, int, tuple[int, ...]] | None:
    """Places of the patient, of the node and of its stations."""
    words = [heading.strip().lower() for heading in headings]
    stations = tuple(n for n, word in enumerate(words) if word.startswith(_STATIONS))
    patient = next((n for n, word in enumerate(words) if word.startswith(_PATIENT)), None)
    rest = [n for n in range(len(words)) if n != patient and n not in stations]
    node = next((n for n in rest if words[n].startswith(_NODE) or words[n] == "id"), None)
    return None if patient is None or node is None or not stations else (patient, node, stations)


def _number(word: str) -> int | None:
    """The number a word ends in: 12 of ``Pat12``, of ``12`` and of ``12.0``."""
    found = re.fullmatch(r"\D*(\d+)(\.0+)?\s*", word)
    return int(found[1]) if found else None
