"""Holes that pages of this kind had, each with its number, and that this one has not.

The list: Gradio 2021 to 2026, Starlette 2025 to 2026, NiceGUI and Streamlit 2026.
"""

import hmac
import json
import socket
import threading
import time
from pathlib import Path

import pytest

from preprocess.video.container import open_video
from preprocess.video.error import VideoError
from tests.video_files import write_video
from tests.web.raw import Raw, request
from tests.web.tiny_page import Server, error_of
from util.errors import UserError
from web.errors import of_user_error
from web.guard import cookie_of, same
from web.video.content import wanted_range
from web.video.look import check

SECRET = "root:"  # of /etc/passwd
MODULE = "class Guard"  # of our own source


def refused(answer: Raw) -> None:
    assert answer.status in (400, 401, 404, 405, 421, 422), answer
    assert SECRET.encode() not in answer.body and MODULE.encode() not in answer.body
    assert answer.header("location") is None


@pytest.mark.parametrize(
    "target",
    [
        "/../../../../etc/passwd", "/..%2f..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd",
        "/page.js/../guard.py", "/page.js/..%2fguard.py", "/guard.py", "/web/guard.py",
        "/videos/..%2f..%2f..%2fetc%2fpasswd/content", "/videos/../guard.py",
        "/videos//etc/passwd/content", "/videos/%2fetc%2fpasswd/content",
        "/videos/....//....//etc/passwd/content", "/.git/config", "/%2e%2e/%2e%2e/etc/passwd",
        "/examples/..%2f..%2fetc%2fpasswd", "/videos/x%00/content", "/videos/\\..\\..\\x/content",
    ],
)  # fmt: skip
def test_no_path_is_joined(server: Server, target: str) -> None:
    """CVE-2021-43831, CVE-2023-51449 and their kin: what stands in an address names no file."""
    refused(request(server, target))


@pytest.mark.parametrize(
    "target",
    [
        "/file=/etc/passwd", "/file/etc/passwd", "/file=web/guard.py", "/gradio_api/file=/etc",
        "/static/../../etc/passwd", "/media/file/.streamlit/secrets.toml", "/config", "/queue/join",
        "/component_server", "/upload?upload_id=../../x", "/proxy=http://127.0.0.1/",
        "/stream/../../../etc/passwd", "/download?path=/etc/passwd",
    ],
)  # fmt: skip
def test_no_address_serves_files_by_name(server: Server, target: str) -> None:
    """CVE-2023-51449, CVE-2024-1561, CVE-2024-1728: `/file=`, method calls, proxies."""
    for method in ("GET", "POST"):
        refused(request(server, target, method=method))


def test_no_request_has_a_field_for_a_path_or_an_address(server: Server) -> None:
    """CVE-2024-0964, CVE-2024-51751: a client sends ids and words."""
    described = server.client.get("/openapi.json").json()
    forbidden = {
        "path",
        "file",
        "filename",
        "url",
        "uri",
        "folder",
        "dir",
        "method",
        "fn",
        "api_name",
    }
    taken = [p["name"] for way in described["paths"].values() for one in way.values()
             for p in one.get("parameters", [])]  # fmt: skip
    schemas = described["components"]["schemas"]
    asked = {name: one for name, one in schemas.items() if one.get("additionalProperties") is False}
    assert {"QuestionAsked", "RerankAsked", "ExportAsked", "ExportHit"} <= set(asked)
    taken += [field for one in asked.values() for field in one["properties"]]
    assert len(taken) > 20 and not forbidden & set(taken)


@pytest.mark.parametrize(
    "kind", ["hls", "hls_file", "concat", "sdp", "dash", "svg", "xml", "nested"]
)
def test_a_file_that_names_others_is_no_video(
    server: Server, tmp_path: Path, kind: str, video: Path
) -> None:
    """SSRF (CVE-2026-28416, the audit of 2024) and reading files by way of FFmpeg's playlists."""
    visits = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x.ts"
        ended = threading.Event()

        def watch() -> None:
            while not ended.is_set():
                try:
                    listening.accept()[0].close()
                    visits.append(1)
                except TimeoutError:
                    pass

        thread = threading.Thread(target=watch)
        thread.start()
        playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
        texts = {
            "hls": playlist.format(url),
            "hls_file": playlist.format(f"file://{video}"),
            "concat": f"ffconcat version 1.0\nfile '{video}'\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=video 9999 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
            "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
            f'type="static"><Period><AdaptationSet><Representation id="1" mimeType="video/mp4">'
            f"<BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
            "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
            "xml": f'<!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x>&e;</x>',
            "nested": f'#EXTM3U\n#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="a",NAME="a",URI="{url}"\n',
        }  # fmt: skip
        (tmp_path / kind).write_text(texts[kind])
        told = server.sent(tmp_path / kind, f"x.{kind}")
        ended.set()
        thread.join()
    assert told["state"] == "failed" and "not a video" in told["message"]
    assert not visits


