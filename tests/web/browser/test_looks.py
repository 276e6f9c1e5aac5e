"""The page is for everybody: in both themes, on both sizes, for eyes and for ears."""

import re
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.web.browser.conftest import PHONE, WIDE, Visit, ask, sync_api, window
from tests.web.tiny_page import Server

expect = sync_api.expect
WEB = ROOT / "web"


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.long),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.long),
    ],
)
def test_nobody_is_left_out(browser: Any, server: Server, size: dict, theme: str) -> None:
    """axe finds nothing, and nothing is too wide: first sight, answer, error, library."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    own = window(browser, viewport=size, color_scheme=theme, reduced_motion="reduce")
    visit = Visit(own, server)
    page = visit.open()

    def check() -> None:
        found = axe.run(page)
        assert not found.violations_count, found.generate_report()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{wide} pixels"

    check()
    page.locator("#examples .take").first.click()
    page.locator("#timeline").wait_for()
    ask(page, "what is the flumph?")
    page.click("#more summary")
    page.route("**/questions?*", lambda route: route.abort())
    page.fill("#question", "x")
    page.press("#question", "Enter")
    page.locator("#notice strong").wait_for()
    check()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Library").click()
    page.click("#filters summary")
    page.check("[name=anyway]")
    page.fill("#query", "a man")
    page.press("#query", "Enter")
    page.locator("#hits img").first.wait_for()
    check()
    page.locator("#hits .open").first.click()
    check()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(244, 246, 245)" if theme == "light" else "rgb(20, 24, 22)")
    assert (
        page.locator("#rows i").first.evaluate("i => getComputedStyle(i).transitionDuration")
        == "0s"
    )
    own.close()
    visit.check()


def test_what_has_the_focus_is_seen(visit: Visit) -> None:
    page = visit.open()
    for _ in range(4):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "(() => { const at = document.activeElement;"
            " const seen = at.id === 'file' ? at.nextElementSibling : at;"
            " return getComputedStyle(seen).outlineStyle; })()"
        )
        assert shown == "solid"


def test_a_dropped_file_is_sent(visit: Visit) -> None:
    """Anywhere on the page; what is dropped is no video, and that is told."""
    page = visit.open()
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['no video'], 'dropped.mp4')); return data; }"
    )
    page.dispatch_event("h1", "dragover", {"dataTransfer": data})
    expect(page.locator("#dropping")).to_be_visible()
    page.dispatch_event("h1", "drop", {"dataTransfer": data})
    expect(page.locator("#dropping")).not_to_be_visible()
    expect(page.locator("#notice strong")).to_contain_text("cannot be read")


def test_the_files_are_small_and_name_nothing_elsewhere() -> None:
    script, markup, style = ((WEB / f"page.{kind}").read_text() for kind in ("js", "html", "css"))
    assert len(script.encode()) <= 30_000
    assert not re.search(r"https?://|//[a-z]+\.", script + markup + style)
    assert not re.search(r"url\(|@import", style)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)", markup)
    assert not re.search(r"""(?:fetch|call|open)\(["'`](?:GET["'`], *["'`])?/""", script)
