"""Do stores belong together: those of the two channels, and those of a run and another?"""

from pathlib import Path

from data_loader.store.features import FeatureStore
from data_loader.store.open import Store
from data_loader.store.provenance import Provenance
from util.errors import UserError


def check_match(appearance: FeatureStore, motion: FeatureStore) -> None:
    """Both channels must be of the same clips of the same videos.

    Raises UserError that names what differs: the videos, the kinds (exchanged), a line of the
    sampling, a video's file.  What a store does not know contradicts nothing.
    """
    a, m = set(appearance.ids), set(motion.ids)
    if a != m:
        incomplete, extra = (motion, sorted(a - m)) if a - m else (appearance, sorted(m - a))
        raise UserError(
            f"{appearance.path} and {motion.path} hold different videos: {incomplete.path} lacks "
            f"{len(extra)}, first {', '.join(extra[:3])}; extract both channels from the same "
            "videos"
        )
    if [store.provenance.kind for store in (appearance, motion)] == ["clip", "frame"]:
        raise UserError(
            f"--appearance {appearance.path} has kind clip and --motion {motion.path} kind frame: "
            "exchange the two"
        )
    _check_sampling(appearance, motion)
    _check_files(appearance, motion)


def _check_sampling(appearance: FeatureStore, motion: FeatureStore) -> None:
    first, second = appearance.provenance.sampling, motion.provenance.sampling
    if first is None or second is None:
        return
    keys = ["fps", "clips", "frames", "rule", "stride"]
    if "unknown" in (first.rule, second.rule):  # imported: it is not known which
        keys = ["fps", "clips"] if first.fps and second.fps else ["clips"]
    for key in keys:
        a, m = getattr(first, key), getattr(second, key)
        if a != m:
            same = {"fps": "--fps", "stride": "--stride"}.get(key, "--clips and --frames")
            raise UserError(
                f"{appearance.path} has sampling {key} {a}, but {motion.path} has {m}: extract "
                f"both with the same {same}"
            )


def _check_files(appearance: FeatureStore, motion: FeatureStore) -> None:
    """Each video must come from one file: the same hash, the same number of decoded frames."""
    for name in ("file_sha256", "frame_count"):
        a, m = (dict(zip(s.ids, getattr(s, name), strict=True)) for s in (appearance, motion))
        differ = [
            video for video in appearance.ids if a[video] and m[video] and a[video] != m[video]
        ]
        if differ:
            video = differ[0]
            raise UserError(
                f"{appearance.path} has {name} {a[video]} of video {video}, but {motion.path} has "
                f"{m[video]} ({len(differ)} of {len(a)} videos differ): extract both from the same "
                "files"
            )


def check_provenance(trained: Provenance, store: Store, trained_path: str | Path) -> None:
    """A run's videos and a store must have been made alike.

    `trained`: the provenance that the run's checkpoint remembers.  Raises UserError that names what
    differs.
    """
    difference = trained.first_difference(store.provenance, decoder=False)
    if difference:
        key, was, now = difference
        raise UserError(
            f"{store.path} has {key} {now}, but {trained_path} was trained on {was}: "
            "give the store that the run was trained with, or one extracted alike"
        )
