"""Multiple choice and counts: trained as open questions are, each by its own kind of answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from data_loader.batch import Batch, CandidateBatch, Features
from inference.split import predict
from model.dualvgr.dualvgr import DualVGR
from model.head.answer import AnswerHead
from model.task.qa import QuestionAnswering
from options.task import QaRunOptions, parse_task
from tests import tiny_answers, tiny_clips, tiny_run
from tests.test_train import kill_after, metrics, start
from training.cuda_graph import tensors
from training.step import take_step
from training.task.qa import QaTask
from util.errors import UserError

CPU = torch.device("cpu")
SURE = ["--dropout", "0", "--state_dropout", "0", "--gamma", "1", "--beta", "0.1"]
KINDS = [
    ("choice", []),
    ("choice", ["--choice_loss", "hinge"]),
    ("count", []),
    ("count", ["--count_as", "ordinal"]),
    ("choice", ["--candidate_encoder", "bi"]),
]
BI = ["--candidate_encoder", "bi"]
MODELS = [[], ["--model", "low_rank"], ["--units", "0", "--head", "product"]]


def made(flags: list[str], *more: str) -> QaTask:
    """A task on the data that flags name."""
    _, options = parse_task([*flags, "--run", "r", *more])
    assert isinstance(options, QaRunOptions)
    return QaTask(options, checkpoint=None)


def without_loss_of(more: list[str]) -> list[str]:
    return ["--dropout", "0", *([] if more else ["--state_dropout", "0"]), *more]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("more", [*MODELS, *([*more, *BI] for more in MODELS)], ids=" ".join)
def test_a_ragged_batch_has_the_scores_of_one_question_at_a_time(folder, more) -> None:
    """And of one candidate at a time; whatever the others, the padding and the order."""
    task = made(tiny_answers.make(folder, "choice"), *more)
    module, data = task.module.eval(), task.data
    rows = np.random.default_rng(0).permutation(len(data))[:12]
    batch = data.batch(rows)
    assert len(batch.visual.clip_mask) < len(rows) < len(batch.candidates.length)
    assert len({int((batch.candidates.question == i).sum()) for i in range(len(rows))}) > 1
    with torch.no_grad():
        together = module.answer(batch).logits.squeeze(1)
        alone = [module.answer(data.batch(rows[i : i + 1])).logits.squeeze(1) for i in range(12)]
        torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)
        for i in range(len(together)):
            of = batch.candidates
            length = of.length[i : i + 1]
            one = CandidateBatch(
                words=of.words[i : i + 1, : int(length)],
                length=length,
                question=of.question[:1] * 0,
            )
            question = data.batch(rows[[int(of.question[i])]])
            (score,) = module.answer(replace(question, candidates=one)).logits.squeeze(1)
            assert float(score) == pytest.approx(float(together[i]), abs=1e-5)


def permuted(batch: Batch, order: torch.Tensor) -> Batch:
    """Each question's candidates in another order; `order` (C,) keeps questions together."""
    of = batch.candidates
    first = torch.searchsorted(of.question, torch.arange(len(batch.row)))
    place = order.argsort() - first[of.question[order.argsort()]]  # of each old row
    moved = CandidateBatch(
        words=of.words[order], length=of.length[order], question=of.question[order]
    )
    return replace(batch, candidates=moved, answer=place[first + batch.answer])


