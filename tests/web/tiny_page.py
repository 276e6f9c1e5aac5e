"""Runs of seconds that see real videos, and a server of them in this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import torch
import uvicorn

import train
from data_loader.questions import QuestionSplit, save_questions
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Provenance
from data_loader.vocabulary import Vocabulary
from options.inference.web import WebOptions
from options.preprocess.extract import VideoOptions
from preprocess.extraction.output import choose_outputs
from web.app import make_app
from web.page import Page, open_page
from web.serve import configured, listen

N, F = 3, 2  # clips, frames
WORDS = ("<NULL>", "<UNK>", "what", "who", "is", "shown", "moving")
ANSWERS = ("<UNK0>", "<UNK1>", "red", "green", "blue", "grey", "black", "white")


def provenance(backbone: str) -> Provenance:
    """As extraction makes it."""
    options = VideoOptions(
        videos=["x"], output=["x.h5"], backbone=[backbone], clips=N, frames=F, decoder="pyav"
    )
    return choose_outputs(options)[0].provenance


def make_run(folder: Path, *, name: str = "tiny", flags: tuple[str, ...] = ()) -> Path:
    """A run on the features of `pixels` and `pixel_motion`, trained for a moment."""
    rng = np.random.default_rng(0)
    ids = [f"v{i}" for i in range(24)]
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        made, frames = provenance(backbone), F if channel == "appearance" else 1
        rows = rng.normal(0, 0.5, (len(ids), N, frames, made.width or 0)).astype("f4")
        pairs = zip(ids, rows, strict=True)
        videos = [VideoFeatures(id=i, features=r, frame_count=9) for i, r in pairs]
        write_store(folder / f"{channel}.h5", videos, made)
    splits = {}
    for split, some in {"train": ids[:16], "val": ids[16:20], "test": ids[20:]}.items():
        splits[split] = QuestionSplit(
            name=split,
            words=torch.tensor([w for _ in some for w in (2, 4, 5)]),
            length=torch.full((len(some),), 3),
            longest=3,
            answer=torch.tensor([2 + i % 6 for i in range(len(some))]),
            videos=tuple(some),
            ids=tuple(range(len(some))),
            types=("what",) * len(some),
            texts=("what is shown?",) * len(some),
            answer_texts=tuple(ANSWERS[2 + i % 6] for i in range(len(some))),
        )
    save_questions(
        folder / "questions.pt",
        dataset="tiny",
        vocabulary=Vocabulary(words=WORDS, answers=ANSWERS),
        word_vectors=torch.randn(len(WORDS), 8, generator=torch.Generator().manual_seed(0)),
        word_vectors_source="random",
        splits=splits,
    )
    stores = [f"--{c}={folder / c}.h5" for c in ("appearance", "motion")]
    train.main(
        ["--questions", str(folder / "questions.pt"), *stores, "--width", "16", "--batch_size",
         "16", "--epochs", "2", "--device", "cpu", "--run", name, *flags]
    )  # fmt: skip
    return Path("results", name).absolute()


@dataclass
class Server:
    """A server that listens on 127.0.0.1."""

    url: str
    page: Page
    client: httpx.Client

    def send(self, file: Path, name: str = "video.mp4", **headers: str) -> httpx.Response:
        """Upload a file."""
        return self.client.post(
            "/videos",
            params={"name": name},
            content=file.read_bytes(),
            headers={"Content-Type": "application/octet-stream", **headers},
        )

    def settled(self, video: str, seconds: float = 30) -> dict[str, Any]:
        """A video once it is ready or failed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = self.client.get(f"/videos/{video}", params={"wait": 5}).json()
            if told["state"] in ("ready", "failed"):
                return told
        raise TimeoutError(told)

    def sent(self, file: Path, name: str = "video.mp4") -> dict[str, Any]:
        """Upload a file and wait for it."""
        answer = self.send(file, name)
        assert answer.status_code == 202, answer.text
        return self.settled(answer.json()["id"])

    def ask(self, video: str, question: str = "what is shown?", **more: Any) -> httpx.Response:
        """A question about a video."""
        return self.client.post(f"/videos/{video}/questions", json={"question": question, **more})


@contextmanager
def serving(token: str | None = None, **options: Any) -> Iterator[Server]:
    """A server in a thread of this process."""
    given = WebOptions(device="cpu", port=0, token=token, **options)
    listening = listen(given.host, given.port)
    page = open_page(given, token)
    server = uvicorn.Server(configured(make_app(page)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            while not server.started:
                time.sleep(0.01)
            yield Server(url, page, client)
    finally:
        server.should_exit = True
        thread.join(10)
        page.close()
        listening.close()


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which has the one form."""
    told = answer.json()["error"]
    assert set(told) == {"code", "message", "cure"} and all(told.values()), told
    assert len(told["message"].splitlines()) == 1
    return answer.status_code, told["code"]
