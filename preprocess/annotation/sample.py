"""What every annotation file becomes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One question about one video.

    `id` is unique within its split; `video` is the id that the feature stores use; `question` and
    `answer` are the raw texts; `type` is the group under which accuracy is reported.  A question of
    multiple choice has the texts of its `choices`, of which `answer` should be one; a question
    about a part of its video has its `time`.
    """

    id: int | str
    video: str
    question: str
    answer: str
    type: str
    choices: tuple[str, ...] | None = None
    time: tuple[float, float] | None = None  # start and end in seconds; None: the whole video

    @property
    def label(self) -> str:
        """The sample in a message."""
        return f"{self.id} (video {self.video})"
