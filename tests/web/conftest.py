"""A server for all tests of the page that change no options."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the page needs requirements-web.txt")

from tests.video_files import write_video
from tests.web.tiny_page import Server, make_run, serving


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """A run that sees real videos."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return make_run(folder)


@pytest.fixture(scope="session")
def server(run: Path, tmp_path_factory) -> Iterator[Server]:
    """A server of this run."""
    uploads = tmp_path_factory.mktemp("uploads")
    uploads.chmod(0o700)
    with serving(run=(str(run),), uploads=str(uploads), waiting=50) as one:
        yield one


@pytest.fixture(scope="session")
def video(tmp_path_factory) -> Path:
    """A video of 20 frames at 25 a second."""
    return write_video(tmp_path_factory.mktemp("videos") / "grey.mp4")


@pytest.fixture(scope="session")
def seen(server: Server, video: Path) -> str:
    """Id of a video that is ready."""
    told = server.sent(video)
    assert told["state"] == "ready", told
    return told["id"]
