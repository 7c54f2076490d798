"""Which prediction belongs to which truth: two folders matched by name, two files, or a CSV of pairs."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.files import CT_CHANNEL
from nodewise.evaluate.labelled import labelled_cases, patient_cells
from nodewise.io.itk import SUFFIXES, is_image
from nodewise.values.errors import BadInputError

log = logging.getLogger(__name__)
Missing = Literal["refuse", "empty", "skip"]
TRUTH_FILE, ASSESSMENT_FILE, NODES_FILE = "truth.json", "assessment.json", "nodes.nii.gz"
PATIENT_COLUMNS = ("n_positive", "primary_side", "n_category_8", "n_category_9")
_COLUMNS = ("name", "truth", "prediction", "image", *PATIENT_COLUMNS)
_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """One patient: where truth and prediction lie.

    Attributes:
        prediction: None stands for a prediction without any node.
        image: the CT, for pictures only; None where there is none.
        patient: what a CSV of pairs or a data set says of the patient, by ``PATIENT_COLUMNS``, without empty cells.
        labelled: the case of a data set that ``truth`` is the labels of.
    """

    name: str
    truth: Path
    prediction: Path | None
    image: Path | None = None
    patient: Mapping[str, str] | None = None
    labelled: LabelledCase | None = None


def find_pairs(
    truth: Path, prediction: Path | None, *, images: Path | None = None, missing: Missing = "refuse"
) -> tuple[Pair, ...]:
    """Every patient of ``truth`` with its prediction, by name.

    Args:
        truth: a mask; one truth folder; a folder of either; what ``nodewise phantom`` writes; any data set that
            ``read_dataset`` knows; or a CSV of pairs with the columns truth and prediction and, where known, name,
            image and ``PATIENT_COLUMNS``.
        prediction: a mask or map; a folder by ``nodewise predict``; a folder of either. None with a CSV.
        images: folder of CTs by the same names, or one CT of a single pair.
        missing: what becomes of a truth without a prediction: ``empty`` counts it as one without nodes.

    Raises:
        BadInputError: something is not there, or names do not match.
    """
    for path in filter(None, (truth, prediction, images)):
        if not path.exists():
            raise BadInputError(f"{path}: there is no such file or folder")
    if truth.suffix.lower() == ".csv" and truth.is_file():
        if prediction is not None:
            raise BadInputError(f"{truth.name} names the predictions itself: leave {prediction} out")
        return _with_images(_from_csv(truth, missing), images)
    if prediction is None:
        raise BadInputError(f"a prediction for {truth} is needed: give it after the truth, or give a CSV of pairs")
    labelled = {case.name: case for case in labelled_cases(truth)} if _may_be_data_set(truth) else {}
    if labelled:
        pairs = _paired({name: case.nodes for name, case in labelled.items()}, prediction, missing)
        return _with_images([_with_label(pair, labelled[pair.name], images) for pair in pairs], images)
    truths, images = _truths(truth, images)
    return _with_images(_paired(truths, prediction, missing), images)


def _paired(truths: Mapping[str, Path], prediction: Path, missing: Missing) -> list[Pair]:
    """Truths by name with a prediction that is one case or a folder of several."""
    predictions = {stem(prediction): prediction} if _is_case(prediction) else cases_in(prediction)
    if not predictions and missing == "refuse":
        raise BadInputError(f"{prediction} holds no prediction: expected masks, maps or folders by nodewise predict")
    if len(truths) == 1 and _is_case(prediction):
        return [Pair(name, path, prediction) for name, path in truths.items()]
    for name in [name for name in predictions if name not in truths]:
        bare = name.removesuffix(CT_CHANNEL)
        if bare in truths and bare not in predictions:
            predictions[bare] = predictions.pop(name)
    return _matched(truths, predictions, prediction, missing)


def cases_in(folder: Path) -> dict[str, Path]:
    """Every mask, map and case folder directly in ``folder``, by name; anything else is passed over.

    Raises:
        BadInputError: two of them have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (_is_case(path) or _is_series(path)):
            continue
        name = stem(path)
        if name in found:
            raise BadInputError(f"{folder} holds {found[name].name} and {path.name} for the same name: keep one")
        found[name] = path
    return found


def stem(path: Path) -> str:
    """A case's name: that of its folder, or of its file without the format's ending."""
    ending = next((s for s in SUFFIXES if path.name.lower().endswith(s)), "") if not path.is_dir() else ""
    return path.name[: -len(ending)] if ending else path.name if path.is_dir() else path.stem


def _may_be_data_set(truth: Path) -> bool:
    return truth.is_dir() and not _is_case(truth) and not (truth / "truth").is_dir()


def _with_label(pair: Pair, case: LabelledCase, images: Path | None) -> Pair:
    """With what a data set knows of it; its CT only where no folder of CTs was named."""
    image = case.image if images is None else None
    return replace(pair, image=image, patient=patient_cells(case), labelled=case)


def _is_case(path: Path) -> bool:
    """Whether a path is one patient's truth or prediction, and not a folder of several."""
    if path.is_file():
        return is_image(path) or path.suffix.lower() in {".dcm", ".zip"}
    return any((path / name).is_file() for name in (TRUTH_FILE, ASSESSMENT_FILE, NODES_FILE))


