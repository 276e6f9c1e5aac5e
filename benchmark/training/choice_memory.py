"""What multiple choice costs a training step:  python -m benchmark choice_memory

A step on questions of several candidates at the size of MSVD-QA, in two forms that are checked to
have the same scores, losses and gradients (dropout off): the product's, which encodes each video
once, and the plain one, in which each candidate brings its own copy of its video's features and has
it encoded.  Beside them another model, `bi`, which reads the question once and each candidate by
itself (--candidate_encoder bi).  Peak memory of a step in a process of its own, weights, moments
and gradients included, and seconds in turns; with one question a video, and with 16.  Also what
the backward pass keeps of each part of the model, which tells what candidates could share.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.measure import interleaved, peak_memory, spread
from benchmark.training.sizes import SIZES, make_data, make_task, training_step
from data_loader.batch import Batch, Features
from data_loader.candidates import Candidates
from model.dualvgr.dualvgr import DualVGR
from model.task.qa import QuestionAnswering
from training.memory import saved_bytes

WORDS = (1, 4)  # of a candidate, as TGIF-QA's
FORMS = ("product", "plain", "bi")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print a line for each number of questions a video."""
    check_equal(options.size, options.candidates)
    found = {}
    for group in (1, 16):
        given = (options.size, options.questions, options.candidates, group)
        found[f"questions_a_video_{group}"] = measure(*given, rounds=options.rounds)
    kept = kept_by_part(options.size, options.candidates)
    total = sum(kept.values())
    print("kept for the way back, by part: " + ", ".join(
        f"{name} {100 * size / total:.0f} %" for name, size in kept.items()
    ))  # fmt: skip
    return {**found, "kept": {name: round(size / total, 3) for name, size in kept.items()}}


