"""What `--check` found, and the table that says it (check.py, caption_check.py, label/check.py)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from util.text import clipped

EXAMPLES = 3
EXAMPLE_WIDTH = 75
# what is looked for, in the order of the table: (its level, what to do or to know about it)
KINDS: dict[str, tuple[Literal["PROBLEM", "warning"], str]] = {
    "cannot be read": ("PROBLEM", "correct it and check again: one fault can hide others"),
    "no questions": ("PROBLEM", "every split needs some"),
    "no captions": ("PROBLEM", "train and val need some, and test where the data set has one"),
    "groups in two splits": ("PROBLEM", "keep all videos of a group in one, or use --folds"),
    "questions without a word": ("PROBLEM", "fill them in or take them out"),
    "questions with fewer than two choices": ("PROBLEM", "give each two at least"),
    "answers that are not among the choices": (
        "PROBLEM",
        "spell each as its choice, or give the choice's place",
    ),
    "numbers that are words": ("PROBLEM", "write them in digits"),
    "answers that are no number": ("PROBLEM", "give each a whole number from 0 to 1,000,000"),
    "numbers below zero": ("PROBLEM", "nothing is counted less than no times; correct them"),
    "numbers that are not whole": ("PROBLEM", "give each a whole number"),
    "captions without a word": ("PROBLEM", "fill them in or take them out"),
    "videos in two splits": ("PROBLEM", "keep all questions of a video in one split"),
    "captions of one video in two splits": ("PROBLEM", "keep all captions of a video in one split"),
    "questions whose video has no file": ("PROBLEM", "add the files, or name them by --id_map"),
    "questions whose video is not in a store": (
        "PROBLEM",
        "extract these videos, or leave their questions out (--videos_in without --check)",
    ),
    "segments whose video has no file": ("PROBLEM", "add the files, or name them by --id_map"),
    "segments whose video is not in a store": (
        "PROBLEM",
        "extract these videos, or leave their captions out (--videos_in without --check)",
    ),
    "labels whose video has no file": ("PROBLEM", "add the files, or name them by --id_map"),
    "labels whose video is not in a store": (
        "PROBLEM",
        "extract these videos, or leave their labels out (--videos_in without --check)",
    ),
    "videos without labels": ("warning", "they are not used; is a name misspelt?"),
    "classes not in train": ("warning", "their videos always count as wrong"),
    "classes that are nearly the same": (
        "warning",
        "they differ in case, blanks or a full stop, and each is a class of its own",
    ),
    "videos without segments": ("warning", "they are not used; is a name misspelt?"),
    "videos without questions": ("warning", "they are not used; is a name misspelt?"),
    "questions asked twice": ("warning", "same video, question and answer; they count more"),
    "captions given twice": ("warning", "the same words of the same segment; they count more"),
    "one caption for many segments": (
        "warning",
        "a model can say it without looking and be right; is it a template not filled in?",
    ),
    "choices that are alike": (
        "warning",
        "they differ in case, blanks or a full stop at most; no model can tell them apart",
    ),
    "the longest choice is the answer": (
        "warning",
        "more often than chance has it: a model can be right without the video or the question",
    ),
    "the shortest choice is the answer": (
        "warning",
        "more often than chance has it: a model can be right without the video or the question",
    ),
    "one place of choices has the answer": (
        "warning",
        "more often than chance has it; models here do not see places, others may: shuffle them",
    ),
    "numbers outside those of train": (
        "warning",
        "answers are clipped to the range of training, so such questions always count as wrong",
    ),
    "questions with several answers": (
        "warning",
        "same video and question; no model can be right each time",
    ),
    "answers not in train": ("warning", "such questions always count as wrong"),
    "types not in train": ("warning", "such questions are never practised"),
    "answers that are nearly the same": (
        "warning",
        "they differ in case, blanks or a full stop, and each is a class of its own",
    ),
    "types that are nearly the same": (
        "warning",
        "they differ in case, blanks or a full stop, and each has an accuracy of its own",
    ),
    "too many types": ("warning", "tables show the largest; give each question a type of a few"),
    "very long questions": ("warning", "each batch with one is padded to it; shorten them"),
    "very long candidates": ("warning", "each batch with one is padded to it; shorten them"),
    "very long captions": ("warning", "each batch with one is padded to it; shorten them"),
    "questions without spaces": (
        "warning",
        "a sentence or a very long word is one word to the model; put blanks between the words",
    ),
    "candidates without spaces": (
        "warning",
        "a sentence or a very long word is one word to the model; put blanks between the words",
    ),
    "captions without spaces": (
        "warning",
        "a sentence or a very long word is one word to the model; put blanks between the words",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One line of the table; `count` 0 says that `what` (a key of `KINDS`) was not found there.

    `of` is the number looked at, if that says something; `note` goes before the examples, of which
    the table shows the first few.
    """

    what: str
    where: str
    count: int
    of: int | None = None
    note: str = ""
    examples: Sequence[str] = ()

    @property
    def problem(self) -> bool:
        """Whether this stops a run or falsifies its result."""
        return self.count > 0 and KINDS[self.what][0] == "PROBLEM"


def notes(findings: Iterable[Finding]) -> str:
    """What was found, a line for each, for a command that goes on."""
    lines = [
        f"NOTE: {finding.count:,} {finding.what} in {finding.where} ({_examples(finding)}): "
        f"{KINDS[finding.what][1]}\n"
        for finding in findings
        if finding.count
    ]
    return "".join(lines)


def table(findings: Sequence[Finding]) -> str:
    """The findings by kind: what was looked for, what to do about it, and a line for each place."""
    lines: list[str] = []
    for what, (level, cure) in KINDS.items():
        kind = [finding for finding in findings if finding.what == what]
        found = [finding for finding in kind if finding.count]
        if found:
            lines += [f"{level}  {what}: {cure}", *_rows(found)]
        elif kind:
            lines.append(f"ok       {what}: none")
    return "\n".join(lines)


def _rows(found: Sequence[Finding]) -> list[str]:
    """Place, count and examples, one below the other."""
    counts = [_count(finding) for finding in found]
    where = max(len(finding.where) for finding in found)
    width = max(len(count) for count in counts)
    return [
        f"{'':9}  {finding.where:{where}}  {count:>{width}}  {_examples(finding)}".rstrip()
        for finding, count in zip(found, counts, strict=True)
    ]


def _count(finding: Finding) -> str:
    if finding.what == "cannot be read":  # each is one fault, with its own line
        return ""
    return f"{finding.count:,}" + (f" of {finding.of:,}" if finding.of is not None else "")


def _examples(finding: Finding) -> str:
    shown = [clipped(text, EXAMPLE_WIDTH) for text in finding.examples[:EXAMPLES]]
    more = ["..."] if len(finding.examples) > EXAMPLES else []
    return f"{finding.note} {', '.join(shown + more)}".strip()
