"""The page of failures is whole, safe and by itself; the worst answers are the worst."""

import re
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from evaluation.answers import Answers, columns
from evaluation.report.page import Failure, clip_frames_of, worst, write_page
from preprocess.annotation.sample import Sample
from preprocess.video.clips import clip_frames
from tests.video_files import level, write_video
from util.errors import UserError

VOID = {"meta", "img", "input", "br", "hr", "link"}


class Reader(HTMLParser):
    """Reads a page; fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if (self.get_starttag_text() or "").endswith("/>") and tag in ("rect", "polyline"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def of(self, tag: str, name: str = "") -> list[dict[str, str | None]]:
        return [
            a
            for t, a in self.seen
            if t == tag and (not name or name in (a.get("class") or "").split())
        ]


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text())
    reader.close()
    assert reader.open == []
    assert len({a["id"] for _, a in reader.seen if "id" in a}) == sum(
        "id" in a for _, a in reader.seen
    )
    return reader


def failure(number: int, **changes) -> Failure:
    given = {
        "id": number,
        "video": f"v{number}",
        "type": "what",
        "question": f"what is number {number}?",
        "answer": "cat",
        "known": True,
        "top": [("dog", 0.5), ("cat", 0.25), ("cow", 0.0001)],
        "punishment": np.array([[0.25, 0.5], [0.75, 1.0]]),
        "readout": np.array([0.2, 0.8]),
        "frames": [np.full((12, 16, 3), 40 * i, dtype=np.uint8) for i in (1, 2)],
        "times": ["frame 3", "frame 9"],
        "probability": 0.25,
    }
    return Failure(**{**given, **changes})


def written(tmp_path: Path, *failures: Failure, **changes) -> tuple[Path, Reader]:
    path = tmp_path / "failures.html"
    given = {"run": "a run", "split": "val", "summary": [("accuracy", "36.9 %")]}
    write_page(path, **{**given, **changes}, failures=failures)
    return path, read(path)


def test_every_failure_is_on_the_page(tmp_path: Path) -> None:
    failures = [failure(i, type=("what", "who")[i % 2]) for i in range(7)]
    _, page = written(tmp_path, *failures)
    text = " ".join(page.text)
    for i in range(7):
        assert f"what is number {i}?" in text
    assert len(page.of("article")) == 7
    assert len(page.of("img")) == 14
    assert all((a["src"] or "").startswith("data:image/jpeg;base64,") for a in page.of("img"))
    assert "a run" in text and "split val" in text and "36.9 %" in text
    assert "no video comes more than 3 times" in text
    assert len(page.of("li", "true")) == 7  # the true answer is among the best of each


def test_scores_are_the_heights_of_bars(tmp_path: Path) -> None:
    _, page = written(tmp_path, failure(0))
    high = {
        name: [float(a["height"] or "nan") for a in page.of("rect", name)]
        for name in ("appearance", "motion", "readout")
    }
    assert high == {"appearance": [25, 50], "motion": [75, 100], "readout": [25, 100]}
    assert "appearance 0.25, motion 0.75, read-out 20.0\N{NO-BREAK SPACE}%" in page.text
    widths = [a["style"] for a in page.of("i") if a.get("style")]
    assert widths == ["width: 50.0%", "width: 25.0%", "width: 0.0%"]


def test_what_is_said_of_the_true_answer(tmp_path: Path) -> None:
    def note(**changes) -> str:
        return " ".join(written(tmp_path, failure(0, **changes))[1].text)

    never = "not a class: no model could give it"
    assert never not in note() and "not among" not in note()
    assert "gave it 25.0\N{NO-BREAK SPACE}%" in note()
    assert "not among the best 3" in note(answer="emu", probability=0.0002)
    assert "gave it < 0.1\N{NO-BREAK SPACE}%" in note(answer="emu", probability=0.0002)
    assert never in note(answer="emu", known=False, probability=None)


def test_foreign_text_is_only_text(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script> & $run </article>'
    path, page = written(
        tmp_path,
        failure(
            0,
            id=evil,
            video=evil,
            type=evil,
            question=evil,
            answer=evil,
            top=[(evil, 1.0)],
            times=[evil, evil],
        ),
        failure(1),
        run=evil,
        split=evil,
        summary=[(evil, evil)],
        picked=evil,
    )
    html = path.read_text()
    assert "<script" not in html
    assert not page.of("script")
    assert len(page.of("article")) == 2
    assert "".join(page.text).count(evil) >= 12


def test_nothing_is_fetched(tmp_path: Path) -> None:
    path, page = written(tmp_path, failure(0), failure(1, type="who"))
    html = re.sub(r'base64,[A-Za-z0-9+/=]+"', "", path.read_text())
    assert not re.search(r"https?:|//|@import|url\(", html)
    assert not page.of("link") and not page.of("script")
    assert not [a for _, a in page.seen if "href" in a]


def test_types_are_filtered_without_script(tmp_path: Path) -> None:
    path, page = written(tmp_path, failure(0), failure(1, type="who"), failure(2))
    radios = [a["id"] for a in page.of("input") if a["type"] == "radio"]
    assert radios == [a["for"] for a in page.of("label")] == ["k0", "k1", "k2"]
    assert [("checked" in a) for a in page.of("input")] == [True, False, False]
    assert [a["class"] for a in page.of("article")] == ["failure k1", "failure k2", "failure k1"]
    html = path.read_text()
    assert "#k2:checked ~ main .failure:not(.k2) { display: none; }" in html
    assert "#k0:checked ~ main" not in html


def test_pages_without_videos_or_failures(tmp_path: Path) -> None:
    _, page = written(tmp_path, failure(0, frames=[], times=[]))
    assert not page.of("img")
    assert len(page.of("figure")) == 2 and "clip 2" in page.text
    _, page = written(tmp_path)
    assert "No wrong answer to show." in page.text
    _, page = written(tmp_path, failure(0, readout=np.zeros(2)))  # no video: nothing weighs
    assert [a["height"] for a in page.of("rect", "readout")] == ["0.0", "0.0"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"page\.html: cannot be written"):
        write_page(tmp_path / "file" / "page.html", run="r", split="s", summary=[], failures=[])


def asked_wrong(
    truth: list[str], given: list[str], *, types: list[str], videos: list[str]
) -> Answers:
    rows = zip(videos, truth, types, strict=True)
    samples = [Sample(i, video, "?", answer, kind) for i, (video, answer, kind) in enumerate(rows)]
    train = [Sample(0, "v", "?", "a", "what")]
    asked = columns("val", samples, train, [1] * len(truth), ["a", "b"])
    top = [[(answer, 1.0)] for answer in given]
    return Answers("run", "real", asked, np.array(given, dtype=object), top)


def test_worst_answers_first_at_most_three_a_video() -> None:
    answers = asked_wrong(
        ["a"] * 8 + ["new"],
        ["b"] * 7 + ["a", "b"],
        types=["what", "who"] * 4 + ["how"],
        videos=["v"] * 5 + ["w"] * 4,
    )
    ce = np.array([1, 5, 4, 3, 2, 0.5, 6, 9, 99.0])
    assert worst(answers, ce, count=10).tolist() == [6, 1, 2, 3, 5]  # 7 is right, 8 is no class
    assert worst(answers, ce, count=2).tolist() == [6, 1]
    assert worst(answers, ce, count=0).tolist() == []
    assert worst(answers, ce, count=9, kind="who").tolist() == [1, 3, 5]
    assert worst(answers, ce, count=9, kind="how").tolist() == [8]  # nothing else is wrong
    with pytest.raises(UserError, match="when: split val has what, who, how"):
        worst(answers, ce, count=9, kind="when")


def test_nothing_wrong_is_nothing_to_show() -> None:
    answers = asked_wrong(["a"], ["a"], types=["what"], videos=["v"])
    assert worst(answers, np.array([1.0]), count=5).tolist() == []


def test_frames_are_the_middles_of_the_clips_scaled_down(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 40, size=(64, 96))
    frames, times = clip_frames_of(video, clips=4, height=32)
    middles = clip_frames(40, clips=4, frames=16)[:, 8].tolist()  # of clips of any length
    assert times == [f"frame {i + 1}" for i in middles]
    assert [frame.shape for frame in frames] == [(32, 48, 3)] * 4
    for frame, number in zip(frames, middles, strict=True):
        assert abs(float(frame.mean()) - level(number)) < 3
    small, _ = clip_frames_of(video, clips=4, height=120)
    assert small[0].shape == (64, 96, 3)  # never enlarged


def test_frames_of_a_large_video_are_made_small_one_by_one(tmp_path: Path) -> None:
    size, options = (1080, 1920), {"preset": "ultrafast"}
    video = write_video(tmp_path / "v.mp4", 16, size=size, options=options)
    tracemalloc.start()
    frames, _ = clip_frames_of(video, clips=16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {frame.shape for frame in frames} == {(120, 213, 3)}
    assert peak < 4 * 1080 * 1920 * 3  # 16 of them before
    wide, _ = clip_frames_of(write_video(tmp_path / "w.mp4", 2, size=(80, 1600)), clips=1)
    assert wide[0].shape == (24, 480, 3)


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.avi").write_text("no video")
    with pytest.raises(UserError, match=r"no\.avi"):
        clip_frames_of(tmp_path / "no.avi", clips=4)