@pytest.mark.parametrize("more", [[], BI], ids=["cross", "bi"])
def test_the_order_of_candidates_changes_nothing(folder, more) -> None:
    task = made(tiny_answers.make(folder, "choice"), *SURE, *more)
    module, batch = task.module.double().eval(), doubled(task.batch(np.arange(12)))
    question = batch.candidates.question
    order = torch.cat([(question == i).nonzero()[:, 0].flip(0) for i in range(12)])
    other = permuted(batch, order)
    with torch.no_grad():
        torch.testing.assert_close(
            module.answer(other).logits, module.answer(batch).logits[order], atol=1e-9, rtol=0
        )
        torch.testing.assert_close(module(other)[0], module(batch)[0])
    a, b = module.score(batch), module.score(other)
    assert torch.equal(a.correct, b.correct)
    torch.testing.assert_close(a.ce, b.ce, atol=1e-5, rtol=0)
    torch.testing.assert_close(a.probability, b.probability, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_padding_changes_nothing(folder, kind, how) -> None:
    task = made(tiny_answers.make(folder, kind), *SURE, *how)
    # float64: consistency of clips that are alike, as these are at the start, is rounding
    module, batch = task.module.double().train(), doubled(task.batch(np.arange(12)))
    pad = torch.nn.functional.pad
    of = batch.candidates
    wide = replace(
        batch,
        words=pad(batch.words, (0, 5)),
        candidates=replace(of, words=pad(of.words, (0, 3))) if kind == "choice" else of,
    )
    found = []
    for one in (batch, wide):
        module.zero_grad()
        losses, _ = module(one)
        losses["loss"].backward()
        gradients = {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}
        found.append(({k: v.detach() for k, v in losses.items()}, gradients))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_one_batch_is_learned_by_heart(folder, kind, how) -> None:
    task = made(tiny_answers.make(folder, kind), *how, "--dropout", "0", "--state_dropout", "0")
    module, batch = task.module.train(), task.batch(np.arange(8))
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-2)
    for _ in range(60):
        losses, correct = module(batch)
        optimizer.zero_grad()
        losses[module.answers.loss].backward()
        optimizer.step()
    assert correct.all()
    assert losses[module.answers.loss] < 0.1


@pytest.mark.parametrize(("kind", "how"), KINDS)
def test_a_run_and_its_checkpoint(folder, kind, how) -> None:
    """What is logged is what its predictions say; the checkpoint answers alike."""
    flags = [*tiny_answers.make(folder, kind), *how, "--epochs", "2", "--log_every", "1"]
    train.main([*flags, "--run", "r"])
    content = torch.load("results/r/best.pt", weights_only=True)
    assert content["kind"] == kind
    module = QuestionAnswering.from_checkpoint(content)
    assert module.kind == kind
    task = made(flags)
    found = predict(module, task.val, 5, CPU, every_class=True)
    assert found.top.shape == found.probability.shape == (16, 5)
    (logged,) = (m for m in metrics("r") if m["step"] == content["step"] and "val/accuracy" in m)
    assert logged["val/accuracy"] == float(found.correct.double().mean())
    main = {"choice": "hinge" if "hinge" in how else "ce", "count": "bce" if how else "mse"}[kind]
    assert {"train/loss", f"train/{main}", "train/accuracy/who", "val/accuracy/what"} <= {
        key for line in metrics("r") for key in line
    }
    if kind == "choice":
        assert logged["val/ce"] == pytest.approx(float(found.ce.mean()), rel=1e-6)
        assert content["best"]["score"] == logged["val/accuracy"]
        of = task.val.split.candidates
        assert of is not None
        assert found.classes.shape == (16, int(of.numbers.max()))
        torch.testing.assert_close(found.classes.sum(1), torch.ones(16))
        right = found.classes.gather(1, found.answer[:, None]).squeeze(1)
        torch.testing.assert_close(right.log(), -found.ce)
        assert ((found.top >= 0).sum(1) == of.number).all() and found.value.isnan().all()
    else:
        assert content["count_range"] == module.count_range == tiny_answers.RANGE
        error = (found.top[:, 0] - found.answer).double().square().mean()
        assert content["best"]["score"] == -logged["val/mse"] == -float(error)
        raw = (found.value - found.answer).square()
        torch.testing.assert_close(found.ce, raw)
        assert logged["val/mse_not_rounded"] == pytest.approx(float(raw.mean()), rel=1e-6)
        assert found.classes.shape == (16, 0)
    events = EventAccumulator("tf-logs/r").Reload()
    assert events.Tags()["images"] == ["val/clip weights"]
    table = events.Tensors("val/samples/text_summary")[-1].tensor_proto.string_val[0].decode()
    told, of = int(found.top[0, 0]), task.val.split.candidates
    assert (f"| {told} (" if of is None else of.texts[0][told]) in table


