"""The page in a real browser, before a real server; skipped where there is no browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")

from library.find import open as opening  # noqa: E402
from library.index import index  # noqa: E402
from tests.library.folder import PixelEmbedder, options, video  # noqa: E402
from tests.web.test_library import Embedder  # noqa: E402
from tests.web.tiny_page import Server, serving  # noqa: E402

WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
PATIENCE = 10_000  # ms that anything may take on a busy machine


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One browser for the folder: closed after it, or no other test could run an event loop."""
    program = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if program is None:
        pytest.skip(
            "the page's tests need chromium: apt-get install chromium, or name it in CHROMIUM"
        )
    with sync_api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="package")
def server(run: Path, tmp_path_factory: Any) -> Iterator[Server]:
    """A server of one run and of a library of three videos."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "uploads").mkdir(mode=0o700)
    for number, name in enumerate(("a.mp4", "sub/b.mp4", "<i>c.mp4")):
        video(folder / "videos", name, number)
    assert index(*options(folder / "videos", folder / "library.db"), PixelEmbedder()) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "Embedder", Embedder)
        library, uploads = str(folder / "library.db"), str(folder / "uploads")
        with serving(run=(str(run),), library=library, uploads=uploads, waiting=50) as one:
            yield one


class Visit:
    """A page that is open, and what it asked for and complained about."""

    def __init__(self, window: Any, server: Server) -> None:
        self.server = server
        self.page = window.new_page()
        self.asked: list[str] = []  # addresses
        self.complaints: list[str] = []  # of the script, and of the content security policy
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # A status from 400 on is told by the page; the browser's console says so as well.
        if message.type in ("error", "warning") and "Failed to load" not in message.text:
            self.complaints.append(message.text)

    def open(self, address: str = "/") -> Any:
        """Go there, and wait until the page knows its server."""
        self.page.goto(self.server.url + address)
        self.page.locator("#examples > li").first.wait_for()
        return self.page

    def check(self) -> None:
        """Nothing came from elsewhere, and nobody complained."""
        own = urlsplit(self.server.url).netloc
        foreign = [url for url in self.asked if urlsplit(url).netloc not in (own, "")]
        assert self.asked and not foreign, foreign
        assert not self.complaints, self.complaints


def window(browser: Any, **how: Any) -> Any:
    """A window of the browser: its size, its colours."""
    one = browser.new_context(**{"viewport": WIDE, **how})
    one.set_default_timeout(PATIENCE)
    sync_api.expect.set_options(timeout=PATIENCE)
    return one


@pytest.fixture(scope="package")
def wide(browser: Any) -> Any:
    """A window on a wide screen; each of its pages is a tab with a memory of its own."""
    return window(browser)


@pytest.fixture
def visit(wide: Any, server: Server) -> Iterator[Visit]:
    """A tab; in the end it must have kept to its server."""
    one = Visit(wide, server)
    yield one
    one.page.close()
    one.check()


@pytest.fixture
def page(visit: Visit) -> Any:
    """The page, open."""
    return visit.open()


def send(page: Any, file: Any) -> None:
    """Choose a file, and wait until it can be asked about."""
    page.set_input_files("#file", file)
    page.locator("#timeline").wait_for()


def ask(page: Any, question: str) -> None:
    """Type a question, and wait for its answer."""
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.locator("#asked", has_text=question).wait_for()
