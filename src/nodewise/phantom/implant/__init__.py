"""Lymph nodes with truth implanted into real scans, and controls that are none; two independent ways to paste.

    survey the scan once → draw a node or a control → find it a place → paste it → label it

A scan's own nodes stay as they are and have no label: what may be one of them is in ``ignore``, by shape and density
or, better, by a person's review. Noise, sharpness and densities are the scan's; fat gives way, vessels, airways, muscle
and lung never do.
"""

from __future__ import annotations

from nodewise.phantom.implant.review import Review, read_reviews
from nodewise.phantom.implant.scan import Implanted, PasteMethod, implant, implant_patch
from nodewise.phantom.implant.site import Background, survey
from nodewise.phantom.implant.unenhanced import unenhanced
from nodewise.phantom.implant.write import write_implanted

__all__ = [
    "Background",
    "Implanted",
    "PasteMethod",
    "Review",
    "implant",
    "implant_patch",
    "read_reviews",
    "survey",
    "unenhanced",
    "write_implanted",
]
