"""Options of `python -m library ask`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AskOptions:
    """A question to every clip of a library.

    Args:
        question: as "who plays the guitar?"
        where: which files and clips, as of `library search`
        number: answers that are shown
        moments: moments that are shown of each answer
        most: clips that are asked, those most alike to what the question says
        anyway: show the answers, even where nothing in the library is what is asked about
        run: run that answers: its folder, or a packed file; default the one that comes with the
            project
        output: file of the moments for `library export`, JSON Lines
    """

    question: str
    where: str = ""
    number: int = 5
    moments: int = 3
    most: int = 1000
    anyway: bool = False
    run: str | None = None
    output: str | None = None

    def __post_init__(self) -> None:
        """Numbers that there are."""
        if not 1 <= self.most <= 10**7:
            raise ValueError(f"--most {self.most}: give 1 or more clips")
        for name in ("number", "moments"):
            if not 1 <= getattr(self, name) <= 1000:
                raise ValueError(f"--{name} {getattr(self, name)}: give 1 to 1,000")
