"""What a run starts from: weights of its encoders, another run, the released code."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from data_loader.store.clips import ClipStore
from data_loader.video_table import ClipTable, Covariance, FeatureTable, moments
from model.backbone.table import open_network
from model.backbone.trainable import TrainableBackbone
from model.backbone.weights import RANDOM, choices
from model.dualvgr.released import from_released, is_released
from model.encoder.clip_encoder import ClipEncoder, Views, clip_images
from model.layer.norm import Standardize, Whiten
from model.task.encoder import encoder_specs
from model.task.features import derived_motion
from model.task.qa import QuestionAnswering
from options.data import Channels, MotionFrom
from options.encoder import EncoderOptions
from options.train import InitPart
from training.task.projection import with_kept_projection
from util.checkpoint import load_plain
from util.errors import UserError

VIDEOS = 64  # training videos whose statistics stand for all
AT_ONCE = 8

# What runs of different tasks may have in common; everything else is one task's.
GROUPS = {
    "encoder.appearance": re.compile(r"encoder\.appearance\."),
    "encoder.motion": re.compile(r"encoder\.motion\."),
    "the projection head": re.compile(r"encoder\.projection\."),
    "the video encoder": re.compile(r"model\.video\."),
    "the relation graphs": re.compile(
        r"model\.units\.\d+\.(appearance|motion)_(specific|common|fusion)\."
    ),
}
# What a head of one kind of answers has of its own.
OUTPUTS = re.compile(
    r"model\.head\.(out|question_scores|product_scores|question_vector|product_vector)\."
    r"|model\.head\.answer_vectors"
    r"|candidates\."  # of multiple choice, read by themselves
)
WORDS = re.compile(r"model\.question\.(embedding\.weight|summary\.table)")  # rows of a vocabulary
# Taken where both have it, missed nowhere: an extra of a run, which starts as zeros do.
REBUILD = re.compile(r"rebuild\.")


def fill_encoders(
    encoder: ClipEncoder,
    options: EncoderOptions,
    table: ClipTable,
    init_from: str | None,
    device: torch.device,
) -> dict[str, Any]:
    """Give the encoders their weights; random ones get the batch norm statistics of some videos.

    Those are computed on the `device`, where the encoders then stay.
    -> {channel: where its weights are from}.  Raises UserError if a channel's weights are not named
    (and no --init_from brings them), or do not fit.
    """
    origin = {}
    networks = {
        channel: network
        for channel in ("appearance", "motion")
        if isinstance(network := getattr(encoder, channel), TrainableBackbone)
    }
    for channel, spec in zip(("appearance", "motion"), encoder_specs(options), strict=True):
        if channel not in networks:
            continue
        name = getattr(options, f"{channel}_encoder")
        weights = getattr(options, f"{channel}_weights")
        if weights is None and init_from is None:
            raise UserError(
                f"--{channel}_encoder {name} needs --{channel}_weights: {choices(spec)}; "
                "or --init_from a run that trained it"
            )
        origin[channel] = {"source": weights or RANDOM}
        if weights not in (None, RANDOM):
            _, network, origin[channel] = open_network(name, weights)
            networks[channel].network.load_state_dict(network.state_dict())
    if init_from is None and any(source["source"] == RANDOM for source in origin.values()):
        encoder.to(device).eval()  # whole frames, not augmented
        for channel, network in networks.items():
            if origin[channel]["source"] == RANDOM:
                seen = _spread_views(encoder, table, device)
                as_given = clip_images if channel == "motion" else attrgetter("images")
                network.calibrate(map(as_given, seen))
        encoder.train()
    return origin


def feature_statistics(
    encoder: ClipEncoder, table: ClipTable, device: torch.device, *, covariance: bool
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Mean and deviation of each feature that the encoders give some training videos.

    `covariance`: mean and covariance of those videos' mean features instead.  Computed on the
    `device`, where the encoders then stay.
    """
    encoder.to(device).eval()
    with torch.no_grad():
        found = [encoder(views) for views in _spread_views(encoder, table, device)]
    encoder.train()
    if covariance:
        a, m = Covariance(), Covariance()
        for one in found:
            a.add(one.appearance.mean((1, 2)))
            m.add(one.motion.mean(1))
        return a.result(), m.result()
    return (
        moments(torch.cat([one.appearance.flatten(0, 2) for one in found])),
        moments(torch.cat([one.motion.flatten(0, 1) for one in found])),
    )


