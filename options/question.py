"""Options of `python -m preprocess.questions`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuestionOptions:
    """Which annotations become which question file.

    Args:
        dataset: Data set whose annotation format is read (msvd_qa, shapes).
        annotations: Folder with the annotation files of its three splits.
        output: Question file to write (.pt).
        glove: GloVe text file; without one, word vectors are trained on the training questions.
        videos_in: Feature stores (A.h5 B.h5 ...); only questions of videos in all are kept.
        top_answers: Number of answers, the commonest of the training split, that become classes.
        word_width: Width of the word vectors.
    """

    dataset: str
    annotations: str
    output: str
    glove: str | None = None
    videos_in: tuple[str, ...] = ()
    top_answers: int = 4000
    word_width: int = 300

    def __post_init__(self) -> None:
        for name in ("top_answers", "word_width"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"--{name} {value}: must be at least 1")
