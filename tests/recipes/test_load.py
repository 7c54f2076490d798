import json

import pytest

from nodewise.models.bundle import load_bundle
from nodewise.recipes.load import load_pipeline
from nodewise.values.errors import BadInputError


def test_a_pipeline_from_a_folder(blind_model):
    pipeline = load_pipeline(blind_model, device="cpu")
    model = load_bundle(blind_model).model
    assert (pipeline.threshold, pipeline.name, pipeline.device) == (1.0, "blind", "cpu")
    assert pipeline.weights_sha256 == model.weights_sha256
    assert pipeline.trained_on == "nothing"
    assert not pipeline.mirrored
    turned = load_pipeline(blind_model, device="cpu", mirrored=True)
    assert turned.mirrored
    assert (pipeline.segment.flips, turned.segment.flips) == ((), (0, 1, 2))


def test_the_rule_of_bulk_is_part_of_a_pipeline_unless_it_is_left_out(blind_model):
    on, off = (load_pipeline(blind_model, device="cpu", bulk=bulk) for bulk in (True, False))
    assert (on.bulk, off.bulk) == (True, False)
    assert (on.malignancy.keywords, off.malignancy.keywords) == ({"bulk": True}, {"bulk": False})


def test_what_is_not_there_is_said_in_one_line(blind_model, tmp_path):
    with pytest.raises(BadInputError, match="there is no model nowhere"):
        load_pipeline("nowhere")
    with pytest.raises(BadInputError, match="no device tpu here"):
        load_pipeline(blind_model, device="tpu")
    folder = tmp_path / "later"
    folder.mkdir()
    for path in blind_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe": "later"}))
    with pytest.raises(BadInputError, match="recipe later"):
        load_pipeline(folder, device="cpu")
