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
from data_loader.sampling import derangement
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
    placement = place(
        videos, stores, video=video, channels=channels, features_in=features_in, device=device
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
) -> Placement:
    """Where to keep the features of some splits' videos, by option `features_in`."""
    read = [
        store
        for name, store in stores.present().items()
        if isinstance(store, FeatureStore) and channels in ("both", name) and video != "none"
    ]
    return choose_placement(features_in, read, videos, device) if read else Placement("memory", "")


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
    table, index = videos_of(
        split.videos,
        stores,
        video=video,
        channels=channels,
        seed=seed,
        on_disk=on_disk,
        what=f"split {split.name}",
        rows="questions",
    )
    return QaData(split=split, table=table, video=index)


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
) -> tuple[FeatureTable | ClipTable, np.ndarray]:
    """The videos of rows, each once; features are read into memory, or batch by batch (`on_disk`).

    -> the videos, and for each row its video's index among them: (R,) int64.

    `video` "none" (the question-only control) shows one video without features instead; "shuffled"
    (the shuffled-video control) shows another video of the split, by a permutation drawn from
    `seed`.  With `channels` "appearance" or "motion" the other one is not read: its features have
    width 0.  `what` and `rows`: the split and its rows in words.  Raises UserError for stores that
    do not match, or a row whose video is in no store.
    """
    distinct = sorted(set(videos))
    if stores.appearance and stores.motion:
        check_match(stores.appearance, stores.motion)
    for store in stores.present().values():
        _check_videos(videos, store, what, rows)
    if video == "none":
        return _without_video(stores), np.zeros(len(videos), dtype=np.int64)
    shown = distinct
    if video == "shuffled":
        if len(distinct) < 2:
            raise UserError(f"--video shuffled: {what} has a single video")
        shown = [distinct[i] for i in derangement(seed=seed, total=len(distinct))]
    if stores.clips is not None:
        table = ClipTable(store=stores.clips, ids=tuple(shown))
    else:
        assert stores.appearance is not None
        table = _feature_table(
            stores.appearance, stores.motion, shown, channels=channels, on_disk=on_disk
        )
    index = {name: i for i, name in enumerate(distinct)}
    return table, np.array([index[name] for name in videos], dtype=np.int64)


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
    videos: Sequence[str],
    *,
    channels: Channels,
    on_disk: bool,
) -> FeatureTable:
    """Features of `videos`, in their order; UserError if the channels differ in clips.

    The motion channel has one vector a clip: per-frame features are averaged.  Without a store of
    its own it is left out here: the model makes it of the other (option `motion_from`).
    """
    if motion is None:
        motion, channels = appearance, "appearance"
    columns = {
        "appearance": MappedFeatures(appearance, videos, frame_mean=False),
        "motion": MappedFeatures(motion, videos, frame_mean=True),
    }
    a, m = (features.clips for features in columns.values())
    if len(differ := np.flatnonzero(a != m)):
        i = differ[0]
        raise UserError(
            f"video {videos[i]} has {a[i]} clips in {appearance.path} and {m[i]} in "
            f"{motion.path}: extract both with the same --clips"
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
