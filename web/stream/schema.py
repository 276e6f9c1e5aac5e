"""What is told of a video that a run follows frame by frame."""

from typing import Literal

from web.schema import Told


class Step(Told):
    """What the run says once it has seen a frame, and none after it."""

    time: float
    """When the frame is shown."""
    answer: str | None
    """The likeliest class; null of a run that tells values."""
    number: int | None
    """Of this class."""
    probability: float | None
    """Its probability."""
    value: float | None
    """Of a run that tells values; null also where it is no number."""
    warm: bool
    """Whether as many frames had been seen as a video had that the run was trained on."""


class StreamTold(Told):
    """A part of what a run says over time: what was worked out since the last request."""

    run: str
    kind: Literal["classes", "values"]
    message: str
    """In words for people: how far it is, what of the past counts, how fast it goes."""
    warm_up: int
    """Frames after which it is warm."""
    steps: list[Step]
    """From the one asked for (`after`) on, in the order of time, a thousand at most."""
    next: int
    """What `after` is to be in the next request."""
    done: bool
    """Whether there are no more steps."""
    note: str
    """Why there are none where the video does not end there; else ""."""
    speed: float
    """Frames a second that are looked at here, decoding apart."""
    milliseconds: float
