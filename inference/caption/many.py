"""Captions of many videos, as results JSON.

The file is written whole at the end.  Until then each caption is in a line of FILE.progress.jsonl,
so that an interrupted command loses none: the same command goes on, and takes the file away.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inference.caption.captioner import Captioner
from inference.run_files import weights_file
from options.flat import flat_values
from preprocess.video.error import VideoError
from preprocess.video.files import find_fault, look_for_videos, name_videos
from util.files import check_output, sha256, whole_file
from util.lock import writer_lock
from util.text import printable
from util.text_file import read_text


def videos_of(named: str) -> tuple[dict[str, Path], str]:
    """{video id: file} of a folder, or of a text file with a path in each line; what is left out.

    Raises UserError if there is none, or two have one id.
    """
    words = [named]
    if named.lower().endswith(".txt") and not Path(named).is_dir():
        text = read_text(named, "--videos is a folder, or a text file with a path in each line")
        words = [line.strip() for line in text.split("\n") if line.strip()]
    found = look_for_videos(words)
    return name_videos(found.files, None), found.describe_left_out()


def caption_many(captioner: Captioner, named: str, n_best: int, output: Path, flag: str) -> int:
    """Caption the videos of a folder or list -> 0, or 1 if some failed: they are listed.

    `flag`: the option that `output` is of.
    """
    videos, left_out = videos_of(named)
    for file in videos.values():
        check_output(output, flag, inputs={"--videos": file})
    if left_out:
        print(left_out)
    listed = output.with_name(output.name + ".quarantine.json")
    results, failed = [], []
    with writer_lock(output):
        progress = Progress(output, captioner, n_best)
        for video, file in tqdm(videos.items(), unit="video", desc=output.name):
            reason = find_fault(file)
            if reason is None:
                try:
                    results.append(progress.result(video, file))
                except VideoError as error:
                    reason = error.reason
            if reason is not None:
                failed.append({"file": str(file), "id": video, "reason": reason})
                tqdm.write(printable(f"set aside {file}: {reason}"), file=sys.stderr)
        _write(output, results)
        if failed:
            _write(listed, failed)
        else:
            listed.unlink(missing_ok=True)
        progress.path.unlink(missing_ok=True)
    note = f"; {len(failed)} failed, listed in {listed}" if failed else ""
    print(f"{output}: captions of {len(results)} of {len(videos)} videos{note}")
    return 1 if failed else 0


class Progress:
    """The captions that are written so far, those of an interrupted command included."""

    def __init__(self, output: Path, captioner: Captioner, n_best: int) -> None:
        """Take up what the same command left: same weights, same search."""
        self.captioner, self.n_best = captioner, n_best
        self.path = output.with_name(output.name + ".progress.jsonl")
        how = {
            "weights": sha256(weights_file(captioner.run.path)),
            "search": flat_values(captioner.search),
            "n_best": n_best,
        }
        self._known = self._read(how)
        with whole_file(self.path) as partial:  # a line that a kill cut off is gone
            lines = [how, *self._known.values()]
            partial.write_text("".join(map(_line, lines)), encoding="utf-8")

    def result(self, video: str, file: Path) -> dict[str, Any]:
        """A video's entry, known or made now.  Raises VideoError if it cannot be read."""
        stat = file.stat()
        of = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(video)
        if known is None or known["of"] != of:
            said = self.captioner.caption(file, n_best=self.n_best)
            best = [{"caption": one.text, "score": one.score} for one in said]
            known = {"image_id": video, "caption": said[0].text, "n_best": best, "of": of}
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(_line(known))
        return {key: value for key, value in known.items() if key != "of"}

    def _read(self, how: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The lines of an interrupted command, if it captioned in this way."""
        try:
            first, *lines = self.path.read_text(encoding="utf-8").split("\n")
            if json.loads(first) != how:
                return {}
        except (OSError, ValueError):
            return {}
        known = {}
        for line in lines:
            with suppress(ValueError):  # cut off by a kill
                entry = json.loads(line)
                known[entry["image_id"]] = entry
        return known


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
