"""A library is searched on the page: moments are seen, chosen, put in order and cut."""

from pathlib import Path
from typing import Any

import pytest

from tests.web.browser.conftest import Visit, sync_api

expect = sync_api.expect


@pytest.fixture
def library(visit: Visit) -> Any:
    """The library's part, with all moments found."""
    page = visit.open("/")
    page.get_by_role("link", name="Library").click()
    page.click("#filters summary")
    page.check("[name=every]")
    page.check("[name=anyway]")
    page.fill("#query", "a man")
    page.press("#query", "Enter")
    page.locator("#hits li").nth(2).wait_for()
    return page


def test_moments_are_found_filtered_and_played(library: Any) -> None:
    count = library.locator("#hits li").count()
    expect(library.locator("#found")).to_contain_text(f"{count} moments")
    expect(library.locator("#hits img")).to_have_count(count)
    names = library.locator("#hits strong")
    assert set(names.all_inner_texts()) == {"a.mp4", "b.mp4", "<i>c.mp4"}
    assert not library.locator("#hits i").count(), "a name became HTML"
    library.locator("#hits .open").first.focus()
    library.keyboard.press("Enter")
    expect(library.locator("#moment")).to_be_visible()
    source = library.locator("#moment-player").get_attribute("src")
    assert source.startswith("library/clips/") and "#t=" in source
    library.keyboard.press("Escape")
    expect(library.locator("#moment")).not_to_be_visible()
    library.fill("#named", "b*")
    library.press("#named", "Enter")
    library.locator("#hits strong", has_text="a.mp4").first.wait_for(state="detached")
    assert set(names.all_inner_texts()) == {"b.mp4"}
    library.get_by_role("button", name="More like").first.click()
    expect(library.locator("#hits p").first).to_contain_text("1.000")
    library.fill("#where", "colour:red")
    library.press("#where", "Enter")
    expect(library.locator("#notice strong")).to_contain_text("colour:red")


def test_moments_are_chosen_and_exported(library: Any) -> None:
    expect(library.locator("#export button")).to_have_text("Export all")
    library.locator("#hits input").nth(1).check()
    expect(library.locator("#export button")).to_have_text("Export 1 chosen")
    library.select_option("#format", "csv")
    library.fill("#handles", "0.1")
    with library.expect_download() as download:
        library.click("#export button")
    assert download.value.suggested_filename == "moments.csv"
    table = Path(download.value.path()).read_text()
    assert library.locator("#hits strong").nth(1).inner_text().split("<i>")[-1] in table
    assert len(table.splitlines()) == 2


def test_moments_are_put_in_the_order_of_a_question(library: Any) -> None:
    count = library.locator("#hits li").count()
    library.fill("#rerank-question", "what is shown?")
    library.fill("#rerank-answer", "red")
    library.click("#rerank button")
    expect(library.locator("#found")).to_contain_text("In the order of “what is shown?”")
    expect(library.locator("#hits p", has_text="was")).to_have_count(count)
    library.fill("#rerank-answer", "zebra")
    library.click("#rerank button")
    expect(library.locator("#notice strong")).to_contain_text("zebra")


def test_pages_of_moments_follow_each_other(library: Any) -> None:
    def few(route: Any) -> None:
        route.continue_(url=route.request.url + "&number=2")

    library.route("**/library/search?*", few)
    library.click("#search button")
    expect(library.locator("#page-number")).to_contain_text("1 of")
    assert library.locator("#previous").is_disabled()
    library.click("#next")
    expect(library.locator("#page-number")).to_contain_text("2 of")
    expect(library.locator("#hits li")).to_have_count(2)


def test_a_video_and_the_library_are_both_there(library: Any) -> None:
    expect(library.get_by_role("link", name="Library")).to_have_attribute("aria-current", "page")
    library.locator("nav").get_by_role("link", name="Video").click()
    library.locator("#examples .take").first.click()
    library.locator("#timeline").wait_for()
    library.get_by_role("link", name="Library").click()
    assert library.locator("#hits li").count() and not library.locator("#work").is_visible()
    library.go_back()
    expect(library.locator("#work")).to_be_visible()