def fit_norms(
    norms: Sequence[Standardize | Whiten],
    kind: str,
    table: FeatureTable | ClipTable,
    encoder: ClipEncoder | None,
    motion_from: MotionFrom,
    device: torch.device,
) -> None:
    """Fit both channels' norms, by option `feature_norm`, to the training videos.

    Raises UserError where the features vary in too few directions.
    """
    covariance = kind != "standardize"
    if isinstance(table, FeatureTable):
        how = None if motion_from == "store" else partial(derived_motion, how=motion_from)
        channels = table.statistics(motion_of=how, covariance=covariance)
    else:
        assert encoder is not None
        channels = feature_statistics(encoder, table, device, covariance=covariance)
    try:
        for norm, statistics in zip(norms, channels, strict=True):
            norm.fit(*statistics)
    except ValueError as error:
        raise UserError(f"--feature_norm {kind}: {error}; give fewer") from error


def refuse_encoder_options(options: EncoderOptions) -> None:
    """Raise UserError for an option of encoders: for a run on stored features, which has none."""
    for field in fields(EncoderOptions):
        if getattr(options, field.name) != field.default:
            raise UserError(
                f"--{field.name}: a run on stored features has no encoders; give --clips, a store "
                "of decoded clips, or leave it out"
            )


def check_clips(options: EncoderOptions, store: ClipStore, *, channels: Channels = "both") -> None:
    """Raise UserError if the store's clips are not what the encoders are to see, or can.

    `channels`: those that have an encoder.
    """
    check_crop(options, store)
    height, width = (options.crop, options.crop) if options.crop else store.size
    for channel, spec in zip(("appearance", "motion"), encoder_specs(options), strict=True):
        if channels not in ("both", channel):
            continue
        name = getattr(options, f"{channel}_encoder")
        problem = spec.side_problem(height, width)
        if problem:
            raise UserError(
                f"{name} {problem}, and would see {height}x{width} of {store.path}: choose another "
                "encoder, --crop or --size of the store"
            )
        problem = spec.frames_problem(store.frames_per_clip) if spec.kind == "clip" else ""
        if problem:
            raise UserError(
                f"{name} {problem}, and {store.path} has {store.frames_per_clip} in each: choose "
                "another encoder, or make a store with --frames 16"
            )


def check_crop(options: EncoderOptions, store: ClipStore) -> None:
    """Raise UserError if the store's clips are smaller than what is cut out of them."""
    if options.crop > min(store.size):
        raise UserError(
            f"--crop {options.crop}: the clips of {store.path} are "
            f"{store.size[0]}x{store.size[1]}; give at most {min(store.size)}, or make a store of "
            "larger ones (--size)"
        )


