"""The private folder of uploads: made at the start, and gone at the end, however that comes."""

import os
import shutil
import stat
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from util.errors import UserError
from util.lock import writer_lock

NAME = "page-"  # of the folder of one server, before random letters


class UploadFolder:
    """A folder that only this user can read, with one file a video, called by its id.

    A lock beside it says that its server runs; what a killed server left behind is deleted by the
    next one that has the same base.
    """

    def __init__(self, base: str | None = None) -> None:
        """`base`: where it is made; None: a folder of this user's in the system's temporary one.

        Raises UserError where it cannot be made, or others could write there.
        """
        self.base = _base(base)
        _sweep(self.base)
        self.path = Path(tempfile.mkdtemp(prefix=NAME, dir=self.base))
        self._held = ExitStack()
        self._held.enter_context(writer_lock(self.path))

    def upload(self, video: str) -> Path:
        """Where the upload of a video is."""
        return self.path / video

    def copy(self, video: str) -> Path:
        """Where the copy of it that browsers play is."""
        return self.path / f"{video}.mp4"

    def remove(self, video: str) -> None:
        """Delete a video's files."""
        for path in (self.upload(video), self.copy(video)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Delete it all."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._held.close()


def _base(named: str | None) -> Path:
    path = Path(named or Path(tempfile.gettempdir()) / f"video-page-{os.getuid()}")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise UserError(
            f"--uploads {path}: cannot be made ({error.strerror}); name another folder"
        ) from error
    private = status.st_uid == os.getuid() and not status.st_mode & 0o077
    if not stat.S_ISDIR(status.st_mode) or not private:
        raise UserError(
            f"--uploads {path}: others can read it, or it is another's; chmod 700 it, or name a "
            "folder of your own"
        )
    return path


def _sweep(base: Path) -> None:
    """Delete what servers left that do not run any more."""
    for left in base.glob(f"{NAME}*"):
        if left.is_dir() and not left.is_symlink():
            with suppress(UserError), writer_lock(left):
                shutil.rmtree(left, ignore_errors=True)
