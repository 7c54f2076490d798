"""P3: a residual U-Net that is told where nodes are likely, for the mediastinum on CT, learned from partial annotation.

Engelson, Ehrhardt, Kepp, Niemeijer and Handels. LNQ Challenge 2023: Learning Mediastinal Lymph Node Segmentation with a
Probabilistic Lymph Node Atlas. Machine Learning for Biomedical Imaging 2, 2024, arXiv:2406.03984.

The paper trains on 393 partly and 119 fully annotated CTs and reports, on the challenge's 100 test scans, a Dice of
0.3758 ± 0.0071 with CT alone and of 0.6033 for its best ensemble, with 0.2749 and 0.5654 of the nodes found (Table 4).
Its data cannot be had here, so none of its scores has been reproduced.

Differences from the paper:
    - the weighted Dice is 2 Σ w p g / (Σ w p + Σ w g) at all scales: as released, its weights have no effect
      (``PriorLoss.form``);
    - the prior is laid by the carina and the lungs' box unless another atlas is given, and a patient's own nodes are
      taken out of it while training;
    - anatomy labels are one mask a structure, not one channel of numbers;
    - random textures keep mean and spread of a patch, so that a prediction sees what was trained on;
    - one patient in eight is kept to choose weights, threshold and diameter by, so that a fold held out is not;
    - weights are chosen by the Dice of whole scans, not by its running average over patches;
    - semi-supervised training leaves out the contrastive part of its model, of which the paper says nothing.
"""

from __future__ import annotations

from nodewise.recipes.atlas_prior.pipeline import pipeline
from nodewise.recipes.atlas_prior.train import train

__all__ = ["pipeline", "train"]
