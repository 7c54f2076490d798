"""Stored pixel values of a DICOM file, in any transfer syntax."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.io.dicom_header import Slice, damage_as, whole
from nodewise.values.errors import BadInputError

Stored = npt.NDArray[Any]


class PixelFile:
    """One open DICOM file; its frames are decoded as they are asked for.

    Attributes:
        padding: lowest and highest stored value that mean "outside the reconstructed circle", or None.

    Raises:
        BadInputError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        import pydicom

        self.path = path
        self._decoded: Stored | None = None
        with damage_as(BadInputError(f"{path.name}: a damaged DICOM file; export it again")):
            self._dataset: Any = pydicom.dcmread(path, force=True)
            self.padding = _padding(self._dataset)
            self._many = whole(self._dataset.get("NumberOfFrames")) > 1
            meta = self._dataset.file_meta
            syntax = str(meta.get("TransferSyntaxUID") or pydicom.uid.ImplicitVRLittleEndian)
            meta.TransferSyntaxUID = pydicom.uid.UID(syntax)

    def pixels(self, item: Slice) -> Stored:
        """Stored values of one slice (rows, columns).

        Raises:
            BadInputError: no decoder reads them, or they do not fill the slice.
        """
        stored = self._frame(item.frame)
        wanted = item.shape[::-1]
        if stored.size != wanted[0] * wanted[1]:
            raise BadInputError(f"{self.path.name}: {stored.shape} pixels where the header says {wanted}")
        return stored.reshape(wanted)

    def _frame(self, frame: int) -> Stored:
        from pydicom.pixels import pixel_array

        if self._decoded is None:
            try:
                with damage_as(ValueError("no pixels")), _hushed():
                    return np.asarray(pixel_array(self._dataset, index=frame if self._many else None, raw=True))
            except ValueError as error:
                with _hushed():
                    self._decoded = _by_gdcm(self.path, self._dataset)
                if self._decoded is None:
                    reason = _reason(self._dataset, error.__cause__)
                    raise BadInputError(f"{self.path.name}: pixels cannot be read: {reason}") from error
        return np.asarray(self._decoded[frame])


def _by_gdcm(path: Path, dataset: Any) -> Stored | None:
    """All frames by GDCM alone: it decodes 12-bit JPEG, which pydicom does not hand to it."""
    import gdcm  # type: ignore[import-untyped]

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not _is_compressed(dataset) or not reader.Read():
        return None
    image = reader.GetImage()
    kind = "i" if whole(dataset.get("PixelRepresentation")) else "u"
    size = int(image.GetPixelFormat().GetBitsAllocated()) // 8
    shape = (max(1, whole(dataset.get("NumberOfFrames"))), whole(dataset.get("Rows")), whole(dataset.get("Columns")))
    buffer = image.GetBuffer()  # None where the stream is damaged
    try:
        return np.frombuffer((buffer or "").encode("utf-8", "surrogateescape"), dtype=f"{kind}{size}").reshape(shape)
    except (TypeError, ValueError):
        return None


@contextmanager
def _hushed() -> Iterator[None]:
    """Standard error closed to the decoders: those in C print there, and of valid 12-bit JPEG too."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _is_compressed(dataset: Any) -> bool:
    syntax = dataset.file_meta.TransferSyntaxUID
    return bool(syntax.is_transfer_syntax and syntax.is_compressed)


def _reason(dataset: Any, error: BaseException | None) -> str:
    if _is_compressed(dataset):
        return f"damaged, or no decoder for {dataset.file_meta.TransferSyntaxUID.name}; export it uncompressed"
    if "number of bytes" in str(error):
        return "the file is cut short; export it again"
    return str(error).split("\n", maxsplit=1)[0].rstrip(".") + "; export it again"


def _padding(dataset: Any) -> tuple[int, int] | None:
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2) in order."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    signed, bits = whole(dataset.get("PixelRepresentation")), whole(dataset.get("BitsAllocated")) or 16
    ends = sorted(_as_stored(whole(v), signed, bits) for v in (value, value if limit is None else limit))
    return (ends[0], ends[1])


def _as_stored(value: int, signed: int, bits: int) -> int:
    """``value`` as the pixels hold it, for files whose padding was written with the other sign."""
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value