def test_a_list_of_other_uploads_is_no_video(tmp_path: Path) -> None:
    """FFmpeg would read it: a neighbour's name is safe by its own rules."""
    write_video(tmp_path / "other.mp4").rename(tmp_path / "other")
    (tmp_path / "list").write_text("ffconcat version 1.0\nfile other\n")
    with open_video(tmp_path / "list") as container:
        assert container.format.name == "concat"
    with pytest.raises(VideoError, match="not a video"):
        check(tmp_path / "list", 100)
    check(tmp_path / "other", 100)


RANGES = [
    ("bytes=0-3", (0, 3)), ("bytes=5-", (5, 99)), ("bytes=-7", (93, 99)), ("bytes=0-999", (0, 99)),
    ("bytes=-999", (0, 99)),
    *((header, None) for header in (
        "bytes=0-1,2-3", "bytes=" + ",".join(f"{n}-{n}" for n in range(5000)), "bytes=100-",
        "bytes=3-2", "bytes=-0", "bytes=-", "bytes", "items=0-1", "bytes=a-b", "bytes=0-1;2-3",
        "bytes=" + "9" * 200 + "-", "bytes=--1", "bytes= 0-1", "bytes=٠-٣",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("header", "wanted"), RANGES)
def test_one_range_or_none(header: str, wanted: tuple[int, int] | None) -> None:
    """CVE-2025-62727: a Range header costs nothing that grows with it."""
    begin = time.perf_counter()
    if wanted is None:
        with pytest.raises(Exception, match="no such range"):
            wanted_range(header, 100)
    else:
        assert wanted_range(header, 100) == wanted
    assert time.perf_counter() - begin < 0.05


def test_ranges_are_served(server: Server, seen: str, video: Path) -> None:
    address, whole = f"/videos/{seen}/content", video.read_bytes()
    answer = server.client.get(address)
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    for header, part in (("bytes=2-9", whole[2:10]), ("bytes=-5", whole[-5:]),
                         ("bytes=100-", whole[100:])):  # fmt: skip
        answer = server.client.get(address, headers={"Range": header})
        assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    answer = server.client.get(address, headers={"Range": "bytes=0-1,3-4"})
    assert error_of(answer) == (416, "range")
    assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    head = server.client.head(address)
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(whole))


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/html",
     "text/plain", "application/json", "image/svg+xml", "MULTIPART/mixed"],
)  # fmt: skip
def test_no_form_is_taken(server: Server, kind: str) -> None:
    """CVE-2025-54121, CVE-2026-54283: no parser of forms runs, whatever a body calls itself."""
    answer = server.client.post("/videos", content=b"--x\r\n", headers={"Content-Type": kind})
    assert error_of(answer) == (415, "unsupported_type")
    (first, *_) = server.page.shelf.videos
    form = {"Content-Type": kind}
    answer = server.client.post(f"/videos/{first}/questions", content=b"a=b", headers=form)
    assert error_of(answer)[0] in (422, 404)


