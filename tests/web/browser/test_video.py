"""A video is sent, asked about and sought in, by hand and by keys; what goes wrong is told."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.video_files import moving_images, write_video
from tests.web.browser.conftest import Visit, ask, send, sync_api
from tests.web.test_playback import write_heard
from tests.web.tiny_page import ANSWERS, N
from web import schema

expect = sync_api.expect


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A second of coloured waves."""
    path = tmp_path_factory.mktemp("clip") / "waves.mp4"
    return write_video(path, images=moving_images(25, (64, 96)))


def cells(page: Any, row: int) -> Any:
    """A row of the timeline: 0 the pictures, then appearance, motion, weight."""
    return page.locator("#rows .row").nth(row).locator("button")


def seconds(page: Any) -> float:
    return page.locator("#player").evaluate("player => player.currentTime")


def test_a_video_is_sent_asked_about_and_sought_in(visit: Visit, clip: Path) -> None:
    page = visit.open()
    send(page, clip)
    expect(page.locator("#name")).to_have_text("waves.mp4")
    expect(page.locator("#facts")).to_contain_text("25 frames")
    expect(cells(page, 0)).to_have_count(N)
    ask(page, "what is shown?")
    expect(page.locator("#answers li")).to_have_count(5)
    shares = page.locator("#answers .track > i").evaluate_all("all => all.map(i => i.offsetWidth)")
    assert shares == sorted(shares, reverse=True) and shares[0] > 0
    best = page.locator("#best-answer").inner_text()
    assert best in ANSWERS and page.locator("#said").inner_text().startswith(
        f"what is shown? {best}"
    )
    expect(page.locator("#without")).to_contain_text("Without the video it would say")
    expect(page.locator("#rows .row")).to_have_count(4)
    names = ["Clips", "Appearance", "Motion", "Weight"]
    expect(page.locator("#rows strong")).to_have_text(names)
    video = visit.server.client.get(f"/videos/{page.evaluate('JSON.parse(sessionStorage.video)')}")
    spans = video.json()["clips"]
    for row, number in ((0, 2), (3, 1)):
        cells(page, row).nth(number).click()
        assert seconds(page) == pytest.approx(spans[number]["middle"], abs=0.01)
        left = page.locator("#playhead").evaluate("line => parseFloat(line.style.left)")
        assert left == pytest.approx(100 * (number + 0.5) / N, abs=0.1)
        expect(page.locator("#rows .now")).to_have_count(4)
    heights = (
        cells(page, 3).locator("i").evaluate_all("all => all.map(i => parseFloat(i.style.height))")
    )
    assert max(heights) == 100 and len(heights) == N


def test_the_whole_way_by_keyboard(page: Any) -> None:
    press = page.keyboard.press
    for _ in range(12):
        press("Tab")
        if page.evaluate("document.activeElement.className") == "take":
            break
    press("Enter")
    page.locator("#timeline").wait_for()
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type("what is moving?")
    press("Enter")
    expect(page.locator("#asked")).to_have_text("what is moving?")
    page.keyboard.type("who is shown?")
    press("Enter")
    expect(page.locator("#asked")).to_have_text("who is shown?")
    press("1")  # in the empty field
    expect(page.locator("#asked")).to_have_text("what is moving?")
    expect(page.locator("#recent kbd")).to_have_text(["1", "2"])
    press("Shift+Tab")
    for _ in range(6):
        if page.evaluate("document.activeElement.closest('.cell') !== null"):
            break
        press("Shift+Tab")
    press("Home")
    first = seconds(page)
    press("ArrowRight")
    press("ArrowDown")
    assert seconds(page) > first
    label = page.evaluate("document.activeElement.ariaLabel")
    assert label.startswith("Clip 2") and "appearance" in label
    expect(page.locator("#peek")).to_be_visible()
    press("End")
    assert page.evaluate("document.activeElement.ariaLabel").startswith(f"Clip {N}")
    press("2")
    expect(page.locator("#asked")).to_have_text("who is shown?")
    assert page.evaluate("document.activeElement.closest('.cell') !== null"), "the focus is lost"
    press("/")
    assert page.evaluate("document.activeElement.id") == "question"


