"""How contrastive embeddings of a split's clips lie; several processes share the work."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from data_loader.video_table import ClipTable
from inference.split import evaluating
from model.contrastive.augment import random_view
from model.contrastive.loss import nt_xent_of
from model.contrastive.statistics import (
    alignment,
    effective_rank,
    order_accuracy,
    retrieval_accuracy,
    uniformity,
)
from model.task.contrastive import Contrastive
from util.clip_plots import reconstructions
from util.distributed import gather_objects, rank, world_size

# Embeddings of both views (P, D), of intra-negatives (P, D) if there are any, and videos (P,).
Views = tuple[Tensor, Tensor, Tensor | None, Tensor]

CLIPS = 2048  # as many are compared with each other at most


@torch.inference_mode()
def embedding_statistics(
    task: Contrastive, table: ClipTable, videos: int, device: torch.device
) -> dict[str, float]:
    """Measures of two random views of each clip of a table, `videos` at a time.

    By what is compared (NAME: a channel, or `channels`): nt_xent_NAME, over the pairs of `videos`
    videos as in training; retrieval_NAME, the share of views whose partner is the most similar of
    all; rank_NAME, the effective rank of the embeddings; alignment_NAME and uniformity_NAME; with
    intra-negatives order_NAME, the share of views that are less like their own one than like their
    partner: a half, where the order of frames is not seen.  Without the names: means, of the rank
    the smallest.  The views are the same at each call.
    """
    own: dict[int, dict[str, Views]] = {}  # number of a batch -> what was found in it
    with evaluating(task), torch.random.fork_rng():
        for number in range(rank(), -(-len(table.ids) // videos), world_size()):
            rows = np.arange(number * videos, min((number + 1) * videos, len(table.ids)))
            torch.manual_seed(number)  # whichever process takes it
            batch = table.gather(rows)
            of = batch.row.repeat_interleave(batch.index.shape[1])
            own[number] = {}
            for name, pair in task.compare(batch.to(device)).items():
                one, other = (z.cpu() for z in pair.embeddings)
                intra = None if pair.intra is None else pair.intra.cpu()
                own[number][name] = one, other, intra, of
    every = {number: part for parts in gather_objects(own) for number, part in parts.items()}
    values: dict[str, float] = {}
    for name in task.pairs:
        parts = [every[number][name] for number in sorted(every)]
        losses = [_loss(task, *part) * len(part[3]) for part in parts]
        one, other = (torch.cat([part[i] for part in parts]) for i in (0, 1))
        intra = [part[2] for part in parts if part[2] is not None]
        if intra:
            values[f"order_{name}"] = order_accuracy(other, one, torch.cat(intra))
        mean = sum(losses) / len(one)
        one, other = one[:CLIPS], other[:CLIPS]
        values |= {
            f"nt_xent_{name}": mean,
            f"retrieval_{name}": retrieval_accuracy(one, other),
            f"rank_{name}": effective_rank(nn.functional.normalize(one, dim=1)),
            f"alignment_{name}": alignment(one, other),
            f"uniformity_{name}": uniformity(one),
        }
    for kind in ("nt_xent", "retrieval", "rank", "alignment", "uniformity"):
        of = [values[f"{kind}_{name}"] for name in task.pairs]
        values[kind] = min(of) if kind == "rank" else sum(of) / len(of)
    return values


def _loss(
    task: Contrastive, one: Tensor, other: Tensor, intra: Tensor | None, videos: Tensor
) -> float:
    """NT-Xent of one batch, which no other process has a part of."""
    options = task.options
    loss = nt_xent_of(
        one, other, videos,
        temperature=options.temperature, mask_same_video=options.mask_same_video, intra=intra,
    )  # fmt: skip
    return float(loss)


@torch.inference_mode()
def show_views(task: Contrastive, table: ClipTable, samples: int, device: torch.device) -> Figure:
    """The middle clips of some videos, above two random views of each, as training sees them."""
    picked = np.unique(np.linspace(0, len(table.ids) - 1, samples).astype(np.int64))
    batch = table.gather(picked).to(device)
    clips = batch.frames[batch.index[:, batch.index.shape[1] // 2]].movedim(-1, 2).float()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        views = [random_view(clips, task.views) for _ in range(2)]
    size = views[0].shape[-2:]
    shown = nn.functional.interpolate(clips.flatten(0, 1), size).view_as(views[0])
    rows = []
    for i, video in enumerate(picked):
        films = {"clip": shown[i], "a view": views[0][i], "another": views[1][i]}
        images = {k: v.movedim(1, -1).cpu().numpy() / 255 for k, v in films.items()}
        rows.append((table.ids[video], images))
    return reconstructions(rows, errors=False)
