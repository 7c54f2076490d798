"""A result folder that is complete or absent."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodewise.values.errors import BadInputError


@contextmanager
def whole(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A hidden folder beside ``folder`` to write into; renamed to it at the end, removed if anything was raised.

    An earlier result is moved aside just before and deleted just after the renaming, so that it is lost only once the
    new one is complete.

    Raises:
        BadInputError: ``folder`` is a file, a mount point, not writable, or holds something and ``overwrite`` is False.
    """
    folder = folder.resolve()
    _check(folder, overwrite)
    mark = uuid.uuid4().hex[:8]
    aside, old = (folder.with_name(f".{folder.name}.{mark}.{end}") for end in ("writing", "old"))
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise BadInputError(f"nothing can be written beside {folder}: {error.strerror}") from error
    try:
        yield aside
        _check(folder, overwrite)
        if folder.exists():
            folder.rename(old)
        try:
            aside.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check(folder: Path, overwrite: bool) -> None:
    if folder.is_mount():
        raise BadInputError(f"{folder} is a whole disk or a mounted folder: name a folder inside it")
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file, a folder for the results was expected: choose another name")
    if folder.is_dir() and not overwrite and any(folder.iterdir()):
        raise BadInputError(f"{folder} already holds something: choose another folder or ask to overwrite it")
