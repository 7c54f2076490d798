"""One figure of a paper, drawn for this data: for the page, and as a file of its own."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewise.evaluate.figures import Draw, as_png, as_svg

if TYPE_CHECKING:
    from PIL import Image

RESEARCH = "Research use only. Not for diagnosis."
_GAP, _LINE = 8, 16


@dataclass(frozen=True, slots=True)
class Panel:
    """A photograph of a figure: as a data address, and what it shows."""

    address: str
    caption: str


@dataclass(frozen=True, slots=True)
class PaperPicture:
    """A figure to show: ``svg`` or ``panels``, and all of it as PNG; ``name`` is that of its file."""

    paper: str
    name: str
    title: str
    caption: str
    png: bytes
    svg: str = ""
    panels: tuple[Panel, ...] = ()


def plotted(
    paper: str, name: str, title: str, caption: str, draw: Draw, size: tuple[float, float] = (5.4, 3.8)
) -> PaperPicture:
    """A figure of lines."""
    png = as_png(draw, size, f"{paper} · {title}", RESEARCH)
    return PaperPicture(paper, name, title, caption, png, svg=as_svg(draw, size))


def photographed(
    paper: str, name: str, title: str, caption: str, shown: list[tuple[Image.Image, str]], columns: int
) -> PaperPicture:
    """A figure of photographs with a line each; as PNG they stand in ``columns``."""
    panels = tuple(Panel(_address(image), words) for image, words in shown)
    return PaperPicture(paper, name, title, caption, _sheet(shown, columns, f"{paper}: {title}"), panels=panels)


def _address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _sheet(shown: list[tuple[Image.Image, str]], columns: int, title: str) -> bytes:
    from PIL import Image, ImageDraw

    width, height = (max(image.size[side] for image, _ in shown) for side in (0, 1))
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * (width + _GAP), rows * (height + _LINE + _GAP) + 2 * _LINE), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((2, 1), f"{title}. {RESEARCH}", fill="black", font_size=12)
    for n, (image, words) in enumerate(shown):
        x, y = n % columns * (width + _GAP), n // columns * (height + _LINE + _GAP) + 2 * _LINE
        draw.text((x + 2, y - _LINE + 2), words.replace("·", "|"), fill="black", font_size=11)
        sheet.paste(image, (x, y))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
