"""Join the rows of a split with their videos: features in memory, on disk, or clips.

A row is a question, or a segment that has captions.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from data_loader.dataset import QaData
from data_loader.mapped import MappedFeatures
from data_loader.open import Stores
from data_loader.placement import Placement, choose_placement
from data_loader.questions import QuestionSplit
from data_loader.segment import Segment, of_other_videos, segments_of, spans_of
from data_loader.store.clips import ClipStore
from data_loader.store.features import FeatureStore
from data_loader.store.match import check_match
from data_loader.video_table import ClipTable, FeatureTable
from options.data import Channels, FeaturesIn, Video
from util.errors import UserError


def join_splits(
    splits: Sequence[QuestionSplit],
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    features_in: FeaturesIn,
    device: torch.device,
) -> tuple[list[QaData], str]:
    """Join splits as `join` does, with stored features placed where `features_in` says.

    -> one QaData a split; in words where the features are, "" without features.  Raises UserError
    as `join` and `choose_placement` do.
    """
    videos = [split.videos for split in splits]
    times = [_times(split) for split in splits]
    placement = place(
        videos,
        stores,
        video=video,
        channels=channels,
        features_in=features_in,
        device=device,
        times=None if all(of is None for of in times) else times,
    )
    # On the way to a GPU features are read as from disk: never in memory as a whole.
    joined = [
        join(
            split,
            stores,
            video=video,
            channels=channels,
            seed=seed,
            on_disk=placement.where != "memory",
        )
        for split in splits
    ]
    if placement.where == "gpu":
        joined = [data.to(device) for data in joined]
    return joined, placement.description


def place(
    videos: Sequence[Sequence[str]],
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    features_in: FeaturesIn,
    device: torch.device,
    times: Sequence[np.ndarray | None] | None = None,
) -> Placement:
    """Where to keep the features of some splits' videos, by option `features_in`.

    `times`: of each split, as `videos_of` takes them.
    """
    read = [
        store
        for name, store in stores.present().items()
        if isinstance(store, FeatureStore) and channels in ("both", name) and video != "none"
    ]
    if not read:
        return Placement("memory", "")
    spans = None
    if times is not None:
        spans = [
            spans_of(read[0], sorted(set(segments_of(names, of))))
            for names, of in zip(videos, times, strict=True)
        ]
    return choose_placement(features_in, read, videos, device, spans)


def join(
    split: QuestionSplit,
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    on_disk: bool,
) -> QaData:
    """Join a split with its videos, as `videos_of` does.

    Raises UserError for a split without questions, too.
    """
    if not len(split.videos):
        raise UserError(f"split {split.name} has no questions: check the annotations")
    times = _times(split)
    table, index = videos_of(
        split.videos,
        stores,
        video=video,
        channels=channels,
        seed=seed,
        on_disk=on_disk,
        what=f"split {split.name}",
        rows="questions",
        times=times,
    )
    if times is not None and video != "none" and isinstance(table, FeatureTable):
        empty = np.flatnonzero(table.clips.cpu().numpy()[index] == 0)
        if len(empty):
            raise UserError(
                f"split {split.name}: {len(empty):,} questions, the first {split.ids[empty[0]]}, "
                "are about a part of a video without a clip; leave them out with --videos_in of "
                "preprocess.questions"
            )
    return QaData(split=split, table=table, video=index)


def _times(split: QuestionSplit) -> np.ndarray | None:
    """Start and end in s of the parts that questions are about: (Q, 2); None: whole videos."""
    return None if split.times is None else split.times.numpy()


def videos_of(
    videos: Sequence[str],
    stores: Stores,
    *,
    video: Video,
    channels: Channels,
    seed: int,
    on_disk: bool,
    what: str,
    rows: str,
    times: np.ndarray | None = None,
) -> tuple[FeatureTable | ClipTable, np.ndarray]:
    """The videos of rows, each once; features are read into memory, or batch by batch (`on_disk`).

    -> the videos, and for each row its video's index among them: (R,) int64.

    `video` "none" (the question-only control) shows one video without features instead; "shuffled"
    (the shuffled-video control) shows another video of the split, by a permutation drawn from
    `seed`.  With `channels` "appearance" or "motion" the other one is not read: its features have
    width 0.  `what` and `rows`: the split and its rows in words.  `times` (R, 2): start and end in
    s, where a row is of a part of its video; each part is then a video of its own, one of another
    video is shown in its place.  Raises UserError for stores that do not match, have no steady rate
    for the parts, or lack the video of a row.
    """
    segments = segments_of(videos, times)
    distinct = sorted(set(segments))
    if stores.appearance and stores.motion:
        check_match(stores.appearance, stores.motion)
    for store in stores.present().values():
        _check_videos(videos, store, what, rows)
    if video == "none":
        return _without_video(stores), np.zeros(len(videos), dtype=np.int64)
    shown = distinct
    if video == "shuffled":
        if len({segment.video for segment in distinct}) < 2:
            raise UserError(f"--video shuffled: {what} has a single video")
        shown = of_other_videos(distinct, seed)
    if stores.clips is not None:
        if times is not None:
            raise UserError(
                f"{stores.clips.path}: decoded clips come at no steady rate, and {what} is of "
                "parts of videos; give features, extracted with preprocess.videos --fps"
            )
        table = ClipTable(store=stores.clips, ids=tuple(segment.video for segment in shown))
    else:
        assert stores.appearance is not None
        table = _feature_table(
            stores.appearance, stores.motion, shown, channels=channels, on_disk=on_disk
        )
    index = {segment: i for i, segment in enumerate(distinct)}
    return table, np.array([index[segment] for segment in segments], dtype=np.int64)


def _check_videos(
    videos: Sequence[str], store: FeatureStore | ClipStore, what: str, rows: str
) -> None:
    """Every row's video must be in the store."""
    missing = {video for video in videos if video not in store}
    if missing:
        lacking = "clips" if isinstance(store, ClipStore) else "features"
        asked = sum(video in missing for video in videos)
        raise UserError(
            f"{store.path}: no {lacking} for {len(missing)} videos of {what} "
            f"({asked} {rows}), first {', '.join(sorted(missing)[:3])}; extract them, or encode "
            f"the {rows} with --videos_in and this store"
        )


