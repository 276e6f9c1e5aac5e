"""What a run says over time is drawn under the video, goes along with it, and seeks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser.conftest import PHONE, WIDE, Visit, send, sync_api, window
from tests.web.tiny_page import Server, serving
from tests.web.tiny_stream import changing, make_runs

expect = sync_api.expect


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """Of classes, and of values."""
    return make_runs(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="module")
def server(run: Path, runs: dict[str, Path], tmp_path_factory) -> Iterator[Server]:
    """A server of a run that answers, and of one that follows."""
    uploads = tmp_path_factory.mktemp("uploads")
    uploads.chmod(0o700)
    named = (str(run), str(runs["classes"]))
    with serving(run=named, uploads=str(uploads), waiting=50) as one:
        yield one


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """6 s, light, dark and light again."""
    return changing(tmp_path_factory.mktemp("clip") / "changing.mp4", 150)


def seconds(page: Any) -> float:
    return page.locator("#player").evaluate("player => player.currentTime")


def test_what_is_said_over_time_is_shown_and_seeks(visit: Visit, clip: Path) -> None:
    page = visit.open()
    send(page, clip)
    expect(page.locator("#over")).not_to_be_visible()
    page.click("#follow")
    expect(page.locator("#said")).to_have_text("Followed to the end.")
    expect(page.locator("#columns i")).to_have_count(60)
    expect(page.locator("#columns .cold")).to_have_count(15)
    expect(page.locator("#changes button")).to_have_text(
        ["0:00.0 light", "0:02.3 dark", "0:04.6 light"]
    )
    expect(page.locator("#stream-facts")).to_contain_text("10 frames a second looked at")
    expect(page.locator("#now")).to_contain_text("0:00.0 light")
    expect(page.locator("#now")).to_contain_text("less seen than in training")
    page.locator("#changes button").nth(1).click()
    assert seconds(page) == pytest.approx(2.3, abs=0.01)
    expect(page.locator("#now")).to_contain_text("0:02.3 dark")
    page.focus("#at")
    page.keyboard.press("ArrowRight")
    assert seconds(page) == pytest.approx(2.4, abs=0.01)
    label = page.locator("#at").evaluate("slider => slider.ariaValueText")
    assert label.startswith("0:02.4 dark 5") and label == page.locator("#now").inner_text()
    page.keyboard.press("End")
    assert seconds(page) == pytest.approx(6, abs=0.11)
    strip = page.locator("#at").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] / 4, strip["y"] + 20)
    assert seconds(page) == pytest.approx(1.5, abs=0.1)
    page.locator("#player").evaluate("player => player.play()")
    expect(page.locator("#now")).to_contain_text(re.compile(r"0:0[2-5]"))  # along with it
    page.click("#another")
    expect(page.locator("#over")).not_to_be_visible()


def test_it_grows_as_it_is_worked_out(visit: Visit, clip: Path) -> None:
    page = visit.open()
    send(page, clip)
    video = page.evaluate("JSON.parse(sessionStorage.video)")
    whole: dict[str, Any] = {"done": False}
    while not whole["done"]:  # all of it, at last
        whole = visit.server.client.post(f"/videos/{video}/stream", params={"wait": 0}).json()
    known = [0]  # steps that are worked out

    def half(route: Any) -> None:
        """As a slow server tells it."""
        after = int(route.request.url.partition("after=")[2].partition("&")[0])
        page.wait_for_timeout(50)
        some = whole["steps"][after : known[0]]
        done = after + len(some) == 60
        route.fulfill(json={**whole, "steps": some, "done": done, "message": "so far 3 s"})

    page.route("**/stream?*", half)
    page.click("#follow")
    expect(page.locator("#follow")).to_be_disabled()
    known[0] = 30
    expect(page.locator("#columns i")).to_have_count(30)
    expect(page.locator("#follow")).to_be_disabled()
    right = page.locator("#columns i").last.evaluate("i => parseFloat(i.style.left)")
    assert right == pytest.approx(100 * 2.9 / 6, abs=0.1)
    known[0] = 60
    expect(page.locator("#columns i")).to_have_count(60)
    expect(page.locator("#follow")).to_be_enabled()


def test_one_that_many_ask_for_is_tried_again(page: Any, clip: Path) -> None:
    send(page, clip)
    fault = {"code": "busy", "message": "4 streams are followed already", "cure": "ask again"}
    page.route("**/stream?*", lambda route: route.fulfill(status=429, json={"error": fault}))
    page.click("#follow")
    expect(page.locator("#notice")).to_contain_text("4 streams are followed already")
    page.unroute("**/stream?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#columns i")).to_have_count(60)


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(PHONE, "light", id="phone-light"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.long),
    ],
)
def test_values_by_themselves_for_everybody(
    browser: Any, runs: dict[str, Path], clip: Path, tmp_path: Path, size: dict, theme: str
) -> None:
    """Where no run answers questions it begins by itself; axe finds nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tmp_path.chmod(0o700)
    with serving(run=(str(runs["values"]),), uploads=str(tmp_path)) as server:
        own = window(browser, viewport=size, color_scheme=theme)
        visit = Visit(own, server)
        page = visit.open()
        send(page, clip)
        expect(page.locator("#said")).to_have_text("Followed to the end.")
        expect(page.locator("#stream-facts")).to_contain_text("Stateful, the whole past counts")
        expect(page.locator("#changes")).not_to_be_visible()
        expect(page.locator("#ask")).not_to_be_visible()
        heights = page.locator("#columns i").evaluate_all(
            "all => all.map(i => parseFloat(i.style.height))"
        )
        assert len(heights) == 60 and 0 <= min(heights) < max(heights) == 100
        found = axe.run(page)
        assert not found.violations_count, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        own.close()
        visit.check()
