"""The network that plans.json of nnU-Net v2 describes, in the style of before and since nnunetv2 2.3."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nodewise.learn.network import NetworkPlan
from nodewise.values.errors import BadInputError

Ints = tuple[int, ...]
_NETWORKS = {"PlainConvUNet": "n_conv_per_stage", "ResidualEncoderUNet": "n_blocks_per_stage"}


class _Norm(BaseModel):
    model_config = ConfigDict(extra="forbid")
    eps: Annotated[float, Field(ge=1e-05, le=1e-05)] = 1e-05
    affine: Literal[True] = True
    momentum: float = 0.1


class Architecture(BaseModel):
    """Arguments of PlainConvUNet and ResidualEncoderUNet (dynamic-network-architectures 0.4)."""

    model_config = ConfigDict(extra="forbid")
    n_stages: int
    features_per_stage: Ints
    conv_op: Literal["torch.nn.modules.conv.Conv2d", "torch.nn.modules.conv.Conv3d"]
    kernel_sizes: tuple[Ints, ...]
    strides: tuple[Ints, ...]
    n_conv_per_stage: Ints = ()
    n_blocks_per_stage: Ints = ()
    n_conv_per_stage_decoder: Ints
    conv_bias: bool = False
    norm_op: str
    norm_op_kwargs: _Norm | None = None
    dropout_op: Any = None
    dropout_op_kwargs: Any = None
    nonlin: str
    nonlin_kwargs: dict[str, Any] | None = None
    nonlin_first: Literal[False] = False
    deep_supervision: bool = True


def architecture(given: dict[str, Any], where: str) -> dict[str, Any]:
    """Class and arguments of the network of a configuration.

    Raises:
        BadInputError: plans.json does not say, or it is another network.
    """
    new = given.get("architecture")
    try:
        name = new["network_class_name"] if isinstance(new, dict) else given["UNet_class_name"]
        kind = str(name).rpartition(".")[2]
        if kind not in _NETWORKS:
            raise BadInputError(f"{where}: the network {kind} is unknown, only {' and '.join(_NETWORKS)} are")
        return {
            "network_class_name": kind,
            "arch_kwargs": new["arch_kwargs"] if isinstance(new, dict) else _of_old_plans(given),
        }
    except (KeyError, TypeError) as error:
        raise BadInputError(f"{where}: the network's {error} is missing") from error


def _of_old_plans(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments put together from the numbers that plans held before nnunetv2 2.3."""
    blocks, d = given["n_conv_per_stage_encoder"], len(given["patch_size"])
    base, most = given["UNet_base_num_features"], given["unet_max_num_features"]
    return {
        "n_stages": len(blocks),
        "features_per_stage": [min(base * 2**level, most) for level in range(len(blocks))],
        "conv_op": f"torch.nn.modules.conv.Conv{d}d",
        "kernel_sizes": given["conv_kernel_sizes"],
        "strides": given["pool_op_kernel_sizes"],
        _NETWORKS[given["UNet_class_name"]]: blocks,
        "n_conv_per_stage_decoder": given["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{d}d",
        "nonlin": "torch.nn.LeakyReLU",
    }


def network_plan(name: str, given: Architecture, inputs: int, outputs: int, where: str) -> NetworkPlan:
    """The plan of a network by its class name.

    Raises:
        BadInputError: its normalisation or activation is unknown here, or the numbers do not fit.
    """
    norm = given.norm_op.rpartition(".")[2].rstrip("23d")
    slope = {"LeakyReLU": 0.01, "ReLU": 0.0}.get(given.nonlin.rpartition(".")[2])
    if norm not in ("InstanceNorm", "BatchNorm") or slope is None:
        raise BadInputError(f"{where}: {given.norm_op} with {given.nonlin} is unknown here")
    residual = name == "ResidualEncoderUNet"
    if given.strides and max(given.strides[0]) != 1:
        raise BadInputError(f"{where}: a stride of {list(given.strides[0])} into the first level is unknown here")
    try:
        return NetworkPlan(
            in_channels=inputs,
            heads=(outputs,),
            channels=given.features_per_stage,
            blocks=given.n_blocks_per_stage if residual else given.n_conv_per_stage,
            decoder_blocks=given.n_conv_per_stage_decoder[::-1],
            kernels=given.kernel_sizes,
            strides=given.strides,
            dimension=2 if given.conv_op.endswith("2d") else 3,
            residual=residual,
            norm="instance" if norm == "InstanceNorm" else "batch",
            bias=given.conv_bias,
            slope=float((given.nonlin_kwargs or {}).get("negative_slope", slope)),
            deep_supervision=True,
        )
    except ValueError as error:
        raise BadInputError(f"{where}: {error}") from error
