"""The card, read as a person would, and as Markdown."""

from nodewise.models.card import card, metric_table
from nodewise.models.model_file import Metric, ModelFile

STEP = {
    "kind": "unet",
    "plan": {
        "in_channels": 2, "heads": [1], "channels": [32, 64], "blocks": [1, 2], "decoder_blocks": [1],
        "kernels": [[3, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [2, 2, 2]], "auxiliary": 0, "dimension": 3,
        "fold": [2, 2, 2], "residual": True, "norm": "instance", "bias": False, "slope": 0.01,
        "deep_supervision": False,
    },
    "preparation": {"kind": "crop", "spacing_mm": [1, 1, 1], "windows": [[-160, 240], [-1000, 600]], "margin_mm": 10},
    "patch": [128, 128, 96],
    "outputs": ["node"],
    "weights": [{"name": f"nodes-{i}.safetensors", "sha256": "0" * 64} for i in range(2)],
    "threshold": 0.4,
    "steps": 40000,
}  # fmt: skip
CONTENT = {
    "name": "three-step",
    "recipe": "three_step",
    "steps": {"nodes": STEP},
    "minimum_short_axis_mm": 4,
    "operating_point": {"threshold": 0.3, "chosen_on": "20 phantoms", "recall": 0.8512, "false_positives_per_case": 5},
    "trained_on": "The networks were trained on drawn phantoms and on no patient.",
    "versions": {"nodewise": "0.2.0"},
    "licence": "Apache-2.0",
    "sources": [{"name": "LCTSC", "licence": "CC BY 3.0"}, {"name": "AMOS", "licence": "CC BY 4.0"}],
    "metrics": {
        "avg_recall_d5": {"value": 0.8765, "low": 0.84, "high": 0.905, "on": "100 phantoms"},
        "true_nodes": {"value": 1402},
    },
    "command": "nodewise train three_step --seed 0",
}
MODEL = ModelFile.model_validate(CONTENT)


def test_everything_a_reader_must_know_is_in_it():
    said = card(
        MODEL, "Lymph nodes of the chest on CT.", made="6 hours on one GPU", measured="By `bench/card.py`.",
        seen="Of 20 detections 12 lie where a reader would look.", limits=["No neck.", "No PET."],
    )  # fmt: skip
    assert (
        said
        == """# three-step

Lymph nodes of the chest on CT. **Research use only**; not a medical device, not for diagnosis.

- Made by `nodewise train three_step --seed 0` with nodewise 0.2.0, 6 hours on one GPU.
- The networks were trained on drawn phantoms and on no patient.
- Data: LCTSC (CC BY 3.0); AMOS (CC BY 4.0).
- Licence: Apache-2.0.

## Networks

- nodes: 2 × 3-D residual encoder U-Net, channels 32, 64, 2 in, 128 × 128 × 96 voxels at a time. Outputs: node. \
40,000 steps of the optimiser. Threshold 0.4.

## Operating point

- Nodes are shown from a score of 0.3, chosen on 20 phantoms.
- There: recall 0.851 at 5 false nodes a case.
- Nodes under 4 mm short axis are dropped.

## Measured

By `bench/card.py`.

| figure | value | 95 % interval | on |
| --- | --- | --- | --- |
| avg recall d5 | 0.876 | 0.84–0.905 | 100 phantoms |
| true nodes | 1,402 | – | – |

## Seen on real scans

Of 20 detections 12 lie where a reader would look.

## Limits

- No neck.
- No PET.
"""
    )


def test_what_is_not_known_is_left_out():
    bare = ModelFile.model_validate(CONTENT | {"operating_point": {}, "sources": [], "metrics": {}, "command": ""})
    said = card(bare, "Lymph nodes.")
    assert "Made by" not in said and "Data:" not in said and "Measured" not in said and "score of" not in said
    assert "Research use only" in said and "\n\n\n" not in said


def test_figures_may_be_given_and_a_bar_does_not_break_the_table():
    given = {"recall": Metric(value=0.5, low=0.25, high=0.75, on="d > 10 mm | contrast")}
    assert "true nodes" not in card(MODEL, "x", metrics=given)
    assert metric_table(given).splitlines()[-1] == r"| recall | 0.5 | 0.25–0.75 | d > 10 mm \| contrast |"
