"""Some samples of a validation split, to look at while a run trains."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from data_loader.caption.dataset import CaptionData
from data_loader.dataset import QaData
from data_loader.video_table import ClipTable
from inference.caption.word_clips import word_clips
from inference.caption.word_plots import word_maps
from inference.split import evaluating
from model.task.autoencoder import Autoencoding
from model.task.captioning import Captioning
from model.task.qa import ScoredPredictions
from util.clip_plots import clip_weights, reconstructions
from util.tensorboard import RunLog

SAMPLES = 12  # questions, or captions
CAPTIONS_DRAWN = 4  # with which clips their words came from
FRAMES_SHOWN = 8  # of each clip


def show_samples(
    log: RunLog, step: int, data: QaData, found: ScoredPredictions, answers: Sequence[str]
) -> None:
    """Some questions in TensorBoard: asked, answered, and which clips counted."""
    split = data.split
    picked = range(0, len(split.texts), max(1, len(split.texts) // SAMPLES))[:SAMPLES]
    rows = [
        [
            split.videos[i],
            split.texts[i],
            split.answer_texts[i],
            answers[int(found.top[i, 0])],
            f"{found.probability[i, 0]:.2f}",
            "right" if found.correct[i] else "wrong",
        ]
        for i in picked
    ]
    header = ["video", "question", "true answer", "predicted", "probability", ""]
    log.table(step, "val/samples", header, rows)
    at = list(picked)
    figure = clip_weights(
        [split.texts[i] for i in at], found.punishment[at].numpy(), found.readout[at].numpy()
    )
    log.figure(step, "val/clip weights", figure)


def show_captions(
    log: RunLog,
    step: int,
    task: Captioning,
    data: CaptionData,
    said: Sequence[str],
    scores: Sequence[float],
) -> None:
    """Some captions in TensorBoard, beside a true one, worst scores first."""
    split = data.split
    every = max(1, len(split) // SAMPLES)
    picked = sorted(range(0, len(split), every)[:SAMPLES], key=lambda i: scores[i])
    rows = [
        [split.ids[i], said[i], split.references(i)[0], f"{scores[i]:.2f}"]
        for i in picked
        if split.references(i)
    ]
    log.table(step, "val/captions", ["segment", "caption", "a true one", "CIDEr-D"], rows)
    device, maps = next(task.parameters()).device, []
    with evaluating(task):
        for i in picked[:: max(1, len(picked) // CAPTIONS_DRAWN)][:CAPTIONS_DRAWN]:
            visual = data.table.gather(data.video[[i]]).to(device)
            of = word_clips(task, visual, task.vocabulary.encode(said[i].split()))
            maps.append((split.ids[i], of.words, of.attention, of.drop))
    if any(attention is not None or drop is not None for *_, attention, drop in maps):
        log.figure(step, "val/words and clips", word_maps(maps))


@torch.inference_mode()
def show_reconstructions(
    task: Autoencoding, table: ClipTable, samples: int, device: torch.device
) -> Figure:
    """The middle clips of some videos, beside what either channel makes of them."""
    picked = np.unique(np.linspace(0, len(table.ids) - 1, samples).astype(np.int64))
    with evaluating(task):
        out = task.reconstruct(table.gather(picked).to(device))
    clip = out.clips.shape[1] // 2
    every = max(1, out.clips.shape[3] // FRAMES_SHOWN)
    rows = []
    for i, video in enumerate(picked):
        frames = {
            "original": out.clips[i, clip] / 255,
            "appearance": out.appearance[i, clip],
            "motion": out.motion[i, clip],
        }
        images = {k: v[:, ::every].movedim(0, -1).cpu().numpy() for k, v in frames.items()}
        rows.append((table.ids[video], images))
    return reconstructions(rows)
