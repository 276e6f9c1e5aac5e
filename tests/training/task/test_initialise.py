"""What a run starts from is computed where the run computes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import train
from data_loader.questions import load_questions
from data_loader.store.clips import open_clip_store
from data_loader.video_table import ClipTable
from model.backbone.trainable import TrainableBackbone
from model.task.encoder import build_encoder
from model.task.qa import QuestionAnswering
from options.encoder import EncoderOptions
from tests import tiny_clips
from training.task.initialise import check_clips, feature_statistics, fill_encoders
from util.checkpoint import load_plain
from util.errors import UserError

META = torch.device("meta")  # another device than the clips', that every machine has


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("start")
    tiny_clips.make(path)
    return path


def test_statistics_are_computed_on_the_device(folder, monkeypatch) -> None:
    store = open_clip_store(folder / "clips.h5")
    options = EncoderOptions(
        appearance_encoder="resnet_narrow", motion_encoder="resnext_narrow",
        appearance_weights="random", motion_weights="random", encoders="frozen",
    )  # fmt: skip
    encoder = build_encoder(options)
    # Batch norm's count of batches is read, which a device without numbers cannot do.
    monkeypatch.setattr(
        TrainableBackbone, "calibrate", lambda self, images: [self(x) for x in images]
    )
    seen = []
    for network in (encoder.appearance, encoder.motion):
        network.register_forward_pre_hook(lambda _, given: seen.append(given[0].device))
    table = ClipTable(store=store, ids=store.ids[:9])
    fill_encoders(encoder, options, table, None, META)
    assert seen == [META] * 4  # two networks, 9 videos in two groups
    found = feature_statistics(encoder, table, META, covariance=False)
    assert seen == [META] * 8
    assert {value.device for channel in found for value in channel} == {META}
    assert {value.device for value in encoder.state_dict().values()} == {META}
    assert encoder.training


def test_features_of_encoders_are_whitened_too(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_clips.make(tmp_path), *tiny_clips.RANDOM, "--epochs", "0.5", "--run", "r"]
    train.main(["qa", *flags, "--feature_norm", "whiten:2", "--encoders", "frozen"])
    content = load_plain(Path("results/r/best.pt"))
    task = QuestionAnswering.from_checkpoint(content)
    videos = sorted(set(load_questions(tmp_path / "questions.pt").split("train").videos))
    store = open_clip_store(Path(content["stores"]["clips"]["path"]))
    frames, index = store.gather(videos)
    assert task.encoder is not None
    with torch.no_grad():
        motion = task.encoder(task.encoder.views(frames, index)).motion
    white = task.model.video.motion_norm(motion.mean(1))
    assert white.shape[-1] == 2
    torch.testing.assert_close(white.T.cov(correction=0), torch.eye(2), atol=0.02, rtol=0)


@pytest.mark.parametrize("task", ["qa", "autoencoder"])
def test_the_run_names_its_device(folder, tmp_path, monkeypatch, task: str) -> None:
    monkeypatch.chdir(tmp_path)
    flags = tiny_clips.make(tmp_path)
    given = []

    def stop(*args):
        given.append(args[-1])
        raise KeyboardInterrupt

    monkeypatch.setattr(f"training.task.{task}.fill_encoders", stop)
    monkeypatch.setattr(f"training.task.{task}.pick_device", lambda name: torch.device(name, 3))
    with pytest.raises(KeyboardInterrupt):
        train.main([task, *flags, *tiny_clips.RANDOM, "--run", "r"])
    assert given == [torch.device("cpu", 3)]


def test_clips_of_another_length_than_a_network_takes_are_refused() -> None:
    store: Any = SimpleNamespace(path="c.h5", size=(224, 224), frames_per_clip=8)
    with pytest.raises(UserError, match=r"mvit_v2_s takes clips of 16 frames .* c.h5 has 8 in"):
        check_clips(EncoderOptions(motion_encoder="mvit_v2_s"), store)
    with pytest.raises(UserError, match=r"s3d takes clips of 14 frames or more"):
        check_clips(EncoderOptions(motion_encoder="s3d"), store)
    check_clips(EncoderOptions(appearance_encoder="vit_b_32", motion_encoder="swin3d_t"), store)
    with pytest.raises(UserError, match=r"vit_b_32 needs clips of exactly 224 .* see 112x112 of"):
        check_clips(EncoderOptions(appearance_encoder="vit_b_32", crop=112), store)


def test_networks_of_timm_train_too(folder, tmp_path, monkeypatch) -> None:
    pytest.importorskip("timm", reason="needs timm, an optional package")
    monkeypatch.chdir(tmp_path)
    flags = [*tiny_clips.make(tmp_path), *tiny_clips.RANDOM, "--epochs", "1", "--run", "r"]
    train.main(["qa", *flags, "--appearance_encoder", "timm:test_resnet", "--encoders", "partial"])
    content = load_plain(Path("results/r/best.pt"))
    encoder = QuestionAnswering.from_checkpoint(content).encoder
    assert encoder is not None and encoder.appearance.trained_stages[0][0] == "layer4"
    assert content["options"]["appearance_encoder"] == "timm:test_resnet"
