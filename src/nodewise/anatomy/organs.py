"""A map of organs from outside: what is in it, and whether it belongs to this scan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nodewise.anatomy.organ_masks import LUNG_LEFT, LUNG_RIGHT, Organs
from nodewise.image.resample import resample
from nodewise.io.itk import read_labels
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.organ_names import TOTAL_V2
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Quantity, Volume

INSIDE = 0.5  # of the organs' voxels lie in the scan, or it is another's
AIRLESS_HU = -200.0
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class OrganMap:
    """Organs on any grid, and the name of each label.

    Attributes:
        labels: LABEL; 0 is none of them.
        source: who drew it: ``given``, ``TotalSegmentator``.
        warnings: what a reader must know, one line each.
    """

    labels: Volume
    names: Mapping[int, str]
    source: str
    warnings: tuple[str, ...] = ()


def read_organs(path: Path, names: Path | None = None, source: str = "given") -> OrganMap:
    """A multi-label NIfTI, NRRD or MetaImage file; labels without a name are left out, with a warning.

    Args:
        path: of the map.
        names: JSON, see ``read_names``; without it the numbers are those of TotalSegmentator's task ``total`` (v2).
        source: kept with the map.

    Raises:
        BadInputError: a file cannot be read, or no label of the map has a name.
    """
    labels = closest_lps(read_labels(path))
    table = TOTAL_V2 if names is None else read_names(names)
    there = [int(n) for n in np.unique(labels.array) if n]
    unknown = [n for n in there if n not in table]
    if len(unknown) == len(there):
        where = "TotalSegmentator's table" if names is None else names.name
        told = "holds no organ" if not there else f"holds labels ({_listed(there)}) that have no name in {where}"
        raise BadInputError(f"{path.name} {told}: give the names by --organ-names JSON")
    if not unknown:
        return OrganMap(labels, table, source)
    kept = np.where(np.isin(labels.array, unknown), 0, labels.array).astype(labels.array.dtype)
    told = f"Labels without a name in {path.name} were left out: {_listed(unknown)}."
    return OrganMap(labels.with_array(kept, Quantity.LABEL), table, source, (told,))


def read_names(path: Path) -> Mapping[int, str]:
    """Names of labels from JSON: ``{"1": "spleen"}``, ``{"spleen": 1}``, or either under ``organs`` or ``labels``.

    ``truth.json`` of a phantom and nnU-Net's ``dataset.json`` are such files.

    Raises:
        BadInputError: not such a file, a number is not a positive whole one, or two labels have one name.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON ({error})") from error
    if isinstance(content, dict):
        content = next((content[key] for key in ("organs", "labels") if isinstance(content.get(key), dict)), content)
    if not isinstance(content, dict) or not content:
        raise BadInputError(f'{path}: names of organs were expected, such as {{"1": "spleen"}}')
    pairs = [_pair(path, key, value) for key, value in content.items()]
    found = {number: name for number, name in pairs if number}
    if len(found) < sum(number != 0 for number, _ in pairs) or len(set(found.values())) < len(found):
        raise BadInputError(f"{path}: two labels have the same name or number")
    return found


def _pair(path: Path, key: str, value: object) -> tuple[int, str]:
    if isinstance(value, str) and key.isdecimal():
        return int(key), value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value, key
    raise BadInputError(f"{path}: {key!r} with {value!r} is not a label and its name")


def organs_on(given: OrganMap, ct: Volume, grid: Grid) -> Organs:
    """The map on a lattice, nearest label, once it is clear that it belongs to the scan.

    Args:
        given: on any grid.
        ct: HU of the scan, on any grid that covers it.
        grid: isotropic, along the patient's axes.

    Raises:
        BadInputError: more than half of the organs lie outside the scan, or their lungs hold no air in it.
    """
    _check_inside(given, ct.grid)
    numbers = {name: number for number, name in given.names.items()}
    organs = Organs(resample(given.labels, grid), numbers)
    lungs = organs.mask(*LUNG_RIGHT, *LUNG_LEFT)
    hu = resample(ct, grid).array if lungs is not None else None
    if lungs is not None and hu is not None and float(np.median(hu[lungs])) > AIRLESS_HU:
        raise BadInputError("the organ map does not fit this CT: where it says lung there is no air: of another scan?")
    return organs


def _check_inside(given: OrganMap, ct: Grid) -> None:
    flat = np.flatnonzero(given.labels.array.ravel(order="F"))
    step = max(1, len(flat) // _SAMPLE)
    index = np.column_stack(np.unravel_index(flat[::step], given.labels.grid.shape, order="F"))
    at = ct.to_index(given.labels.grid.to_lps(index))
    share = float(((at >= -0.5) & (at <= np.array(ct.shape) - 0.5)).all(axis=1).mean())
    if share < INSIDE:
        raise BadInputError(
            f"the organ map does not lie on this CT: {share:.0%} of its organs are inside the scan: of another scan?"
        )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