def _is_series(folder: Path) -> bool:
    """A folder whose one file is a mask, as exports of DICOM SEG often are."""
    if not folder.is_dir():
        return False
    files = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return len(files) == 1 and files[0].is_file() and (is_image(files[0]) or files[0].suffix.lower() == ".dcm")


def _truths(truth: Path, images: Path | None) -> tuple[dict[str, Path], Path | None]:
    """Truths by name; of what ``nodewise phantom`` wrote, those of its ``truth``, and its ``images`` beside them."""
    if _is_case(truth):
        beside = truth.parent.parent / "images" if (truth / TRUTH_FILE).is_file() else None
        return {stem(truth): truth}, images or (beside if beside and beside.is_dir() else None)
    if truth.is_file():
        raise BadInputError(f"{truth.name} is neither a mask ({', '.join(SUFFIXES)}, DICOM SEG) nor a CSV of pairs")
    inside = truth / "truth" if (truth / "truth").is_dir() else truth
    found = cases_in(inside)
    if not found:
        raise BadInputError(
            f"{truth} holds no truth: expected masks, or folders with {TRUTH_FILE} as nodewise phantom writes them"
        )
    beside = inside.parent / "images"
    phantom = any((path / TRUTH_FILE).is_file() for path in found.values()) and beside.is_dir()
    return found, images or (beside if phantom else None)


def _matched(truths: Mapping[str, Path], predictions: Mapping[str, Path], where: Path, missing: Missing) -> list[Pair]:
    lost = [name for name in truths if name not in predictions]
    extra = [name for name in predictions if name not in truths]
    if lost and missing == "refuse":
        others = f" (and no truth for {_listed(extra)})" if extra else ""
        raise BadInputError(
            f"{where} has no prediction for {_listed(lost)}{others}: rename them alike, or say --missing empty or skip"
        )
    if lost and len(lost) == len(truths):
        raise BadInputError(f"no name of the truth is in {where}: it has {_listed(extra) or 'nothing'}")
    if lost:
        log.warning("no prediction for %s: %s", _listed(lost), "counted as empty" if missing == "empty" else "left out")
    if extra:
        log.warning("no truth for %s: left out", _listed(extra))
    kept = [name for name in truths if name in predictions or missing == "empty"]
    return [Pair(name, truths[name], predictions.get(name)) for name in kept]


def _from_csv(path: Path, missing: Missing) -> list[Pair]:
    columns, rows = _table(path)
    if not {"truth", "prediction"} <= set(columns):
        raise BadInputError(
            f"{path.name} needs the columns truth and prediction, it has {', '.join(columns) or 'none'}"
        )
    unused = [column for column in columns if column not in _COLUMNS]
    if unused:
        log.warning("%s: not used: column %s", path.name, ", ".join(unused))
    read = [_of_row(path, number, row, missing) for number, row in enumerate(rows, start=2) if row]
    pairs = [pair for pair in read if pair is not None]
    names = [pair.name for pair in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInputError(f"{path.name} has {_listed(twice)} more than once: give each patient one row, by name")
    if not pairs:
        raise BadInputError(f"{path.name} has no pairs below its header")
    return pairs


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns in small letters, and rows without their empty cells; commas or, as some countries' Excel, semicolons."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path.name} is not UTF-8 text: save it as CSV UTF-8") from error
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if ";" in header and "," not in header else ",")
    columns = [column.strip().lower() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    rows = [{k: v.strip() for k, v in row.items() if k and isinstance(v, str) and v.strip()} for row in reader]
    return columns, rows


def _of_row(path: Path, number: int, row: Mapping[str, str], missing: Missing) -> Pair | None:
    """One row; paths are taken from the folder that the CSV lies in."""
    if "truth" not in row:
        raise BadInputError(f"{path.name}, line {number}: no truth is named")
    places = {key: path.parent / row[key] for key in ("truth", "prediction", "image") if key in row}
    for key, place in places.items():
        if not place.exists():
            raise BadInputError(f"{path.name}, line {number}: {key} {place} is not there")
    name = row.get("name", stem(places["truth"]))
    if "prediction" not in places and missing == "refuse":
        raise BadInputError(f"{path.name}, line {number}: no prediction for {name}; say --missing empty or skip")
    if "prediction" not in places and missing == "skip":
        return None
    patient = {column: row[column] for column in PATIENT_COLUMNS if column in row}
    return Pair(name, places["truth"], places.get("prediction"), places.get("image"), patient)


def _with_images(pairs: tuple[Pair, ...] | list[Pair], images: Path | None) -> tuple[Pair, ...]:
    """Each pair with its CT where ``images`` has one: NAME or NAME_0000 (nnU-Net), a file or a folder of DICOM."""
    if images is None:
        return tuple(pairs)
    if images.is_file():
        there = {pairs[0].name: images} if len(pairs) == 1 else {stem(images): images}
    else:
        there = {stem(p).removesuffix(CT_CHANNEL): p for p in sorted(images.iterdir()) if p.is_dir() or is_image(p)}
    if not any(p.name in there for p in pairs):
        log.warning("%s has no CT by any of these names: there will be none in the pictures", images)
    return tuple(replace(pair, image=pair.image or there.get(pair.name)) for pair in pairs)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
