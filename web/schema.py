"""What the server takes and tells: every request and response of the HTTP API.

Times are in seconds from a video's first frame, probabilities from 0 to 1.  Texts are data: whoever
shows them writes them as text, never as HTML.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "decoding", "encoding", "ready", "failed"]
LONGEST_QUESTION = 1000  # characters
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION)]


class Asked(BaseModel):
    """A request: a field that is none of these is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Told(BaseModel):
    """A response."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Fault(Told):
    """What went wrong, in words for people."""

    code: str
    """A word for programs, such as too_large, queue_full, unknown_video."""
    message: str
    """What is wrong, in one line."""
    cure: str
    """What to do about it, in one line."""


class ErrorBody(Told):
    """The one form of every error, of any status from 400 on."""

    error: Fault


# Videos


class ClipSpan(Told):
    """One clip of a video, as the models see it."""

    start: float
    """When its first frame is shown."""
    end: float
    """When its last frame has been shown."""
    middle: float
    """When its middle frame is shown: where to seek to."""
    thumbnail: str
    """Address of its middle frame, a JPEG, relative to the page."""


class Playback(Told):
    """How a browser plays a video."""

    state: Literal["preparing", "ready", "none"]
    """preparing: it is being re-encoded (questions are answered meanwhile); none: it cannot be
    played, `message` says why."""
    url: str | None
    """Its address, relative to the page; null unless ready."""
    type: str | None
    """MIME type that it is served with: video/mp4 or video/webm."""
    reencoded: bool
    """Whether this is a copy in H.264, because browsers do not play the original."""
    message: str
    """In words, such as "HEVC, which few browsers play: re-encoded as H.264"; or ""."""


class VideoTold(Told):
    """A video that was uploaded."""

    id: str
    name: str
    """Its file's name, as the client said it: a text to show, no path."""
    state: State
    message: str
    """The state in words for people: what is done, what is waited for, or why it failed."""
    cure: str
    """What to do where it failed; else ""."""
    place: int | None
    """While queued, how many videos are before it; else null."""
    note: str
    """What is odd about the video ("partial: 28 of 50 frames"); else ""."""
    bytes: int
    """Of the file."""
    duration: float | None
    """In seconds; null until it is decoded, and where its frames have no times."""
    frames: int | None
    """How many it has; null until it is decoded."""
    clips: list[ClipSpan]
    """Those that the first model sees, in the order of time; empty until it is ready."""
    playback: Playback
    expires_in: float
    """Seconds until it is deleted; every request about it begins them anew."""
    seconds: dict[str, float]
    """How long each part took: waiting, decoding, encoding."""


# Questions


class QuestionAsked(Asked):
    """A question about a video."""

    question: Text
    run: str | None = None
    """Name of the run that answers, of those in `/info`; null: the first."""
    choices: Annotated[list[Text], Field(max_length=100)] = []
    """Answers to rank; needed by a run of the kind choice; others rank these among theirs."""
    count: bool = False
    """The likeliest number, of a run of the kind open."""


class Answer(Told):
    """One answer."""

    answer: str
    probability: float | None
    """null where the run counts without probabilities."""


class ClipScore(Told):
    """What one clip had to do with an answer; as many of them, in the same order, as `clips`."""

    start: float
    end: float
    middle: float
    appearance: float
    """How much its pictures have to do with the question, 0 to 1 (the query punishment)."""
    motion: float
    """How much its motion has."""
    weight: float
    """Its weight in the answer (read-out): over all clips they add up to 1."""
    alone: float | None
    """Probability that the run gives its best answer when it sees this clip alone; null where
    `attends`, and of runs that choose, count, or have encoders of their own."""


class AnswersTold(Told):
    """What a run says."""

    question: str
    run: str
    """Name of the run."""
    kind: Literal["open", "choice", "count"]
    answers: list[Answer]
    """The five best, best first."""
    value: float | None
    """Of a run that counts, the number before it is rounded."""
    clips: list[ClipScore]
    attends: bool
    """Whether appearance, motion and weight tell clips apart: a small run that takes the mean over
    clips has the same for all, and `alone` tells them apart."""
    without_video: list[Answer]
    """What the run would say without the video: of a video that shows nothing particular; empty
    where it cannot tell."""
    known_words: list[str]
    """Words of the question that the run knows."""
    unknown_words: list[str]
    """Words that it does not know: the answer cannot depend on them."""
    advice: str
    """Plain words of caution: words or choices that it does not know, an answer that is a guess, or
    that it would give without the video; else ""."""
    milliseconds: float
    """From the question's arrival to the answer, on the server."""
    batch: int
    """How many questions were answered together."""


class Caption(Told):
    """A sentence about a video."""

    text: str
    score: float
    """Log-probability a word, by which they are ranked: higher is better."""


class CaptionsTold(Told):
    """What a run that captions says of a video."""

    run: str
    captions: list[Caption]
    """The best first."""
    milliseconds: float


class ActionsTold(Told):
    """What a run that classifies says of a video."""

    run: str
    actions: list[Answer]
    """The five best classes, best first; empty of a run that tells values."""
    times: list[float]
    """Of a run that tells values over time, when each of them is."""
    values: list[float]
    milliseconds: float


# Examples


class Example(Told):
    """A video that comes with the project."""

    id: str
    title: str
    """What is to be seen in it."""
    thumbnail: str
    """Address of its middle frame, a JPEG, relative to the page."""
    questions: list[str]
    """Questions to begin with."""


class ExamplesTold(Told):
    """All of them."""

    examples: list[Example]


# The server


class RunTold(Told):
    """A run that answers here."""

    name: str
    task: Literal["questions", "captions", "actions", "streams"]
    """A run that classifies is told as of actions, and of streams where it follows them."""
    kind: str
    """Of questions: open, choice or count; else ""."""
    answers: int
    """How many answers, words or classes it knows."""


class Limits(Told):
    """What is taken."""

    bytes: int
    """Of one upload."""
    duration: float
    """Seconds of one video."""
    upload_seconds: float
    """In which an upload must be done."""
    queue: int
    """Videos that may wait."""
    videos: int
    """Videos that are kept at most; then the one that was not asked about for the longest goes."""
    keep: float
    """Seconds for which a video is kept after the last request about it."""
    question: int
    """Characters of a question."""


class InfoTold(Told):
    """What this server does."""

    version: str
    runs: list[RunTold]
    library: int | None
    """Clips of the library; null: none is served."""
    limits: Limits
    waiting: int
    """Videos that wait now."""


class HealthTold(Told):
    """That the server answers."""

    status: Literal["ok"]
    videos: int
    waiting: int
