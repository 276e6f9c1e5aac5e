"""Some samples of a validation split, to look at while a run trains."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from data_loader.caption.dataset import CaptionData
from data_loader.dataset import QaData
from data_loader.label.dataset import LabelData
from data_loader.questions import QuestionSplit
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
            _told(split, found, answers, i),
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


def _told(split: QuestionSplit, found: ScoredPredictions, answers: Sequence[str], row: int) -> str:
    """The answer told to a question, in words."""
    told = int(found.top[row, 0])
    if split.candidates is not None:
        return split.candidates.texts[row][told]
    value = float(found.value[row])
    return answers[told] if math.isnan(value) else f"{told} ({value:.2f})"


def show_classes(
    log: RunLog, step: int, data: LabelData, classes: Sequence[str], scores: Tensor
) -> None:
    """Some videos in TensorBoard: what happens in them, and what was told.  scores (R, K)."""
    probability = scores.double().softmax(1)
    picked = range(0, len(data), max(1, len(data) // SAMPLES))[:SAMPLES]
    target, rows = data.split.target.tolist(), []
    for i in picked:
        best = int(probability[i].argmax())
        rows.append(
            [
                data.split.videos[i],
                classes[target[i]],
                classes[best],
                f"{probability[i, best]:.2f}",
                f"{probability[i, target[i]]:.2f}",
                "right" if best == target[i] else "wrong",
            ]
        )
    header = ["video", "true class", "predicted", "probability", "of the true class", ""]
    log.table(step, "val/samples", header, rows)


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
    """The middle clips of some videos, beside what either channel makes of them.

    Of a task that hides some of each clip, what was seen of them, too.
    """
    picked = np.unique(np.linspace(0, len(table.ids) - 1, samples).astype(np.int64))
    with evaluating(task):
        out = task.reconstruct(table.gather(picked).to(device))
    clip = out.clips.shape[1] // 2
    every = max(1, out.clips.shape[3] // FRAMES_SHOWN)
    rows = []
    for i, video in enumerate(picked):
        frames = {
            "original": out.clips[i, clip] / 255,
            **({} if out.hidden is None else {"seen": out.seen[i, clip] / 255}),
            "appearance": out.appearance[i, clip],
            "motion": out.motion[i, clip],
        }
        images = {k: v[:, ::every].movedim(0, -1).cpu().numpy() for k, v in frames.items()}
        rows.append((table.ids[video], images))
    return reconstructions(rows)
