"""``stations.csv`` beside labelled scans: which station each labelled node lies in.

Columns ``name``, ``node`` (its value in the labels), ``station``, and where a node lies in more than one ``second`` and
``third``, the likeliest first, as LyNoS gives them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station

NODE_TABLE_FILE = "stations.csv"
NodeStations = Mapping[int, tuple[Station, ...]]
_COLUMNS = ("name", "node", "station", "second", "third")
_BY_CODE = {station.code.upper(): station for station in Station if station is not Station.UNKNOWN}


def station_named(word: str) -> Station | None:
    """The station of a code, however it is written; None where there is none of it.

    >>> station_named(" 3P "), station_named("3ar"), station_named("9")
    (<Station.S3P: '3p'>, <Station.S3AR: '3aR'>, None)
    """
    return _BY_CODE.get("".join(word.split()).upper())


def read_node_table(folder: Path) -> Mapping[str, NodeStations]:
    """What ``stations.csv`` in a folder says, by case and value; nothing where there is no such file.

    Raises:
        BadInputError: it cannot be understood, or names a node twice.
    """
    path = folder / NODE_TABLE_FILE
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path} cannot be read as CSV: {error}") from error
    found: dict[str, dict[int, tuple[Station, ...]]] = {}
    for number, row in enumerate(rows, start=2):
        name, node, stations = _row(row, f"{path}, line {number}")
        nodes = found.setdefault(name, {})
        if node in nodes:
            raise BadInputError(f"{path}, line {number}: node {node} of {name} is there twice")
        nodes[node] = stations
    return found


def write_node_table(cases: Iterable[LabelledCase], path: Path) -> None:
    """Write the stations of the nodes of every case that has them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for case in cases:
            for node, stations in sorted((case.node_stations or {}).items()):
                codes = [station.code for station in stations[:3]]
                writer.writerow([case.name, node, *codes, *[""] * (3 - len(codes))])


def _row(row: Mapping[str, str | None], where: str) -> tuple[str, int, tuple[Station, ...]]:
    missing = next((column for column in _COLUMNS[:3] if not (row.get(column) or "").strip()), None)
    if missing:
        raise BadInputError(f"{where}: {missing} is missing: the columns are {', '.join(_COLUMNS)}")
    node = (row["node"] or "").strip()
    if not node.isdecimal() or int(node) < 1:
        raise BadInputError(f"{where}: node is {node}: give its value in the labels, 1, 2, …")
    codes = [word.strip() for column in _COLUMNS[2:] if (word := (row.get(column) or "")).strip()]
    stations = [station_named(code) for code in codes]
    if None in stations:
        raise BadInputError(f"{where}: there is no station {codes[stations.index(None)]}")
    return (row["name"] or "").strip(), int(node), tuple(station for station in stations if station is not None)