def _without_video(stores: Stores) -> FeatureTable:
    """One video for all rows, whose channels are both left out.

    It has one clip: clips of zeros are all alike, and relating or weighing them changes nothing.
    """
    frames = 1
    if stores.clips is not None:
        frames = stores.clips.frames_per_clip
    elif stores.appearance is not None:
        frames = int(stores.appearance.frames[0])
    return FeatureTable(
        appearance=torch.empty(1, 1, frames, 0),
        motion=torch.empty(1, 1, 0),
        clips=torch.ones(1, dtype=torch.int64),
    )


def _feature_table(
    appearance: FeatureStore,
    motion: FeatureStore | None,
    segments: Sequence[Segment],
    *,
    channels: Channels,
    on_disk: bool,
) -> FeatureTable:
    """Features of `segments`, in their order; UserError if the channels differ in clips.

    The motion channel has one vector a clip: per-frame features are averaged.  Without a store of
    its own it is left out here: the model makes it of the other (option `motion_from`).
    """
    if motion is None:
        motion, channels = appearance, "appearance"
    videos = [segment.video for segment in segments]
    columns = {
        "appearance": MappedFeatures(
            appearance, videos, frame_mean=False, spans=spans_of(appearance, segments)
        ),
        "motion": MappedFeatures(motion, videos, frame_mean=True, spans=spans_of(motion, segments)),
    }
    a, m = (features.clips for features in columns.values())
    if len(differ := np.flatnonzero(a != m)):
        i = differ[0]
        raise UserError(
            f"video {videos[i]} has {a[i]} clips in {appearance.path} and {m[i]} in "
            f"{motion.path}: extract both with the same --clips, or --fps"
        )
    features_of: dict[str, Tensor | MappedFeatures] = {}
    for channel, features in columns.items():
        if channels not in ("both", channel):
            features_of[channel] = torch.empty(*features.shape[:-1], 0)
        else:
            features_of[channel] = features if on_disk else features.to(torch.device("cpu"))
    return FeatureTable(
        appearance=features_of["appearance"],
        motion=features_of["motion"],
        clips=torch.from_numpy(a),
    )
