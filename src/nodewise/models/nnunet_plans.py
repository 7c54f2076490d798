"""plans.json and dataset.json of nnU-Net v2, both its styles: what network, what preparation, which labels.

After nnunetv2.utilities.plans_handling and label_handling (nnunetv2 2.8). Whatever is not known here is refused: a
network that was guessed would answer, and wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from nodewise.learn.network import NetworkPlan
from nodewise.models.nnunet_json import checked, read_checked
from nodewise.models.nnunet_labels import Labels, read_labels
from nodewise.models.nnunet_network import Architecture, architecture, network_plan
from nodewise.models.nnunet_preparation import Intensity, NnUNetPreparation, Normalisation
from nodewise.models.nnunet_resample import Resampling
from nodewise.values.errors import BadInputError

Ints = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration of nnU-Net: 3d_fullres and the like.

    Attributes:
        patch: in the network's axes. before: the configuration whose label map the network sees too, in a cascade.
    """

    name: str
    network: NetworkPlan
    preparation: NnUNetPreparation
    patch: Ints
    labels: Labels
    before: str | None


class _Resampling(BaseModel):
    model_config = ConfigDict(extra="forbid")
    is_seg: bool = False
    order: Annotated[int, Field(ge=0, le=5)] = 3
    order_z: Literal[0] = 0
    force_separate_z: bool | None = False
    separate_z_anisotropy_threshold: float = 3.0


class _Configuration(BaseModel):
    preprocessor_name: Literal["DefaultPreprocessor"]
    patch_size: Annotated[Ints, Field(min_length=2, max_length=3)]
    spacing: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=2, max_length=3)]
    normalization_schemes: Annotated[tuple[Normalisation, ...], Field(min_length=1)]
    use_mask_for_norm: Annotated[tuple[bool, ...], Field(min_length=1)]
    resampling_fn_data: Literal["resample_data_or_seg_to_shape"]
    resampling_fn_seg: Literal["resample_data_or_seg_to_shape"]
    resampling_fn_probabilities: Literal["resample_data_or_seg_to_shape"]
    resampling_fn_data_kwargs: _Resampling
    resampling_fn_seg_kwargs: _Resampling
    resampling_fn_probabilities_kwargs: _Resampling
    network_class_name: str
    arch_kwargs: Architecture
    previous_stage: str | None = None


class _Plans(BaseModel):
    transpose_forward: tuple[Literal[0, 1, 2], Literal[0, 1, 2], Literal[0, 1, 2]]
    configurations: dict[str, dict[str, Any]]
    label_manager: Literal["LabelManager"] = "LabelManager"
    intensity: dict[str, dict[str, float]] = Field(
        default={},
        validation_alias=AliasChoices(
            "foreground_intensity_properties_per_channel", "foreground_intensity_properties_by_modality"
        ),
    )


def read_configuration(folder: Path, name: str) -> Configuration:
    """A configuration by its name, from the plans.json and dataset.json of a trained model's folder.

    Raises:
        BadInputError: a file is missing or damaged, there is no such configuration, it needs more than a CT, or
            something of it is unknown here.
    """
    path = folder / "plans.json"
    where = f"{path}, configuration {name}"
    plans = read_checked(path, _Plans)
    if sorted(plans.transpose_forward) != [0, 1, 2]:
        raise BadInputError(f"{path} cannot be read: transpose_forward is no order of three axes")
    given = _inherited(plans.configurations, name, path)
    chosen = checked({**given, **architecture(given, where)}, _Configuration, where)
    labels = read_labels(folder)
    channels = 1 + (len(labels.foreground) if chosen.previous_stage else 0)
    network = network_plan(chosen.network_class_name, chosen.arch_kwargs, channels, len(labels.painted), where)
    if not network.dimension == len(chosen.patch_size) == len(chosen.spacing):
        raise BadInputError(f"{where}: patch_size and spacing must have {network.dimension} numbers each")
    return Configuration(
        name=name,
        network=network,
        preparation=_preparation(plans, chosen, path),
        patch=chosen.patch_size,
        labels=labels,
        before=chosen.previous_stage,
    )


def _inherited(configurations: dict[str, dict[str, Any]], name: str, path: Path) -> dict[str, Any]:
    """A configuration with what it takes over from others."""
    merged: dict[str, Any] = {}
    seen: list[str] = []
    wanted: Any = name
    while wanted is not None:
        if wanted not in configurations or wanted in seen:
            there = ", ".join(configurations) or "none"
            raise BadInputError(f"{path} has no configuration {wanted} that could be used: choose one of {there}")
        seen.append(wanted)
        merged = {**configurations[wanted], **merged}
        wanted = configurations[wanted].get("inherits_from")
    return merged


def _preparation(plans: _Plans, chosen: _Configuration, path: Path) -> NnUNetPreparation:
    scheme, intensity = chosen.normalization_schemes[0], None
    if scheme == "CTNormalization":
        try:
            of = plans.intensity["0"]
            intensity = Intensity(of["mean"], of["std"], of["percentile_00_5"], of["percentile_99_5"])
        except KeyError as error:
            raise BadInputError(f"{path}: CTNormalization needs the intensities of the foreground, {error}") from error
    return NnUNetPreparation(
        transpose=plans.transpose_forward,
        spacing_mm=chosen.spacing,
        normalisation=scheme,
        masked=chosen.use_mask_for_norm[0],
        intensity=intensity,
        image=_resampling(chosen.resampling_fn_data_kwargs),
        labels=_resampling(chosen.resampling_fn_seg_kwargs),
        logits=_resampling(chosen.resampling_fn_probabilities_kwargs),
    )


def _resampling(given: _Resampling) -> Resampling:
    return Resampling(given.order, given.force_separate_z, given.separate_z_anisotropy_threshold)
