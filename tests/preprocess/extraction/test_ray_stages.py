"""`python -m preprocess.cluster` without a Ray: its stages, its crew, mistakes in its options."""

from pathlib import Path

import pytest

from options.preprocess.cluster import ClusterOptions
from options.preprocess.extract import VideoOptions
from preprocess import cluster
from preprocess.extraction import ray_driver
from preprocess.extraction.decode_task import Job
from preprocess.extraction.worker import Failure
from preprocess.video.resize import Picture
from tests.preprocess.extraction.bad_decoder import decode_badly
from tests.preprocess.extraction.test_shards import words
from tests.video_files import write_video
from util.errors import UserError


def pending(path: Path):
    stages = pytest.importorskip("preprocess.extraction.ray_stages", reason="needs pyarrow")
    grid = Picture(size=8, resize="area", scaled=8, scaler="torch")
    job = Job(
        video=path.stem, file=path, clips=2, frames=3, decoder="pyav", keep_partial=False,
        pictures=(grid,),
    )  # fmt: skip
    return stages, stages.Pending(job, (0,))


def test_a_file_that_crashes_or_hangs_its_decoder_costs_itself(tmp_path, monkeypatch) -> None:
    for name in ("bad.mp4", "slow.mp4", "good.mp4"):
        write_video(tmp_path / name, 8)
    stages, _ = pending(tmp_path)
    items = [pending(tmp_path / name)[1] for name in ("bad.mp4", "slow.mp4", "good.mp4")]
    monkeypatch.setattr(stages, "decode", decode_badly)
    tables = list(stages.decode_videos(stages.pack(items), time_limit=3))
    ready = {one.video: one.result for table in tables for one in stages.unpack(table)}
    assert ready["bad"] == Failure("the decoder crashed (signal 11)")
    assert ready["slow"] == Failure("not decoded after 3 s")
    assert ready["good"].clips[0].frame_count == 8


def test_a_folder_that_is_not_shared_is_no_reason_for_quarantine(tmp_path, monkeypatch) -> None:
    stages, item = pending(tmp_path / "x.mp4")
    (table,) = stages.decode_videos(stages.pack([item]), time_limit=9)
    (ready,) = stages.unpack(table)
    assert "x.mp4: not on " in str(ready.result) and isinstance(ready.result, UserError)
    networks = stages.Networks(options=options(), asked=[], folder="/none/such", threads=1)
    (done,) = stages.unpack(networks(stages.pack([])))
    assert "/none/such: not on " in str(done.mistake)
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    part = tmp_path / "s.h5.parts" / "1-0.h5"
    with pytest.raises(UserError, match=r"1-0\.h5: written by a machine.*not to be seen here"):
        cluster._wait_until(part.is_file, part)


def options(**given) -> VideoOptions:
    return VideoOptions(videos=["x"], output=["s.h5"], backbone=["pixels"], **given)


@pytest.mark.parametrize(
    ("resources", "given", "asked", "expected"),
    [
        ({"CPU": 2}, {}, {}, ray_driver.Crew(1, 0, 1, 1)),
        ({"CPU": 64}, {}, {}, ray_driver.Crew(48, 0, 1, 16)),
        ({"CPU": 64}, {"threads": 4}, {}, ray_driver.Crew(12, 0, 4, 16)),
        ({"CPU": 64, "GPU": 8}, {}, {}, ray_driver.Crew(8, 1, 2, 56)),
        ({"CPU": 64, "GPU": 8}, {}, {"gpus_per_actor": 0.5}, ray_driver.Crew(16, 0.5, 2, 48)),
        ({"CPU": 64, "GPU": 8}, {"device": "cuda"}, {"actors": 3}, ray_driver.Crew(3, 1, 2, 61)),
        ({"CPU": 64, "GPU": 8}, {"device": "cpu"}, {}, ray_driver.Crew(48, 0, 1, 16)),
        ({"CPU": 64}, {"workers": 9}, {}, ray_driver.Crew(48, 0, 1, 9)),
        ({"CPU": 4, "GPU": 8}, {}, {}, ray_driver.Crew(3, 1, 2, 1)),
    ],
)
def test_the_crew_fits_the_cluster(resources, given, asked, expected) -> None:
    assert ray_driver.choose_crew(options(**given), ClusterOptions(**asked), resources) == expected


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
        ray_driver.choose_crew(options(**given), ClusterOptions(**asked), resources)


def test_mistakes_in_the_options_of_ray(tmp_path) -> None:
    for more, message in [
        (["--gpus_per_actor", "1.5"], "--gpus_per_actor 1.5: an actor computes on one GPU"),
        (["--actors", "-1"], "--actors -1"),
        (["--retries", "-2"], "--retries -2"),
        (["--address", "ray"], "--address ray: give local, auto or HOST:PORT"),
    ]:
        with pytest.raises(UserError, match=message):
            cluster.main([*words(tmp_path, tmp_path / "s.h5"), *more])
