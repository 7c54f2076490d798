"""dataset.json of nnU-Net v2: which channels a model needs and what its outputs are.

After nnunetv2.utilities.label_handling (nnunetv2 2.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, Field

from nodewise.models.nnunet_json import read_checked
from nodewise.values.errors import BadInputError

Ints = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """What the network's outputs are.

    Attributes:
        names: of each output. painted: the label it paints.
        regions: outputs are overlapping regions, each on its own, painted one over the other; else one label wins.
        foreground: labels that a cascade hands to its next stage.
    """

    names: tuple[str, ...]
    painted: Ints
    regions: bool
    foreground: Ints


class _Dataset(BaseModel):
    channel_names: dict[str, Any] = Field(validation_alias=AliasChoices("channel_names", "modality"))
    labels: dict[str, int | Ints]
    regions_class_order: Ints | None = None


def read_labels(folder: Path) -> Labels:
    """The outputs of the model in a folder, from its dataset.json.

    Raises:
        BadInputError: it is missing or damaged, labels have gaps, or the model needs more than a CT.
    """
    path = folder / "dataset.json"
    dataset = read_checked(path, _Dataset)
    if len(dataset.channel_names) != 1:
        names = ", ".join(str(channel) for channel in dataset.channel_names.values())
        raise BadInputError(f"{path}: the model needs {names}; nodewise can give it the CT alone")
    named = {name: value for name, value in dataset.labels.items() if name != "ignore"}
    each = {name: value if isinstance(value, tuple) else (value,) for name, value in named.items()}
    every = sorted({label for labels in each.values() for label in labels})
    if named.get("background") != 0:
        raise BadInputError(f"{path}: label 0 must be named background, and be there")
    if not any(len(labels) > 1 for labels in each.values()):
        names = {labels[0]: name for name, labels in each.items() if labels}
        if every != [*range(len(every))] or len(names) != len(each):
            raise BadInputError(f"{path}: labels must be 0, 1, 2 and so on without a gap, not {every}")
        return Labels(tuple(names[label] for label in every), tuple(every), False, tuple(every[1:]))
    regions = tuple(name for name, labels in each.items() if set(labels) != {0})
    order = dataset.regions_class_order or ()
    if len(order) != len(regions):
        raise BadInputError(f"{path}: {len(regions)} regions need as many labels in regions_class_order")
    return Labels(regions, order, True, tuple(label for label in every if label))
