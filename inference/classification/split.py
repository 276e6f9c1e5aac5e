"""A trained classifier over a whole split; several processes share the work."""

import torch
from torch import Tensor

from data_loader.label.dataset import LabelData
from inference.classification.views import view_scores
from inference.split import evaluating
from model.layer.gather import gather_rows
from model.task.classification import Classification
from util.distributed import gather_objects, rank, world_size


@torch.inference_mode()
def class_scores(
    task: Classification,
    data: LabelData,
    *,
    batch_size: int,
    device: torch.device,
    crops: int = 1,
) -> Tensor:
    """Scores of the classes of every row, before their softmax: (R, K) float32, on the host.

    `crops`: places in each frame, the scores of which are averaged.
    """
    own: list[tuple[Tensor, Tensor]] = []
    with evaluating(task):
        for batch in data.batches(batch_size, every=world_size(), first=rank()):
            batch = batch.to(device)
            scores = gather_rows(view_scores(task, batch.visual, crops), batch.video)
            own.append((batch.row.cpu(), scores.float().cpu()))
    every = [pair for part in gather_objects(own) for pair in part]
    out = torch.empty(len(data), len(task.classes))
    for rows, scores in every:
        out[rows] = scores
    return out


@torch.inference_mode()
def step_values(
    task: Classification, data: LabelData, *, batch_size: int, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """What is told at each step of every row, and what is true: R pairs of (T,) float32.

    T are the row's own steps; where the truth is not known it is NaN.
    """
    own: list[tuple[int, Tensor, Tensor]] = []
    with evaluating(task):
        for batch in data.batches(batch_size, every=world_size(), first=rank()):
            clips = batch.visual.clip_mask.sum(1)[batch.video].tolist()
            batch = batch.to(device)
            values = gather_rows(task.scores(batch.visual), batch.video).squeeze(2).float().cpu()
            frames = values.shape[1] // batch.visual.clip_mask.shape[1]
            target = batch.target.cpu()
            for i, row in enumerate(batch.row.tolist()):
                steps = clips[i] * frames
                own.append((row, values[i, :steps].clone(), target[i, :steps].clone()))
    every = [pair for part in gather_objects(own) for pair in part]
    return [(values, target) for _, values, target in sorted(every, key=lambda found: found[0])]
