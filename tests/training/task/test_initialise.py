"""What a run starts from is computed where the run computes."""

from pathlib import Path

import pytest
import torch

import train
from data_loader.store.clips import open_clip_store
from data_loader.video_table import ClipTable
from model.backbone.trainable import Backbone
from model.task.encoder import build_encoder
from options.encoder import EncoderOptions
from tests import tiny_clips
from training.task.initialise import feature_statistics, fill_encoders

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
    monkeypatch.setattr(Backbone, "calibrate", lambda self, images: [self(x) for x in images])
    seen = []
    for network in (encoder.appearance, encoder.motion):
        network.register_forward_pre_hook(lambda _, given: seen.append(given[0].device))
    table = ClipTable(store=store, ids=store.ids[:9])
    fill_encoders(encoder, options, table, None, META)
    assert seen == [META] * 4  # two networks, 9 videos in two groups
    found = feature_statistics(encoder, table, META)
    assert seen == [META] * 8
    assert {value.device for channel in found for value in channel} == {META}
    assert {value.device for value in encoder.state_dict().values()} == {META}
    assert encoder.training


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
