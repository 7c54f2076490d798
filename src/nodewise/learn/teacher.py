"""A student that learns from its own running average: the teacher labels what nobody has labelled.

After Wang et al., U2PL, CVPR 2022, without its contrastive part: the teacher follows the student by an exponential
moving average, and a pseudo-label counts where the teacher's answer has little entropy.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from nodewise.learn.loss import IGNORE

HIGHEST_DECAY = 0.99


class Student(nn.Module):
    """A network with its teacher beside it; whoever asks it a plain question gets the student's answer.

    In training it is given ``image`` (labelled), ``strong`` and ``weak`` (the same unlabelled patches, strongly
    augmented and not), each (batch, channels, …), and gives the student's logits of the first two, each as the network
    gives them, and the teacher's of the third. The teacher follows before it answers, by min(1 − 1 / (t + 1), decay).

    Args:
        network: with its weights, from which the teacher begins too.
        decay: of the running average, at most.
    """

    steps: Tensor

    def __init__(self, network: nn.Module, decay: float = HIGHEST_DECAY) -> None:
        super().__init__()
        self.student = network
        self.teacher = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def train(self, mode: bool = True) -> Self:
        """The teacher never trains."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, x: Tensor | Mapping[str, Tensor]) -> Tensor | tuple[list[Tensor], list[Tensor], Tensor]:
        """See the class."""
        if isinstance(x, Tensor):
            answer: Tensor = self.student(x)
            return answer
        with torch.no_grad():
            self._follow()
            taught: Tensor = self.teacher(x["weak"])
        both = self.student(torch.cat((x["image"], x["strong"])))
        each, count = (both if isinstance(both, list) else [both]), len(x["image"])
        return [one[:count] for one in each], [one[count:] for one in each], taught

    def _follow(self) -> None:
        decay = min(1 - 1 / (int(self.steps) + 1), self.decay)
        for slow, fast in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)
        for kept, latest in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            kept.copy_(latest)
        self.steps += 1


def entropy(logits: Tensor) -> Tensor:
    """−Σ p log p over the classes of logits (batch, classes, …), in nats: (batch, …)."""
    logs = logits.float().log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1)


def reliable_labels(logits: Tensor, percent: float, valid: Tensor) -> Tensor:
    """The likeliest class of each voxel, ``IGNORE`` where it is not reliable or not valid: (batch, …) uint8.

    Args:
        logits: the teacher's (batch, classes, …).
        percent: a voxel is reliable whose entropy lies below this percentile of those of all valid voxels; from 100 on
            all are.
        valid: (batch, …) bool.
    """
    labels = logits.argmax(dim=1).to(torch.uint8)
    unsure = ~valid
    if percent < 100 and bool(valid.any()):
        found = entropy(logits)
        unsure = unsure | (found >= _percentile(found[valid], percent))
    return labels.masked_fill(unsure, IGNORE)


def reliable_percent(done: float, first: float = 80.0) -> float:
    """From ``first`` at the beginning of training (``done`` 0) to 100 at its end (1), on a line."""
    return 100 - (100 - first) * (1 - min(max(done, 0.0), 1.0))


def _percentile(values: Tensor, percent: float) -> Tensor:
    """As numpy's, linearly between neighbours; torch's own takes no more than 16 million values."""
    place = percent / 100 * (values.numel() - 1)
    low = int(place)
    below, above = (values.kthvalue(min(k, values.numel())).values for k in (low + 1, low + 2))
    return torch.lerp(below, above, place - low)
