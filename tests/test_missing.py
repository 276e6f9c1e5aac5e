"""A run that was trained with both channels answers without one of them."""

import json
from pathlib import Path

import pytest
import torch

import evaluate
import train
from options.evaluate import SplitOptions
from tests import tiny_clips, tiny_run
from util.errors import UserError

FLAGS = ["--epochs", "60", "--eval_every", "60", "--gamma", "1", "--clip_norm", "0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Runs on features that both channels share, so that one says what the other would."""
    path = tmp_path_factory.mktemp("missing")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        tiny = tiny_run.make(path)
        tiny[tiny.index("--motion") + 1] = tiny[tiny.index("--appearance") + 1]
        train.main([*tiny, *FLAGS, "--run", "both", "--rebuild", "true"])
        few = ["--epochs", "2", "--clip_norm", "0"]
        train.main([*tiny, *few, "--run", "plain"])
        train.main([*tiny, *few, "--run", "beside", "--rebuild", "true"])
        train.main([*tiny, *few, "--run", "one", "--channels", "appearance"])
    return path


def accuracy(run: str, *flags: str) -> float:
    evaluate.main(["--run", f"results/{run}", "--plots", "false", *flags])
    where = dict(zip(flags[::2], flags[1::2], strict=True))
    shown = SplitOptions(missing=where.get("--missing"), fill=where.get("--fill", "zeros"))  # type: ignore[arg-type]
    found = json.loads(Path(f"results/{run}/test-{shown.shown('real')}.json").read_text())
    return found["test/accuracy"]["by_type"]["what"]


def test_a_rebuilt_channel_is_worth_more_than_zeros(folder, monkeypatch, capsys) -> None:
    monkeypatch.chdir(folder)
    whole = accuracy("both")
    zeros = accuracy("both", "--missing", "motion")
    rebuilt = accuracy("both", "--missing", "motion", "--fill", "rebuilt")
    assert whole == 1 and zeros < 0.6 and rebuilt > 0.9
    said = capsys.readouterr().out
    assert "real video without motion (rebuilt)" in said
    assert "test-shuffled-no-motion-rebuilt.json" in said
    assert accuracy("both") == whole  # its own file is another, and as it was
    accuracy("both", "--missing", "appearance", "--fill", "rebuilt")


def test_learning_to_rebuild_changes_no_answer(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    plain, beside = (
        torch.load(f"results/{run}/last.pt", weights_only=True)["weights"]
        for run in ("plain", "beside")
    )
    assert {k for k in beside if k not in plain} == {k for k in beside if k.startswith("rebuild.")}
    for name, value in plain.items():
        assert torch.equal(value, beside[name]), name


def test_the_store_of_a_missing_motion_channel_may_be_missing(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    content = torch.load("results/plain/best.pt", weights_only=True)
    content["stores"]["motion"]["path"] = "gone.h5"
    Path("results/gone").mkdir(exist_ok=True)
    torch.save(content, "results/gone/best.pt")
    accuracy("gone", "--missing", "motion")
    with pytest.raises(UserError, match=r"gone\.h5"):
        accuracy("gone", "--missing", "appearance")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--run", "results/plain", "--missing", "motion", "--fill", "rebuilt"],
         r"--missing motion: results/plain has not learned to rebuild one; train it with --reb"),
        (["--run", "results/one", "--missing", "motion"], r"results/one sees the appearance chan"),
        (["--run", "results/both", "--missing", "motion", "--motion", "m.h5"], r"leave out one"),
    ],
)  # fmt: skip
def test_mistakes(folder, monkeypatch, flags: list[str], line: str) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=line):
        evaluate.main(flags)


def test_an_autoencoder_teaches_it_first(tmp_path, monkeypatch, capsys) -> None:
    """And a second stage starts from it, or leaves it, as it is told."""
    monkeypatch.chdir(tmp_path)
    tiny = tiny_clips.make(tmp_path)
    first = ["--batch_size", "8", "--epochs", "12", "--lr", "1e-2", "--rebuild", "0.5"]
    logged = ["--log_every", "1", "--run", "ae"]
    train.main(["autoencoder", *tiny, *tiny_clips.RANDOM, *first, *logged])
    found = map(json.loads, Path("results/ae/metrics.jsonl").read_text().splitlines())
    rows = [row for row in found if "train/rebuild_motion" in row]
    assert rows[0]["train/rebuild_motion"] == pytest.approx(1, abs=0.05)
    assert rows[-1]["train/rebuild_motion"] < 0.8
    total = (rows[0]["train/mse_appearance"] + rows[0]["train/mse_motion"]) / 2 / 255**2
    total += 0.5 * (rows[0]["train/rebuild_appearance"] + rows[0]["train/rebuild_motion"]) / 2
    assert rows[0]["train/loss"] == pytest.approx(total, rel=1e-4)
    second = ["qa", *tiny, "--init_from", "results/ae", "--epochs", "0.1", "--batch_size", "16"]
    for run, more in (("with", ["--rebuild", "true"]), ("without", [])):
        train.main([*second, *more, "--lr", "1e-12", "--run", run])
    weights = {
        run: torch.load(f"results/{run}/last.pt", weights_only=True)["weights"]
        for run in ("with", "without")
    }
    was = torch.load("results/ae/best.pt", weights_only=True)["weights"]
    ours = [name for name in was if name.startswith("rebuild.")]
    assert len(ours) == 8
    for name in ours:
        torch.testing.assert_close(weights["with"][name], was[name], atol=1e-6, rtol=0)
        assert name not in weights["without"]
    evaluate.main(
        ["--run", "results/with", "--plots", "false", "--missing", "motion", "--fill", "rebuilt"]
    )
    assert "real video without motion (rebuilt)" in capsys.readouterr().out
