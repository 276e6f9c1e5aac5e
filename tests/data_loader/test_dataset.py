from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_loader.dataset import QaData
from data_loader.join import join
from data_loader.open import Stores, open_stores
from data_loader.questions import load_questions
from data_loader.store.features import VideoFeatures, open_store, write_store
from model.task.qa import QuestionAnswering
from options.loss import LossOptions
from options.model import ModelOptions
from tests import tiny_run
from util.errors import UserError


@pytest.fixture
def tiny(tmp_path):
    tiny_run.make(tmp_path)
    return tmp_path


def train_split(folder, video="real", **stores) -> QaData:
    paths = {c: stores.get(c, folder / f"{c}.h5") for c in ("appearance", "motion")}
    split = load_questions(folder / "questions.pt").split("train")
    opened = open_stores(**paths)
    return join(split, opened, video=video, channels="both", seed=0, on_disk=False)


def rewrite(path, videos, width=3, **changes) -> None:
    made = replace(tiny_run.provenance(width=width), **changes)
    features = [
        VideoFeatures(id=v, features=np.ones((n, 1, width), "f4"), frame_count=9)
        for v, n in videos.items()
    ]
    write_store(path, features, made)


def test_a_batch_holds_each_video_once_and_each_question_its_own(tiny) -> None:
    data = train_split(tiny)
    rows = np.array([5, 0, 1, 4, 20, 0])
    batch = data.batch(rows)
    assert len(batch.visual.appearance) == len({data.split.videos[r] for r in rows}) == 3
    store = open_store(tiny / "appearance.h5")
    for i, r in enumerate(rows):
        expected, _ = store.load([data.split.videos[r]])
        got = batch.visual.appearance[batch.video[i]].numpy()
        np.testing.assert_array_equal(got, expected[0].astype("f4"))
    assert batch.answer.tolist() == data.split.answer[rows].tolist()


def test_batches_ask_everything_once(tiny) -> None:
    for size in (1, 7, 1000):
        for video in ("real", "none"):
            data = train_split(tiny, video)
            batches = list(data.batches(size))
            asked = torch.cat([b.row for b in batches])
            assert sorted(asked.tolist()) == list(range(len(data)))
            assert max(len(b.row) for b in batches) <= size


def test_batches_encode_every_video_once(tiny) -> None:
    data = train_split(tiny)
    most = max(Counter(data.split.videos).values())
    batches = list(data.batches(most + 1))
    assert len(batches) > 1
    assert sum(len(b.visual.appearance) for b in batches) == len(set(data.split.videos))


def test_no_video_is_zeros_as_wide_as_the_features(tiny) -> None:
    blind, real = train_split(tiny, "none").batch(np.arange(9)), train_split(tiny)
    task = QuestionAnswering(
        ModelOptions(width=16),
        LossOptions(),
        vocabulary=load_questions(tiny / "questions.pt").vocabulary,
        word_width=8,
        appearance_width=tiny_run.WIDTH,
        motion_width=tiny_run.MOTION,
    )
    appearance, motion = task.features(blind.visual)
    assert appearance.shape[2:] == real.table.appearance.shape[2:]
    assert motion.shape[2:] == real.table.motion.shape[2:]
    assert not appearance.any() and not motion.any()
    assert blind.video.tolist() == [0] * 9


def test_shuffled_gives_every_question_another_video(tiny) -> None:
    real, other = train_split(tiny), train_split(tiny, "shuffled")
    rows = np.arange(len(real))
    a, b = real.batch(rows), other.batch(rows)
    same = (a.visual.appearance[a.video] == b.visual.appearance[b.video]).flatten(1).all(1)
    assert not same.any()
    torch.testing.assert_close(
        train_split(tiny, "shuffled").table.appearance, other.table.appearance
    )


def test_videos_of_different_length_are_masked(tiny) -> None:
    videos = {v: 1 + i % 3 for i, v in enumerate(open_store(tiny / "appearance.h5").ids)}
    rewrite(tiny / "a.h5", videos)
    rewrite(tiny / "m.h5", videos)
    batch = train_split(tiny, appearance=tiny / "a.h5", motion=tiny / "m.h5").batch(np.arange(6))
    assert batch.visual.clip_mask.sum(1).tolist() == [1, 2, 3]
    assert (batch.visual.motion.sum(2) == 3 * batch.visual.clip_mask).all()


def test_moments_leave_padding_out(tiny) -> None:
    videos = {v: 1 + i % 3 for i, v in enumerate(open_store(tiny / "appearance.h5").ids)}
    rewrite(tiny / "a.h5", videos)
    rewrite(tiny / "m.h5", videos)
    data = train_split(tiny, appearance=tiny / "a.h5", motion=tiny / "m.h5")
    for mean, deviation in data.table.statistics():
        assert mean.tolist() == [1, 1, 1] and deviation.tolist() == [0, 0, 0]


def test_stores_that_do_not_match(tiny) -> None:
    ids = open_store(tiny / "appearance.h5").ids
    rewrite(tiny / "m.h5", dict.fromkeys(ids[1:], 4))
    with pytest.raises(UserError, match=r"m\.h5 lacks 1, first v0; extract both"):
        train_split(tiny, motion=tiny / "m.h5")
    rewrite(tiny / "m.h5", dict.fromkeys(ids, 3))
    with pytest.raises(UserError, match=r"video v0 has 4 clips in .* and 3 in .*--clips"):
        train_split(tiny, motion=tiny / "m.h5")


def test_a_question_without_features_is_named(tiny) -> None:
    ids = [v for v in open_store(tiny / "appearance.h5").ids if v not in ("v2", "v3")]
    for name in "am":
        rewrite(tiny / f"{name}.h5", dict.fromkeys(ids, 4))
    with pytest.raises(UserError, match=r"a\.h5: no features for 2 videos of split train \(4 ques"):
        train_split(tiny, appearance=tiny / "a.h5", motion=tiny / "m.h5")


def test_an_empty_split_is_named(tiny) -> None:
    split = load_questions(tiny / "questions.pt").split("train")
    none = {k: () for k in ("videos", "ids", "types", "texts", "answer_texts")}
    empty = replace(split, **none)
    with pytest.raises(UserError, match="split train has no questions"):
        join(empty, Stores(), video="none", channels="both", seed=0, on_disk=False)