def test_batches_of_other_widths_are_joined(folder) -> None:
    """Of batches whose questions have 2, 3 or 4 candidates."""
    task = made(tiny_answers.make(folder, "choice"))
    whole = predict(task.module, task.val, 16, CPU, every_class=True)
    parts = predict(task.module, task.val, 1, CPU, every_class=True)
    for name in ("top", "ce", "classes", "probability"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize(
    ("kind", "more", "line"),
    [
        ("choice", "--count_as ordinal", "--count_as ordinal: is for counts, and .* has multiple"),
        (
            "count",
            "--choice_loss hinge",
            "--choice_loss hinge: is for multiple choice, and .* 1",
        ),
        ("open", "--choice_loss hinge", "--choice_loss hinge: is for multiple choice, and .* open"),
        ("open", "--count_as ordinal", "--count_as ordinal: is for counts, and .* has open"),
        (
            "open",
            "--candidate_encoder bi",
            "--candidate_encoder bi: is for multiple choice, and .* op",
        ),
        ("count", "--candidate_encoder bi", "--candidate_encoder bi: is for multiple choice, .* 1"),
        ("count", "--label_smoothing 0.1", "--label_smoothing 0.1: is for classes and candidates"),
        ("choice", "--head product --semantic_head", "--semantic_head: is for the classes of open"),
        ("count", "--head product --semantic_head", "--semantic_head: is for the classes of open"),
        ("choice", "--cuda_graph true", "--cuda_graph true: .* equally many .* has 2 to 4; leave"),
    ],
)
def test_an_option_of_another_kind_is_one_line(folder, kind, more: str, line: str) -> None:
    flags = tiny_run.make(folder) if kind == "open" else tiny_answers.make(folder, kind)
    with pytest.raises(UserError, match=line) as error:
        train.main([*flags, "--run", "r", *more.split()])
    assert "\n" not in str(error.value) and not Path("results").exists()


def test_one_number_alone_is_not_ordered(folder) -> None:
    flags = tiny_answers.make(folder, "count")
    state = torch.load("questions.pt", weights_only=True)
    for split in state["splits"].values():
        split["answer"].fill_(3)
    torch.save({**state, "count_range": [3, 3]}, "questions.pt")
    with pytest.raises(UserError, match=r"--count_as ordinal: every training answer of .* is 3"):
        train.main([*flags, "--run", "r", "--count_as", "ordinal"])


def test_questions_of_another_kind_are_no_way_on(folder) -> None:
    flags = tiny_answers.make(folder, "choice")
    train.main([*flags, "--run", "r", "--epochs", "1"])
    for kind in ("open", "count"):
        _ = tiny_run.make(folder) if kind == "open" else tiny_answers.make(folder, kind)
        with pytest.raises(UserError, match=r"has (open|num).*r was trained for the kind choice: "):
            train.main([*flags, "--run", "r", "--epochs", "2", "--resume"])


@pytest.mark.parametrize(("kind", "how"), KINDS[1::2])
def test_smoothing_and_options_of_the_loss_reach_it(folder, kind, how) -> None:
    flags = tiny_answers.make(folder, kind)
    found = []
    for more in ([], how, *([["--label_smoothing", "0.2"]] if kind == "choice" else [])):
        task = made(flags, *SURE, *more)
        with torch.no_grad():
            found.append(float(task.module.eval()(task.batch(np.arange(8)))[0]["loss"]))
    assert len({round(x, 4) for x in found}) == len(found)


def test_a_count_starts_at_the_mean_of_training(folder) -> None:
    flags = tiny_answers.make(folder, "count")
    for more in MODELS:
        task = made(flags, *more)
        mean = task.data.split.answer.double().mean()
        assert task.module.model.head.bias.item() == pytest.approx(float(mean))


def test_choices_start_from_open_answers_with_a_new_head(folder, capsys) -> None:
    open_flags = tiny_run.make(folder)
    train.main([*open_flags, "--run", "open", "--epochs", "2"])
    before = torch.load("results/open/best.pt", weights_only=True)["weights"]
    flags = tiny_answers.make(folder, "choice")
    tiny = [*flags, "--epochs", "0.1", "--lr", "1e-12", "--init_from", "results/open"]
    train.main([*tiny, "--run", "choice"])
    said = capsys.readouterr().out
    assert (
        "the head's scores start anew, of the kind choice, and words that its vocabulary lacks"
        in said
    )
    after = torch.load("results/choice/best.pt", weights_only=True)["weights"]
    anew = {"model.head.out.weight", "model.head.out.bias", "model.question.embedding.weight"}
    assert before.keys() == after.keys()
    for name in before.keys() - anew:
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(before[name], after[name], atol=1e-6, rtol=0)
    assert after["model.head.out.weight"].shape[0] == 1
    assert len(after["model.question.embedding.weight"]) == len(tiny_answers.VOCABULARY.words)

    words = torch.load("results/open/best.pt", weights_only=True)["vocabulary"]["words"]
    shared = [w for w in tiny_answers.VOCABULARY.words[2:] if w in words]
    assert 0 < len(shared) < len(tiny_answers.VOCABULARY.words) - 2
    for word in shared:
        here = tiny_answers.VOCABULARY.words.index(word)
        key = "model.question.embedding.weight"
        torch.testing.assert_close(after[key][here], before[key][words.index(word)])

    train.main([*tiny, "--run", "apart", "--candidate_encoder", "bi"])
    apart = torch.load("results/apart/best.pt", weights_only=True)["weights"]
    assert {k for k in apart if k.startswith("candidates.")} and apart.keys() > before.keys()

    tiny_answers.make(folder, "count")
    train.main([*tiny[:-1], "results/choice", "--run", "count"])  # of the same words
    said = capsys.readouterr().out
    assert "the head's scores start anew, of the kind count\n" in said
    counts = torch.load("results/count/best.pt", weights_only=True)["weights"]
    for name in after.keys() - {"model.head.out.weight", "model.head.out.bias"}:
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], counts[name], atol=1e-6, rtol=0)
    with pytest.raises(UserError, match=r"\d+ of \d+ tensors do not fit"):
        train.main([*tiny, "--run", "wide", "--width", "32"])
    train.main([*tiny[:-1], "results/count", "--run", "ordered", "--count_as", "ordinal"])
    assert "the head's scores start anew, of the kind count\n" in capsys.readouterr().out


