"""JSON that nnU-Net wrote, checked, and one line where it is not what is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nodewise.values.errors import BadInputError

Model = TypeVar("Model", bound=BaseModel)


def read_checked(path: Path, model: type[Model]) -> Model:
    """The file as ``model`` has it.

    Raises:
        BadInputError: it is missing, no JSON, or not as ``model`` wants it.
    """
    if not path.is_file():
        raise BadInputError(f"{path.parent} is no trained model of nnU-Net: it has no {path.name}")
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return checked(content, model, str(path))


def checked(content: object, model: type[Model], where: str) -> Model:
    """The content as ``model`` has it; the error names the first thing that is not."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        at, told = ".".join(map(str, first["loc"])), " ".join(first["msg"].split())
        given = first["input"] if isinstance(first["input"], str | int | float | bool | None) else "something else"
        raise BadInputError(f"{where}: {at} is {given}, which is unknown here ({told})") from error
