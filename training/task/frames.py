"""What a run needs whose network sees frames itself: its network, weights of images, a teacher."""

from collections.abc import Mapping
from typing import Any

from data_loader.store.clips import ClipStore
from data_loader.video_table import ClipTable, FeatureTable
from inference.run import load_run
from model.backbone.image_vit import ImageVit, open_image_vit
from model.backbone.spec import NORMALISATIONS
from model.backbone.weights import RANDOM
from model.task.classification import Classification
from model.task.frame_network import FrameNetwork, build_network
from model.vivit.from_image import start_from_image
from options.classification import SEE_FRAMES
from options.task import ClassificationRunOptions
from training.task.initialise import check_crop
from util.errors import UserError


class FrameSide:
    """The network of a run that sees frames, with where it starts and whom it learns from."""

    def __init__(
        self,
        options: ClassificationRunOptions,
        table: FeatureTable | ClipTable,
        *,
        classes: tuple[str, ...],
        frames: int,
        checkpoint: Mapping[str, Any] | None,
    ) -> None:
        """Build the network with random weights, and load a teacher.

        Raises UserError for options that do not fit the clips, weights that cannot be read, or a
        teacher of other classes or other clips.
        """
        self.options, self.image = options, None
        data, classification, vivit, encoders, train = options
        if not isinstance(table, ClipTable):
            raise UserError(
                f"--network {classification.network}: sees frames; give --clips, a store of "
                "decoded clips, and leave --video none out"
            )
        if data.channels == "motion":
            raise UserError("--channels motion: frames are the appearance; leave it out")
        if vivit.vit_weights != RANDOM and train.init_from is not None:
            raise UserError(
                "--vit_weights and --init_from: both say what the network starts from; leave out "
                "one"
            )
        check_crop(encoders, table.store)
        pixels = NORMALISATIONS["half"]
        if checkpoint is not None:
            mean, deviation = checkpoint["pixels"]["normalisation"]
            pixels = (tuple(mean), tuple(deviation))
        elif vivit.vit_weights != RANDOM:
            self.image = open_image_vit(vivit.vit_weights)
            pixels = self.image.normalisation or pixels
        size = _seen(encoders.crop, table.store)
        self.metadata = {"size": list(size), "normalisation": [list(part) for part in pixels]}
        try:
            self.network = build_network(
                classification, vivit, encoders,
                classes=len(classes), frames=frames, size=size, normalisation=pixels,
            )  # fmt: skip
        except ValueError as error:
            raise UserError(
                f"--network {classification.network}: {error}; choose other --tubelet, --patch, "
                "--width, --depth or --crop"
            ) from error
        self.teacher = None
        if vivit.teacher is not None:
            self.teacher = _teacher(vivit.teacher, self.network, classes)

    def start(self) -> str:
        """Fill in the weights of images, if any -> what was taken, in words."""
        if self.image is None:
            return ""
        return _fill(self.network, self.image, self.options)

    def source(self) -> dict[str, Any]:
        """Where the weights are from that the network starts from."""
        return {} if self.image is None else {"vit": self.image.source}


def _fill(network: FrameNetwork, image: ImageVit, options: ClassificationRunOptions) -> str:
    try:
        return start_from_image(network.vivit, image, options.vivit.tubelet_init)
    except ValueError as error:
        raise UserError(str(error)) from error


def _seen(crop: int, store: ClipStore) -> tuple[int, int]:
    height, width = store.size
    return (crop, crop) if crop else (height, width)


def _teacher(name: str, student: FrameNetwork, classes: tuple[str, ...]) -> FrameNetwork:
    """The network of a trained run, frozen.

    Raises UserError where its classes, or the frames that it sees, are not the student's.
    """
    content = load_run(name)
    network = content["options"].get("network") if content["task"] == "classification" else None
    if network not in SEE_FRAMES:
        raise UserError(
            f"--teacher {name}: sees no frames; name a run of --network {', '.join(SEE_FRAMES)}"
        )
    theirs = tuple(content["classes"])
    if theirs != classes:
        raise UserError(
            f"--teacher {name}: was trained with {len(theirs)} classes that are not the "
            f"{len(classes)} of --labels; name a run of the same labels"
        )
    teacher = Classification.from_checkpoint(content).model
    assert isinstance(teacher, FrameNetwork)
    sees, wanted = (
        f"{c.frames} frames of {c.size[0]}x{c.size[1]}"
        for c in (teacher.vivit.config, student.vivit.config)
    )
    if sees != wanted:
        raise UserError(
            f"--teacher {name}: sees {sees}, and this run {wanted}; name a run on the same clips"
        )
    return teacher.requires_grad_(False)