@pytest.mark.parametrize(
    "name",
    ["\\\\evil\\share\\x.mp4", "//evil/share/x.mp4", "C:\\Windows\\win.ini", "/etc/passwd",
     "..\\..\\x.mp4", "../../../../tmp/x.mp4", "x.mp4\0.html", "a" * 900, "-rf", "con", "x\r\ny",
     "%00", "\u202egpj.4pm", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'],
)  # fmt: skip
def test_a_name_is_text_and_never_a_path(server: Server, video: Path, name: str) -> None:
    """CVE-2026-39844 (back-slashes), CVE-2026-28414 (absolute), -48817, -33682 (UNC), XSS."""
    before = set(server.page.shelf.folder.path.parent.rglob("*"))
    answer = server.send(video, name)
    assert answer.status_code == 202
    told = answer.json()
    file = server.page.shelf.videos[told["id"]].file
    assert file.parent == server.page.shelf.folder.path and file.name == told["id"]
    made = set(server.page.shelf.folder.path.parent.rglob("*")) - before
    assert {path.name for path in made} <= {told["id"], f"{told['id']}.mp4"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(told["name"]) <= 200 and told["name"].isprintable()
    server.client.delete(f"/videos/{told['id']}")


def test_an_upload_is_never_a_page(server: Server, tmp_path: Path) -> None:
    """Uploads that browsers run: a video whose bytes are HTML too is served as a video."""
    file = write_video(tmp_path / "x.mp4")
    script = b"<html><script>alert(1)</script>"
    file.write_bytes(file.read_bytes() + (len(script) + 8).to_bytes(4, "big") + b"free" + script)
    told = server.sent(file, "x.html")
    answer = server.client.get(f"/{told['playback']['url']}")
    assert script in answer.content and answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    page = tmp_path / "page.html"
    page.write_text("<html><script>alert(1)</script></html>")
    assert server.sent(page)["state"] == "failed"


def test_every_answer_has_the_headers(server: Server, seen: str) -> None:
    for target in ("/", "/info", f"/videos/{seen}", "/nothing", f"/videos/{seen}/content"):
        answer = request(server, target)
        policy = answer.header("content-security-policy") or ""
        assert policy.split("; ")[0] == "default-src 'self'"
        assert "unsafe" not in policy and "http" not in policy and "*" not in policy
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("cross-origin-resource-policy") == "same-origin"
        assert answer.header("server") is None
        assert not [name for name, _ in answer.headers if name.startswith("access-control")]


def test_no_other_site_may_read_or_send(server: Server, seen: str) -> None:
    """CORS (the audit of 2024): no header allows another origin, and its blind requests fail."""
    body = json.dumps({"question": "what is shown?"}).encode()
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}):  # fmt: skip
        for target, method in ((f"/videos/{seen}/questions", "POST"), ("/videos", "POST"),
                               (f"/videos/{seen}", "DELETE"), ("/videos", "OPTIONS")):  # fmt: skip
            sent = {**headers, "Content_Type": "application/json"}
            answer = request(server, target, method=method, body=body, **sent)
            assert answer.error == (403, "origin")
            assert not [name for name, _ in answer.headers if name.startswith("access-control")]
    own = {"Origin": "http://127.0.0.1", "Sec_Fetch_Site": "same-origin"}
    sent = {**own, "Content_Type": "application/json"}
    assert (
        request(server, f"/videos/{seen}/questions", method="POST", body=body, **sent).status == 200
    )


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example",
     "[::2]", "", "127.0.0.1@evil.example", "evil.example/127.0.0.1", "0.0.0.0", "localhost:x"],
)  # fmt: skip
def test_a_foreign_name_is_not_answered(server: Server, host: str) -> None:
    """DNS rebinding: a site that turns its name to this machine reads nothing."""
    answer = request(server, "/info", host=host)
    assert answer.status in (400, 421) and b"runs" not in answer.body
    assert request(server, "/info", host="localhost:8000").status == 200
    assert request(server, "/info", host="[::1]:80").status == 200
    assert request(server, "/info", host=None).status == 400


def test_secrets_are_compared_in_constant_time(monkeypatch) -> None:
    """Timing (the audit of 2024): by digests of one length, whatever the lengths."""
    compared = []
    true = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or true(a, b))
    assert same("token", "token") and not same("token", "tokem") and not same("", "token")
    assert len(compared) == 3 and {len(x) for pair in compared for x in pair} == {32}
    assert cookie_of("token") != cookie_of("tokem") and "token" not in cookie_of("token")


def test_a_body_has_an_end(server: Server, seen: str) -> None:
    """No JSON of gigabytes, however it is sent, and no nesting that ends the process."""
    address = f"/videos/{seen}/questions"
    answer = server.client.post(address, content=b"x" * (2**20 + 1))
    assert error_of(answer) == (413, "too_large")
    answer = server.client.post(address, content=(b"x" * 2**16 for _ in range(20)))
    assert error_of(answer) == (413, "too_large")
    nested = b'{"question": ' + b"[" * 400_000
    answer = server.client.post(
        address, content=nested, headers={"Content-Type": "application/json"}
    )
    assert error_of(answer)[0] in (400, 422)
    assert server.ask(seen).status_code == 200


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("'zebra' is none of /srv/my/runs/a; say x", "'zebra' is none of a"),
        ("--library /srv/l.db: is locked by 12", "--library l.db: is locked by 12"),
        ("--library postgresql://h/db: is away", "--library postgresql://h/db: is away"),
        ("results/a: looks at 4/5 of it", "results/a: looks at 4/5 of it"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_without_the_servers_folders(line: str, told: str) -> None:
    assert of_user_error(UserError(line)).message == told
