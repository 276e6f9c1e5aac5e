"""Options of `python -m web`."""

import math
from dataclasses import dataclass
from typing import Literal

SHORTEST = 16  # characters of a token
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """The page: whose models answer, where it listens, and what it takes.

    Args:
        run: runs that answer questions, caption and classify: folders (results/RUN) or packed
            files; default the models that come with the project
        library: a library to search, its file or postgresql://..., as `library index` made it
        embedder: run that made the library's vectors; default the one that comes with the project
        host: address to listen at; any other than 127.0.0.1 needs a token
        port: port to listen at; 0 takes a free one
        token: what clients must show, Authorization: Bearer TOKEN, or once in the page's address,
            ?token=TOKEN; default that of the environment's PAGE_TOKEN; where one is needed and
            none is given, a new one is made and printed
        names: host names that the page answers to, beside that of --host: those of a proxy
        behind_tls: a proxy ends TLS before it: its cookie is sent by https alone (Secure), and the
            printed address begins with https; needs --names, the name that browsers know
        keep: minutes after which a video that nobody asked about is deleted
        most_bytes: megabytes of one upload
        most_seconds: seconds of one video
        upload_seconds: seconds in which an upload must be done
        waiting: videos that may wait to be decoded; more are told to come again
        videos: videos that are kept at once
        decoders: processes that decode; one more makes copies of what browsers do not play
        decoder_seconds: seconds that decoding one video may take
        decoder_memory: megabytes that decoding one video may take
        uploads: folder for uploads, which only this user can read; default one in the system's
            temporary folder
        mark: letters that the ids of this server's videos begin with, at most 4: where a proxy has
            several servers, it sends /videos/MARK... to the one whose mark it is
        runtime: what runs the backbones; auto: OpenVINO on a CPU, where it can, which takes some
            seconds at the start and then less than half of torch's time
        device: where to compute; cpu, cuda, cuda:0, ..., or auto
    """

    run: tuple[str, ...] = ()
    library: str | None = None
    embedder: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: tuple[str, ...] = ()
    behind_tls: bool = False
    keep: float = 30.0
    most_bytes: float = 500.0
    most_seconds: float = 600.0
    upload_seconds: float = 300.0
    waiting: int = 16
    videos: int = 200
    decoders: int = 1
    decoder_seconds: float = 180.0
    decoder_memory: int = 2048
    uploads: str | None = None
    mark: str = ""
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        """Numbers that there are, and a token that nobody guesses."""
        if not 0 <= self.port <= 65535:
            raise ValueError(f"--port {self.port}: give 1 to 65535, or 0 for a free one")
        names = ("keep", "most_bytes", "most_seconds", "upload_seconds", "decoder_seconds")
        for name in names:
            if not (math.isfinite(getattr(self, name)) and 0 < getattr(self, name) <= 1e6):
                raise ValueError(f"--{name} {getattr(self, name):g}: give a number above 0")
        for name, least in {
            "waiting": 1,
            "videos": 1,
            "decoders": 1,
            "decoder_memory": 256,
        }.items():
            if not least <= getattr(self, name) <= 10**6:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least {least}")
        if self.token is not None and (len(self.token) < SHORTEST or not self.token.isascii()):
            raise ValueError(
                f"--token: give {SHORTEST} or more plain characters, as `python -c 'import "
                "secrets; print(secrets.token_urlsafe())'` prints"
            )
        if len(self.mark) > 4 or not (self.mark.isascii() and (self.mark + "a").isalnum()):
            raise ValueError(f"--mark {self.mark}: give 1 to 4 letters or digits")
        if self.behind_tls and not self.names:
            raise ValueError("--behind_tls: give the name that browsers know by --names NAME")
        if self.embedder is not None and self.library is None:
            raise ValueError(f"--embedder {self.embedder}: is of --library; name one")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
        return self.host in LOCAL
