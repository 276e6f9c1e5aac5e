"""Options for small data sets, from the command line to the checkpoint and the answers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.batch import Features
from data_loader.questions import load_questions
from options.task import QaRunOptions, parse_task
from tests.tiny_run import ANSWERS
from training.task.qa import QaTask
from util.checkpoint import save_plain
from util.errors import UserError

SMALL = {
    "low_rank": ["--model", "low_rank", "--feature_norm", "whiten:4", "--freeze_words"],
    "product": [
        "--head", "product", "--question_summary", "bag", "--feature_norm", "whiten:4",
        "--readout_of", "features", "--relation_lr", "0.1", "--head_dropout", "0.4", "--gamma", "0",
    ],
    "without graphs": ["--head", "product", "--units", "0", "--fusion", "linear"],
    "bag": ["--question_summary", "bag", "--readout_of", "features"],
}  # fmt: skip


def task(tiny: list[str], *flags: str) -> QaTask:
    _, options = parse_task([*tiny, "--run", "r", *flags])
    assert isinstance(options, QaRunOptions)
    return QaTask(options, checkpoint=None)


def with_answer_vectors(folder: Path) -> None:
    """Give the tiny question file vectors of its answers."""
    path = folder / "questions.pt"
    state = torch.load(path, weights_only=True)
    save_plain(path, {**state, "answer_vectors": torch.randn(len(ANSWERS), 8)})


def metrics(run: str) -> list[dict]:
    return [json.loads(line) for line in Path(f"results/{run}/metrics.jsonl").open()]


@pytest.mark.parametrize("how", SMALL)
def test_each_learns_and_a_resumed_run_is_the_same(tiny, how: str) -> None:
    flags = [*tiny, *SMALL[how], "--lr", "2e-2", "--log_every", "1"]
    train.main([*flags, "--run", "whole", "--epochs", "12"])
    assert max(m.get("val/accuracy", 0) for m in metrics("whole")) >= 0.6  # of four: 0.25
    for epochs in ("5", "12"):
        train.main([*flags, "--run", "cut", "--epochs", epochs, "--resume"])
    assert metrics("whole") == metrics("cut")


def test_semantic_head_needs_answer_vectors_and_uses_them(tiny, tmp_path) -> None:
    flags = ["--head", "product", "--semantic_head"]
    with pytest.raises(UserError, match=r"--semantic_head: .*no vectors of answers; encode"):
        task(tiny, *flags)
    with_answer_vectors(tmp_path)
    head = task(tiny, *flags).module.model.head
    expected = load_questions(tmp_path / "questions.pt").answer_vectors
    assert expected is not None
    torch.testing.assert_close(
        torch.nn.functional.normalize(head.answer_vectors), torch.nn.functional.normalize(expected)
    )


def test_frozen_words_stay_and_others_move(tiny) -> None:
    for frozen in ("true", "false"):
        train.main([*tiny, "--run", frozen, "--epochs", "1", "--freeze_words", frozen])
    vectors = load_questions(tiny[1]).word_vectors
    found = [
        torch.load(f"results/{run}/last.pt", weights_only=True)["weights"][
            "model.question.embedding.weight"
        ]
        for run in ("true", "false")
    ]
    assert torch.equal(found[0], vectors) and not torch.equal(found[1], vectors)


def test_a_fold_is_validated_on_and_not_trained_on(tiny) -> None:
    held_out, seen = set(), []
    for i in (1, 2, 3):
        one = task(tiny, "--validate_on", f"fold:{i}/3")
        training, validation = set(one.videos), set(one.val.split.videos)
        assert not training & validation and len(training | validation) == 24
        assert len(one.data.split.words) == 3 * len(one.data)
        held_out |= validation
        seen += list(validation)
    assert len(held_out) == len(seen) == 24
    texts = dict(zip(one.data.split.ids, one.data.split.texts, strict=True))
    whole = load_questions(tiny[1]).split("train")
    assert all(texts.get(i, t) == t for i, t in zip(whole.ids, whole.texts, strict=True))
    for row in (0, 7):
        words, length = one.data.split.padded(np.array([row]), torch.tensor([row]))
        place = whole.ids.index(one.data.split.ids[row])
        expected, _ = whole.padded(np.array([place]), torch.tensor([place]))
        assert torch.equal(words, expected) and int(length) == 3
    everything = task(tiny, "--validate_on", "seen")
    assert set(everything.val.split.videos) < set(everything.videos)
    assert len(everything.data) == 64


def test_a_share_of_the_videos_has_labels(tiny) -> None:
    few, more, other = (
        set(task(tiny, "--label_share", share, "--seed", seed).videos)
        for share, seed in (("0.25", "1"), ("0.5", "1"), ("0.25", "2"))
    )
    assert len(few) == len(other) == 6 and len(more) == 12
    assert few < more and few != other
    one = task(tiny, "--label_share", "0.25", "--seed", "1")
    assert set(one.videos) == few and len(one.data) == 12  # all questions of each
    assert len(one.val.split.videos) == len(task(tiny).val.split.videos)
    held = task(tiny, "--label_share", "0.5", "--validate_on", "fold:1/3")
    assert len(set(held.videos)) == 8 and not set(held.videos) & set(held.val.split.videos)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--label_share", "0"], r"--label_share 0.0: must be above 0 and at most 1"),
        (["--label_share", "0.05"], r"--label_share 0.05: is 1 of 24 training videos; give more"),
        (["--label_share", "0.5", "--validate_on", "seen"], r"--label_share 0.5: --validate_on se"),
        (["--validate_on", "fold:4/3"], r"--validate_on fold:4/3: give val, seen, or fold:I/K"),
        (["--validate_on", "fold:1/99"], r"--validate_on fold:1/99: there are only 24 training"),
        (["--feature_norm", "whiten:11"], r"--feature_norm whiten:11: the training videos' fea"),
        (["--feature_norm", "whiten"], r"--feature_norm whiten: give none, standardize, or"),
        (["--units", "-1"], r"--units -1: must not be negative"),
        (["--relation_lr", "0"], r"--relation_lr 0.0: must be positive"),
        (["--head_dropout", "1"], r"--head_dropout 1.0: must be in"),
        (["--motion_from", "mean"], r"--motion_from mean: takes the place of --motion"),
    ],
)
def test_mistakes(tiny, flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line):
        train.main([*tiny, "--run", "r", *flags])
    assert not Path("results").exists()


def test_a_difference_needs_two_frames(tiny, tmp_path) -> None:
    flags = [f for f in tiny if "motion" not in f]
    one = task(flags, "--motion_from", "difference")
    features = one.batch(np.arange(4)).visual
    assert isinstance(features, Features)
    _, motion = one.module.features(features)
    a = features.appearance
    torch.testing.assert_close(motion, a[:, :, 2] - a[:, :, 0])
    _, mean = task(flags, "--motion_from", "mean").module.features(features)
    torch.testing.assert_close(mean, a.mean(2))


def test_graphs_off_has_no_graphs_and_relations_learn_at_their_own_rate(tiny) -> None:
    off = task(tiny, *SMALL["without graphs"])
    assert not [name for name, _ in off.module.named_parameters() if "units" in name]
    slow = task(tiny, "--relation_lr", "0.25")
    model = slow.module.model
    assert {slow.lr_scales[part] for part in (model.video, model.units, model.fusion)} == {0.25}
    assert model.head not in slow.lr_scales
