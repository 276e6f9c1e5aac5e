"""Do the feature stores of the two channels belong together?"""

from data_loader.store.features import FeatureStore
from util.errors import UserError


def check_match(appearance: FeatureStore, motion: FeatureStore) -> None:
    """Both channels must be of the same clips of the same videos.

    Raises UserError that names what differs: the videos, the kinds (exchanged), a line of the
    sampling, a video's file.  What a store does not know contradicts nothing.
    """
    a, m = set(appearance.ids), set(motion.ids)
    if a != m:
        lacking, extra = (motion, sorted(a - m)) if a - m else (appearance, sorted(m - a))
        raise UserError(
            f"{appearance.path} and {motion.path} hold different videos: {lacking.path} lacks "
            f"{len(extra)}, first {', '.join(extra[:3])}; extract both channels from the same "
            "videos"
        )
    made = appearance.provenance, motion.provenance
    if [one.get("kind") for one in made] == ["clip", "frame"]:
        raise UserError(
            f"--appearance {appearance.path} has kind clip and --motion {motion.path} kind frame: "
            "exchange the two"
        )
    _check_sampling(appearance, motion)
    _check_files(appearance, motion)


def _check_sampling(appearance: FeatureStore, motion: FeatureStore) -> None:
    first, second = (s.provenance.get("sampling", {}) for s in (appearance, motion))
    keys = ["clips", "frames", "rule"]
    if "unknown" in (first.get("rule"), second.get("rule")):  # imported: frames were not told
        keys = ["clips"]
    for key in keys:
        a, m = first.get(key), second.get(key)
        if a is not None and m is not None and a != m:
            raise UserError(
                f"{appearance.path} has sampling {key} {a}, but {motion.path} has {m}: extract "
                f"both with the same --clips and --frames"
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
