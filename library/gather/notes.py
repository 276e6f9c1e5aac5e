"""What a library keeps of files by their paths, beside its rows of those that are indexed."""

import json
import os

from library.catalogue import Catalogue
from library.gather.scan import Listed, Seen

FAILED = "failed:"  # before a path, a key of what is kept of a file that could not be read
PICTURELESS = "pictureless:"  # the same of a file that is indexed, and of which there are none
NAMED = "named:"  # the same of a file that was named by itself, and that no folder has shown


class Notes:
    """Files that could not be read, and files that were named by themselves."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    # Files that could not be read

    def failed_before(self, listed: Listed) -> dict[str, tuple[int, int]]:
        """{path: (size, mtime_ns)} of files that failed and are as they were; others are forgot."""
        now = {seen.path: (seen.size, seen.mtime_ns) for seen in listed.files}
        failed = {}
        for key, value in self.catalogue.kept(FAILED).items():
            path = key.removeprefix(FAILED)
            stamp = tuple(json.loads(value)[:2])
            if now.get(path) == stamp:
                failed[path] = stamp
            elif path in now or not os.path.lexists(path):
                self.catalogue.forget(key)
        return failed

    def why_failed(self, seen: Seen) -> str | None:
        """Why a file could not be read; None: it was not tried, or has changed since."""
        value = self.catalogue.recall(FAILED + seen.path)
        size, mtime_ns, _, why = json.loads(value) if value else (None, None, "", "")
        return why if (size, mtime_ns) == (seen.size, seen.mtime_ns) else None

    def note_failed(self, seen: Seen, sha256: str, why: str) -> None:
        """Keep that a file, as it is, could not be read."""
        value = json.dumps([seen.size, seen.mtime_ns, sha256, why])
        self.catalogue.keep(FAILED + seen.path, value)

    def forget_failed(self, path: str) -> None:
        """A file was read."""
        self.catalogue.forget(FAILED + path)

    def without_pictures(self, seen: Seen) -> bool:
        """Whether pictures of a file, as it is, were tried to be made in vain."""
        value = self.catalogue.recall(PICTURELESS + seen.path)
        return value is not None and json.loads(value) == [seen.size, seen.mtime_ns]

    def note_without_pictures(self, seen: Seen) -> None:
        """Keep that no pictures of a file, as it is, can be made."""
        self.catalogue.keep(PICTURELESS + seen.path, json.dumps([seen.size, seen.mtime_ns]))

    # Files that were named by themselves

    def named_elsewhere(self, listed: Listed) -> list[str]:
        """Paths of files that were named and are not among those of a folder; these are forgot."""
        there = {*(seen.path for seen in listed.files), *listed.waiting, *listed.faults}
        named = {key.removeprefix(NAMED) for key in self.catalogue.kept(NAMED)}
        for path in named & there:
            self.forget_named(path)  # it is found by looking through the folder
        return sorted(named - there)

    def note_named(self, path: str) -> None:
        """Keep that a file was named by itself."""
        self.catalogue.keep(NAMED + path, "")

    def forget_named(self, path: str) -> None:
        """A file lies elsewhere now, or where a folder shows it."""
        self.catalogue.forget(NAMED + path)
