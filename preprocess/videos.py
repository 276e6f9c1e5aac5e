"""`python -m preprocess.videos`: video files -> a feature store, or a clip store.

Each video becomes a part, a store of one video, in `STORE.h5.parts/`; at the end the parts are
merged into `STORE.h5`.  Started again, the command goes on where it was.  Videos that cannot be
read are set aside in `STORE.h5.quarantine.json`; nothing is ever filled with zeros.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import torch
from tqdm import tqdm

from options.parse import parse
from options.video import VideoOptions
from preprocess.decoders import VideoError, require_decoder
from preprocess.frames import read_clips
from preprocess.inputs import list_videos, name_videos
from preprocess.products import Product, Store, choose_product
from util.errors import UserError, run_command
from util.files import sha256, whole_file

PROG = "python -m preprocess.videos"


@dataclass(frozen=True)
class Outcome:
    """What became of one video: its frames and the seconds of decoding, or why it was set aside."""

    video: str
    frames: int = 0
    seconds: float = 0.0
    reason: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Extract; 0: every video is stored, 1: some are in quarantine, 2 (UserError): no store."""
    (options,) = parse(PROG, "Video files -> a feature or clip store.", [VideoOptions], argv)
    return extract(options)


def extract(options: VideoOptions) -> int:
    """Do what `main` says, with its options."""
    output = Path(options.output)
    parts = output.with_name(output.name + ".parts")
    files = name_videos(list_videos(options.videos), options.id_map)
    require_decoder(options.decoder)
    product = choose_product(options)
    stored = _stores_so_far(output, parts, product)
    pending = {video: file for video, file in files.items() if video not in stored}

    begin = time.perf_counter()
    outcomes = _extract_all(pending, parts, product, options)
    aside = [outcome for outcome in outcomes if outcome.reason]
    _write_quarantine(output, aside, files)
    made = len(outcomes) - len(aside)
    stored = _stores_so_far(output, parts, product)
    if not stored:
        first = aside[0]
        raise UserError(
            f"{output}: not made, none of {len(files)} videos can be read; first "
            f"{files[first.video]}: {first.reason}; all are listed in {quarantine_file(output)}"
        )
    if parts.exists():
        _merge(output, stored, list(files), product)
        shutil.rmtree(parts)
    print(_summary(output, len(stored), made, outcomes, time.perf_counter() - begin))
    return 1 if aside else 0


def quarantine_file(output: Path) -> Path:
    """Where the videos that could not be read are listed."""
    return output.with_name(output.name + ".quarantine.json")


def _stores_so_far(output: Path, parts: Path, product: Product) -> dict[str, Store]:
    """{video: store or part that holds it}.  Raises UserError if one was made in another way."""
    stores = [product.open(output)] if output.exists() else []
    stores += [product.open(part) for part in sorted(parts.glob("*.h5"))]
    provenance = product.provenance
    for store in stores:
        differing = [
            key
            for key in sorted(provenance.keys() | store.provenance.keys())
            if _essence(provenance).get(key) != _essence(store.provenance).get(key)
        ]
        if differing:
            key = differing[0]
            place = output if store.path == output else parts
            raise UserError(
                f"{place}: made with {key} {json.dumps(store.provenance.get(key))}, asked for "
                f"{json.dumps(provenance.get(key))}; give another --output, or delete {place}"
            )
    return {video: store for store in stores for video in store.ids}


def _essence(provenance: dict[str, Any]) -> dict[str, Any]:
    """Provenance without what may differ between equal features: versions, the weights' path."""
    essence = {key: value for key, value in provenance.items() if key != "versions"}
    if isinstance(essence.get("weights"), dict):
        essence["weights"] = essence["weights"].get("sha256")
    return essence


def _extract_all(
    pending: dict[str, Path],
    parts: Path,
    product: Product,
    options: VideoOptions,
) -> list[Outcome]:
    """Make a part of each pending video, or set it aside; in the order of `pending`.

    Each thread takes a whole video (decode, network, write), so that one decodes while another is
    in the network.
    """

    def extract_one(video: str) -> Outcome:
        begin = time.perf_counter()
        try:
            clips = read_clips(
                pending[video],
                clips=options.clips,
                frames=options.frames,
                decoder=options.decoder,
                keep_partial=options.keep_partial,
            )
        except VideoError as error:
            return Outcome(video, reason=error.reason)
        seconds = time.perf_counter() - begin
        one = product.make(video, clips)
        product.write(parts / f"{quote(video, safe='')}.h5", [one], product.provenance)
        return Outcome(video, clips.frame_count, seconds)

    threads = options.threads or min(8, len(os.sched_getaffinity(0)))
    outcomes: dict[str, Outcome] = {}
    with (
        _one_torch_thread(),
        tqdm(total=len(pending), unit="video", desc=product.name, disable=not pending) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        futures = [pool.submit(extract_one, video) for video in pending]
        try:
            for future in as_completed(futures):
                outcome = future.result()
                outcomes[outcome.video] = outcome
                bar.update()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [outcomes[video] for video in pending]


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """One thread for each operation: with a video per thread, more would only wait on each other.

    On 2 busy cores SqueezeNet took 97 frames/s so, and 15 with two threads for each operation.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Stored:
    """Stored videos one by one, as often as they are gone through."""

    stores: Mapping[str, Store]
    videos: Sequence[str]

    def __iter__(self) -> Iterator[Any]:
        for video in self.videos:
            yield self.stores[video].video(video)


def _merge(output: Path, stored: dict[str, Store], order: list[str], product: Product) -> None:
    """Write the store: videos of the earlier store, then those of the command, in its order."""
    earlier = [video for video, store in stored.items() if store.path == output]
    named = [video for video in order if video in stored]
    videos = list(dict.fromkeys([*earlier, *named, *stored]))
    product.write(output, _Stored(stored, videos), product.provenance)


def _write_quarantine(output: Path, aside: list[Outcome], files: dict[str, Path]) -> None:
    """List the videos set aside; without any, the list goes."""
    path = quarantine_file(output)
    if not aside:
        path.unlink(missing_ok=True)
        return
    rows = []
    for outcome in aside:
        file = files[outcome.video]
        print(f"set aside {file}: {outcome.reason}", file=sys.stderr)
        fingerprint = sha256(file) if file.is_file() else None
        rows.append(
            {
                "file": str(file),
                "id": outcome.video,
                "reason": outcome.reason,
                "sha256": fingerprint,
            }
        )
    with whole_file(path) as partial:
        partial.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _summary(output: Path, stored: int, made: int, outcomes: list[Outcome], seconds: float) -> str:
    """The command's last line."""
    frames = sum(outcome.frames for outcome in outcomes)
    decoding = sum(outcome.seconds for outcome in outcomes)
    aside = sum(bool(outcome.reason) for outcome in outcomes)
    speed = ""
    if frames:
        speed = (
            f"; {frames} frames decoded at {frames / decoding:.0f} frames/s a thread, the whole at "
            f"{frames / seconds:.0f} frames/s ({seconds:.1f} s)"
        )
    size = output.stat().st_size / 2**20
    counts = f"{stored} videos stored ({made} new), {aside} in quarantine"
    return f"{output}: {counts}{speed}; {size:.1f} MiB"


if __name__ == "__main__":
    run_command(main)
