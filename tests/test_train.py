"""The loop: it learns, it resumes exactly after SIGKILL, it refuses what does not fit."""

import json
import random
import signal
import statistics
import time
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import evaluate
import train
from data_loader.store.features import open_store, write_store
from tests import tiny_contrastive, tiny_frames, tiny_labels, tiny_retrieval, tiny_run
from tests.commands import Command
from training import run_folder
from util.errors import UserError

PLAIN = ["--plots", "false", "--run"]
CAPTIONERS = [  # what Yao 2015 and ETS train with
    "--optimizer", "adadelta", "--l2", "1e-3", "--schedule", "noam", "--warmup", "12",
    "--noam_width", "4", "--lr", "1",
]  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Flags of a tiny data set, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tiny_run.make(tmp_path)


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


def test_it_learns_and_question_only_cannot(tiny, capsys) -> None:
    flags = [*tiny, "--epochs", "30", "--eval_every", "10", "--gamma", "1"]
    train.main([*flags, "--run", "real"])
    train.main([*flags, "--run", "blind", "--video", "none"])
    scores = {}
    for run in ("real", "blind"):
        evaluate.main([*PLAIN, f"results/{run}", "--split", "val"])
        report = json.loads(next(Path(f"results/{run}").glob("val-*.json")).read_text())
        scores[run] = report["val/accuracy"]
        logged = max(m["val/accuracy"] for m in metrics(run) if "val/accuracy" in m)
        assert report["val/accuracy"]["total"] == logged  # the best checkpoint, evaluated alike
    assert scores["real"]["total"] > 0.9 > 0.6 > scores["blind"]["total"]
    assert set(scores["real"]["by_type"]) == {"what", "who"}


def test_two_runs_of_one_seed_are_the_same_and_another_seed_is_not(tiny) -> None:
    for run, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        train.main([*tiny, "--run", run, "--seed", seed, "--epochs", "2"])
    assert metrics("a") == metrics("b") != metrics("c")


def test_seeds_are_runs_of_their_own_and_the_same_as_one_by_one(tiny, capsys) -> None:
    train.main([*tiny, "--run", "m", "--seeds", "2", "--epochs", "2"])
    best = [
        max(m["val/accuracy"] for m in metrics(f"m_s{s}") if "val/accuracy" in m) for s in (1, 2)
    ]
    line = f"{statistics.mean(best):.4f} ± {statistics.stdev(best):.4f} over 2 seeds"
    assert line in capsys.readouterr().out
    train.main([*tiny, "--run", "alone", "--seed", "2", "--epochs", "2"])
    assert metrics("alone") == metrics("m_s2") != metrics("m_s1")
    train.main([*tiny, "--run", "m", "--seeds", "3", "--epochs", "2", "--resume"])
    assert metrics("alone") == metrics("m_s2") and metrics("m_s3")


@pytest.mark.parametrize(("channels", "answered"), [("appearance", "what"), ("motion", "who")])
def test_one_channel_answers_what_it_shows(tiny, channels: str, answered: str) -> None:
    flags = ["--epochs", "40", "--eval_every", "20", "--gamma", "1", "--channels", channels]
    train.main([*tiny, "--run", "one", *flags])
    evaluate.main(["--run", "results/one", "--split", "val", "--plots", "false"])
    found = json.loads(Path("results/one/val-real.json").read_text())["val/accuracy"]["by_type"]
    other = {"what": "who", "who": "what"}[answered]
    assert found[answered] > 0.9 > 0.7 > found[other]


def test_validation_does_not_disturb_training(tiny) -> None:
    for run, every in (("often", "1"), ("seldom", "4")):
        train.main(
            [*tiny, "--run", run, "--epochs", "4", "--log_every", "1", "--eval_every", every]
        )
    losses = [
        [m["train/loss"] for m in metrics(run) if "train/loss" in m] for run in ("often", "seldom")
    ]
    assert losses[0] == losses[1]


def test_the_checkpoint_to_go_on_from_is_not_held(tiny, monkeypatch) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "1"])
    kept, alive = [], set()

    def load(*given, **named):
        found = real_load(*given, **named)
        kept.extend(weakref.ref(tensor) for tensor in found["weights"].values())
        return found

    def step(*given, **named):
        alive.update(ref() is not None for ref in kept)
        return real_step(*given, **named)

    real_load, real_step = run_folder.load_checkpoint, train.take_step
    monkeypatch.setattr(run_folder, "load_checkpoint", load)
    monkeypatch.setattr(train, "take_step", step)
    train.main([*tiny, "--run", "r", "--epochs", "2", "--resume"])
    assert alive == {False}


