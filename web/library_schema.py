"""What the addresses of the library take and tell, beside `web.schema`."""

from typing import Annotated, Literal

from pydantic import Field

from options.library.rerank import RerankOptions
from web.schema import Asked, Text, Told

ClipId = Annotated[int, Field(ge=0, lt=2**63)]


class HitTold(Told):
    """A found moment."""

    id: ClipId
    """Of its best clip: what rerank and export take."""
    video: int
    """Id of its video in the library."""
    name: str
    """The file's name, without its folder."""
    start: float
    end: float
    score: float
    why: str
    """What speaks for it."""
    thumbnail: str
    """Address of its best clip's picture, a JPEG, relative to the page; 404 where it has none."""
    url: str
    """Address of its video, relative to the page."""


class SearchTold(Told):
    """A page of found moments."""

    query: str
    hits: list[HitTold]
    total: int
    """Moments in all."""
    page: int
    pages: int
    message: str
    """That nothing here shows it, or words that are not known; else ""."""
    milliseconds: float


class RerankCandidate(Asked):
    """A moment that is to be asked about."""

    id: ClipId
    score: Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)] | None = None
    """The search's."""


class RerankAsked(Asked):
    """Put moments into the order that a question's answer gives them."""

    candidates: Annotated[list[RerankCandidate], Field(min_length=1, max_length=50)]
    question: Text
    answer: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The answer that is expected; null: a moment moves by how much it tells about the question."""
    weight: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = RerankOptions.weight


class RankedTold(Told):
    """A moment in its new place."""

    id: ClipId
    score: float
    was: int
    """Its place before, from 1."""
    why: str


class RerankTold(Told):
    """The new order."""

    ranked: list[RankedTold]
    failed: dict[str, str]
    """Clips whose videos cannot be read, and why."""
    milliseconds: float


class ExportHit(Asked):
    """A moment that goes into the edit list."""

    id: ClipId
    start: Annotated[float, Field(ge=0, le=1e7)] | None = None
    """Another start than the clip's, in seconds."""
    end: Annotated[float, Field(ge=0, le=1e7)] | None = None
    """Another end."""


class ExportAsked(Asked):
    """Moments as an edit list for an editing program; the answer is a file."""

    hits: Annotated[list[ExportHit], Field(min_length=1, max_length=1000)]
    format: Literal["otio", "edl", "fcp7", "fcpx", "mlt", "csv", "ffmpeg"]
    handles: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """Seconds to keep before and after each."""
    rate: Literal[
        "23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60"
    ] | None = None  # fmt: skip
    """Frames a second of the list; null: the sources' own."""
    order: Literal["given", "score", "time"] = "given"
