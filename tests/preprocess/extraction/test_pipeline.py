"""Decoding and computing at once: bounded, in step, and over when it is to be over."""

import threading
import time
from pathlib import Path

import pytest

from options.preprocess.extract import VideoOptions
from preprocess.extraction import pipeline
from preprocess.extraction.decode_task import DecodeSettings, DecodeTask
from preprocess.extraction.pipeline import choose_pool_sizes, run_pipeline
from preprocess.extraction.worker import Failure
from util.errors import UserError

SETTINGS = DecodeSettings(VideoOptions(videos=["x"], output=["s.h5"], backbone=["pixels"]), ())


def tasks(count: int) -> list[DecodeTask]:
    return [DecodeTask(str(i), Path("x"), (0,)) for i in range(count)]


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """Videos are decoded at once, every third cannot be; says which were taken."""
    taken = []

    def run_in_workers(function, tasks, **rest):
        for task in tasks:
            taken.append(task.video)
            yield task, Failure("bad") if int(task.video) % 3 == 2 else "decoded"

    monkeypatch.setattr(pipeline, "run_in_workers", run_in_workers)
    return taken


def test_no_more_is_taken_than_the_threads_can_do(decoded) -> None:
    running, most, done = 0, 0, []
    lock = threading.Lock()

    def compute(task: DecodeTask, what) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return task.video

    for task, result in run_pipeline(tasks(30), compute, workers=1, threads=2, settings=SETTINGS):
        done.append(task.video)
        assert len(decoded) - len(done) <= 3, "a video for each thread, and the next"
        assert result == (Failure("bad") if int(task.video) % 3 == 2 else task.video)
    assert sorted(done, key=int) == [str(i) for i in range(30)]
    assert most == 2


def test_a_mistake_while_computing_ends_it(decoded) -> None:
    def compute(task: DecodeTask, what) -> None:
        raise UserError("the disk is full")

    with pytest.raises(UserError, match="disk is full"):
        list(run_pipeline(tasks(30), compute, workers=1, threads=2, settings=SETTINGS))
    assert len(decoded) < 8


def test_processes_of_one_machine_share_its_cores(monkeypatch) -> None:
    monkeypatch.setattr(pipeline.os, "sched_getaffinity", lambda _: set(range(40)))
    assert choose_pool_sizes(workers=0, threads=0, gpu=False) == (16, 8)
    assert choose_pool_sizes(workers=3, threads=0, gpu=True) == (3, 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert choose_pool_sizes(workers=0, threads=0, gpu=False) == (5, 5)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "80")
    assert choose_pool_sizes(workers=0, threads=0, gpu=False) == (1, 1)
