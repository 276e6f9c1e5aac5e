"""Options of `python -m preprocess.questions`."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["open", "choice", "count", "action", "transition", "count_raw", "frame"]
# What the file of --like has settled already, and what each is without being given.
SETTLED = {
    "glove": None, "vectors": "trained", "top_answers": 4000, "answers_from": "train",
    "words_from": "train", "min_count": 1, "word_width": None,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class QuestionOptions:
    """Which annotations become which question file, or are checked.

    Args:
        dataset: Format of the annotations (msvd_qa, msrvtt_qa, activitynet_qa, svqa, tgif_qa,
            next_qa, star, causal_vidqa, own, shapes).
        annotations: Folder with the annotation files of its three splits; of own, a .csv or .jsonl.
        task: Which questions of a data set that has several kinds; of tgif_qa action, transition,
            count (0 as 1, as papers have it), count_raw or frame; of own and shapes open, choice or
            count. Without it, own is choice where it has choices, and shapes open.
        output: Question file to write (.pt).
        like: Question file whose words, word vectors, answer classes and range of numbers are
            taken, for splits that a run on that file shall answer; some may be missing here.
        glove: Word vectors; a GloVe text file, the word package (GloVe 6B of 50 numbers, complete,
            of requirements-pretrained.txt), or gensim:NAME, which gensim downloads.
        vectors: Without --glove, trained on the training questions, or random (seeded).
        videos_in: Feature stores (A.h5 B.h5 ...); only questions of videos in all are kept.
        top_answers: Number of answers, the commonest of --answers_from, that become classes.
        answers_from: Split whose answers become classes; union takes all three, only to compare
            with papers that did.
        words_from: With --glove, split whose words become the vocabulary; union adds those of
            validation and test questions that have a vector, of which training learns nothing more.
        min_count: How often training questions must have a word; a rarer one becomes <UNK>.
        word_width: Width of trained or random word vectors, 300 if not given; those of --glove have
            their own.
        check: Write nothing; compare annotations, --videos and --videos_in, and list what is wrong.
        videos: With --check, folders and video files that the questions are about.
        id_map: With --videos, file of lines `<file stem> vid<id>`, as for preprocess.videos.
    """

    dataset: str
    annotations: str
    output: str | None = None
    task: Task | None = None
    like: str | None = None
    glove: str | None = None
    vectors: Literal["trained", "random"] = "trained"
    videos_in: tuple[str, ...] = ()
    top_answers: int = 4000
    answers_from: Literal["train", "union"] = "train"
    words_from: Literal["train", "union"] = "train"
    min_count: int = 1
    word_width: int | None = None
    check: bool = False
    videos: tuple[str, ...] = ()
    id_map: str | None = None

    def __post_init__(self) -> None:
        for name in ("top_answers", "min_count", "word_width"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} {value}: must be at least 1")
        if self.like is not None:
            for name, default in SETTLED.items():
                if (value := getattr(self, name)) != default:
                    raise ValueError(
                        f"--{name} {value}: words, vectors and answers are those of --like "
                        f"{self.like}; leave it out"
                    )
            if self.check:
                raise ValueError(f"--like {self.like}: --check encodes nothing; leave it out")
        if self.output is None and not self.check:
            raise ValueError("--output: not given; name the question file to write")
        if self.videos and not self.check:
            raise ValueError("--videos: only --check looks at video files; add --check")
        if self.id_map is not None and not self.videos:
            raise ValueError(f"--id_map {self.id_map}: names the files of --videos; give these too")
        if self.words_from == "union" and self.glove is None:
            raise ValueError(
                "--words_from union: words that training did not have need vectors; give --glove"
            )
        if self.glove is not None and self.vectors == "random":
            raise ValueError("--vectors random: --glove has vectors already; give one of the two")
