"""Classification: a network that scores classes of a video, or tells a value at each frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from data_loader.batch import Features, Frames, LabelBatch
from model.classifier.classifier import Classifier, build_classifier
from model.classifier.config import ClassifierConfig
from model.classifier.linear import mean_of_real
from model.encoder.clip_encoder import ClipEncoder
from model.layer.gather import gather_rows
from model.layer.precision import at_least_float32
from model.task.base import TaskModule
from model.task.encoder import encoder_of
from model.task.features import channel_features
from model.task.frame_network import FrameNetwork, network_of
from model.vivit.distillation import soft_kl
from options.classification import ClassificationOptions
from options.data import Channels, MotionFrom
from options.flat import build, flat_values
from util.errors import UserError


class Classification(TaskModule):
    """A classifier with its loss."""

    def __init__(
        self,
        classification: ClassificationOptions,
        *,
        classes: Sequence[str],
        appearance_width: int,
        motion_width: int,
        steps: int,
        known_steps: float,
        encoder: ClipEncoder | None = None,
        channels: Channels = "both",
        motion_from: MotionFrom = "store",
        frames: FrameNetwork | None = None,
        teacher: FrameNetwork | None = None,
        distill: float = 0.0,
    ) -> None:
        """Options; sizes that the data decides.

        `classes`: their names; none: a value is told at each frame.  A channel of width 0 there is
        not.  `steps`: T, frames of a video at most; `known_steps`: of how many of them a training
        video's value is known, in the mean; `encoder`: what turns decoded clips into features, in
        runs that have any; `frames`: the network of a run whose network sees them itself, and its
        `teacher`, which is held, but is no part of the module: nothing trains, keeps or averages
        it; `distill`: its share of the loss.
        """
        super().__init__()
        self.classification, self.classes = classification, tuple(classes)
        self.steps, self.known_steps = steps, known_steps
        self.channels: Channels = channels
        self.motion_from: MotionFrom = motion_from
        self.widths = {"appearance": appearance_width, "motion": motion_width}
        self.encoder = encoder
        self._teacher, self.distill = [] if teacher is None else [teacher], distill
        self.losses = ("loss", "ce" if self.classes else "mse", *["distill"] * len(self._teacher))
        name = classification.network
        if name in ("vivit", "vivit_model1", "vivit_average"):
            assert frames is not None
            self.model: Classifier | FrameNetwork = frames
            return
        values = {
            **flat_values(classification),
            "outputs": len(self.classes) or 1,
            "values": not self.classes,
            "appearance_width": appearance_width,
            "motion_width": motion_width,
            "steps": steps,
            "punish": "values",
            "state_dropout": 0.0,
        }
        self.model = build_classifier(build(ClassifierConfig, values), name)

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Classification":
        """The trained task of a checkpoint, in evaluation mode.

        Raises UserError if the checkpoint is of another task.
        """
        if content["task"] != "classification":
            raise UserError(
                f"a run of the task {content['task']} classifies no videos: name one of the task "
                "classification (python train.py classification)"
            )
        options = content["options"]
        task = cls(
            build(ClassificationOptions, options),
            classes=content["classes"],
            encoder=encoder_of(content),
            frames=network_of(content),
            channels=options["channels"],
            motion_from=options["motion_from"],
            **content["sizes"],
        )
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: LabelBatch, parts: int = 1) -> tuple[dict[str, Tensor], Tensor | None]:
        """Named losses (scalars), and which rows are right (B,); of values, None.

        `parts`: of how many parts of a step's batch this is one; all losses are means over rows,
        and do not depend on it.  "mse" is the squared error of the known steps: its sum over the
        batch, divided by rows times `known_steps` and not by the steps that this batch happens to
        have, so that one process and several, and a batch in parts, have the same losses.
        """
        wanted = None
        if self._teacher and self.training:
            scores, wanted = (gather_rows(x, batch.video) for x in self._taught(batch.visual))
        else:
            scores = gather_rows(self.scores(batch.visual), batch.video)
        with torch.autocast(scores.device.type, enabled=False):
            scores = at_least_float32(scores)
            if not self.classes:
                error = squared_error(scores.squeeze(2), batch.target)
                loss = error.sum() / (len(error) * self.known_steps)
                return {"loss": loss, "mse": loss}, None
            loss = nn.functional.cross_entropy(
                scores, batch.target, label_smoothing=self.classification.label_smoothing
            )
            losses = {"loss": loss, "ce": loss}
            if wanted is not None:
                losses["distill"] = soft_kl(scores, wanted)
                losses["loss"] = torch.lerp(loss, losses["distill"], self.distill)
        return losses, scores.argmax(1) == batch.target

    def scores(self, visual: Features | Frames) -> Tensor:
        """Scores of the classes (V, K) before their softmax; or values (V, T, 1), T = N F.

        Where each clip is a view of its own, in training those of one clip, drawn at random;
        otherwise the mean over the clips.  Raises UserError for a video of more frames than there
        are positions.
        """
        if self.classification.clips_as == "sequence":
            return self._classify(visual)
        if self.training:
            return self._classify(drawn_view(visual))
        scores = at_least_float32(self._classify(every_view(visual)))
        return mean_of_real(scores.unflatten(0, visual.clip_mask.shape), visual.clip_mask)

    def _taught(self, visual: Features | Frames) -> tuple[Tensor, Tensor]:
        """Scores of the network and of its teacher, who sees the very same images: (V, K) each."""
        assert isinstance(self.model, FrameNetwork) and isinstance(visual, Frames)
        seen = drawn_view(visual) if self.classification.clips_as == "views" else visual
        self._check_steps(seen)
        assert isinstance(seen, Frames)
        images = self.model.images(seen)
        (teacher,) = self._teacher
        with torch.no_grad():
            wanted = teacher(images)
        return self.model(images), wanted

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Classification":
        """Move the teacher along, to another device."""
        for teacher in self._teacher:
            teacher._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def _classify(self, visual: Features | Frames) -> Tensor:
        self._check_steps(visual)
        if isinstance(self.model, FrameNetwork):
            assert isinstance(visual, Frames)
            return self.model(self.model.images(visual))
        appearance, motion = channel_features(
            visual, self.encoder, self.widths, channels=self.channels, motion_from=self.motion_from
        )
        return self.model(appearance, motion, visual.clip_mask)

    def _check_steps(self, visual: Features | Frames) -> None:
        """Raise UserError for more steps than there are learned positions for."""
        shape = visual.appearance.shape if isinstance(visual, Features) else visual.index.shape
        whole = self.widths["appearance"] or isinstance(self.model, FrameNetwork)
        steps = shape[1] * (shape[2] if whole else 1)
        options = self.classification
        if isinstance(self.model, FrameNetwork) and steps not in (1, self.steps):
            raise UserError(
                f"{steps} frames, where the run was trained with {self.steps}: make a store of as "
                "many (--clips, --frames)"
            )
        placed = options.network == "temporal_transformer" and options.positions == "temporal"
        if placed and steps > self.steps:
            raise UserError(
                f"a video of {steps} frames, where the run was trained with {self.steps} at most "
                "and has positions for no more; extract fewer, or train with --positions none"
            )


def squared_error(values: Tensor, target: Tensor) -> Tensor:
    """Squared error at each step, 0 where the target is not known (NaN).  (B, T) each -> (B, T)."""
    known = ~target.isnan()
    return (values - torch.where(known, target, 0)).square() * known


def drawn_view(visual: Features | Frames) -> Features | Frames:
    """One clip of each of V videos, drawn among its real ones by torch's global generator."""
    mask = visual.clip_mask
    clip = torch.rand(mask.shape, device=mask.device).masked_fill(~mask, -1).argmax(1)
    video = torch.arange(len(mask), device=mask.device)
    one = mask[:, :1] | True
    if isinstance(visual, Features):
        return Features(
            appearance=visual.appearance[video, clip][:, None],
            motion=visual.motion[video, clip][:, None],
            clip_mask=one,
        )
    index = visual.index[video, clip]  # (V, F)
    return replace(
        visual,
        frames=visual.frames[index.flatten()],  # those alone are then encoded
        index=torch.arange(index.numel(), device=index.device).view_as(index)[:, None],
        clip_mask=one,
    )


def every_view(visual: Features | Frames) -> Features | Frames:
    """Each clip of V videos of N as a video of one clip: V N videos, padded ones included."""
    ones = torch.ones_like(visual.clip_mask).flatten()[:, None]
    if isinstance(visual, Features):
        return Features(
            appearance=visual.appearance.flatten(0, 1)[:, None],
            motion=visual.motion.flatten(0, 1)[:, None],
            clip_mask=ones,
        )
    index = visual.index.flatten(0, 1)[:, None]
    row = visual.row.repeat_interleave(visual.clip_mask.shape[1])
    return replace(visual, index=index, clip_mask=ones, row=row)
