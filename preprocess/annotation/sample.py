"""What every annotation file becomes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One question about one video.

    `id` is unique within its split; `video` is the id that the feature stores use; `question` and
    `answer` are the raw texts; `type` is the group under which accuracy is reported.
    """

    id: int | str
    video: str
    question: str
    answer: str
    type: str

    @property
    def label(self) -> str:
        """The sample in a message."""
        return f"{self.id} (video {self.video})"
