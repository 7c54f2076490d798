"""How a step that came from nnU-Net is kept in ``model.json``: its preparation, and what its outputs are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nodewise.models.frozen import Frozen
from nodewise.models.nnunet_labels import Labels
from nodewise.models.nnunet_preparation import Intensity, NnUNetPreparation, Normalisation
from nodewise.models.nnunet_resample import Resampling

Label = Annotated[int, Field(ge=0, le=65535)]
Axis = Literal[0, 1, 2]


class ResamplingFile(Frozen):
    """``Resampling`` on disk."""

    order: Annotated[int, Field(ge=0, le=5)]
    separate: bool | None
    threshold: float

    def build(self) -> Resampling:
        """Ready for use."""
        return Resampling(self.order, self.separate, self.threshold)


class IntensityFile(Frozen):
    """``Intensity`` on disk."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float

    def build(self) -> Intensity:
        """Ready for use."""
        return Intensity(self.mean, self.std, self.percentile_00_5, self.percentile_99_5)


class NnUNetFile(Frozen):
    """``NnUNetPreparation`` on disk, with what nnU-Net's answer needs to be read.

    Attributes:
        painted: the label each output paints. regions: see ``Labels``. foreground: labels for the next of a cascade.
        node: the label that is node. mirror_axes: of the patch, mirrored at prediction.
        orientation: of the training files' array axes, see ``NnUNet``.
        before: the step whose label map the networks see too.
    """

    kind: Literal["nnunet"] = "nnunet"
    transpose: tuple[Axis, Axis, Axis]
    spacing_mm: Annotated[tuple[Annotated[float, Field(ge=0.05, le=50)], ...], Field(min_length=2, max_length=3)]
    normalisation: Normalisation
    masked: bool
    intensity: IntensityFile | None
    image: ResamplingFile
    labels: ResamplingFile
    logits: ResamplingFile
    painted: Annotated[tuple[Label, ...], Field(min_length=1, max_length=1024)]
    regions: bool
    foreground: Annotated[tuple[Label, ...], Field(max_length=1024)]
    node: Label
    mirror_axes: Annotated[tuple[Axis, ...], Field(max_length=3)]
    orientation: Annotated[str, Field(pattern=r"^[LRPASI]{3}$")] | None
    before: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> NnUNetFile:
        if sorted(self.transpose) != [0, 1, 2] or len(set(self.mirror_axes)) != len(self.mirror_axes):
            raise ValueError("transpose is no order of three axes, or an axis is mirrored twice")
        if self.node not in self.painted:
            raise ValueError(f"no output paints label {self.node}")
        if self.normalisation == "CTNormalization" and self.intensity is None:
            raise ValueError("CTNormalization needs an intensity")
        if self.orientation is not None and len({"LRPASI".index(side) // 2 for side in self.orientation}) != 3:
            raise ValueError(f"{self.orientation} names one axis twice")
        return self

    def build(self) -> NnUNetPreparation:
        """What turns a CT into the networks' input."""
        return NnUNetPreparation(
            transpose=self.transpose,
            spacing_mm=self.spacing_mm,
            normalisation=self.normalisation,
            masked=self.masked,
            intensity=None if self.intensity is None else self.intensity.build(),
            image=self.image.build(),
            labels=self.labels.build(),
            logits=self.logits.build(),
        )

    def read_outputs(self, names: tuple[str, ...]) -> Labels:
        """What the outputs of these names are."""
        return Labels(names, self.painted, self.regions, self.foreground)


def describe_nnunet(
    preparation: NnUNetPreparation,
    labels: Labels,
    *,
    node: int,
    mirror_axes: tuple[int, ...],
    orientation: str | None,
    before: str | None,
) -> NnUNetFile:
    """As it is kept in ``model.json``."""
    answer = {"painted": labels.painted, "regions": labels.regions, "foreground": labels.foreground}
    more = {"node": node, "mirror_axes": mirror_axes, "orientation": orientation, "before": before}
    return NnUNetFile.model_validate({**asdict(preparation), **answer, **more})