def start(flags: list[str], run: str) -> Command:
    return Command("train.py", [*flags, "--run", run, "--resume"])


def kill_after(process: Command, lines: int, log: Path, pause: float) -> None:
    """SIGKILL `pause` seconds after so many lines are logged."""
    deadline = time.time() + 120
    while time.time() < deadline and process.poll() is None:
        if log.exists() and len(log.read_text().splitlines()) >= lines:
            time.sleep(pause)
            break
        time.sleep(0.002)
    assert process.kill() == -signal.SIGKILL, process.stderr


@pytest.mark.parametrize(
    "how",
    [
        pytest.param([], marks=pytest.mark.long),
        ["--ema", "0.9", "--schedule", "cosine"],
        pytest.param(CAPTIONERS, marks=pytest.mark.long),
    ],
    ids=["plain", "average", "adadelta, noam"],
)
def test_killed_and_resumed_equals_uninterrupted(tiny, how: list[str]) -> None:
    flags = [
        *tiny,
        *how,
        *("--epochs", "24", "--log_every", "2", "--save_every", "5", "--eval_every", "7"),
    ]
    chance = random.Random(len(how))  # the same kills each time: a failure can be repeated
    kills = [chance.randint(3, 12), chance.randint(20, 30)]
    check_killed(flags, kills, chance)


CUT = ["--log_every", "1", "--save_every", "4", "--eval_every", "2"]
OTHER_TASKS = {
    "an rnn": (
        tiny_labels.make,
        ["--network", "rnn", "--carry", "0.5", "--dropout", "0.3", "--feature_norm", "standardize",
         "--epochs", "18", "--optimizer", "sgd", "--momentum", "0.9"],
    ),
    "contrast": (
        tiny_contrastive.make,
        ["--epochs", "10", "--lr", "1e-3", "--jitter", "0.4", "--optimizer", "lars"],
    ),
    "retrieval": (
        tiny_retrieval.make,
        ["--dropout", "0.3", "--word_dropout", "0.2", "--text_summary", "lstm", "--epochs", "8",
         "--ema", "0.9", "--schedule", "cosine"],
    ),
    "views of frames": (
        tiny_frames.make,
        ["--clips_as", "views", "--jitter", "0.2", "--drop_path", "0.2", "--epochs", "18"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["an rnn", "contrast", "retrieval", pytest.param("views of frames", marks=pytest.mark.long)],
)
def test_other_tasks_killed_and_resumed(tmp_path, monkeypatch, name: str) -> None:
    """What they draw besides dropout: states carried on, views, words left out, clips."""
    monkeypatch.chdir(tmp_path)
    make, how = OTHER_TASKS[name]
    flags = make(tmp_path)
    if name == "contrast":
        flags = ["contrastive", *flags]
    check_killed([*flags, *how, *CUT], [6, 18], random.Random(name))


def check_killed(flags: list[str], kills: list[int], chance: random.Random) -> None:
    """A run that is killed after so many logged lines each time equals one that never was."""
    assert start(flags, "whole").wait() == 0
    log = Path("results/cut/metrics.jsonl")
    for lines in kills:
        kill_after(start(flags, "cut"), lines, log, chance.uniform(0, 0.05))
    last = start(flags, "cut")
    assert last.wait() == 0, last.stderr

    assert metrics("cut") == metrics("whole")  # every logged loss, to the last bit, once
    whole, cut = (
        torch.load(f"results/{run}/last.pt", weights_only=True) for run in ("whole", "cut")
    )
    for kind in ("weights", "raw_weights") if "--ema" in flags else ("weights",):
        for name, weight in whole[kind].items():
            assert torch.equal(weight, cut[kind][name]), name
    assert whole["step"] == cut["step"] and whole["best"] == cut["best"]
    for run in ("whole", "cut"):
        events = EventAccumulator(f"tf-logs/{run}", size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            expected = [m["step"] for m in metrics(run) if tag in m]
            assert [e.step for e in events.Scalars(tag)] == expected, (run, tag)


def test_tensorboard_shows_what_the_readme_says(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "2"])
    events = EventAccumulator("tf-logs/r").Reload()
    scalars = set(events.Tags()["scalars"])
    assert scalars >= {
        "train/loss", "train/ce", "train/consistency", "train/disparity", "train/lr",
        "train/grad_norm", "train/accuracy", "train/accuracy/what", "val/accuracy",
        "val/accuracy/who", "val/ce",
    }  # fmt: skip
    assert events.Tags()["images"] == ["val/clip weights"]
    assert "val/samples/text_summary" in events.Tags()["tensors"]


def test_patience_stops_early(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "50", "--patience", "2", "--lr", "1e-9"])
    assert len([m for m in metrics("r") if "val/accuracy" in m]) < 10


def test_init_from_takes_over_the_weights(tiny) -> None:
    train.main([*tiny, "--run", "first", "--epochs", "2"])
    flags = ["--run", "second", "--epochs", "0.1", "--lr", "1e-12", "--init_from", "results/first"]
    train.main([*tiny, *flags])
    first, second = (
        torch.load(f"results/{r}/best.pt", weights_only=True)["weights"]["model.head.out.weight"]
        for r in ("first", "second")
    )
    torch.testing.assert_close(first, second, atol=1e-6, rtol=0)
    with pytest.raises(
        UserError, match=r"best\.pt: \d+ of \d+ tensors .*: model\..* there and .* here"
    ):
        train.main([*tiny, *flags[:1], "third", *flags[2:], "--width", "32"])


def test_released_checkpoint_as_a_start(tiny, golden) -> None:
    """Names of the released code are mapped; sizes that differ are named, not skipped."""
    import numpy as np

    arrays = np.load(golden / "dualvgr_units1.npz")
    state = {k[6:]: torch.from_numpy(arrays[k]) for k in arrays if k.startswith("state/")}
    torch.save({"state_dict": state}, "released.pt")
    with pytest.raises(UserError, match=r"released\.pt: \d+ of .*: model\.\S+ is \(.*\) there and"):
        train.main([*tiny, "--run", "r", "--init_from", "released.pt"])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ([], r"results/r exists: --resume goes on"),
        (["--resume", "--l2", "0.5"], r"was trained with --l2 0\.0, not 0\.5"),
        (["--resume", "--warmup", "5"], r"was trained with --warmup 0, not 5"),
        (["--resume", "--optimizer", "adadelta"], r"--optimizer adamw, not adadelta"),
        (["--resume", "--width", "32"], r"was trained with --width 16, not 32"),
        (["--resume", "--seed", "3"], r"was trained with --seed 666, not 3"),
        (["--resume", "--schedule", "cosine"], r"was trained with --schedule constant, not cosine"),
        (["--resume", "--overwrite"], r"exclude each other"),
    ],
)
def test_a_second_run_of_a_name(tiny, change: list[str], line: str) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "1"])
    before = Path("results/r/last.pt").read_bytes()
    with pytest.raises(UserError, match=line):
        train.main([*tiny, "--run", "r", "--epochs", "1", *change])
    assert Path("results/r/last.pt").read_bytes() == before