def make_batch(size: str, questions: int, candidates: int, group: int) -> Batch:
    """Made-up questions, `group` about each video, of so many candidates each."""
    shape = SIZES[size]
    data = make_data(shape, videos=-(-questions // group), questions_per_video=group)
    rng = np.random.default_rng(1)
    total = len(data) * candidates
    length = torch.from_numpy(rng.integers(WORDS[0], WORDS[1] + 1, total))
    of = Candidates(
        words=torch.from_numpy(rng.integers(2, shape.vocabulary, int(length.sum()))),
        length=length,
        number=torch.full((len(data),), candidates),
        longest=shape.words + WORDS[1],
        texts=(("",) * candidates,) * len(data),
    )
    answer = torch.from_numpy(rng.integers(0, candidates, len(data)))
    data = replace(data, split=replace(data.split, candidates=of, answer=answer))
    return data.batch(np.arange(questions))


def repeated(batch: Batch) -> Batch:
    """The plain form: each candidate is a row with its own copy of its video."""
    visual, of = batch.visual, batch.candidates
    assert isinstance(visual, Features)
    own = batch.video[of.question]
    copies = Features(
        appearance=visual.appearance[own],
        motion=visual.motion[own],
        clip_mask=visual.clip_mask[own],
    )
    return replace(batch, visual=copies)


class Plain(nn.Module):
    """The task on a `repeated` batch: row i is about video i."""

    def __init__(self, task: QuestionAnswering) -> None:
        """With the weights of `task`."""
        super().__init__()
        self.task = task

    def forward(self, batch: Batch, parts: int = 1) -> tuple[dict[str, Tensor], Tensor]:
        """As QuestionAnswering.forward."""
        of, task = batch.candidates, self.task
        appearance, motion = task.features(batch.visual)
        every = torch.arange(len(of.question))
        out = task.model(appearance, motion, batch.visual.clip_mask, every, of.words, of.length)
        rows = task.rows(batch)
        losses = task.losses_of(out, batch.answer, rows, parts)
        return losses, task.answers.correct(out.logits, batch.answer, rows)


def check_equal(size: str, candidates: int) -> float:
    """Largest difference of losses and gradients of both forms, relative where above 1."""
    batch = make_batch(size, 8, candidates, 4)
    task = make_task(SIZES[size], dropout=False, kind="choice").train()
    found = []
    for module, given in ((task, batch), (Plain(task), repeated(batch))):
        task.zero_grad()
        losses, _ = module(given)
        losses["loss"].backward()
        gradients = [p.grad.clone() for p in task.parameters() if p.grad is not None]
        found.append([*(loss.detach() for loss in losses.values()), *gradients])
    worst = max(
        float((a - b).abs().max() / max(1.0, float(b.abs().max())))
        for a, b in zip(*found, strict=True)
    )
    if worst > 1e-4:
        raise AssertionError(f"the two forms differ by {worst:.2g}: nothing was measured")
    return worst


def one_step(
    form: str, size: str, questions: int, candidates: int, group: int
) -> Callable[[], object]:
    """Everything before a training step, done; the step, which brings its features itself."""
    own = "bi" if form == "bi" else "cross"
    task = make_task(SIZES[size], dropout=True, kind="choice", candidate_encoder=own).train()
    batch = make_batch(size, questions, candidates, group)
    if form != "plain":
        return training_step(task, batch)
    module = Plain(task)
    return lambda: training_step(module, repeated(batch))()


def measure(
    size: str, questions: int, candidates: int, group: int, *, rounds: int
) -> dict[str, float]:
    """Seconds and bytes of a step in each form; prints a line."""
    given = (size, questions, candidates, group)
    works = {form: one_step(form, *given) for form in FORMS}
    seconds = interleaved(works, rounds=rounds)
    del works  # a form's memory is measured in a process of its own
    memory = {form: peak_memory(one_step, (form, *given)) for form in FORMS}
    median = {form: statistics.median(seconds[form]) for form in FORMS}
    rows = [f"{form} {spread(seconds[form])} s, {memory[form] / 2**20:,.0f} MiB" for form in FORMS]
    found = {f"{form}_mib": round(memory[form] / 2**20) for form in FORMS}
    found |= {f"{form}_seconds": round(median[form], 3) for form in FORMS}
    ratios = {
        "memory_ratio": memory["plain"] / memory["product"],
        "time_ratio": median["plain"] / median["product"],
        "bi_memory_ratio": memory["product"] / memory["bi"],
        "bi_time_ratio": median["product"] / median["bi"],
    }
    print(
        f"{questions} questions of {candidates} candidates, {group} a video | {' | '.join(rows)} | "
        f"plain / product: time {ratios['time_ratio']:.2f}, memory {ratios['memory_ratio']:.2f} | "
        f"product / bi: time {ratios['bi_time_ratio']:.2f}, memory {ratios['bi_memory_ratio']:.2f}",
        flush=True,
    )
    return {**found, **{name: round(ratio, 2) for name, ratio in ratios.items()}}


def kept_by_part(size: str, candidates: int) -> dict[str, int]:
    """Bytes that the backward pass of the product needs, by part, of 16 questions a video."""
    batch = make_batch(size, 32, candidates, 16)
    task = make_task(SIZES[size], dropout=True, kind="choice").train()
    model = task.model
    assert isinstance(model, DualVGR) and isinstance(batch.visual, Features)
    of, visual = batch.candidates, batch.visual
    video = batch.video[of.question]
    found = {}
    with saved_bytes(task) as counter:
        text = model.question(of.words, of.length)
        found["text"] = counter[0]
        clips = model.video(visual.appearance, visual.motion)
        found["video"] = counter[0] - sum(found.values())
        a, m = (x[video] for x in clips)
        mask = visual.clip_mask[video]
        topology = model.connect(mask)
        for unit in model.units:
            out = unit(a, m, text, topology)
            a, m = out.appearance, out.motion
        found["graphs"] = counter[0] - sum(found.values())
        model.head(model.readout(model.fusion(a, m), mask)[0], text.summary)
        found["fusion, read-out, head"] = counter[0] - sum(found.values())
    return found
