"""`python -m preprocess.cluster` without a Ray: its stages, its pools, mistakes in its options."""

import pytest

from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from preprocess import cluster
from preprocess.extraction import ray_extract
from preprocess.extraction.decode_task import DecodeSettings, DecodeTask
from preprocess.extraction.ray_driver import PoolSizes, choose_pool_sizes
from preprocess.extraction.worker import Failure
from preprocess.video.resize import InputSpec
from tests.preprocess.extraction.bad_decoder import decode_badly
from tests.preprocess.extraction.test_shards import words
from tests.video_files import write_video
from util.errors import UserError


def stages():
    return pytest.importorskip("preprocess.extraction.ray_stages", reason="needs pyarrow")


def settings(time_limit: float) -> DecodeSettings:
    grid = InputSpec(size=8, resize="area", scaled=8, scaler="torch")
    return DecodeSettings(options(clips=2, frames=3, time_limit=time_limit), (grid,))


def test_a_file_that_crashes_or_hangs_its_decoder_costs_itself(tmp_path, monkeypatch) -> None:
    for name in ("bad.mp4", "slow.mp4", "good.mp4"):
        write_video(tmp_path / name, 8)
    names, ray = ("bad", "slow", "good"), stages()
    tasks = [DecodeTask(name, tmp_path / f"{name}.mp4", (0,)) for name in names]
    monkeypatch.setattr(ray, "decode", decode_badly)
    tables = list(ray.decode_videos(ray.pack(tasks), settings=settings(3)))
    ready = {one.task.video: one.result for table in tables for one in ray.unpack(table)}
    assert ready["bad"] == Failure("the decoder crashed (signal 11)")
    assert ready["slow"] == Failure("not decoded after 3 s")
    assert ready["good"].clips[0].frame_count == 8


def test_a_folder_that_is_not_shared_fails_no_video(tmp_path, monkeypatch) -> None:
    ray, task = stages(), DecodeTask("x", tmp_path / "x.mp4", (0,))
    (table,) = ray.decode_videos(ray.pack([task]), settings=settings(9))
    (ready,) = ray.unpack(table)
    assert "x.mp4: not on " in str(ready.result) and isinstance(ready.result, UserError)
    networks = ray.Networks(options=options(), expected=[], folder="/none/such", threads=1)
    (done,) = ray.unpack(networks(ray.pack([])))
    assert "/none/such: not on " in str(done.mistake)
    monkeypatch.setattr(ray_extract, "PATIENCE", 0.1)
    part = tmp_path / "s.h5.parts" / "1-0.h5"
    with pytest.raises(UserError, match=r"1-0\.h5: written by a machine.*not to be seen here"):
        ray_extract.wait_until(part.is_file, part)


def options(**given) -> VideoOptions:
    return VideoOptions(videos=["x"], output=["s.h5"], backbone=["pixels"], **given)


@pytest.mark.parametrize(
    ("resources", "given", "asked", "expected"),
    [
        ({"CPU": 2}, {}, {}, PoolSizes(1, 0, 1, 1)),
        ({"CPU": 64}, {}, {}, PoolSizes(48, 0, 1, 16)),
        ({"CPU": 64}, {"threads": 4}, {}, PoolSizes(12, 0, 4, 16)),
        ({"CPU": 64, "GPU": 8}, {}, {}, PoolSizes(8, 1, 2, 56)),
        ({"CPU": 64, "GPU": 8}, {}, {"gpus_per_actor": 0.5}, PoolSizes(16, 0.5, 2, 48)),
        ({"CPU": 64, "GPU": 8}, {"device": "cuda"}, {"actors": 3}, PoolSizes(3, 1, 2, 61)),
        ({"CPU": 64, "GPU": 8}, {"device": "cpu"}, {}, PoolSizes(48, 0, 1, 16)),
        ({"CPU": 64}, {"workers": 9}, {}, PoolSizes(48, 0, 1, 9)),
        ({"CPU": 4, "GPU": 8}, {}, {}, PoolSizes(3, 1, 2, 1)),
    ],
)
def test_the_pools_fit_the_cluster(resources, given, asked, expected) -> None:
    sizes = choose_pool_sizes(options(**given), ClusterOptions(**asked), resources)
    assert sizes == expected


@pytest.mark.parametrize(
    ("resources", "given", "asked", "message"),
    [
        ({"CPU": 1}, {}, {}, "1 cores.*or use preprocess.videos"),
        ({"CPU": 2}, {}, {"actors": 2}, "2 network actors of 1 cores.*at most --actors 1"),
        ({"CPU": 2}, {"device": "cuda"}, {}, "--device cuda: no machine of this Ray has a GPU"),
        ({"CPU": 9, "GPU": 1}, {"device": "cuda:1"}, {}, "--device cuda:1: Ray hands out the GPUs"),
        ({"CPU": 9, "GPU": 1}, {}, {"actors": 2}, "1 of a GPU each do not fit.*at most --actors 1"),
    ],
)
def test_what_does_not_fit_is_said(resources, given, asked, message) -> None:
    with pytest.raises(UserError, match=message):
        choose_pool_sizes(options(**given), ClusterOptions(**asked), resources)


def test_mistakes_in_the_options_of_ray(tmp_path) -> None:
    for more, message in [
        (["--gpus_per_actor", "1.5"], "--gpus_per_actor 1.5: an actor computes on one GPU"),
        (["--actors", "-1"], "--actors -1"),
        (["--retries", "-2"], "--retries -2"),
        (["--address", "ray"], "--address ray: give local, auto or HOST:PORT"),
    ]:
        with pytest.raises(UserError, match=message):
            cluster.main([*words(tmp_path, tmp_path / "s.h5"), *more])
