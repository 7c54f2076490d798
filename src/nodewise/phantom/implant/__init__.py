"""Lymph nodes with truth implanted into real scans, and controls that are none; two independent ways to paste.

    survey the scan once → draw a node or a control → find it a place → paste it → label it

A scan's own nodes stay as they are and have no label: what may be one of them is in ``ignore``. Noise, sharpness and
densities are the scan's; fat gives way, vessels, airways, muscle and lung never do.
"""

from __future__ import annotations

from nodewise.phantom.implant.scan import Implanted, PasteMethod, implant, implant_patch
from nodewise.phantom.implant.site import Background, survey
from nodewise.phantom.implant.write import write_implanted

__all__ = ["Background", "Implanted", "PasteMethod", "implant", "implant_patch", "survey", "write_implanted"]