def test_candidates_of_their_own_start_anew_of_another_kind(folder, capsys) -> None:
    train.main([*tiny_run.make(folder), "--run", "open", "--epochs", "1"])
    flags = [*tiny_answers.make(folder, "choice"), "--epochs", "1"]
    train.main([*flags, *BI, "--init_from", "results/open", "--run", "bi"])
    assert "the head's scores start anew, of the kind choice" in capsys.readouterr().out
    still = ["--lr", "1e-12", "--init_from", "results/bi"]
    train.main([*flags, *BI, *still, "--run", "again"])
    one, two = (torch.load(f"results/{r}/best.pt", weights_only=True) for r in ("bi", "again"))
    assert one["weights"]["candidates.table"].any()
    for name in ("candidates.table", "candidates.mean.weight", "model.head.out.weight"):
        torch.testing.assert_close(one["weights"][name], two["weights"][name])
    with pytest.raises(
        UserError, match=r"tensors do not fit.*candidates\.mean\.bias is .* not here"
    ):
        train.main([*flags, *still, "--run", "cross"])
    train.main([*tiny_answers.make(folder, "count"), *still, "--epochs", "1", "--run", "count"])
    assert "the head's scores start anew, of the kind count" in capsys.readouterr().out


def test_a_run_of_candidates_of_their_own_goes_on(folder) -> None:
    """Two epochs are one, and one more."""
    flags = [*tiny_answers.make(folder, "choice"), *BI, "--log_every", "1", "--lr", "1e-2"]
    train.main([*flags, "--run", "whole", "--epochs", "2"])
    train.main([*flags, "--run", "cut", "--epochs", "1"])
    train.main([*flags, "--run", "cut", "--epochs", "2", "--resume"])
    assert metrics("cut") == metrics("whole")
    whole, cut = (torch.load(f"results/{r}/last.pt", weights_only=True) for r in ("whole", "cut"))
    assert cut["weights"]["candidates.table"].any()
    for name, weight in whole["weights"].items():
        assert torch.equal(weight, cut["weights"][name]), name


