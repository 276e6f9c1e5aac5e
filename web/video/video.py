"""What a server knows of one video."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.video import VideoInput
from web.schema import State
from web.video.look import Looked


@dataclass(eq=False)
class Video:
    """One video.  Changed under the shelf's lock alone."""

    id: str
    name: str  # as the client said: shown, never a path
    file: Path
    bytes: int = 0
    state: State = "queued"
    message: str = ""
    cure: str = ""
    looked: Looked | None = None
    # For each group of models; None: it is too long for them.
    seen: list[VideoInput | None] = field(default_factory=list)
    playback: str = "preparing"  # or ready, none
    playback_message: str = ""
    copied: bool = False  # whether the file that is played is a copy
    asked: float = field(default_factory=time.monotonic)  # when a request was last about it
    began: float = field(default_factory=time.monotonic)  # this state
    seconds: dict[str, float] = field(default_factory=dict)  # that each state took
    told: dict[Any, Any] = field(default_factory=dict)  # what is told of it once and for all

    @property
    def busy(self) -> bool:
        """Whether it is on its way."""
        return self.state not in ("ready", "failed")
