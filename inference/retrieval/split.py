"""The embeddings of a whole split; several processes share the work."""

from dataclasses import dataclass

import torch
from torch import Tensor

from data_loader.batch import Features
from data_loader.caption.dataset import CaptionData
from inference.retrieval.ranks import ranks
from inference.split import evaluating
from model.task.retrieval import Retrieval
from util.distributed import gather_objects, rank, world_size


@dataclass(frozen=True, kw_only=True)
class SplitEmbeddings:
    """S segments and their C captions, on the CPU."""

    videos: Tensor  # (S, D) float32, of length 1
    texts: Tensor  # (C, D) float32, of length 1
    segment: Tensor  # (C,) int64, each caption's
    clips: Tensor  # (K, D) float32, of length 1: the clips of all segments, one after another
    clip_segment: Tensor  # (K,) int64, each clip's

    def ranks(self) -> tuple[Tensor, Tensor]:
        """Of each caption's video among all (C,), and of the best of each video's captions (S,)."""
        scores = self.texts @ self.videos.T
        right = self.segment[:, None] == torch.arange(len(self.videos))
        return ranks(scores, right), ranks(scores.T, right.T)


@torch.inference_mode()
def embed_split(
    task: Retrieval, data: CaptionData, *, batch_size: int, device: torch.device
) -> SplitEmbeddings:
    """Embed all segments of a split and all of their captions, `batch_size` at a time."""
    videos, clips, texts = [], [], []
    with evaluating(task):
        for rows, visual in data.segments(batch_size, every=world_size(), first=rank()):
            assert isinstance(visual, Features)
            each, found = (part.float().cpu() for part in task.video(visual.to(device)))
            place, clip = visual.clip_mask.cpu().nonzero(as_tuple=True)
            clips.append((int(rows[0]), each[place, clip], torch.from_numpy(rows)[place]))
            videos.append((int(rows[0]), found))
        for batch in data.batches(batch_size, every=world_size(), first=rank()):
            found = task.text(batch.words.to(device), batch.length.to(device)).float().cpu()
            texts.append((int(batch.row[0]), found))
    return SplitEmbeddings(
        videos=_in_order(videos),
        texts=_in_order(texts),
        segment=torch.from_numpy(data.segment),
        clips=_in_order([(first, each) for first, each, _ in clips]),
        clip_segment=_in_order([(first, segment) for first, _, segment in clips]),
    )


def _in_order(own: list[tuple[int, Tensor]]) -> Tensor:
    """The parts of all processes by their first row."""
    every = [part for parts in gather_objects(own) for part in parts]
    return torch.cat([part for _, part in sorted(every, key=lambda pair: pair[0])])