@pytest.mark.parametrize("kind", ["choice", pytest.param("count", marks=pytest.mark.long)])
def test_encoders_train_with_every_kind(folder, kind) -> None:
    """Two stages, on clips: an autoencoder first, then questions of this kind."""
    clips = tiny_clips.make(folder)
    tiny_answers.ask(folder, kind)
    stage = [*clips, "--batch_size", "8", "--epochs", "1"]
    train.main(["autoencoder", *stage, *tiny_clips.RANDOM, "--run", "ae"])
    more = ["--questions_per_video", "2", "--init_from", "results/ae"]
    train.main(["qa", *stage, *more, "--run", "qa"])
    assert "the rest starts as without it" in Path("results/qa/console.log").read_text()
    assert any("val/accuracy" in m for m in metrics("qa"))


def test_captured_choices_meet_few_shapes(folder) -> None:
    task = made(tiny_answers.make(folder, "choice", ragged=False), "--cuda_graph", "true")
    shapes: set[Any] = set()
    for seed in range(8):
        batch = task.batch(np.random.default_rng(seed).permutation(48)[:10])
        assert batch.candidates.words.shape == (40, 6)
        shapes.add(tuple(tensor.shape for tensor in tensors(batch)))
    assert len(shapes) <= 2  # 8 or 16 videos


@pytest.mark.parametrize(("kind", "how"), [("choice", []), ("count", []), ("choice", BI)])
def test_a_mask_that_depends_on_padding_is_remembered(folder, kind, how) -> None:
    flags = [*tiny_answers.make(folder, kind), "--word_mask", "released", "--epochs", "1", *how]
    train.main([*flags, "--run", "r"])
    content = torch.load("results/r/best.pt", weights_only=True)
    task = made(flags)
    batch = task.batch(np.arange(4))
    read = batch.candidates.words if kind == "choice" and not how else batch.words
    assert content["longest_question"] == read.shape[1]
    module = QuestionAnswering.from_checkpoint(content)
    alone = [predict(module, task.val, size, CPU) for size in (1, 16)]
    torch.testing.assert_close(alone[0].probability, alone[1].probability)


def test_choices_and_counts_on_a_missing_channel_and_in_bfloat16(folder) -> None:
    for kind in ("choice", "count"):
        flags = [*tiny_answers.make(folder, kind), "--epochs", "1", "--rebuild", "true"]
        train.main([*flags, "--precision", "bf16", "--run", kind])
        content = torch.load(f"results/{kind}/best.pt", weights_only=True)
        module, data = QuestionAnswering.from_checkpoint(content), made(flags).val
        for rebuilt in (True, False):
            with module.without("motion", rebuilt=rebuilt):
                found = predict(module, data, 8, CPU)
            assert found.probability.isfinite().all() and (found.top[:, 0] >= 0).all()


