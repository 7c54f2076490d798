"""Whether a model does what its folder says: weights of the right network, all finite, and finite answers."""

from __future__ import annotations

from nodewise.models.bundle import Bundle
from nodewise.models.model_file import StepFile
from nodewise.models.plan_file import UNetFile
from nodewise.values.errors import BadInputError


def verify(bundle: Bundle) -> dict[str, int]:
    """Load each network and give it zeros, in the smallest size that it takes; hashes were checked on loading.

    Returns:
        Parameters of all networks of each step, by the step's name.

    Raises:
        BadInputError: weights do not fit their network or are not finite, or an answer is not.
    """
    import torch

    parameters = {}
    for name, step in bundle.model.steps.items():
        parameters[name] = 0
        networks = bundle.networks(name)
        for file, network in zip(step.weights, networks, strict=True):
            where = bundle.folder / file.name
            if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
                raise BadInputError(f"{where}: some weights are not finite: make or fetch the model again")
            with torch.inference_mode():
                answer = network(torch.zeros(1, step.plan.in_channels, *_smallest(step)))
            if not bool(torch.isfinite(answer).all()):
                raise BadInputError(f"{where}: the network's answer to zeros is not finite: do not use this model")
            parameters[name] += sum(p.numel() for p in network.parameters())
    return parameters


def _smallest(step: StepFile) -> tuple[int, ...]:
    """Two voxels a side at the deepest level of a U-Net, of which normalisation needs more than one; else the patch."""
    if not isinstance(step.plan, UNetFile):
        return step.patch
    return tuple(min(n, 2 * d) for n, d in zip(step.patch, step.plan.shrinking()[-1], strict=True))
