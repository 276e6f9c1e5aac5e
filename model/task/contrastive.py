"""Contrastive pretraining: views of the same clip are to be alike, of others not (SimCLR)."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from data_loader.batch import Frames
from model.contrastive.augment import ViewConfig, random_view
from model.contrastive.head import ProjectionHead
from model.contrastive.loss import nt_xent
from model.encoder.clip_encoder import ClipEncoder
from model.layer.gather import gather_rows
from model.layer.precision import as_trained, trained_convolutions
from model.task.base import TaskModule
from model.task.encoder import build_encoder
from options.contrastive import ContrastiveOptions
from options.encoder import EncoderOptions
from options.flat import build


class Pair(NamedTuple):
    """Both views of P clips, as one network or each of two sees them."""

    features: tuple[Tensor, Tensor]  # (P, width) each, of the encoders
    embeddings: tuple[Tensor, Tensor]  # (P, embedding) each
    intra: Tensor | None = None  # (P, embedding) of intra-negatives, of the clips of the first view


class Contrastive(TaskModule):
    """Encoders with their projection heads.

    Encoders carry the names that they have in every other task, which starts from them; heads are
    left behind.
    """

    def __init__(
        self, contrastive: ContrastiveOptions, encoders: EncoderOptions, *, encoder: ClipEncoder
    ) -> None:
        """Options; encoders of the channels that are pretrained."""
        super().__init__()
        self.options, self.encoder = contrastive, encoder
        self.views = ViewConfig(
            size=encoders.crop,
            least_area=contrastive.least_area,
            flip=encoders.flip,
            jitter=encoders.jitter,
            grey=contrastive.grey,
            blur=contrastive.blur,
        )
        channels = ("appearance", "motion")
        both = contrastive.train_channels == "both"
        self.channels = channels if both else (contrastive.train_channels,)
        widths = {channel: getattr(encoder, channel).width for channel in self.channels}
        self.heads = nn.ModuleDict(
            {
                channel: ProjectionHead(
                    width=width,
                    hidden=contrastive.head_hidden or width,
                    embedding=contrastive.embedding,
                    layers=contrastive.head_layers,
                )
                for channel, width in widths.items()
            }
        )
        across = contrastive.positives == "other_channel"
        self.pairs = ("channels",) if across else self.channels  # what is compared
        self.losses = ("loss", *(f"nt_xent_{name}" for name in self.pairs))

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Contrastive":
        """The trained task of a checkpoint, in evaluation mode."""
        contrastive = build(ContrastiveOptions, content["options"])
        encoders = build(EncoderOptions, content["options"])
        encoder = build_encoder(encoders, channels=contrastive.train_channels)
        task = cls(contrastive, encoders, encoder=encoder)
        task.load_state_dict(content["weights"])
        return task.eval()

    def forward(self, batch: Frames, parts: int = 1) -> tuple[dict[str, Tensor], None]:
        """Named losses (scalars); None: nothing is answered right or wrong.

        `parts`: of how many parts of a step's batch this is one.  Those of other processes are
        negatives too; parts of one process cannot be, and are refused (training/task).
        """
        videos = batch.row.repeat_interleave(batch.index.shape[1])
        options, losses = self.options, {}
        for name, pair in self.compare(batch).items():
            losses[f"nt_xent_{name}"] = nt_xent(
                *pair.embeddings,
                videos,
                temperature=options.temperature,
                mask_same_video=options.mask_same_video,
                intra=pair.intra,
            )
        return {"loss": torch.stack([*losses.values()]).mean(), **losses}, None

    def compare(self, batch: Frames) -> dict[str, Pair]:
        """Two random views of each clip of V videos, P = V N, by what is compared."""
        one, other = self._sources(batch)
        if self.options.positives == "other_channel":
            return {
                "channels": _joined(
                    self._appearance(random_view(one["motion"], self.views)),
                    self._motion(random_view(other["motion"], self.views)),
                )
            }
        found = {}
        for channel in self.channels:
            run = self._appearance if channel == "appearance" else self._motion
            views = [random_view(clips[channel], self.views) for clips in (one, other)]
            intra = channel == "motion" and self.options.intra_negatives != "none"
            if intra:  # the first view itself: only the order of its frames is another
                views.append(self._reordered(views[0]))
            features, embeddings = run(torch.cat(views))  # all in one batch of statistics
            parts = [(x.chunk(len(views))) for x in (features, embeddings)]
            pairs = [(part[0], part[1]) for part in parts]
            found[channel] = Pair(*pairs, intra=parts[1][2] if intra else None)
        return found

    def _reordered(self, views: Tensor) -> Tensor:
        """Clips with their frames in another order, by option `intra_negatives`.  (P, F, ...)."""
        if self.options.intra_negatives == "reversed":
            return views.flip(1)
        clips, frames = views.shape[:2]
        order = torch.rand(clips, frames, device=views.device).argsort(1)
        as_it_was = (order.diff(dim=1) == 1).all(1, keepdim=True)
        order = torch.where(as_it_was, order.flip(1), order)
        return gather_rows(views.flatten(0, 1), order + frames * _rows(clips, views)[:, None])

    def _sources(self, batch: Frames) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What both views are views of: a frame of each clip, and each clip; (P, F, 3, H, W)."""
        index = batch.index.flatten(0, 1)  # (P, F)
        clips, frames = index.shape
        near = self.options.positives == "neighbour"
        place = torch.full((clips,), frames // 2, device=index.device)
        if self.training:
            place = torch.randint(frames, (clips,), device=index.device)
        beside = torch.where(place + 1 < frames, place + 1, place - 1) if near else place
        number = torch.arange(batch.index.shape[1], device=index.device)
        last = len(number) - 1
        following = torch.where(number < last, number + 1, number - 1) if near else number

        def cut(which: Tensor) -> Tensor:
            return batch.frames[which].permute(0, 1, 4, 2, 3).float()

        one = {"appearance": cut(index.gather(1, place[:, None])), "motion": cut(index)}
        other = {
            "appearance": cut(index.gather(1, beside[:, None])),
            "motion": cut(batch.index[:, following].flatten(0, 1)),
        }
        return one, other

    def _appearance(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """(P, F, 3, h, w) -> features, their mean over frames (P, width), and embeddings."""
        features = self.encoder.appearance(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        return self._embed("appearance", features.mean(1))

    def _motion(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """(P, F, 3, h, w) -> features (P, width) and embeddings."""
        return self._embed("motion", self.encoder.motion(views.transpose(1, 2)))

    def _embed(self, channel: str, features: Tensor) -> tuple[Tensor, Tensor]:
        with trained_convolutions(features):
            return features, self.heads[channel](as_trained(features))


def _rows(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, device=like.device)


def _joined(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Pair:
    return Pair((one[0], other[0]), (one[1], other[1]))