def test_seeds_and_averages_of_counts(folder, capsys) -> None:
    flags = [*tiny_answers.make(folder, "count"), "--epochs", "2", "--ema", "0.9"]
    train.main([*flags, "--run", "m", "--seeds", "2"])
    assert "minus the mean squared error of the number told) -" in capsys.readouterr().out
    assert metrics("m_s1") != metrics("m_s2")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["choice", "count"])
def test_answers_need_the_video(folder, kind) -> None:
    flags = [*tiny_answers.make(folder, kind), "--epochs", "40", "--eval_every", "10"]
    best = {}
    for run, more in (("real", []), ("blind", ["--video", "none"])):
        train.main([*flags, "--gamma", "1", "--run", run, *more])
        best[run] = max(m["val/accuracy"] for m in metrics(run) if "val/accuracy" in m)
    assert best["real"] > 0.8 > 0.65 > best["blind"]


@pytest.mark.parametrize("kind", ["choice", pytest.param("count", marks=pytest.mark.long)])
def test_killed_and_resumed_equals_uninterrupted(folder, kind) -> None:
    flags = [
        *tiny_answers.make(folder, kind), "--epochs", "12", "--log_every", "2", "--save_every", "5",
        "--eval_every", "4", "--ema", "0.9", "--accumulate", "2",
    ]  # fmt: skip
    assert start(flags, "whole").wait() == 0
    kill_after(start(flags, "cut"), 6, Path("results/cut/metrics.jsonl"), 0.01)
    last = start(flags, "cut")
    assert last.wait() == 0, last.stderr
    assert metrics("cut") == metrics("whole")
    whole, cut = (torch.load(f"results/{r}/last.pt", weights_only=True) for r in ("whole", "cut"))
    for name, weight in whole["raw_weights"].items():
        assert torch.equal(weight, cut["raw_weights"][name]), name


def test_parts_of_a_batch_have_the_losses_of_the_whole(folder) -> None:
    """However many candidates each part has."""
    flags = tiny_answers.make(folder, "choice")
    for hsic, more in (("paper", []), ("released", []), ("paper", BI)):
        task = made(flags, *SURE, "--hsic", hsic, *more)
        module = task.module.double().train()  # consistency of clips that are alike is rounding
        assert isinstance(module.model, DualVGR) and isinstance(module.model.head, AnswerHead)
        module.model.head.norm.eval()  # the one thing that looks at a part as a whole
        optimizer = torch.optim.SGD([{"params": list(module.parameters()), "scale": 1.0}])
        found = []
        for parts in (1, 4):
            batches = [doubled(task.batch(rows)) for rows in np.split(np.arange(16), parts)]
            losses, _ = take_step(module, batches, optimizer, 0.0, 0.0)
            gradients = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
            found.append((losses, gradients))
        torch.testing.assert_close(*found)


def doubled(batch: Batch) -> Batch:
    """The same with features in float64."""
    visual = batch.visual
    assert isinstance(visual, Features)
    a, m = visual.appearance.double(), visual.motion.double()
    return replace(batch, visual=replace(visual, appearance=a, motion=m))


@pytest.mark.long
@pytest.mark.parametrize(("kind", "how"), KINDS[::2])
def test_compiled_steps_have_the_losses_of_plain_ones(folder, kind, how) -> None:
    flags = [*tiny_answers.make(folder, kind), *how, "--log_every", "1", "--epochs", "1"]
    plain = ["--dropout", "0", "--state_dropout", "0", "--gamma", "0", "--beta", "0"]
    for compiled in ("false", "true"):
        train.main([*flags, *plain, "--run", compiled, "--compile", compiled])
    for one, other in zip(metrics("false"), metrics("true"), strict=True):
        near = 1e-5 if one["step"] == 1 else 2e-2
        for name in {"train/loss", "val/ce", "val/mse"} & one.keys():
            assert one[name] == pytest.approx(other[name], rel=near)
