"""How much `python -m benchmark gpu` measures: at the size of MSVD-QA, or a trial of seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One size of the measurement; `size` names a line of benchmark.training.sizes."""

    size: str
    epochs: int
    batch_size: int
    splits: dict[str, tuple[int, int]]  # split: (questions, videos)
    profiled: int  # training steps in the profile
    networks: tuple[str, str]  # backbones of the appearance and of the motion channel
    clips: int  # of a made-up video
    frames: int  # of a clip
    seconds: float  # for which one network at one precision is timed, at least
    passes: int  # before a timing, and in it at least
    channels: int  # of the grouped Conv3d (32 groups) whose layouts are compared
    video_size: str  # names a line of benchmark.training.video_networks
    video_networks: tuple[str, ...]  # classifiers of videos, some of those it has
    video_clips: int  # that a ViViT takes at a time


PLANS = {
    "msvd_qa": Plan(
        size="msvd_qa", epochs=10, batch_size=256, profiled=20,
        splits={"train": (30_933, 1_161), "val": (6_415, 245), "test": (20, 2)},
        networks=("resnet101", "resnext101"), clips=8, frames=16,
        seconds=3.0, passes=3, channels=256, video_size="base", video_clips=16,
        video_networks=(
            "vivit", "vivit_model1", "vivit_average", "mini_vivit", "linear",
            "temporal_transformer", "rnn", "relation",
        ),
    ),
    "tiny": Plan(
        size="tiny", epochs=2, batch_size=16, profiled=2,
        splits={"train": (60, 8), "val": (20, 4), "test": (4, 2)},
        networks=("squeezenet1_1", "r3d_18"), clips=1, frames=4, seconds=0.0, passes=1, channels=32,
        video_size="tiny", video_clips=2, video_networks=("vivit", "rnn"),
    ),
}  # fmt: skip
