"""Asking a video, by the kind of answers: what is told is what evaluation says of it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

import evaluate
import predict
import train
from inference import pack
from inference.answer.wanted import Wanted, number_of
from inference.predictor import Asked, Predictor
from preprocess import questions, videos
from preprocess.shapes.count_scenes import asked as asked_of
from preprocess.shapes.count_scenes import make_count_scenes
from preprocess.shapes.folder import write_items, write_video
from util.errors import UserError

STORES = ["--appearance", "d/appearance.h5", "--motion", "d/motion.h5"]
SMALL = ["--width", "16", "--batch_size", "16", "--epochs", "2", "--lr", "3e-3"]
RUNS = ("open", "choice", "count", "ordinal")
COLORS, FORMS = ("red", "green", "blue"), ("circle", "square", "triangle")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of counts; a run of each kind, trained for a moment, and what evaluation says."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _write_data(folder / "d")
        for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
            flags = ["--backbone", backbone, "--output", f"d/{channel}.h5", "--frames", "4"]
            videos.main(["--videos", "d/videos", *flags, "--precision", "float32"])
        shapes = ["--dataset", "shapes", "--annotations", "d"]
        questions.main([*shapes, "--output", "d/open.pt"])
        for kind in ("choice", "count"):
            questions.main([*shapes, "--task", kind, "--output", f"d/{kind}.pt"])
        for run in RUNS:
            more = ["--count_as", "ordinal"] if run == "ordinal" else []
            asked = ["--questions", f"d/{'count' if run == 'ordinal' else run}.pt"]
            train.main(["--run", run, *asked, *STORES, *SMALL, *more])
            out = ["--output", f"{run}.json", "--plots", "false"]
            evaluate.main(["--run", f"results/{run}", *out])
    return folder


def _write_data(folder: Path) -> None:
    """20 videos, 12 to train on, with questions of each kind."""
    rng, scenes = np.random.default_rng(0), make_count_scenes(90, seed=0, split=0)[:20]
    (folder / "videos").mkdir(parents=True)
    of = {"train": range(12), "val": range(12, 16), "test": range(16, 20)}
    for i, scene in enumerate(scenes):
        write_video(folder / "videos" / f"{i}.mp4", scene.frames()[::3])
    for split, some in of.items():
        counts, choices, opens = [], [], []
        for video in some:
            thing = scenes[video].thing
            for text, number in asked_of(scenes[video]):
                item = {"id": len(counts), "question": text, "video_id": video}
                counts.append({**item, "answer": number})
                words = ("zero", "one", "2", "3")
                opens.append({**item, "answer": words[number] if number < 4 else "many"})
            for act in (thing.act, "stand"):
                named = [f"a {c} {f}" for c in COLORS for f in FORMS if c != thing.color]
                right = f"a {thing.color} {thing.form}"
                texts = [right, *rng.permutation(named)[: rng.integers(1, 6)].tolist()]
                texts = rng.permutation(texts).tolist()
                item = {"id": len(choices), "question": f"what does {act}?"}
                choices.append(
                    {**item, "video_id": video, "choices": texts, "answer": texts.index(right)}
                )
        write_items(folder / f"{split}_count.json", counts)
        write_items(folder / f"{split}_choice.json", choices)
        write_items(folder / f"{split}_qa.json", opens)


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def evaluated(run: str) -> list[dict]:
    return json.loads(Path(f"{run}.json").read_text())["predictions"]


def candidates(known: dict) -> tuple[str, ...]:
    """What a question of evaluation was asked to choose from."""
    of = json.loads(Path("d/test_choice.json").read_text())
    return tuple(next(item["choices"] for item in of if item["id"] == known["id"]))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_told_is_what_evaluation_says(run: str, packed: bool, capsys) -> None:
    path = f"results/{run}"
    if packed:
        path = f"{run}.safetensors"
        pack.main(["--run", f"results/{run}", "--output", path])
        said = {"choice": ", chooses among candidates\n", "open": " answers\n"}
        assert said.get(run, ", tells 0 to 9\n") in capsys.readouterr().out
    predictor = Predictor(path)
    for known in evaluated(run)[::5]:
        wanted = Wanted(choices=candidates(known) if run == "choice" else ())
        reply = predictor.ask(f"d/videos/{known['video']}.mp4", known["question"], wanted)
        answer, probability = reply.answers[0]
        if run in ("count", "ordinal"):
            assert reply.value == pytest.approx(known["value"], abs=0.02 if packed else 1e-3)
            assert packed or answer == str(known["predicted"])
        else:
            assert packed or answer == known["predicted"]
            assert dict(reply.answers)[known["predicted"]] == pytest.approx(
                known["probability"], abs=5e-3
            )
        assert (probability != probability) == (run == "count")
        assert reply.readout.shape == (8,) and reply.punishment.shape == (2, 8)


def test_a_run_that_chooses_ranks_its_candidates_whatever_their_order() -> None:
    predictor = Predictor("results/choice")
    seen = predictor.read_video("d/videos/17.mp4")
    texts = [f"a {c} {f}" for c in COLORS for f in FORMS]
    told = predictor.tell(seen.visual, "what does pass?", Wanted(choices=tuple(texts), n_best=9))
    shares = [share for _, share in told.answers]
    assert sorted(text for text, _ in told.answers) == sorted(texts)
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-5)
    turned = Wanted(choices=tuple(texts[::-1]), n_best=9)
    again = predictor.tell(seen.visual, "what does pass?", turned)
    assert dict(again.answers) == pytest.approx(dict(told.answers), abs=1e-5)
    five = predictor.tell(seen.visual, "what does pass?", Wanted(choices=tuple(texts)))
    assert five.answers == told.answers[:5]


def test_candidates_read_by_themselves_are_told_as_evaluated_packed_or_not() -> None:
    asked = ["--questions", "d/choice.pt", *STORES, *SMALL, "--candidate_encoder", "bi"]
    train.main(["--run", "bi", *asked])
    evaluate.main(["--run", "results/bi", "--output", "bi.json", "--plots", "false"])
    pack.main(["--run", "results/bi", "--output", "bi.safetensors"])
    for path in ("results/bi", "bi.safetensors"):
        predictor = Predictor(path)
        for known in evaluated("bi")[::3]:
            video, question = f"d/videos/{known['video']}.mp4", known["question"]
            texts = candidates(known)
            told = predictor.ask(video, question, Wanted(choices=texts)).answers
            assert dict(told)[known["predicted"]] == pytest.approx(known["probability"], abs=5e-3)
            turned = predictor.ask(video, question, Wanted(choices=texts[::-1])).answers
            assert dict(turned) == pytest.approx(dict(told), abs=1e-5)
        seen = predictor.read_video("d/videos/17.mp4")
        texts = ("a red circle", "a blue square", "a zebra")
        before = predictor.tell(seen.visual, "what does pass?", Wanted(choices=texts)).answers
        task = predictor.run.task
        task.add_words(torch.ones(1, task.model.question.embedding.embedding_dim))
        after = predictor.tell(seen.visual, "what does pass?", Wanted(choices=texts)).answers
        assert after == before


def test_an_open_run_ranks_given_answers_and_says_which_it_does_not_know(capsys) -> None:
    question = "how often does the red shape blink?"
    predictor = Predictor("results/open")
    seen = predictor.read_video("d/videos/17.mp4")
    everything = dict(predictor.tell(seen.visual, question, Wanted(n_best=99)).answers)
    assert sum(everything.values()) == pytest.approx(1, abs=1e-5) and "zero" in everything
    given = ["zebra", " Zero", "many"]
    told = predictor.tell(seen.visual, question, Wanted(choices=tuple(given)))
    assert [text for text, _ in told.answers] == sorted(
        [" Zero", "many"], key=lambda text: -everything[text.strip().lower()]
    )
    assert dict(told.answers)["many"] == pytest.approx(everything["many"])
    assert told.unknown_answers == ("zebra",)
    flags = ["--run", "results/open", "--video", "d/videos/17.mp4", "--question", question]
    predict.main([*flags, "--choices", *given])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  answers that this run does not know, and that cannot win: zebra"
    assert len([line for line in lines if " % " in line]) == 2
    with pytest.raises(UserError, match=r"results/open knows none of these answers; it knows \d"):
        predict.main([*flags, "--choices", "zebra", "lion"])


def test_an_open_run_tells_its_likeliest_number(capsys) -> None:
    predictor = Predictor("results/open")
    seen = predictor.read_video("d/videos/18.mp4")
    question = "how often does the circle pass?"
    everything = dict(predictor.tell(seen.visual, question, Wanted(n_best=99)).answers)
    told = predictor.tell(seen.visual, question, Wanted(count=True))
    numbers = {n: everything[text] for text in everything if (n := number_of(text)) is not None}
    assert dict(told.answers) == pytest.approx({str(n): p for n, p in numbers.items()})
    assert [p for _, p in told.answers] == sorted(numbers.values(), reverse=True)
    same = [["two", "2"], ["12", "Twelve"], [" 7 ", "seven"]]
    assert [[number_of(text) for text in of] for of in same] == [[2, 2], [12, 12], [7, 7]]
    assert [number_of(text) for text in ("many", "2 cats", "-1", "²", "1.5")] == [None] * 5


@pytest.mark.parametrize("run", RUNS)
def test_pictures_are_drawn_and_answers_printed(run: str, capsys) -> None:
    known = evaluated(run)[0]
    flags = ["--run", f"results/{run}", "--video", f"d/videos/{known['video']}.mp4"]
    more = ["--choices", *candidates(known)] if run == "choice" else []
    predict.main([*flags, "--question", known["question"], *more, "--output", f"{run}.png"])
    lines = capsys.readouterr().out.splitlines()
    assert str(known["predicted"]) in lines[1]
    assert ("before rounding" in lines[1]) == (run in ("count", "ordinal"))
    assert ("%" in lines[1]) == (run != "count")
    assert imread(f"{run}.png").std() > 0.05


@pytest.mark.parametrize("run", RUNS)
def test_many_videos_are_asked(run: str, capsys) -> None:
    question = "what does pass?" if run == "choice" else "how often does the circle pass?"
    given = ["a red circle", "a blue square", "a green square"] if run == "choice" else []
    Path("list.txt").write_text("d/videos/16.mp4\nd/videos/19.mp4\n")
    flags = ["--run", f"results/{run}", "--videos", "list.txt", "--question", question]
    more = ["--choices", *given] if given else []
    assert predict.main([*flags, *more]) == 0
    entries = json.loads(Path(f"results/{run}/answers.json").read_text())
    assert [entry["video"] for entry in entries] == ["16", "19"]
    predictor, wanted = Predictor(f"results/{run}"), Wanted(choices=tuple(given))
    for entry in entries:
        reply = predictor.ask(f"d/videos/{entry['video']}.mp4", question, wanted)
        assert str(entry["answer"]) == reply.answers[0][0]
        if run in ("count", "ordinal"):
            assert entry["value"] == pytest.approx(reply.value)
            assert ("probability" in entry) == (run == "ordinal")
        else:
            assert [one["answer"] for one in entry["n_best"]] == [text for text, _ in reply.answers]
    if run in ("open", "choice"):
        assert predict.main([*flags, *more, "--n_best", "2"]) == 0
        entries = json.loads(Path(f"results/{run}/answers.json").read_text())
        assert all(len(entry["n_best"]) == 2 for entry in entries)


@pytest.mark.parametrize("run", RUNS)
def test_a_source_is_asked_while_it_is_decoded(run: str, capsys) -> None:
    more = ["--choices", "a red circle", "a blue square"] if run == "choice" else []
    flags = ["--run", f"results/{run}", "--live", "d/videos/16.mp4", "--question", "what passes?"]
    assert predict.main([*flags, "--every", "1", *more]) == 0
    lines = [one for one in capsys.readouterr().out.splitlines() if " s  " in one]
    assert [float(line.split()[0]) // 1 for line in lines] == [1, 2, 3]
    assert predict.main([*flags, "--every", "60", *more]) == 1
    assert "ends before 60 s: no answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "flags", "line"),
    [
        ("choice", [], r"results/choice chooses among candidates: give them, such as --choices"),
        ("choice", ["--count"], r"--count: results/choice chooses among candidates"),
        ("choice", ["--choices", "a"], r"--choices a: give two or more"),
        ("choice", ["--choices", "a b", "A  b "], r"--choices: A  b is given twice"),
        ("choice", ["--choices", "a", " "], r"--choices: one of them is empty"),
        ("open", ["--choices", "a", "b", "--count"], r"--count: --choices names the answers"),
        ("count", ["--choices", "1", "2"], r"--choices: results/count tells a number; leave it"),
        ("count", ["--n_best", "3"], r"--n_best 3: results/count tells one number; leave it out"),
        ("open", ["--n_best", "0"], r"--n_best 0: must be at least 1"),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_a_video_is_read(run, flags: list[str], line: str) -> None:
    given = ["--run", f"results/{run}", "--video", "none.mp4", "--question", "who?", *flags]
    with pytest.raises(UserError, match=line):
        predict.main(given)


def test_a_run_without_numbers_and_one_that_counts_anyway(capsys) -> None:
    predictor = Predictor("results/open")
    words = predictor.vocabulary.answers
    assert any(number_of(word) is not None for word in words)
    content = torch.load("results/open/best.pt", weights_only=True)
    content["vocabulary"]["answers"] = [f"x{i}" for i in range(len(words))]
    Path("results/wordy").mkdir()
    torch.save(content, "results/wordy/best.pt")
    flags = ["--video", "d/videos/16.mp4", "--question", "how often?", "--count"]
    with pytest.raises(UserError, match="--count: none of the answers that results/wordy knows"):
        predict.main(["--run", "results/wordy", *flags])
    assert predict.main(["--run", "results/count", *flags]) == 0
    assert "before rounding" in capsys.readouterr().out


@pytest.mark.parametrize("kind", RUNS)
def test_questions_together_are_answered_as_alone(kind: str) -> None:
    """Of every kind, about two videos, with more and fewer candidates and words."""
    predictor = Predictor(f"results/{kind}")
    seen = [predictor.read_video(f"d/videos/{video}.mp4").visual for video in (16, 17)]
    wanted = {
        "choice": [Wanted(choices=("a red circle", "a blue square")),
                   Wanted(choices=("a green circle", "a red square", "a blue triangle"))],
        "open": [Wanted(), Wanted(n_best=9), Wanted(choices=("2", "3")), Wanted(count=True)],
    }.get(kind, [Wanted()])  # fmt: skip
    texts = ("how many times does it blink?", "which of these shapes is it that stands there?")
    asked = [Asked(visual, text, want) for visual in seen for text in texts for want in wanted]
    together = predictor.tell_together(asked)
    assert {one.together for one in together} == {len(asked)}
    for one, alone in zip(together, asked, strict=True):
        (known,) = predictor.tell_together([alone])
        assert [text for text, _ in one.told.answers] == [text for text, _ in known.told.answers]
        shares, expected = ([p for _, p in of.told.answers] for of in (one, known))
        np.testing.assert_allclose(shares, expected, atol=1e-4)
        assert one.told.value == pytest.approx(known.told.value, abs=1e-4)
        np.testing.assert_allclose(one.punishment, known.punishment, atol=1e-4)
        np.testing.assert_allclose(one.readout, known.readout, atol=1e-4)
