"""Inference over a split, the product against the plain form:  python -m benchmark inference

Both answer the same made-up split, 26 questions a video as in MSVD-QA, and must give the same
answers first.  The product encodes every video once; the plain form encodes it again for every
question.
"""

import argparse
import statistics
from typing import Any

import torch

from benchmark.measure import interleaved, matrix_rate, spread
from benchmark.training.plain import PlainAnswering
from benchmark.training.sizes import SIZES, FlopCounter, make_data, make_task
from benchmark.training.train_step import plain_inputs
from data_loader.dataset import QaData
from inference.split import predict
from model.task.qa import QuestionAnswering

GROUP = 26  # questions a video
BATCH = 256
CPU = torch.device("cpu")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print."""
    rate = matrix_rate()
    print(f"{torch.get_num_threads()} threads, matrix products {rate / 1e9:.0f} GFLOP/s (float32)")
    ratios = {
        name: measure(name, videos=options.videos, rounds=options.rounds, rate=rate)
        for name in options.sizes
    }
    return {"inference_ratio": round(ratios[options.sizes[0]], 3)}


def measure(name: str, *, videos: int, rounds: int, rate: float) -> float:
    """Questions/s of the product over those of the plain form; prints a line."""
    size = SIZES[name]
    data = make_data(size, videos=videos, questions_per_video=GROUP)
    task = make_task(size, dropout=False).eval()
    plain = PlainAnswering(task).eval()
    with FlopCounter(task) as counter:
        found = predict(task, data, BATCH, CPU).top[:, 0]
    differ = int((found != answers(plain, task, data)).sum())
    if differ > len(data) // 1000:  # rounding may turn a tie
        raise AssertionError(f"the two forms differ on {differ} answers: nothing was timed")
    works = {
        "product": lambda: predict(task, data, BATCH, CPU),
        "plain": lambda: answers(plain, task, data),
    }
    seconds = interleaved(works, rounds=rounds)
    product, slow = (statistics.median(seconds[key]) for key in ("product", "plain"))
    floor = counter.total / rate
    print(
        f"{name}: {len(data)} questions on {videos} videos | product {spread(seconds['product'])} "
        f"s, {len(data) / product:.1f} questions/s | plain {spread(seconds['plain'])} s, "
        f"{len(data) / slow:.1f} questions/s | ratio {slow / product:.2f} | floor {floor:.3g} s "
        f"({100 * floor / product:.0f} %)",
        flush=True,
    )
    return slow / product


@torch.inference_mode()
def answers(plain: PlainAnswering, task: QuestionAnswering, data: QaData) -> torch.Tensor:
    """The plain form's answers (Q,), in the order of the split."""
    out = torch.empty(len(data), dtype=torch.int64)
    for batch in data.batches(BATCH // 4):  # a quarter: it holds a copy of the video a question
        _, logits = plain(*plain_inputs(batch))
        out[batch.row] = task.answers.told(logits, task.rows(batch)).top[:, 0]
    return out
