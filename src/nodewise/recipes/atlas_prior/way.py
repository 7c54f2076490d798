"""The ways of P3 to train: one a row of its Tables 3 and 4, and how large a network may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from nodewise.learn.augment import NNUNET, NNUNET_FLAT, Augmentation
from nodewise.learn.augment_intensity import Intensity
from nodewise.learn.loss_prior import NNUNET as NNUNET_LOSS
from nodewise.learn.loss_prior import PriorLoss
from nodewise.learn.optimise import Sgd
from nodewise.learn.planner import RESIDUAL, Budget, Spacing
from nodewise.models.prior_preparation import Channels

EPOCHS, BATCHES_AN_EPOCH = 2000, 75
STEPS = EPOCHS * BATCHES_AN_EPOCH
RAMP_EPOCHS = 1000.0
LEARNING_RATE = 0.01
OPTIMISER = Sgd(momentum=0.99, nesterov=True, weight_decay=3e-5)
CLIP = 12.0
FOREGROUND = 1 / 3
STRONG = Intensity(noise=0.5, noise_sd=(0.0, 0.1), gamma=0.5, channels=(0,))
"""Noise and contrast of the student (section 3.5); the authors' program has them in supervised training too."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network may be, and its voxels where they are not to follow from the data."""

    name: str
    budget: Budget
    spacing_mm: Spacing | None = None


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "paper": Size("paper", RESIDUAL),
        "small": Size("small", Budget(24e6, channels=12, blocks=(1, 2, 2)), (2.0, 2.0, 2.0)),
        "tiny": Size("tiny", Budget(1.2e6, channels=6, blocks=(1, 1)), (3.0, 3.0, 3.0)),
    }
)
"""nnU-Net's residual encoder for 8 GB; for a processor; and to see that every line works."""


@dataclass(frozen=True, slots=True)
class PriorWay:
    """What of P3 takes part.

    Attributes:
        channels: of the network, see ``PriorPreparation``.
        oversample: half of every batch from fully annotated scans, where there are partly annotated ones too.
        gin_ipa: random textures, the stronger the further training is.
        loss: see there.
        strong: noise and contrast as in ``STRONG`` too.
    """

    channels: Channels = "prior"
    oversample: bool = True
    gin_ipa: bool = True
    loss: PriorLoss = field(default_factory=PriorLoss)
    strong: bool = False

    @property
    def words(self) -> str:
        """What makes it the same run."""
        return f"{self.loss} oversample {self.oversample} GIN {self.gin_ipa} strong {self.strong}"


UNWEIGHTED = PriorLoss(form="none")
ROWS: Mapping[str, PriorWay] = MappingProxyType(
    {
        "CT only": PriorWay("ct", oversample=False, gin_ipa=False, loss=NNUNET_LOSS),
        "SM": PriorWay("labels", oversample=False, gin_ipa=False, loss=NNUNET_LOSS),
        "DM, PA": PriorWay("prior", oversample=False, gin_ipa=False, loss=NNUNET_LOSS),
        "+ oversampling, Tversky": PriorWay("prior", gin_ipa=False, loss=UNWEIGHTED),
        "+ GIN, IPA": PriorWay("prior", loss=UNWEIGHTED),
        "+ PA-weighted loss": PriorWay("prior"),
    }
)
"""The rows of Tables 3 and 4 but the last, the ensemble."""


def augmentation(patch: tuple[int, ...]) -> Augmentation:
    """nnU-Net's for a patch (x, y, z), of the CT's densities alone."""
    usual = NNUNET_FLAT if max(patch) >= 3 * patch[-1] else NNUNET
    return Augmentation(usual.spatial, replace(usual.intensity, channels=(0,)))