def _spread_views(encoder: ClipEncoder, table: ClipTable, device: torch.device) -> Iterator[Views]:
    """What the encoders see of some of the videos, spread evenly; a few at a time, on `device`."""
    rows = np.unique(np.linspace(0, len(table.ids) - 1, VIDEOS).astype(np.int64))
    for part in np.array_split(rows, -(-len(rows) // AT_ONCE)):
        clips = table.gather(part).to(device)
        yield encoder.views(clips.frames, clips.index)


def start_from(name: str, task: nn.Module, task_name: str, part: InitPart = "all") -> str:
    """Load the weights of --init_from `name` into a task; -> what was taken, in words.

    A run's best.pt, any checkpoint of this project, or one of the released DualVGR code.  Of a run
    of the same task everything is taken, and must fit; of another, or by `part` "encoders", what
    both have of `GROUPS`: each of them whole.  A run of another kind of answers brings all but its
    head's outputs, and the words of its vocabulary.  Raises UserError that lists what
    does not fit, or where there is nothing to take.
    """
    path = Path(name)
    path = path / "best.pt" if path.is_dir() else path
    content = load_plain(path)
    state = content.get("weights", content.get("state_dict", content))
    released = is_released(state)
    if released:
        state = {f"model.{k}": v for k, v in from_released(state).items()}
    own, left = task.state_dict(), "nothing starts at random"
    state = with_kept_projection(state, own)
    wanted = {k for k in own if not REBUILD.match(k)}
    state = {k: v for k, v in state.items() if k in own or not REBUILD.match(k)}
    if isinstance(task, QuestionAnswering) and _other_kind(content, task):
        left = f"the head's scores start anew, of the kind {task.kind}"
        words = content["vocabulary"]["words"]
        if words != list(task.vocabulary.words):
            state = {
                k: v if not WORDS.match(k) else _of_words(v, words, own[k], task)
                for k, v in state.items()
            }
            left += ", and words that its vocabulary lacks as without it"
        state = {k: v for k, v in state.items() if not OUTPUTS.match(k)}
        wanted = {k for k in wanted if not OUTPUTS.match(k)}
    if part != "all" or content.get("task", task_name) != task_name:
        groups = {
            n: g for n, g in GROUPS.items() if part == "all" or g.pattern.startswith("encoder")
        }
        has, there = ({n for n, g in groups.items() if any(map(g.match, s))} for s in (own, state))
        if not has & there:
            raise UserError(
                f"--init_from {path}: it has {_listed(there)}, and this run {_listed(has)}: "
                "nothing of it is taken; give --clips and the encoders of that run, or leave it out"
            )
        taken = [groups[n] for n in sorted(has & there)]
        taken += [REBUILD] if part == "all" else []
        state, wanted = (
            {k: v for k, v in s.items() if any(g.match(k) for g in taken)} for s in (state, own)
        )
        wanted = {k for k in wanted if not REBUILD.match(k)}
        random = _listed(has - there) if has - there else ""
        left = f"the rest{f', with {random},' if random else ''} starts as without it"
    misfit = [
        f"{k} is {tuple(v.shape)} there and "
        + (f"{tuple(own[k].shape)} here" if k in own else "not here")
        for k, v in state.items()
        if k not in own or own[k].shape != v.shape
    ]
    if not released:  # which has no statistics of features
        misfit += [f"{k} is {tuple(own[k].shape)} here and not there" for k in {*wanted} - {*state}]
    if misfit:
        raise UserError(
            f"--init_from {path}: {len(misfit)} of {len(wanted)} tensors do not fit: "
            f"{'; '.join(sorted(misfit)[:4])}{'; ...' if len(misfit) > 4 else ''}; start with the "
            "same model options, encoders and kind of data as that run"
        )
    task.load_state_dict(state, strict=False)
    return f"weights from {path}: {len(state)} tensors; {left}"


def _of_words(there: Tensor, words: list[str], here: Tensor, task: QuestionAnswering) -> Tensor:
    """Vectors of a task's words: a checkpoint's, whose `words` they are, where it has them."""
    if there.shape[1:] != here.shape[1:]:
        return there  # which is refused: vectors of another width
    row = {word: i for i, word in enumerate(words)}
    mixed = here.clone()
    for i, word in enumerate(task.vocabulary.words):
        if word in row:
            mixed[i] = there[row[word]]
    return mixed


def _other_kind(content: dict[str, Any], task: QuestionAnswering) -> bool:
    """Whether a checkpoint tells answers of another kind than a task, or other numbers."""
    if content.get("task") != "qa":
        return False
    if content.get("kind", "open") != task.kind or task.kind != "count":
        return content.get("kind", "open") != task.kind
    there, here = content["options"]["count_as"], task.loss.count_as
    return there != here or (
        here == "ordinal" and tuple(content["count_range"]) != task.count_range
    )


def _listed(groups: set[str]) -> str:
    return " and ".join(sorted(groups)) or "no encoder and no graphs"
