"""Results files: the forms that others write, what is written, and what is refused."""

import json
from pathlib import Path

import pytest

from evaluation.caption.results_file import (
    Event,
    read_events,
    read_results,
    write_events,
    write_results,
)
from util.errors import UserError

CAPTIONS = {"1": "a cat eats", "video7": "a dog runs"}


def written(folder: Path, content: object, name: str = "captions.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        [{"image_id": 1, "caption": "a cat eats"}, {"image_id": "video7", "caption": "a dog runs"}],
        [{"video_id": k, "caption": v, "more": 1} for k, v in CAPTIONS.items()],
        {"predictions": [{"image_id": k, "caption": v} for k, v in CAPTIONS.items()]},
        CAPTIONS,
        {k: [v] for k, v in CAPTIONS.items()},
        {k: [{"image_id": k, "caption": v}] for k, v in CAPTIONS.items()},
    ],
)
def test_forms_of_captions(content, tmp_path) -> None:
    assert read_results(written(tmp_path, content)) == CAPTIONS


def test_text_has_a_caption_a_line(tmp_path) -> None:
    path = written(tmp_path, "a cat eats\n\na dog runs\n", "hyp.txt")
    assert read_results(path) == {"1": "a cat eats", "2": "", "3": "a dog runs"}


def test_what_is_written_is_official_and_read_back(tmp_path) -> None:
    path = tmp_path / "new" / "captions.json"
    best = {"1": [("a cat eats", -0.5), ("cats", -1.0)], "video7": []}
    write_results(path, CAPTIONS, n_best=best)
    assert json.loads(path.read_text()) == [
        {"image_id": 1, "caption": "a cat eats",
         "n_best": [{"caption": "a cat eats", "score": -0.5}, {"caption": "cats", "score": -1.0}]},
        {"image_id": "video7", "caption": "a dog runs", "n_best": []},
    ]  # fmt: skip
    assert read_results(path) == CAPTIONS
    write_results(path, {"007": "a"}, id_field="video_id")
    assert json.loads(path.read_text()) == [{"video_id": "007", "caption": "a"}]


def test_events_are_written_and_read_back(tmp_path) -> None:
    path = tmp_path / "events.json"
    events = {"v_1": [Event(0.0, 2.5, "a cat eats"), Event(1.0, 3.0, "it ends")], "v_2": []}
    write_events(path, events, about="features of a network")
    assert json.loads(path.read_text()).keys() == {"version", "results", "external_data"}
    assert read_events(path) == events


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "line 1, column 3: not JSON"),
        ([], r"captions.json: holds \[\]; captions are"),
        (3, "captions.json: holds 3; captions are"),
        ([{"image_id": 1}], "item 0, counted from 0: .* has no id or no caption; captions are"),
        ([{"caption": "a"}], "item 0, counted from 0: .* has no id or no caption"),
        (["a cat"], "item 0, counted from 0: 'a cat' has no id"),
        ([{"image_id": 1.5, "caption": "a"}], "item 0, counted from 0: 1.5 is no id"),
        ([{"image_id": 1, "caption": float("nan")}], r"\(image_id '1'\): the caption is nan"),
        ([{"image_id": 1, "caption": None}], r"\(image_id '1'\): the caption is None; it must"),
        ([{"image_id": i, "caption": "a"} for i in (1, "1")], "item 1, .*'1' comes twice; give"),
        ('{"a": "x", "a": "y"}', "the field `a` twice"),
        ({"a": ["x", "y"]}, "id 'a' has 2 captions; give it one"),
        ({"a": 3}, "id 'a': the caption is 3"),
        ({"results": {"v": []}}, "with time stamps; give --protocol activitynet"),
    ],
)
def test_mistakes_in_captions_are_one_line(content, message: str, tmp_path) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_results(written(tmp_path, content))
    assert "captions.json" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no events of videos; .* or leave --protocol out"),
        ({"results": {"v": {}}}, "video 'v' has no list of events"),
        ({"results": {"v": [{"sentence": "a"}]}}, "video 'v', event 0, .* lacks `timestamp`"),
        ({"results": {"v": [{"sentence": "a", "timestamp": [1]}]}}, r"time stamp is \[1\]; it"),
        ({"results": {"v": [{"sentence": "a", "timestamp": [0, float("nan")]}]}}, "stamp is .*nan"),
        ({"results": {"v": [{"sentence": 1, "timestamp": [0, 1]}]}}, "the caption is 1"),
        ({"results": {"v": []}}, "holds no event"),
    ],
)
def test_mistakes_in_events_are_one_line(content, message: str, tmp_path) -> None:
    with pytest.raises(UserError, match=message):
        read_events(written(tmp_path, content))