def test_digits_that_are_typed_ask_nothing(page: Any, clip: Path) -> None:
    send(page, clip)
    ask(page, "what is shown?")
    ask(page, "who is shown?")
    page.fill("#question", "are there ")
    page.keyboard.type("1")
    expect(page.locator("#question")).to_have_value("are there 1")
    page.fill("#question", "")
    page.uncheck("#keys")
    page.focus("#question")
    page.keyboard.type("1")
    expect(page.locator("#question")).to_have_value("1")
    expect(page.locator("#asked")).to_have_text("who is shown?")


def test_words_that_the_model_does_not_know_are_marked(page: Any, clip: Path) -> None:
    send(page, clip)
    ask(page, "what is the Flumph?")
    expect(page.locator("#asked .unknown")).to_have_text(["the", "Flumph"])
    expect(page.locator("#advice")).to_contain_text("does not know “the”, “flumph”")
    ask(page, "flumph?")
    expect(page.locator("#advice")).to_contain_text("knows none of these words")


def test_texts_of_others_are_text(page: Any, clip: Path) -> None:
    send(
        page,
        {"name": "<img src=x onerror=alert(1)>.mp4", "mimeType": "", "buffer": clip.read_bytes()},
    )
    expect(page.locator("#name")).to_have_text("<img src=x onerror=alert(1)>.mp4")
    ask(page, "what is <b>shown</b> & 'moving'?")
    expect(page.locator("#recent span")).to_have_text(["what is <b>shown</b> & 'moving'?"])
    assert not page.locator("#asked b, #recent b, #name *, img[src=x]").count()


def test_a_reload_keeps_the_video_and_the_questions(page: Any, clip: Path) -> None:
    send(page, clip)
    ask(page, "what is shown?")
    page.reload()
    page.locator("#timeline").wait_for()
    expect(page.locator("#name")).to_have_text("waves.mp4")
    page.locator("#recent button").click()
    expect(page.locator("#best-answer")).not_to_be_empty()


def test_another_video_deletes_the_first(visit: Visit, clip: Path) -> None:
    page = visit.open()
    send(page, clip)
    video = page.evaluate("JSON.parse(sessionStorage.video)")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.click("#another")
    expect(page.locator("#start")).to_be_visible()
    assert visit.server.client.get(f"/videos/{video}").status_code == 410


def test_an_upload_is_shown_and_cancelled(visit: Visit, tmp_path: Path) -> None:
    page, shelf = visit.open(), visit.server.page.shelf
    (tmp_path / "slow.mp4").write_bytes(b"\0" * 3_000_000)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    visit.page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    before = shelf.counts["uploaded"]
    page.set_input_files("#file", tmp_path / "slow.mp4")
    expect(page.locator("#steps .now")).to_have_text("Send")
    expect(page.locator("#doing")).to_have_text(re.compile(r"Sending: [\d.]+ [kM]B of 3.0 MB"))
    assert 0 < page.locator("#bar").evaluate("bar => bar.value") < 1
    page.click("#cancel")
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#said")).to_have_text("Cancelled.")
    assert not page.locator("#notice *").count() and shelf.counts["uploaded"] == before


@pytest.mark.long
def test_a_server_that_is_away_while_a_video_is_prepared_is_waited_for(
    page: Any, clip: Path
) -> None:
    away = [True]

    def look(route: Any) -> None:
        route.abort() if away[0] else route.continue_()

    page.route("**/videos/*?wait=1", look)
    page.set_input_files("#file", clip)
    expect(page.locator("#notice")).to_contain_text("does not answer")
    away[0] = False
    page.locator("#timeline").wait_for()
    assert not page.locator("#notice *").count()


def test_the_place_in_the_queue_is_told(page: Any, clip: Path) -> None:
    before = [4]

    def wait(route: Any) -> None:
        told = route.fetch().json()
        if before[0]:
            told |= {"state": "queued", "message": f"waits; {before[0]} before it", "clips": []}
            page.wait_for_timeout(50)
        route.fulfill(json=told)

    page.route("**/videos/*?wait=1", wait)
    page.set_input_files("#file", clip)
    for place in (4, 1):
        before[0] = place
        expect(page.locator("#doing")).to_have_text(f"Waits; {place} before it.")
    expect(page.locator("#steps .now")).to_have_text("Wait")
    page.fill("#question", "what is shown?")  # asked before the video is ready
    page.press("#question", "Enter")
    before[0] = 0
    expect(page.locator("#asked")).to_have_text("what is shown?")


