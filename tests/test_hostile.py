"""300 hostile texts as questions, answers, types and video ids, from the annotations to a page.

Nothing crashes, nothing is lost, totals are right.
"""

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import predict
import train
from data_loader.questions import load_questions
from data_loader.store.features import VideoFeatures, open_store, write_store
from inference.predictor import Predictor
from options.predict import PredictOptions
from preprocess import questions, videos
from preprocess.annotation.question import own
from tests.hostile_text import legal_names, texts
from tests.video_files import write_video
from util.clip_plots import clip_timeline
from util.errors import UserError
from util.text import printable

TEXTS = texts()
NAMES = legal_names()
SPLITS = ("train", "train", "train", "val", "test")  # of every five videos
SAID = "all"  # the answer of every second question: what the model learns to say
LONG = 5_000  # a question of more characters is in the test split: training on it takes long


def rows() -> list[dict[str, str]]:
    """Two questions a text; every text is also an answer, a type and, where legal, a video."""
    out = []
    for i, text in enumerate(TEXTS):
        video = 4 if len(text) > LONG else i % len(NAMES)
        for answer in (TEXTS[(7 * i) % len(TEXTS)], SAID):
            kind = TEXTS[(11 * i) % len(TEXTS)]
            place = {"video": NAMES[video], "split": SPLITS[video % len(SPLITS)]}
            out.append({**place, "question": text, "answer": answer, "type": kind})
    return out


def fit(text: str) -> bool:
    """Whether lines can be shown as they are."""
    return all(printable(line) == line for line in lines(text))


