"""P1: stations, node segmentation and malignancy in three steps, for lung cancer on CT.

Shevtsov, Tominin, Tominin, et al. Automatic lymph nodes segmentation and histological status classification on computed
tomography scans using convolutional neural network. medRxiv 2024, doi:10.1101/2024.05.07.24304092.

The paper trains on 8 venous-phase CTs with voxel masks and station histology, and reports an average recall of
0.74 ± 0.01 and an object Dice of 0.53 ± 0.26 for nodes above 5 mm (0.95 ± 0.01 and 0.56 ± 0.26 above 10 mm), and a
patient AUC of 0.73. Its data cannot be had, so none of its scores has been reproduced.

``train`` on labelled scans follows the paper; without them it learns from drawn chests, and from implants in real
scans, as the bundled model does.

Differences from the paper:
    - on labelled scans: the numbers that the paper leaves out (widths, patch, batch) are ours; the stations'
      cross-entropy is weighted, so that a small one counts as one where nodes are; gradients are clipped
      in the first and the third step; in the third weights are averaged, the first convolution has a stride of 2, and
      probabilities are calibrated;
    - without them: coarser voxels (3 mm for stations, 1.5 mm for nodes) in two windows (−160…240 and −1000…600 HU),
      a first convolution that folds 2 × 2 × 2 voxels into one, AdamW with a cosine, a Tversky loss beside
      cross-entropy on node, tissues as a second task, and no flips of drawn chests, which would make patients that
      do not exist.
"""

from __future__ import annotations

from nodewise.recipes.three_step.pipeline import pipeline
from nodewise.recipes.three_step.train import train

NAME = "three-step-phantom"

__all__ = ["NAME", "pipeline", "train"]