def test_a_refusal_names_the_cure_and_can_be_tried_again(page: Any, clip: Path) -> None:
    fault = {"code": "queue_full", "message": "17 videos wait already", "cure": "send it again"}
    page.route("**/videos?*", lambda route: route.fulfill(status=429, json={"error": fault}))
    page.set_input_files("#file", clip)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("17 videos wait already")
    expect(notice).to_contain_text("Send it again")
    expect(page.locator("#start")).to_be_visible()
    page.unroute("**/videos?*")
    notice.get_by_role("button", name="Send it again").click()
    page.locator("#timeline").wait_for()
    assert not notice.locator("*").count()


def test_what_is_no_video_is_told_by_the_server(page: Any, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    page.set_input_files("#file", tmp_path / "text.mp4")
    expect(page.locator("#notice strong")).to_contain_text("cannot be read")
    expect(page.locator("#notice p")).to_contain_text("onvert it to MP4")


def test_what_is_too_large_is_not_sent(visit: Visit, clip: Path) -> None:
    def small(route: Any) -> None:
        told = route.fetch().json()
        told["limits"]["bytes"] = 1000
        route.fulfill(json=told)

    visit.page.route("**/info", small)
    page = visit.open()
    page.set_input_files("#file", clip)
    expect(page.locator("#notice")).to_contain_text("the most is 1 kB")
    assert not [url for url in visit.asked if "videos?" in url]


def test_a_server_that_was_restarted_gets_the_video_again(visit: Visit, clip: Path) -> None:
    page = visit.open()
    send(page, clip)
    ask(page, "what is shown?")
    visit.server.page.shelf.videos.clear()  # as a new process has none
    page.fill("#question", "who is moving?")
    page.press("#question", "Enter")
    expect(page.locator("#notice")).to_contain_text("no longer has this video")
    page.get_by_role("button", name="Send it again").click()
    expect(page.locator("#asked")).to_have_text("who is moving?")
    expect(page.locator("#answers li")).to_have_count(5)


def test_a_video_that_is_lost_while_it_is_prepared_is_sent_again(page: Any, clip: Path) -> None:
    fault = {"code": "unknown_video", "message": "there is no such video", "cure": "send it"}
    held: list[Any] = []
    page.route("**/videos/*?wait=1", lambda route: held.append(route))
    with page.expect_request("**/videos/*?wait=1"):
        page.set_input_files("#file", clip)
    page.fill("#question", "what is shown?")  # it is lost after that, however slow this is
    held[0].fulfill(status=404, json={"error": fault})
    expect(page.locator("#notice")).to_contain_text("no longer has this video")
    page.unroute("**/videos/*?wait=1")
    page.get_by_role("button", name="Send it again").click()
    expect(page.locator("#asked")).to_have_text("what is shown?")


def test_a_server_that_does_not_answer_is_told_and_asked_again(page: Any, clip: Path) -> None:
    send(page, clip)
    page.route("**/questions?*", lambda route: route.abort())
    page.fill("#question", "what is shown?")
    page.press("#question", "Enter")
    expect(page.locator("#notice")).to_contain_text("does not answer")
    expect(page.locator("#question")).to_have_value("what is shown?")
    page.unroute("**/questions?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#asked")).to_have_text("what is shown?")


def test_a_proxy_that_answers_in_its_own_words_is_told(page: Any, clip: Path) -> None:
    page.route("**/videos?*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway"))
    page.set_input_files("#file", clip)
    expect(page.locator("#notice")).to_contain_text("status 502")


def test_clips_are_shown_as_pictures_until_a_copy_plays(page: Any, clip: Path) -> None:
    def preparing(route: Any) -> None:
        told = schema.VideoTold.model_validate(route.fetch().json())
        told.playback = schema.Playback(
            state="preparing", url=None, type=None, reencoded=False, message="HEVC"
        )
        route.fulfill(json=told.model_dump())

    page.route("**/videos/*?wait=1", preparing)
    send(page, clip)
    expect(page.locator("#playback")).to_have_text("HEVC: a copy is being made; ask meanwhile")
    cells(page, 0).nth(1).click()
    assert page.locator("#still").get_attribute("src").endswith("/thumbnails/1")
    assert not page.locator("#player").is_visible()
    expect(page.locator("#player")).to_be_visible()
    assert not page.locator("#still").is_visible()


