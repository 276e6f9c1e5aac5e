"""Damaged video files through the real decoding:  python -m benchmark mutated --videos DIR

Nothing may crash, hang, or be silently black.  Takes the smallest files of a folder, damages each
in another way (a function of seed and number), and reads it as `preprocess.videos --keep_partial`
does, in worker processes with a time limit.  Each file is stored, partial, refused with a reason,
timed out, or crashed.  Pictures of what is stored are held against those of the whole file: FFmpeg
fills in what it cannot decode.  Exit code 1: a file is unaccounted for, or has a black picture that
its original has not.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from benchmark.extraction.damage import MUTATIONS, Found, Job, make_jobs, read_damaged
from preprocess.extraction.worker import Failure, run_in_workers
from preprocess.video.files import list_videos
from util.errors import UserError

OUTCOMES = ("stored", "partial", "refused", "timed out", "crashed")


def run(options: argparse.Namespace) -> int:
    """Damage, read, account; the last line is JSON."""
    if min(options.count, options.sources, options.workers) < 1:
        raise UserError("--count, --sources, --workers: give at least 1")
    paths = sorted(list_videos([options.videos]), key=lambda path: path.stat().st_size)
    jobs = make_jobs(paths[: options.sources], options.count, options.seed, options.decoder)
    begin = time.perf_counter()
    rows: dict[int, tuple[str, str]] = {}
    black = off = flat = pictures = peak = 0
    results = run_in_workers(
        read_damaged, jobs, workers=options.workers, time_limit=options.time_limit, ahead=8
    )
    for job, found in tqdm(results, total=len(jobs), unit="file"):
        outcome, reason = classify(found)
        rows[job.number] = outcome, reason
        if isinstance(found, Found):
            pictures += found.pictures
            black += found.black
            if not found.note:
                off, flat = off + found.off, flat + found.flat
            peak = max(peak, found.peak)
            if found.black:
                print(f"black: number {job.number}, {job.kind} of {job.path.name}: {found}")
        elif outcome in ("timed out", "crashed"):
            print(f"{outcome}: number {job.number}, {job.kind} of {job.path.name}: {reason}")
    _print_table(jobs, {number: row[0] for number, row in rows.items()})
    print("\nrefused because")
    reasons = Counter(
        re.sub(r"\d", "#", reason.split(";")[0])[:80]
        for outcome, reason in rows.values()
        if outcome == "refused"
    )
    for words, count in reasons.most_common(12):
        print(f"{count:6}  {words}")
    counts = Counter(row[0] for row in rows.values())
    summary = {
        "files": len(jobs),
        **{outcome.replace(" ", "_"): counts[outcome] for outcome in OUTCOMES},
        "unaccounted": len(jobs) - len(rows),
        "pictures": pictures,
        "silently_black": black,
        "one_colour_without_a_note": flat,
        "off_without_a_note": off,
        "peak_mib": round(peak / 2**20),
        "seconds": round(time.perf_counter() - begin, 1),
    }
    print(json.dumps(summary))
    return 1 if black or summary["unaccounted"] else 0


def classify(found: Found | Failure) -> tuple[str, str]:
    """-> one of OUTCOMES, and the reason."""
    if isinstance(found, Found):
        return ("partial", found.note) if found.note else ("stored", "")
    if found.reason.startswith("not decoded after"):
        return "timed out", found.reason
    return ("crashed" if "crashed" in found.reason else "refused"), found.reason


def _print_table(jobs: Sequence[Job], outcomes: dict[int, str]) -> None:
    print(f"\n{'damage':12}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    for kind in MUTATIONS:
        counts = Counter(outcomes.get(job.number) for job in jobs if job.kind == kind)
        if counts:
            print(f"{kind:12}" + "".join(f"{counts[outcome]:10}" for outcome in OUTCOMES))
