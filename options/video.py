"""Options of `python -m preprocess.videos` and `python -m preprocess.imported`."""

from dataclasses import dataclass
from typing import Literal

BackboneName = Literal[
    "resnet101", "resnext101", "squeezenet1_1", "r2plus1d_18", "pixels", "pixel_motion"
]


FOR_NETWORKS = ("weights", "motion_norm", "precision", "batch", "device")


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Videos -> feature store, or clip store.

    Args:
        videos: folders and video files, one or more; hidden files are left out
        output: the store to write, an .h5 file
        backbone: frozen network, or pixels / pixel_motion, which need no weights; none stores the
            decoded clips themselves, for encoders that are trained
        weights: a file, the name of torchvision's (IMAGENET1K_V2), or the word random (seeded)
        clips: clips per video (N)
        frames: frames per clip (F)
        id_map: file of lines `<file stem> vid<id>`; without it a video's id is its file's stem
        decoder: pyav, or scikit-video with the system's ffmpeg
        keep_partial: store what decodes of a video that breaks off, with a note
        resize: squash to the square, or crop its centre after scaling the short side
        size: side in pixels of the clips that `--backbone none` stores
        motion_norm: input of resnext101, minus the Kinetics mean or the raw 0..255
        precision: numbers in the store
        batch: frames per pass through the network
        device: auto takes a GPU where there is one; else cpu, cuda, cuda:1, ...
        threads: videos in work at the same time; 0 takes one per core, at most 8
    """

    videos: list[str]
    output: str
    backbone: Literal[BackboneName, "none"]
    weights: str | None = None
    clips: int = 8
    frames: int = 16
    id_map: str | None = None
    decoder: Literal["pyav", "scikit-video"] = "pyav"
    keep_partial: bool = False
    resize: Literal["squash", "crop"] = "squash"
    size: int = 112
    motion_norm: Literal["kinetics", "raw255"] = "kinetics"
    precision: Literal["float16", "float32"] = "float16"
    batch: int = 16
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.videos:
            raise ValueError("--videos: none given; name folders or video files")
        for name, least in (("clips", 1), ("frames", 1), ("batch", 1), ("threads", 0), ("size", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least {least}")
        for name in FOR_NETWORKS if self.backbone == "none" else ("size",):
            value = getattr(self, name)
            if value != getattr(type(self), name):  # the default
                raise ValueError(
                    f"--{name} {value}: means nothing with --backbone {self.backbone}; leave it out"
                )


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Feature files of HCRN / DualVGR -> feature stores.

    Args:
        appearance: HDF5 file with `resnet_features` (V, N, F, D) and `ids`
        motion: HDF5 file with `resnext_features` (V, N, D) and `ids`
        output_appearance: the feature store to write for the appearance channel
        output_motion: the feature store to write for the motion channel
        drop_bad: leave out, from both, videos that have rows of zeros or of no numbers
    """

    appearance: str
    motion: str
    output_appearance: str
    output_motion: str
    drop_bad: bool = False
