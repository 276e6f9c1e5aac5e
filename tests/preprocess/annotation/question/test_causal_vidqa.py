import json
import pickle
from pathlib import Path

import pytest

from preprocess.annotation.dataset import reader
from preprocess.annotation.question.causal_vidqa import TYPES
from preprocess.annotation.sample import Sample
from util.errors import UserError

PARTS = ("descriptive", "explanatory", "predictive", "counterfactual")


def five(what: str) -> list[str]:
    return [f"{what} {i}" for i in range(5)]


def annotate(folder: Path, names=("v1", "v2"), listed="pkl") -> Path:
    (folder / "split").mkdir()
    for name in names:
        (folder / "QA" / name).mkdir(parents=True)
        text = {part: {"question": f"{part} of {name}?", "answer": five("do")} for part in PARTS}
        places = {part: {"answer": i} for i, part in enumerate(PARTS)}
        for part in PARTS[2:]:
            text[part]["reason"], places[part]["reason"] = five("since"), 4
        (folder / "QA" / name / "text.json").write_text(json.dumps(text))
        (folder / "QA" / name / "answer.json").write_text(json.dumps(places))
    if listed == "pkl":
        (folder / "split/valid.pkl").write_bytes(pickle.dumps(list(names)))
    else:
        (folder / "split/valid.txt").write_text("\n".join(names) + "\n")
    return folder


def test_a_video_has_six_questions(tmp_path) -> None:
    samples = reader("causal_vidqa")(annotate(tmp_path), "val")
    assert [s.id for s in samples] == [f"{v}_{i}" for v in ("v1", "v2") for i in range(6)]
    assert [s.type for s in samples[:6]] == list(TYPES)
    assert [s.answer for s in samples[:6]] == ["do 0", "do 1", "do 2", "since 4", "do 3", "since 4"]
    assert samples[3] == Sample(
        id="v1_3",
        video="v1",
        question="predictive of v1?",
        answer="since 4",
        type="predictive reason",
        choices=tuple(five("since")),
    )


def test_the_list_may_be_text(tmp_path) -> None:
    assert len(reader("causal_vidqa")(annotate(tmp_path, listed="txt"), "val")) == 12


class Harmful:
    """A pickle of it would make a file when it is read."""

    def __reduce__(self):
        return Path.touch, (Path("never"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps(Harmful()),
            r"valid\.pkl: not a pickled list of names; write the names to va",
        ),
        (b"no pickle", r"not a pickled list of names"),
        (b"", r"not a pickled list of names"),
        (pickle.dumps([]), r"not a list of names of videos; fetch it again"),
        (pickle.dumps(["v1", 3]), r"not a list of names of videos \(3\)"),
        (pickle.dumps(["v\0"]), r"not a list of names of videos \('v\\x00'\)"),
        (pickle.dumps(["../v1"]), r"not a list of names of videos \('\.\./v1'\)"),
    ],
)
def test_a_list_of_anything_else_is_refused_and_not_run(
    content, message, tmp_path, monkeypatch
) -> None:
    annotate(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split/valid.pkl").write_bytes(content)
    with pytest.raises(UserError, match=message):
        reader("causal_vidqa")(tmp_path, "val")
    assert not Path("never").exists()


def change(folder: Path, name: str, part: str, **fields) -> None:
    path = folder / "QA/v1" / name
    content = json.loads(path.read_text())
    content[part] |= fields
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "part", "fields", "message"),
    [
        ("text.json", "predictive", {"question": " "}, r"text\.json: predictive: no `question`"),
        ("text.json", "predictive", {"reason": None}, r"predictive: `reason` is not a list of two"),
        ("text.json", "explanatory", {"answer": ["a", 1]}, r"explanatory: `answer` is not a list"),
        (
            "answer.json",
            "descriptive",
            {"answer": 5},
            r"answer\.json: descriptive: `answer` is 5; i",
        ),
        ("answer.json", "descriptive", {"answer": True}, r"descriptive: `answer` is True; it must"),
    ],
)
def test_faults_are_named(name, part, fields, message, tmp_path) -> None:
    change(annotate(tmp_path), name, part, **fields)
    with pytest.raises(UserError, match=message):
        reader("causal_vidqa")(tmp_path, "val")


def test_what_is_not_there_is_named(tmp_path) -> None:
    annotate(tmp_path)
    with pytest.raises(
        UserError, match=r"split/train\.pkl: not there; --annotations is the folder"
    ):
        reader("causal_vidqa")(tmp_path, "train")
    (tmp_path / "QA/v2/answer.json").unlink()
    with pytest.raises(UserError, match=r"v2/answer\.json: not there"):
        reader("causal_vidqa")(tmp_path, "val")
