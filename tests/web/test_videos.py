"""A video is sent, seen, asked about, played and deleted."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.predictor import Predictor
from tests.video_files import write_sound, write_video
from tests.web.tiny_page import ANSWERS, Server, error_of


def test_a_video_is_sent_and_asked_about(server: Server, video: Path, run: Path) -> None:
    told = server.sent(video, "my vidéo.mp4")
    assert (told["state"], told["name"], told["note"]) == ("ready", "my vidéo.mp4", "")
    assert told["duration"] == pytest.approx(0.8) and told["frames"] == 20
    assert len(told["clips"]) == 3 and told["place"] is None
    middles = [clip["middle"] for clip in told["clips"]]
    assert middles == sorted(middles) and 0 <= told["clips"][0]["start"] < told["duration"]
    answer = server.ask(told["id"]).json()
    reply = Predictor(run, device="cpu").ask(video, "what is shown?")
    assert [one["answer"] for one in answer["answers"]] == [text for text, _ in reply.answers]
    for one, (_, share) in zip(answer["answers"], reply.answers, strict=True):
        assert one["probability"] == pytest.approx(share, abs=1e-4)
    assert [c["weight"] for c in answer["clips"]] == pytest.approx(reply.readout, abs=1e-4)
    for row, name in enumerate(("appearance", "motion")):
        assert [c[name] for c in answer["clips"]] == pytest.approx(reply.punishment[row], abs=1e-4)
    assert answer["attends"] and answer["clips"][0]["alone"] is None
    assert answer["known_words"] == ["what", "is", "shown"] and answer["unknown_words"] == []
    assert {one["answer"] for one in answer["without_video"]} <= set(ANSWERS)
    thumbnail = server.client.get(f"/{told['clips'][0]['thumbnail']}")
    assert (
        thumbnail.headers["content-type"] == "image/jpeg" and thumbnail.content[:2] == b"\xff\xd8"
    )


def test_a_video_is_encoded_once(server: Server, seen: str, monkeypatch) -> None:
    reader = server.page.models.readers[0]
    monkeypatch.setattr(reader, "seen", lambda *_: pytest.fail("it is encoded again"))
    for question in ("what is shown?", "who is moving?"):
        assert server.ask(seen, question).status_code == 200


def test_questions_are_answered_together_as_alone(server: Server, video: Path) -> None:
    """What waits while the model works is one pass."""
    other = write_video(video.with_name("dark.mp4"), 12, size=(48, 32))
    ids = [server.sent(video)["id"], server.sent(other)["id"]]
    run = server.page.models.questions["tiny"]
    asked = [(id, q) for id in ids for q in ("what is shown?", "who is moving?", "who is red?")]
    alone = [server.ask(id, q).json() for id, q in asked]
    from inference.answer.wanted import Wanted

    videos = server.page.shelf.videos
    together = run._answer([(videos[id].seen[0], q, Wanted()) for id, q in asked])
    for one, known in zip(together, alone, strict=True):
        told = one.explained.told.answers
        assert [text for text, _ in told] == [a["answer"] for a in known["answers"]]
        assert [p for _, p in told] == pytest.approx(
            [a["probability"] for a in known["answers"]], abs=1e-4
        )
        assert one.batch == 6


def test_no_known_word_is_said(server: Server, seen: str) -> None:
    told = server.ask(seen, "frobnicate quux?").json()
    assert told["known_words"] == [] and told["unknown_words"] == ["frobnicate", "quux"]
    assert "none of these words" in told["advice"]


def test_what_cannot_be_asked_is_told(server: Server, seen: str) -> None:
    assert error_of(server.ask(seen, "?")) == (422, "refused")
    assert error_of(server.ask(seen, "")) == (422, "invalid")
    assert error_of(server.ask(seen, "x" * 1001)) == (422, "invalid")
    assert error_of(server.ask(seen, run="other")) == (404, "unknown_run")
    assert error_of(server.ask(seen, path="/etc/passwd")) == (422, "invalid")
    assert error_of(server.client.post(f"/videos/{seen}/captions")) == (404, "no_run")
    assert error_of(server.client.post(f"/videos/{seen}/actions")) == (404, "no_run")


def test_what_is_no_video_fails_and_the_server_goes_on(
    server: Server, tmp_path: Path, video: Path
) -> None:
    (tmp_path / "text").write_text("no video at all, just words\n" * 50)
    for file in (tmp_path / "text", write_sound(tmp_path / "sound.m4a")):
        told = server.sent(file)
        assert told["state"] == "failed" and "cannot be read" in told["message"] and told["cure"]
        assert str(tmp_path) not in told["message"] and told["id"] not in told["message"]
        assert error_of(server.ask(told["id"])) == (409, "failed")
    assert server.sent(video)["state"] == "ready"


def test_a_partial_video_is_taken_and_said(server: Server, video: Path, tmp_path: Path) -> None:
    from tests.video_files import cut

    whole = write_video(tmp_path / "whole.mkv", 100, size=(96, 128))
    told = server.sent(cut(tmp_path / "cut.mkv", whole, 0.6))
    assert told["state"] == "ready" and told["note"].startswith("partial:")


def test_it_is_asked_about_before_it_is_ready(server: Server, video: Path) -> None:
    video_id = server.send(video).json()["id"]
    answer = server.client.post(
        f"/videos/{video_id}/questions", params={"wait": 30}, json={"question": "what is shown?"}
    )
    assert answer.status_code == 200 and answer.json()["answers"]


def test_a_video_is_deleted(server: Server, video: Path) -> None:
    told = server.sent(video)
    file = server.page.shelf.videos[told["id"]].file
    assert file.is_file()
    assert server.client.delete(f"/videos/{told['id']}").status_code == 204
    assert not file.exists()
    for answer in (
        server.client.get(f"/videos/{told['id']}"),
        server.client.delete(f"/videos/{told['id']}"),
        server.ask(told["id"]),
    ):
        assert error_of(answer) == (410, "deleted")
    assert error_of(server.client.get("/videos/" + "x" * 22)) == (404, "unknown_video")


def test_examples_are_there(server: Server, monkeypatch) -> None:
    found = server.client.get("/examples").json()["examples"]
    names = [one["id"] for one in found]
    assert {"shapes-turn", "shapes-travel", "shapes-parade"} <= set(names)
    for one in found:
        picture = server.client.get(f"/{one['thumbnail']}")
        assert picture.headers["content-type"] == "image/jpeg" and "max-age" in str(picture.headers)
        with Image.open(io.BytesIO(picture.content)) as image:
            assert 0 < image.height <= 200 and np.asarray(image).std() > 5
    with monkeypatch.context() as patch:  # it is made once
        patch.setattr(server.page.shelf.decoders, "put", None)
        assert server.client.get(f"/{found[0]['thumbnail']}").status_code == 200
    assert error_of(server.client.get("/examples/none/thumbnail")) == (404, "unknown_example")
    told = server.client.post("/examples/shapes-travel").json()
    assert told["name"].startswith("Generated")
    assert server.settled(told["id"])["state"] == "ready"
    assert error_of(server.client.post("/examples/none")) == (404, "unknown_example")


def test_what_there_is(server: Server) -> None:
    info = server.client.get("/info").json()
    assert info["runs"] == [
        {"name": "tiny", "task": "questions", "kind": "open", "answers": len(ANSWERS) - 2}
    ]
    assert info["library"] is None and info["limits"]["queue"] == 50
    assert server.client.get("/healthz").json()["status"] == "ok"
    numbers = server.client.get("/metrics").text
    assert 'page_requests_total{method="GET",route="/info",status="200"}' in numbers
    assert "page_videos{" in numbers


def test_small_answers_are_sent_at_once(server: Server) -> None:
    """Without TCP_NODELAY every answer takes 40 ms."""
    server.client.get("/healthz")
    taken = []
    for _ in range(20):
        begin = time.perf_counter()
        server.client.get("/healthz")
        taken.append(time.perf_counter() - begin)
    assert min(taken) < 0.035
