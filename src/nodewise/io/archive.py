"""A zip file opened beside the story, never beside the user's data."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from nodewise.values.errors import BadInputError


@contextmanager
def unzipped(path: Path) -> Iterator[Path]:
    """A temporary folder with the content of a zip, removed at the end.

    Raises:
        BadInputError: not a zip, encrypted, damaged, larger than the free disk, or with entries that lead outside.
    """
    with tempfile.TemporaryDirectory(prefix="nodewise-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                _require_harmless(archive, path, folder)
                archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInputError(f"{path.name}: not a zip, or a damaged one: {error}; zip it again") from error
        except (RuntimeError, NotImplementedError) as error:
            raise BadInputError(f"{path.name}: this zip is encrypted or of an unknown kind; unpack it first") from error
        yield folder


def _require_harmless(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    for entry in archive.infolist():
        path_inside = PureWindowsPath(entry.filename)  # takes both slashes, and knows drives
        if path_inside.anchor or ".." in path_inside.parts:
            raise BadInputError(f"{path.name}: the entry {entry.filename!r} leads out of the zip; unpack it by hand")
    size = sum(entry.file_size for entry in archive.infolist())
    if size > 0.9 * shutil.disk_usage(folder).free:
        raise BadInputError(f"{path.name}: unpacks to {size / 1e9:.1f} GB, more than the free space for it")