@pytest.mark.parametrize("how", ["--resume", "--overwrite"])
def test_a_run_called_like_a_file(tiny, how: str) -> None:
    Path("results").mkdir()
    Path("results/README.md").write_text("tables")
    with pytest.raises(UserError, match=r"results/README\.md is not a folder"):
        train.main([*tiny, "--run", "README.md", how])
    assert Path("results/README.md").read_text() == "tables"


def test_resume_on_other_features_is_refused(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "1"])
    store = open_store("motion.h5")
    other = replace(store.provenance, backbone="r2plus1d_18")
    write_store("motion.h5", [store.video(v) for v in store.ids], other)
    with pytest.raises(
        UserError, match=r"motion\.h5 has backbone r2plus1d_18, but results/r was tr"
    ):
        train.main([*tiny, "--run", "r", "--epochs", "2", "--resume"])


def test_resume_can_make_a_run_longer(tiny) -> None:
    train.main([*tiny, "--run", "r", "--epochs", "2"])
    train.main([*tiny, "--run", "r", "--epochs", "4", "--resume"])
    train.main([*tiny, "--run", "whole", "--epochs", "4"])
    assert metrics("r") == metrics("whole")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--run", "a/b"], r"--run 'a/b': a name of letters"),
        (["--run", "r", "--appearance", "none.h5"], r"none\.h5"),
        (["--run", "r", "--unitz", "2"], r"--unitz"),
        (["--run", "r", "--heads", "5"], r"--width 16: must be even and a multiple of --heads 5"),
        (["--run", "r", "--batch_size", "1"], r"--batch_size 1: batch norm needs"),
    ],
)
def test_mistakes(tiny, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        train.main([*tiny, *flags])
    assert not Path("results").exists()  # the cured command runs at once


def test_a_mistake_is_one_line_and_exit_code_2(tiny) -> None:
    done = Command("train.py", [*tiny, "--run", "r", "--questions", "no.pt"])
    assert done.wait() == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: no.pt: no such")
