"""The task of a run is told without loading torch."""

from pathlib import Path

import pytest

import train
from inference.run_files import task_of
from tests import tiny_captions, tiny_clips, tiny_run


@pytest.mark.parametrize("task", ["qa", "captioning", "autoencoder"])
def test_the_task_of_a_run(tmp_path, monkeypatch, task: str) -> None:
    monkeypatch.chdir(tmp_path)
    if task == "autoencoder":
        tiny_clips.make(tmp_path)
        flags = ["autoencoder", "--clips", "clips.h5", "--width", "16", "--batch_size", "8",
                 "--appearance_encoder", "resnet_narrow", "--appearance_weights", "random",
                 "--motion_encoder", "resnext_narrow", "--motion_weights", "random"]  # fmt: skip
    else:
        flags = {"qa": tiny_run.make, "captioning": tiny_captions.make}[task](tmp_path)
    train.main([*flags, "--epochs", "0.1", "--run", "r", "--device", "cpu"])
    assert task_of("results/r") == task


@pytest.mark.parametrize("name", ["nowhere", "odd.safetensors", "odd"])
def test_a_run_that_tells_nothing(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.safetensors").write_bytes(b"\xff" * 64)
    Path("odd").mkdir()
    Path("odd/options.yaml").write_text("[1, 2")
    assert task_of(name) == "qa"
