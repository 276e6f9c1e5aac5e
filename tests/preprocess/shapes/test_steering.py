"""The steering set: a table of angles that the videos show, with some delay."""

from pathlib import Path

import av
import numpy as np
import pytest

from data_loader.label.labels import load_labels
from preprocess.labels import main as make_labels
from preprocess.shapes.__main__ import main
from preprocess.shapes.scene import FPS
from preprocess.shapes.steering import DEGREES, DELAY, FRAMES, HORIZON, draw_road, drive
from util.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("shapes") / "steering"
    assert main(["--kind=steering", f"--output={output}", "--train=4", "--val=2", "--test=2"]) == 0
    return output


def bend(frames: np.ndarray) -> np.ndarray:
    """Where the road goes at the horizon, from the middle: (T, H, W, 3) -> (T,)."""
    row = frames[:, int(HORIZON * 64) + 3].astype(float)
    grey = np.abs(row - row.mean(-1, keepdims=True)).sum(-1) < 40
    place = np.arange(row.shape[1]) + 0.5
    return (grey * place).sum(1) / grey.sum(1) / row.shape[1] - 0.5


def test_a_table_that_own_reads(made) -> None:
    flags = ["--dataset", "own", "--annotations", str(made), "--output", str(made / "labels.pt")]
    assert make_labels(flags) == 0
    labels = load_labels(made / "labels.pt")
    assert {name: len(split) for name, split in labels.splits.items()} == {
        "train": 4, "val": 2, "test": 2,
    }  # fmt: skip
    for split in labels.splits.values():
        for video, times, values in zip(split.videos, split.times, split.values, strict=True):
            assert (times.numpy() == np.arange(FRAMES) / FPS).all()
            assert values.abs().max() <= DEGREES and values.std() > 1
            with av.open(str(made / "videos" / f"{video}.mp4")) as container:
                frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
                assert container.streams.video[0].average_rate == FPS
            assert len(frames) == FRAMES
            shown = bend(np.stack(frames))
            assert np.corrcoef(shown, values.numpy())[0, 1] > 0.3


def test_the_frames_before_tell_more_than_the_last_one() -> None:
    """The angle is the road's bend, smoothed: by hand from all frames, by a line from one."""
    roads, angles = zip(*(drive(np.random.default_rng(i)) for i in range(60)), strict=True)
    road, angle = np.stack(roads)[:, 8:], np.stack(angles)[:, 8:]
    slope = (road * angle).sum() / (road**2).sum()
    alone = ((angle - slope * road) ** 2).mean() / (angle**2).mean()
    weight = np.exp(-np.arange(16) / (DELAY * FPS))
    smooth = np.stack([np.convolve(r, weight)[: len(r)] for r in np.stack(roads)])[:, 8:]
    slope = (smooth * angle).sum() / (smooth**2).sum()
    together = ((angle - slope * smooth) ** 2).mean() / (angle**2).mean()
    assert alone > 0.15 and together < alone / 3


def test_roads_are_seen() -> None:
    road, _ = drive(np.random.default_rng(3))
    frames = draw_road(road, 0)
    assert frames.shape == (FRAMES, 64, 64, 3) and frames.dtype == np.uint8
    assert np.corrcoef(bend(frames), road)[0, 1] > 0.9


def test_a_folder_of_another_kind_is_refused(made) -> None:
    with pytest.raises(UserError, match="holds shapes made with other settings"):
        main(["--kind=actions", f"--output={made}"])
