"""A trained captioner over a whole split; several processes share the work."""

from collections.abc import Sequence

import torch

from data_loader.batch import Features, Frames
from data_loader.caption.dataset import CaptionData
from inference.split import evaluating
from model.caption.search import Caption, search
from model.task.captioning import Captioning
from options.caption import SearchOptions
from util.distributed import gather_objects, rank, world_size


@torch.inference_mode()
def caption_split(
    task: Captioning,
    data: CaptionData,
    options: SearchOptions,
    *,
    batch_size: int,
    device: torch.device,
    n_best: int = 1,
) -> list[list[Caption]]:
    """The best captions of every segment, best first; `batch_size` segments at a time."""
    own = []
    with evaluating(task):
        for rows, visual in data.segments(batch_size, every=world_size(), first=rank()):
            found = find_captions(task, visual.to(device), options, n_best=n_best)
            own += zip(rows.tolist(), found, strict=True)
    every = [pair for part in gather_objects(own) for pair in part]
    return [captions for _, captions in sorted(every, key=lambda pair: pair[0])]


@torch.inference_mode()
def find_captions(
    task: Captioning, visual: Features | Frames, options: SearchOptions, *, n_best: int
) -> list[list[Caption]]:
    """The best captions of each of V videos, best first; `task` in evaluation mode."""
    return search(
        task.model.decoder,
        task.encode(visual),
        beam=options.beam,
        max_words=options.max_words,
        length_penalty=options.length_penalty,
        no_repeat=options.no_repeat,
        n_best=n_best,
        trace=False,
    )


def cross_entropy(
    task: Captioning, data: CaptionData, *, batch_size: int, device: torch.device
) -> float:
    """Cross entropy per word (and `<EOS>`) of a split's captions, each given its video."""
    total, words = 0.0, 0
    with evaluating(task):
        for batch in data.batches(batch_size, every=world_size(), first=rank()):
            total += task.cross_entropy(batch.to(device)).double().sum().item()
            words += int(batch.length.sum()) + len(batch.length)
    parts = gather_objects((total, words))
    return sum(part[0] for part in parts) / sum(part[1] for part in parts)


def texts(task: Captioning, found: Sequence[Sequence[Caption]]) -> list[str]:
    """The best caption of each segment as text."""
    return [task.vocabulary.decode(captions[0].words) for captions in found]
