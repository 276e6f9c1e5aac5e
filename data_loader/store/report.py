"""What a store is, what made it, whether it is whole, and how its values are distributed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from data_loader.store.checksum import is_whole
from data_loader.store.clips import ClipStore, VideoClips
from data_loader.store.histogram import Distribution
from data_loader.store.open import Store, open_any_store
from data_loader.store.provenance import Provenance
from util.errors import UserError

FEW = 5  # damaged videos named in a message
SHOWN = (  # of the provenance, in this order
    "backbone", "layer", "kind", "width", "weights", "imported", "sampling", "resize", "crop",
    "size", "scaler", "normalisation", "decoder", "precision", "versions", "network_precision",
)  # fmt: skip


def report(paths: Sequence[str], listed: int | None) -> None:
    """Print what stores are, and `listed` of their videos (None: all of them).

    Raises UserError at the end if one of them is damaged or no store.
    """
    mistakes = []
    for path in paths:
        try:
            store = open_any_store(path)
        except UserError as error:  # the others are looked through all the same
            mistakes.append(str(error))
            continue
        count = len(store.ids) if listed is None else listed
        print("\n".join(describe(store, videos=count)), flush=True)
        damaged, lines = look_through(store)
        print("\n".join(lines) + "\n", flush=True)
        if damaged:
            few = ", ".join(damaged[:FEW]) + (", ..." if len(damaged) > FEW else "")
            mistakes.append(
                f"{path}: {len(damaged)} of {len(store.ids)} videos are damaged ({few}); delete "
                "it, and make it again with the same command"
            )
    if mistakes:
        raise UserError("; ".join(mistakes))


def describe(store: Store, *, videos: int) -> list[str]:
    """What a store says of itself, in lines: size, provenance, and `videos` of its videos."""
    lines = [f"{store.path}: {len(store.ids)} videos, {store.path.stat().st_size / 2**20:.1f} MiB"]
    lines += _rows({"holds": _holds(store), **_made(store.provenance)})
    return lines + _videos(store, videos)


def look_through(store: Store) -> tuple[list[str], list[str]]:
    """Read all of a store.  -> ids of the damaged videos; lines on checksums and values."""
    damaged, values = [], Distribution(pixels=isinstance(store, ClipStore))
    with store.opened() as read:
        for name in tqdm(store.ids, unit="video", leave=False, disable=None):
            try:
                video = read(name)
            except UserError:  # it cannot be read
                video = None
            if video is None or not is_whole(video):
                damaged.append(name)
            elif isinstance(video, VideoClips):
                values.add(video.frames.reshape(len(video.frames), -1))
            else:
                values.add(video.features.reshape(-1, video.features.shape[-1]))
    total = len(store.ids)
    if damaged:
        verdict = f"{len(damaged)} of {total} videos are damaged: {', '.join(damaged)}"
    elif store.checksum is None:
        verdict = f"none (format 1); all {total} videos are readable"
    else:
        verdict = f"all {total} videos fit"
    row = "frame" if isinstance(store, ClipStore) else "row"
    return damaged, [*_rows({"checksums": verdict}), *values.lines(row=row)]


def _rows(lines: dict[str, str]) -> list[str]:
    return [f"  {label:14} {line}" for label, line in lines.items()]


def _holds(store: Store) -> str:
    total = int(store.frame_count.sum())
    decoded = f"{total:,} frames decoded in all" if total else "number of decoded frames unknown"
    if isinstance(store, ClipStore):
        height, width = store.size
        return (
            f"{store.clips} clips x {store.frames_per_clip} frames of {height} x {width} pixels; "
            f"{store.count.sum():,} distinct frames; {decoded}"
        )
    with store.features() as stored:
        how = f"{stored.dtype}, {stored.compression or 'not'} compressed"
    clips, frames = _span(np.unique(store.clips)), _span(np.unique(store.frames))
    return f"{clips} clips x {frames} frames x width {store.width}, {how}; {decoded}"


def _span(values: np.ndarray) -> str:
    return str(values[0]) if len(values) == 1 else f"{values.min()} to {values.max()}"


def _made(provenance: Provenance) -> dict[str, str]:
    """The lines of the provenance, {label: text}."""
    said = provenance.to_dict()
    if provenance.sampling and provenance.sampling.fps:
        del said["sampling"]["clips"]  # as many as each video is long
    lines = {key.replace("_", " "): _as_text(said[key]) for key in SHOWN if key in said}
    return {**lines, "new videos": "yes" if provenance.has_backbone else "no, cannot be asked"}


def _as_text(value: Any) -> str:
    """A value of the provenance as text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_text, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == "" else str(value)


def _videos(store: Store, count: int) -> list[str]:
    """A table of the first videos, and of those that have a note."""
    rows = [
        (name, f"{decoded or 'unknown'}", sha256 or "unknown", note)
        for i, (name, decoded, sha256, note) in enumerate(
            zip(store.ids, store.frame_count, store.file_sha256, store.notes, strict=True)
        )
        if i < count or note
    ]
    if not rows:
        return []
    wide = max(10, *(len(name) for name, *_ in rows))
    lines = [f"  {'video':{wide}} {'frames':>8}  SHA-256 of the file"]
    for name, decoded, sha256, note in rows:
        lines.append(f"  {name:{wide}} {decoded:>8}  {sha256}{f'  ({note})' if note else ''}")
    left = len(store.ids) - len(rows)
    return [*lines, f"  ... and {left:,} more (--videos all)"] if left else lines
