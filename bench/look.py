"""A contact sheet of a model's first detections on a scan, to be looked at by eye.

    python bench/look.py scans/anna anna.png
    python bench/look.py scans/anna anna.png --model runs/first/model --first 20 --skip 20

Detections stand in the order of their scores, each as an axial, a coronal and a sagittal cut (radiological convention,
−160 to 240 HU) with its contour in yellow and those of others in blue. Research use only.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from nodewise.image.window import Window
from nodewise.io.folder import read_study
from nodewise.recipes.load import load_pipeline
from nodewise.report.figures import Picture, pictures
from nodewise.story import assess
from nodewise.values.assessment import Assessment
from nodewise.values.node import Finding

MEDIASTINUM = Window(level=40, width=400)
GAP, CAPTION = 6, 20
NODE, OTHERS, WORDS, LETTERS = (255, 220, 60), (80, 170, 255), (235, 235, 235), (150, 150, 150)


def panel(picture: Picture, size: int) -> Image.Image:
    """One cut, ``size`` pixels wide, with its contours and the letters of its edges."""
    scale = size / picture.field_mm
    with Image.open(io.BytesIO(picture.jpeg)) as grey:
        image = grey.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for path, colour in ((picture.others, OTHERS), (picture.outline, NODE)):
        for loop in loops(path):
            draw.line([(x * scale, y * scale) for x, y in (*loop, loop[0])], fill=colour, width=1)
    left, right, top, bottom = picture.plane.letters
    for letter, place in ((left, (2, size / 2)), (right, (size - 9, size / 2)), (top, (size / 2, 0))):
        draw.text(place, letter, fill=LETTERS, font_size=11)
    draw.text((size / 2, size - 14), bottom, fill=LETTERS, font_size=11)
    return image


def loops(path: str) -> list[list[tuple[float, float]]]:
    """The closed loops of SVG path data, millimetres."""
    pair = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
    return [[(float(x), float(y)) for x, y in pair.findall(part)] for part in path.split("M") if part]


def caption(rank: int, finding: Finding) -> str:
    """What is known of a detection, in one line."""
    node, size = finding.node, finding.size
    x, y, z = finding.centroid_lps_mm
    return (
        f"{rank}. node {node.id}  score {node.score:.3f}  {finding.station.station.code}  "
        f"{size.short_axis_mm:.1f} x {size.long_axis_mm:.1f} mm  {finding.mean_hu:.0f} HU  "
        f"p {finding.malignancy.probability:.2f}  LPS {x:.0f} {y:.0f} {z:.0f}"
    )


def strip(rank: int, finding: Finding, assessment: Assessment, size: int) -> Image.Image:
    """One detection: its caption over three cuts."""
    image = Image.new("RGB", (3 * size + 2 * GAP, CAPTION + size))
    ImageDraw.Draw(image).text((2, 3), caption(rank, finding), fill=WORDS, font_size=12)
    for place, picture in enumerate(pictures(assessment.study, finding, assessment.findings, MEDIASTINUM)):
        image.paste(panel(picture, size), (place * (size + GAP), CAPTION))
    return image


def sheet(strips: Sequence[Image.Image], columns: int) -> Image.Image:
    """Strips in columns, read from left to right and downwards."""
    width, height = strips[0].size
    rows = -(-len(strips) // columns)
    image = Image.new("RGB", (columns * (width + 2 * GAP), rows * (height + GAP)))
    for n, one in enumerate(strips):
        image.paste(one, (n % columns * (width + 2 * GAP), n // columns * (height + GAP)))
    return image


def main() -> None:
    """Predict, list every detection shown, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path, metavar="SCAN", help="DICOM folder, or NIfTI, NRRD or MHA file")
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("--model", default="default", help="name of a bundled model, or a model folder")
    parser.add_argument("--first", type=int, default=20, help="how many detections (default 20)")
    parser.add_argument("--skip", type=int, default=0, help="how many of the most certain to leave out (default 0)")
    parser.add_argument("--columns", type=int, default=3, help="detections side by side (default 3)")
    parser.add_argument("--size", type=int, default=210, help="pixels of a cut (default 210)")
    asked = parser.parse_args()
    assessment = assess(read_study(asked.scan), load_pipeline(asked.model))
    seconds = sum(assessment.provenance.seconds.values())
    print(f"{asked.scan.name}: {len(assessment.findings)} detections in {seconds:.0f} s")
    ranked = sorted(assessment.findings, key=lambda finding: -finding.node.score)
    shown = list(enumerate(ranked, 1))[asked.skip : asked.skip + asked.first]
    for rank, finding in shown:
        print(f"  {caption(rank, finding)}")
    if shown:
        strips = [strip(rank, finding, assessment, asked.size) for rank, finding in shown]
        sheet(strips, asked.columns).save(asked.out)


if __name__ == "__main__":
    main()
