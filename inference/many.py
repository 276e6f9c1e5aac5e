"""One thing told of each of many videos, as one file.

The file is written whole at the end.  Until then what is told of each is in a line of
FILE.progress.jsonl, so that an interrupted command loses none: the same command goes on, and takes
the file away.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from preprocess.video.error import VideoError
from preprocess.video.files import find_fault, look_for_videos, name_videos
from util.files import check_output, whole_file
from util.lock import writer_lock
from util.text import printable
from util.text_file import read_text

Tell = Callable[[str, Path], dict[str, Any]]  # a video's id and file -> its entry, plain types
Write = Callable[[Path, Sequence[dict[str, Any]]], None]


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


def tell_many(
    named: str,
    output: Path,
    flag: str,
    *,
    how: Mapping[str, Any],
    tell: Tell,
    write: Write,
    what: str,
) -> int:
    """Tell of the videos of a folder or list -> 0, or 1 if some failed: they are listed.

    `flag`: the option that `output` is of; `how`: what entries depend on, beside the file; `what`:
    the entries in words.
    """
    videos, left_out = videos_of(named)
    for file in videos.values():
        check_output(output, flag, inputs={"--videos": file})
    if left_out:
        print(left_out)
    listed = output.with_name(output.name + ".quarantine.json")
    results, failed = [], []
    with writer_lock(output):
        progress = Progress(output, how, tell)
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
        write(output, results)
        if failed:
            write_json(listed, failed)
        else:
            listed.unlink(missing_ok=True)
        progress.path.unlink(missing_ok=True)
    note = f"; {len(failed)} failed, listed in {listed}" if failed else ""
    print(f"{output}: {what} of {len(results)} of {len(videos)} videos{note}")
    return 1 if failed else 0


class Progress:
    """The entries that are written so far, those of an interrupted command included."""

    def __init__(self, output: Path, how: Mapping[str, Any], tell: Tell) -> None:
        """Take up what the same command left, which told in the same way."""
        self.tell = tell
        self.path = output.with_name(output.name + ".progress.jsonl")
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
            known = {"video": video, "of": of, "entry": self.tell(video, file)}
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(_line(known))
        return known["entry"]

    def _read(self, how: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The lines of an interrupted command, if it told in this way."""
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
                known[entry["video"]] = entry
        return known


def write_json(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Entries as a JSON list, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"