def test_a_telephone_s_clip_is_seen_and_heard(page: Any, tmp_path: Path) -> None:
    send(page, write_heard(tmp_path / "clip.mov"))
    player = page.locator("#player")
    expect(player).to_be_visible()
    expect(page.locator("#playback")).to_have_text(
        "HEVC, which few browsers play: re-encoded as H.264"
    )
    player.evaluate("player => { player.muted = true; return player.play(); }")
    heard = "player => player.ended && !player.error && player.webkitAudioDecodedByteCount"
    for _ in range(100):
        if player.evaluate(heard):
            break
        page.wait_for_timeout(100)
    assert player.evaluate(heard) > 5000


def test_captions_and_actions_are_shown_where_runs_tell_them(visit: Visit, clip: Path) -> None:
    """The tiny server has no such runs: the answers are of the API's description."""
    page = visit.page

    def more(route: Any) -> None:
        told = schema.InfoTold.model_validate(route.fetch().json())
        told.runs += [
            schema.RunTold(name=name, task=name, kind="", answers=9)
            for name in ("captions", "actions")
        ]
        route.fulfill(json=told.model_dump())

    texts = [schema.Caption(text=text, score=-1) for text in ("a man <i>rides</i>", "b")]
    captions = schema.CaptionsTold(run="captions", captions=texts, milliseconds=3)
    actions = schema.ActionsTold(
        run="actions", actions=[schema.Answer(answer="jump", probability=0.75)],
        times=[0.0, 0.4, 0.8], values=[0.0, 2.0, 1.0], milliseconds=3,
    )  # fmt: skip
    page.route("**/info", more)
    page.route("**/captions?*", lambda route: route.fulfill(json=captions.model_dump()))
    page.route("**/actions?*", lambda route: route.fulfill(json=actions.model_dump()))
    visit.open()
    send(page, clip)
    page.click("#describe")
    expect(page.locator("#captions li")).to_have_text(["A man <i>rides</i>", "B"])
    page.click("#classify")
    expect(page.locator("#actions li")).to_contain_text("75.0 %")
    expect(page.locator("#columns i")).to_have_count(3)
    expect(page.locator("#stream-facts")).to_have_text("Bottom 0.00, top 2.00. ")
    page.focus("#at")
    page.keyboard.press("ArrowRight")
    assert seconds(page) == pytest.approx(0.4, abs=0.01)
    expect(page.locator("#now")).to_have_text("0:00.4 2")


def test_a_run_that_takes_the_mean_over_clips_shows_each_clip_by_itself(
    page: Any, clip: Path
) -> None:
    def alone(route: Any) -> None:
        told = schema.AnswersTold.model_validate(route.fetch().json())
        told.attends = False
        for number, one in enumerate(told.clips):
            one.alone = 0.2 + 0.3 * (number == 1)
        route.fulfill(json=told.model_dump())

    page.route("**/questions?*", alone)
    send(page, clip)
    ask(page, "what is shown?")
    expect(page.locator("#rows strong")).to_have_text(["Clips", "By itself"])
    expect(page.locator("#most")).to_contain_text("50.0 %")
    page.locator("#most button").click()
    expect(cells(page, 0).nth(1).locator("xpath=..")).to_have_class("cell now")


def test_choices_and_numbers_are_asked_for(page: Any, clip: Path) -> None:
    send(page, clip)
    page.click("#more summary")
    page.fill("#choices", "red\n  blue \n\n")
    body = {"run": "tiny", "question": "what is shown?"}
    with page.expect_request("**/questions?*") as sent:
        ask(page, "what is shown?")
    assert sent.value.post_data_json == body | {"choices": ["red", "blue"]}
    expect(page.locator("#answers li")).to_have_count(2)
    page.fill("#choices", "")
    page.check("#count")
    page.fill("#question", "what is shown?")
    with page.expect_request("**/questions?*") as sent:
        page.press("#question", "Enter")
    assert sent.value.post_data_json == body | {"count": True}
    expect(page.locator("#notice strong")).to_contain_text("number")  # this run knows none


def test_a_page_below_a_prefix_asks_below_it(visit: Visit, clip: Path) -> None:
    """As behind a proxy: all addresses are relative to the page's."""
    prefix = f"{visit.server.url}/some/prefix/"
    visit.page.route(
        f"{prefix}**",
        lambda route: route.continue_(url=route.request.url.replace("some/prefix/", "")),
    )
    page = visit.open("/some/prefix/")
    send(page, clip)
    ask(page, "what is shown?")
    expect(page.locator("#player")).to_be_visible()
    assert all(url.startswith(prefix) for url in visit.asked), visit.asked
    assert any("/content" in url for url in visit.asked)