def lines(text: str) -> list[str]:
    """A JSON Lines file's lines; within JSON no line break is bare."""
    return text.split("\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The annotations without the lines that the reader refuses, stores of their videos, a run."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("all.jsonl").write_text("\n".join(map(json.dumps, rows())))
        write_video(Path("v.mp4"))
        for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
            flags = ["--backbone", backbone, "--clips", "2", "--frames", "2", "--workers", "1"]
            videos.main(["--videos", "v.mp4", *flags, "--output", f"one-{channel}.h5"])
        refused = []
        left = {i: line for i, line in enumerate(lines(Path("all.jsonl").read_text()))}
        while True:  # the reader names one line at a time
            Path("q.jsonl").write_text("\n".join(left.values()))
            try:
                samples = [
                    s for name in ("train", "val", "test") for s in own.read(Path("q.jsonl"), name)
                ]
                break
            except UserError as error:
                found = re.match(r"q\.jsonl, line (\d+): field `\w+` ", str(error))
                assert found and fit(str(error)), error
                refused.append(left.pop(list(left)[int(found[1]) - 1]))
        Path("refused.json").write_text(json.dumps(refused))
        rng = np.random.default_rng(0)
        for channel in ("appearance", "motion"):
            store = open_store(f"one-{channel}.h5")
            shape = store.video("v").features.shape
            held = [
                VideoFeatures(id=name, features=rng.normal(size=shape).astype("f2"), frame_count=20)
                for name in sorted({sample.video for sample in samples})
            ]
            write_store(f"{channel}.h5", held, store.provenance)
        flags = ["--dataset", "own", "--annotations", "q.jsonl"]
        stores = ["--appearance", "appearance.h5", "--motion", "motion.h5"]
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert questions.main([*flags, "--check", "--videos_in", "appearance.h5"]) == 2
        Path("check.txt").write_text(said.getvalue(), encoding="utf-8")
        questions.main(
            [*flags, "--output", "q.pt", "--word_width", "8", "--videos_in", "motion.h5"]
        )
        small = ["--width", "8", "--heads", "2", "--batch_size", "32", "--lr", "1e-2"]
        train.main(["--run", "r", "--questions", "q.pt", *stores, *small, "--epochs", "1"])
        evaluate.main(["--run", "results/r"])
    return folder


@pytest.fixture(autouse=True)
def there(made, monkeypatch) -> None:
    monkeypatch.chdir(made)


def test_every_line_is_encoded_as_it_is_or_refused_by_its_number() -> None:
    refused = [json.loads(line) for line in json.loads(Path("refused.json").read_text())]
    for row in refused:  # nothing but what says nothing
        said = (row["question"].replace("?", ""), row["answer"])
        assert not all(text.strip() for text in said), row
    splits = load_questions("q.pt").splits
    assert sum(map(len, splits.values())) + len(refused) == len(rows()) == 2 * len(TEXTS)
    kept = [json.loads(line) for line in lines(Path("q.jsonl").read_text())]
    for name, split in splits.items():
        wanted = [
            (row["question"], row["answer"].strip(), row["type"])
            for row in kept
            if row["split"] == name and row["type"]
        ]
        held = zip(split.texts, split.answer_texts, split.types, strict=True)
        lacking = set(wanted) - set(held)
        assert not lacking, lacking


def test_the_check_says_what_has_no_word_in_lines_that_stay_lines() -> None:
    said = Path("check.txt").read_text(encoding="utf-8")
    assert [line for line in said.split("\n") if line.startswith("PROBLEM")] == [
        "PROBLEM  questions without a word: fill them in or take them out"
    ]
    assert fit(said)
    starts = (
        "own:",
        "types:",
        "split ",
        "train ",
        "val ",
        "test ",
        "PROBLEM",
        "ok ",
        "warning",
        " ",
        "not ",
    )
    assert all(
        line.startswith(starts) or not line or line[0].isdecimal() for line in said.split("\n")
    )


def test_totals_are_those_of_the_answers(capsys) -> None:
    found = json.loads(Path("results/r/test-real.json").read_text(encoding="utf-8"))
    split = load_questions("q.pt").splits["test"]
    asked = found["predictions"]
    assert [p["question"] for p in asked] == list(split.texts)
    assert [p["type"] for p in asked] == list(split.types)
    right: dict[str, list[bool]] = {}
    for p in asked:
        right.setdefault(p["type"], []).append(p["predicted"] == p["answer"])
    total = [hit for hits in right.values() for hit in hits]
    assert found["test/accuracy"] == {
        "total": pytest.approx(np.mean(total)),
        "by_type": pytest.approx({kind: np.mean(hits) for kind, hits in right.items()}),
    }
    assert found["counts"]["by_type"] == {kind: len(hits) for kind, hits in right.items()}
    assert 0.1 < np.mean(total) < 0.9
    logged = [json.loads(line) for line in lines(Path("results/r/metrics.jsonl").read_text())[:-1]]
    for split_name in ("train", "val"):
        names = {name for row in logged for name in row if f"{split_name}/accuracy/" in name}
        kinds = set(load_questions("q.pt").splits[split_name].types)
        assert names == {f"{split_name}/accuracy/{kind}" for kind in kinds}
    events = EventAccumulator("tf-logs/r/test-real").Reload()
    tags = [name for name in events.Tags()["scalars"] if name.startswith("test/accuracy")]
    assert len(tags) == 1 + len(right)  # a curve each, none shared
    (event,) = events.Scalars("test/accuracy")
    assert event.value == pytest.approx(np.mean(total))
    pictures = {path.name for path in Path("results/r/plots").glob("test-real-*.png")}
    assert len(pictures) == 5
    capsys.readouterr()
    evaluate.main(["baselines", "--questions", "q.pt"])
    last = json.loads(capsys.readouterr().out.split("\n")[-2])
    constant = last["by_type"]["constant_per_type"]
    assert set(constant) == set(right)
    hits = sum(constant[kind] * len(right[kind]) for kind in right)
    assert last["constant_per_type"] == pytest.approx(hits / len(total), abs=1e-4)


def test_they_are_compared_and_shown(capsys) -> None:
    asked = json.loads(Path("results/r/test-real.json").read_text())["predictions"]
    given = [{"id": p["id"], "pred": p["answer"] + " "} for p in asked]
    Path("b.jsonl").write_text("\n".join(map(json.dumps, given)))
    evaluate.main(["compare", "results/r", "b.jsonl", "--output", "c.json", "--show", "300"])
    out = capsys.readouterr().out
    assert f"NOTE b.jsonl: {len(asked)} answers differ from the true one in case, blanks" in out
    assert fit(out) and max(map(len, out.split("\n"))) < 3000
    (pair,) = json.loads(Path("c.json").read_text())
    assert len(pair["flipped"]) == sum(p["correct"] for p in asked) == pair["only_a_right"]
    evaluate.main(["report", "--run", "results/r", "--count", "200", "--output", "page.html"])
    page = Path("page.html").read_bytes().decode("utf-8")
    assert "<script" not in page and len(page) < 5_000_000
    evaluate.main(["curves", "--run", "results/r", "--output", "c.png"])


def test_each_is_asked_of_a_video(monkeypatch, capsys) -> None:
    predictor = Predictor("results/r")
    seen = predictor.read_video("v.mp4")
    monkeypatch.setattr(predictor, "read_video", lambda video: seen)
    for i, text in enumerate(text for text in TEXTS if len(text) < LONG):
        try:
            PredictOptions(run="r", video="v.mp4", question=text)
        except ValueError:
            assert not text.strip("? \t\n\r\u00a0\u2028\u3000\x1c")  # nothing is asked
            continue
        reply = predictor.ask("v.mp4", text)
        assert len(reply.answers) == 5
        if i % 60 == 0:
            clip_timeline(
                question=text, answers=reply.answers, frames=reply.frames, times=reply.times,
                punishment=reply.punishment, readout=reply.readout,
            ).savefig("x.png")  # fmt: skip
    for text in ("Ba$$in \ud83d\x1b[31m \u202e", "what " * 2000):
        capsys.readouterr()
        predict.main(["--run", "results/r", "--video", "v.mp4", "--question", text])
        out = capsys.readouterr().out
        assert fit(out) and "what it looked at: " in out
