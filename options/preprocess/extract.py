"""Options of `python -m preprocess.videos` and `python -m preprocess.import_features`."""

from dataclasses import dataclass, field
from typing import Literal

POOLED = "pooled"
LAYERS = (POOLED, "logits", "probabilities", "semantic")
FOR_NETWORKS = (
    "weights", "layer", "motion_norm", "precision", "network_precision", "compression", "batch",
    "device", "runtime",
)  # fmt: skip
LEAST = {
    "clips": 1, "frames": 1, "stride": 1, "batch": 0, "threads": 0, "workers": 0, "size": 1,
    "shard": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Videos -> feature stores, or clip stores; several at once in one pass over each video.

    Args:
        videos: folders and video files, one or more; what is left out of them is said
        output: the store to write, an .h5 file; one for each backbone
        backbone: frozen network (python -m preprocess.backbones --list), or pixels / pixel_motion,
            which need no weights; none stores the decoded clips themselves, for encoders that are
            trained.  Several share one decoding
        weights: a file, the name of torchvision's (IMAGENET1K_V2), the word package (of the Python
            package that has them) or the word random (seeded); one for each backbone, the word none
            for one without
        layer: what is stored of a network over frames. pooled, before the classifier; logits or
            probabilities of ImageNet's 1,000 classes; semantic, the mean GloVe vector of the names
            of the ten likeliest. One for each backbone; a network named twice gives two
        clips: clips per video (N)
        frames: frames per clip (F)
        stride: frames from one of a clip to the next (ViViT: 32 frames, stride 2)
        fps: in place of both, single frames at a steady rate over the whole video, so many a second
            (5, as for captions of parts of videos); videos then differ in N
        id_map: file of lines `<file stem> vid<id>`; without it a video's id is its file's stem
        decoder: pyav, which comes along; scikit-video with the system's ffmpeg program
        scaler: what makes pictures of a network's size, the decoder (fast) or torch; auto takes
            the decoder where it can
        keep_partial: store what decodes of a video that breaks off, with a note
        resize: squash to the square, or crop its centre after scaling the short side
        size: side in pixels of the clips that `--backbone none` stores
        motion_norm: input of resnext101, minus the Kinetics mean or the raw 0..255
        precision: numbers in the store
        network_precision: numbers in the network; bf16 is faster where the processor has it
        compression: of the numbers in the store
        batch: frames per pass through the network; 0 takes 4 on a CPU, 128 on a GPU
        device: auto takes a GPU where there is one; else cpu, cuda, cuda:1, ...
        runtime: what runs the network; auto takes OpenVINO on a CPU for 8 videos or more, if it can
            run the network and is faster, else torch (preprocess.cluster: torch)
        threads: videos in the network at the same time; 0 takes one per core, at most 8
        workers: processes that decode; 0 takes one per core, at most 16
        time_limit: seconds for decoding one video, before it is set aside
        shard: videos of a part of the store; a kill costs at most one part
        strict: stop at the first video that cannot be read
        retry: try videos again that were set aside before, or whose file has changed
    """

    videos: list[str]
    output: list[str]
    backbone: list[str]
    weights: list[str] = field(default_factory=list)
    layer: list[str] = field(default_factory=list)
    clips: int = 8
    frames: int = 16
    stride: int = 1
    fps: float = 0.0
    id_map: str | None = None
    decoder: Literal["pyav", "scikit-video"] = "pyav"
    scaler: Literal["auto", "decoder", "torch"] = "auto"
    keep_partial: bool = False
    resize: Literal["squash", "crop"] = "squash"
    size: int = 112
    motion_norm: Literal["kinetics", "raw255"] = "kinetics"
    precision: Literal["float16", "float32"] = "float16"
    network_precision: Literal["float32", "bf16"] = "float32"
    compression: Literal["none", "gzip", "lzf"] = "none"
    batch: int = 0
    device: str = "auto"
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    threads: int = 0
    workers: int = 0
    time_limit: float = 300.0
    shard: int = 16
    strict: bool = False
    retry: bool = False

    def __post_init__(self) -> None:
        if not self.videos:
            raise ValueError("--videos: none given; name folders or video files")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least {least}")
        if not 0 <= self.fps <= 1000:
            raise ValueError(f"--fps {self.fps:g}: give frames a second, at most 1000, such as 5")
        if self.fps and "none" in self.backbone:
            raise ValueError(
                f"--fps {self.fps:g}: a clip store (--backbone none) has the same clips of every "
                "video; give --clips and --frames, or a network"
            )
        if self.fps and self.stride > 1:
            raise ValueError(
                f"--stride {self.stride}: with --fps there is one frame a clip; leave one out"
            )
        if not self.time_limit > 0:
            raise ValueError(f"--time_limit {self.time_limit:g}: give seconds above 0")
        self._check_products()

    def _check_products(self) -> None:
        """One output, and one of the weights, for each backbone."""
        count = len(self.backbone)
        if not count:
            raise ValueError("--backbone: none given; name a network, pixels, or the word none")
        if len(self.output) != count:
            raise ValueError(
                f"--output: {len(self.output)} for {count} of --backbone; give one store for each"
            )
        if len(set(self.output)) < count:
            raise ValueError(f"--output {' '.join(self.output)}: one comes twice; each is a store")
        if len(self.weights) not in (0, count):
            raise ValueError(
                f"--weights: {len(self.weights)} for {count} of --backbone; give one for each, "
                "the word none for those without"
            )
        check_layers(self.layer, count)
        needless = FOR_NETWORKS if set(self.backbone) == {"none"} else ()
        if "none" not in self.backbone:
            needless = ("size",)
        if set(self.backbone) <= {"pixels", "pixel_motion"}:  # no network to run
            needless = ("size", "layer", "network_precision", "runtime")
        for name in needless:
            value = getattr(self, name)
            if value != getattr(VideoOptions, name, []):  # lists have a factory
                shown = " ".join(value) if isinstance(value, list) else value
                raise ValueError(
                    f"--{name} {shown}: means nothing with --backbone {' '.join(self.backbone)}; "
                    "leave it out"
                )

    def weights_of(self, place: int) -> str | None:
        """Weights of the backbone at this place in the list; None: it has none."""
        given = self.weights[place] if self.weights else "none"
        return None if given == "none" else given

    def layer_of(self, place: int) -> str:
        """Layer of the backbone at this place in the list."""
        return self.layer[place] if self.layer else POOLED


def check_layers(layers: list[str], count: int) -> None:
    """ValueError unless there is none, or one that exists for each of so many backbones."""
    if len(layers) not in (0, count):
        raise ValueError(
            f"--layer: {len(layers)} for {count} of --backbone; give one for each, {POOLED} for "
            "those without a classifier"
        )
    for layer in layers:
        if layer not in LAYERS:
            raise ValueError(f"--layer {layer}: give {' or '.join(LAYERS)}")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Feature files of others -> feature stores: two of HCRN / DualVGR, or rows video by video.

    Args:
        appearance: HDF5 file with `resnet_features` (V, N, F, D) and `ids`
        motion: HDF5 file with `resnext_features` (V, N, D) and `ids`
        output_appearance: the feature store to write for the appearance channel
        output_motion: the feature store to write for the motion channel
        features: in place of these, a folder of files VIDEO.pkl or VIDEO.npy with rows (T, D), or
            one pickle of {video: rows}, as the ETS code has them
        output: the feature store to write for --features
        fps: how many rows of --features are a second, where they come at a steady rate (5);
            0: not known, then there are no segments with a start and an end
        drop_bad: leave out videos that have rows of zeros or of no numbers, of two files from both
    """

    appearance: str | None = None
    motion: str | None = None
    output_appearance: str | None = None
    output_motion: str | None = None
    features: str | None = None
    output: str | None = None
    fps: float = 0.0
    drop_bad: bool = False

    def __post_init__(self) -> None:
        channels = ("appearance", "motion", "output_appearance", "output_motion")
        given = [name for name in channels if getattr(self, name) is not None]
        if self.features is None:
            if self.output is not None or self.fps:
                name = "output" if self.output is not None else "fps"
                raise ValueError(f"--{name} {getattr(self, name)}: is for --features; give it too")
            for name in channels:
                if name not in given:
                    raise ValueError(
                        f"--{name} is missing: give all four of --{', --'.join(channels)}; or "
                        "--features and --output"
                    )
        elif given:
            raise ValueError(
                f"--{given[0]} {getattr(self, given[0])}: --features makes one store, with "
                "--output; leave out one of them"
            )
        elif self.output is None:
            raise ValueError("--output is missing: name the feature store to write")
        if not 0 <= self.fps <= 1000:
            raise ValueError(f"--fps {self.fps:g}: give rows a second, at most 1000, such as 5")
