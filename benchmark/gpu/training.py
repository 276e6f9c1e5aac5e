"""Epochs of train.py on made-up features, its memory against the estimate, its profile."""

import contextlib
import gc
import itertools
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from benchmark.gpu.plan import Plan
from benchmark.training.sizes import SIZES, make_data
from data_loader.questions import QuestionSplit, save_questions
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance, Sampling
from data_loader.vocabulary import Vocabulary
from options.task import RunOptions, run_options
from training.memory import step_memory


def epochs(plan: Plan, device: torch.device, folder: Path) -> dict[str, Any]:
    """Train as `train.py qa` does: features resident, bf16, on a GPU captured steps.

    -> seconds of the whole run and of an epoch (with its validation and saving; the median without
    the first), and, on a GPU, GiB that the run took beyond its features beside the estimate.
    """
    gpu = device.type == "cuda"
    files = make_files(plan, folder)
    chosen = {
        **files, "run": "epochs", "epochs": plan.epochs, "precision": "bf16", "cuda_graph": gpu
    }  # fmt: skip
    options = choose(plan, device, chosen)
    found: dict[str, Any] = {}
    task = train.TASKS["qa"](options, checkpoint=None)
    step, weights = step_memory(task, options.train, device)
    estimate, questions = (step + weights) / 2**30, len(task.videos)
    del task
    gc.collect()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    with contextlib.chdir(folder):
        train.run("qa", options)
        log = EventAccumulator("tf-logs/epochs").Reload()
    found["seconds"] = time.perf_counter() - begin
    times = [event.wall_time for event in log.Scalars("val/ce")]
    found["seconds_an_epoch"] = statistics.median(
        after - before for before, after in itertools.pairwise(times)
    )
    print(
        f"{plan.epochs} epochs of {questions:,} questions: {found['seconds']:.1f} s in all, "
        f"{found['seconds_an_epoch']:.2f} s an epoch"
    )
    found["estimate_gib"] = estimate
    if gpu:
        resident = _resident(plan) / 2**30
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30 - resident
        found["reserved_gib"] = torch.cuda.max_memory_reserved() / 2**30 - resident
        print(
            f"memory beyond {resident:.2f} GiB of features: {found['peak_gib']:.2f} GiB at most, "
            f"{found['reserved_gib']:.2f} GiB kept by torch; estimated {estimate:.2f} GiB"
        )
    return found


def profile(plan: Plan, device: torch.device, folder: Path) -> dict[str, Any]:
    """Where the time of plain steps goes: `train.py --profile`; -> the line that it prints."""
    total, _ = plan.splits["train"]
    steps = plan.profiled + 6  # the first few are skipped
    chosen = {
        **make_files(plan, folder), "run": "profile", "precision": "bf16",
        "epochs": steps * plan.batch_size / total, "profile": plan.profiled,
    }  # fmt: skip
    options = choose(plan, device, chosen)
    with contextlib.chdir(folder):
        train.run("qa", options)
        said = Path("results/profile/console.log").read_text(encoding="utf-8").splitlines()
    line = next(line for line in said if line.startswith("profile of"))
    print(line)
    return {"where": line.partition(": ")[2], "table": f"{folder}/results/profile/profile.txt"}


def choose(plan: Plan, device: torch.device, chosen: dict[str, Any]) -> RunOptions:
    """The options of `train.py qa` with these values."""
    size = SIZES[plan.size]
    values = {
        "width": size.width, "units": size.units, "batch_size": plan.batch_size,
        "device": device.type, "features_in": "gpu" if device.type == "cuda" else "memory",
        "overwrite": True, "log_every": 50, **chosen,
    }  # fmt: skip
    return run_options("qa", values)


def make_files(plan: Plan, folder: Path) -> dict[str, str]:
    """Stores and questions of the plan's size, written unless they are there; -> their paths."""
    names = {"questions": "questions.pt", "appearance": "appearance.h5", "motion": "motion.h5"}
    files = {key: str((folder / name).absolute()) for key, name in names.items()}
    if all(Path(file).is_file() for file in files.values()):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    size = SIZES[plan.size]
    words = ("<NULL>", "<UNK>", *(f"w{i}" for i in range(2, size.vocabulary)))
    answers = ("<UNK0>", "<UNK1>", *(f"a{i}" for i in range(2, size.answers)))
    made = {
        name: make_data(size, videos=videos, questions_per_video=-(-asked // videos), seed=seed)
        for seed, (name, (asked, videos)) in enumerate(plan.splits.items())
    }
    for channel in ("appearance", "motion"):
        videos = (
            VideoFeatures(id=f"{name}{i}", features=_rows(rows), frame_count=9)
            for name, data in made.items()
            for i, rows in enumerate(getattr(data.table, channel))
        )
        write_store(files[channel], videos, _provenance(plan, channel))
    save_questions(
        files["questions"],
        dataset="made up",
        vocabulary=Vocabulary(words=words, answers=answers),
        word_vectors=torch.randn(len(words), 300 if size.width >= 300 else 8),
        word_vectors_source="random",
        splits={
            name: _named(name, data.split, plan.splits[name][0], answers)
            for name, data in made.items()
        },
    )
    return files


def _resident(plan: Plan) -> int:
    """Bytes on the GPU beside a run: float16 features of training and validation videos."""
    size = SIZES[plan.size]
    videos = plan.splits["train"][1] + plan.splits["val"][1]
    return videos * (size.frames + 1) * 2 * size.clips * size.feature_width


def _rows(rows: torch.Tensor) -> Any:
    """(N, F, W), or (N, W) of the motion channel -> (N, F, W)."""
    return (rows if rows.ndim == 3 else rows[:, None]).numpy()


def _named(name: str, split: QuestionSplit, total: int, answers: tuple[str, ...]) -> QuestionSplit:
    """The first `total` questions of a made-up split, with texts and ids of its own."""
    answer = split.answer[:total]
    return replace(
        split,
        name=name,
        words=split.words[: int(split.length[:total].sum())],
        length=split.length[:total],
        answer=answer,
        videos=tuple(f"{name}{video}" for video in split.videos[:total]),
        ids=tuple(range(total)),
        types=split.types[:total],
        texts=("what is made up?",) * total,
        answer_texts=tuple(answers[i] for i in answer.tolist()),
    )


def _provenance(plan: Plan, channel: str) -> Provenance:
    size = SIZES[plan.size]
    return Provenance(
        backbone=f"made up {channel}", kind="frame" if channel == "appearance" else "clip",
        width=size.feature_width, resize="squash", size=(8, 8), decoder="none",
        sampling=Sampling(size.clips, size.frames, "linspace"),
    )  # fmt: skip
