import io

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nodewise.learn.board import COLUMNS, Board, Entry


def test_a_row_a_step_and_none_after_the_step_it_goes_on_from(tmp_path):
    with Board(tmp_path, 0) as board:
        for step in (1, 2, 3):
            board.write(Entry(step, 0.5 / step, 1e-3, 2.0, 1.25 * step, {"froc": 0.75} if step == 2 else {}))
    with (tmp_path / "log.csv").open("a") as file:
        file.write("4,0.1")  # torn by a power cut
    with Board(tmp_path, 2) as board:
        board.write(Entry(3, 0.125, 1e-4, 3.0, 4.0))
    assert (tmp_path / "log.csv").read_text().splitlines() == [
        ",".join(COLUMNS),
        "1,0.5,0.001,2,1.25,",
        "2,0.25,0.001,2,2.50,froc=0.75",
        "3,0.125,0.0001,3,4.00,",
    ]
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert [(e.step, e.value) for e in events.Scalars("validation/froc")] == [(2, 0.75)]


def test_pictures_are_shown_as_they_are(tmp_path):
    grey = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    colour = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    with Board(tmp_path, 0) as board:
        board.show({"grey": grey, "colour": colour}, 7)
    events = EventAccumulator(str(tmp_path / "board"), {"images": 0}).Reload()
    shown = {}
    for name in ("grey", "colour"):
        (event,) = events.Images(name)
        assert event.step == 7
        shown[name] = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
    np.testing.assert_array_equal(shown["colour"], colour)
    np.testing.assert_allclose(shown["grey"][..., 0], grey * 255, atol=1)
