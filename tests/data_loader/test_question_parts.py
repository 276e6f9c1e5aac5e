"""Questions about parts of videos: each is shown the clips of its own part."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data_loader.batch import Features
from data_loader.dataset import QaData
from data_loader.join import join, join_splits
from data_loader.open import open_stores
from data_loader.question_split import QuestionSplit
from data_loader.questions import load_questions
from options.data import Video
from tests import tiny_run
from tests.data_loader.test_candidates import split_of, write
from tests.data_loader.test_segment import write as write_store
from util.errors import UserError

TIMES = ((0.0, 1.0), (1.0, 2.0), (0.2, 0.6))


def parts(times=TIMES, videos=("a", "b", "a")) -> QuestionSplit:
    return replace(split_of(), videos=videos, times=torch.tensor(times, dtype=torch.float64))


def joined(split: QuestionSplit, folder, video: Video = "real") -> QaData:
    stores = open_stores(appearance=str(folder / "s.h5"))
    return join(split, stores, video=video, channels="appearance", seed=0, on_disk=False)


def features(data: QaData, rows: list[int]) -> tuple[Features, list[int]]:
    """What is shown for some questions, and where each one's video is in it."""
    batch = data.batch(np.array(rows))
    assert isinstance(batch.visual, Features)
    return batch.visual, batch.video.tolist()


def test_a_part_has_its_own_clips(tmp_path) -> None:
    write_store(tmp_path / "s.h5")  # 5 clips a second; a clip's first number is its place
    shown, video = features(joined(parts(), tmp_path), [2, 0, 1])
    assert len(shown.clip_mask) == 3  # two parts of video a
    places = [shown.appearance[v, shown.clip_mask[v], 0, 0].tolist() for v in video]
    assert places == [[1, 2], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    (same,), _ = join_splits(
        [parts()],
        open_stores(appearance=str(tmp_path / "s.h5")),
        video="real",
        channels="appearance",
        seed=0,
        features_in="memory",
        device=torch.device("cpu"),
    )
    assert torch.equal(features(same, [2, 0, 1])[0].appearance, shown.appearance)
    assert features(joined(parts(), tmp_path, "none"), [0, 1, 2])[0].appearance.numel() == 0


def test_another_video_in_its_place(tmp_path) -> None:
    write_store(tmp_path / "s.h5")
    shown, video = features(joined(parts(), tmp_path, "shuffled"), [0, 1, 2])
    assert [float(shown.appearance[v, 0, 0, 1]) for v in video] == [
        1.0,
        0.0,
        1.0,
    ]  # a clip's second number is its video


def test_a_part_without_a_clip_is_named(tmp_path) -> None:
    write_store(tmp_path / "s.h5")
    with pytest.raises(UserError, match=r"train: 1 questions, the first 1, are about a part of a"):
        joined(parts(times=((0, 1), (90, 91), (0, 1))), tmp_path)


def test_parts_come_back_from_a_file_in_the_order_of_rows(tmp_path) -> None:
    path = write(tmp_path / "q.pt", {"train": parts()}, kind="choice")
    split = load_questions(path).split("train")
    assert split.times is not None and split.times.tolist() == [list(t) for t in TIMES]
    some = split.take(np.array([0, 2]))
    both = some.joined(some)
    assert both.times is not None
    assert both.times.tolist() == [list(TIMES[i]) for i in (0, 2, 0, 2)]
    for wrong, message in (
        (torch.zeros(3, 2, dtype=torch.float64), "a part that ends before it begins"),
        (torch.ones(3, 2), r"time must be \(3, 2\) of torch.float64"),
    ):
        state = torch.load(path, weights_only=True)
        state["splits"]["train"]["time"] = wrong
        torch.save(state, tmp_path / "wrong.pt")
        with pytest.raises(UserError, match=message):
            load_questions(tmp_path / "wrong.pt")


def test_whole_videos_have_no_parts(tmp_path) -> None:
    tiny_run.make(tmp_path)
    assert load_questions(tmp_path / "questions.pt").split("train").times is None
