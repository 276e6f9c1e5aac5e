"""`python -m preprocess.questions --check`: do annotations, videos and stores fit each other?

Nothing is written and nothing stops at the first mistake: everything is looked at, and one table
(findings.py) says what was found.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations
from pathlib import Path

from data_loader.questions import Kind
from data_loader.tokens import bare
from options.preprocess.questions import QuestionOptions
from preprocess.annotation.check_kinds import check_kinds
from preprocess.annotation.check_texts import check_texts, type_sizes
from preprocess.annotation.dataset import SPLITS, reader
from preprocess.annotation.findings import Finding, table
from preprocess.annotation.presence import check_files, check_store, plural, unread, videos_of
from preprocess.annotation.question.kinds import kind_of
from preprocess.annotation.sample import Sample
from util.errors import UserError
from util.text import printable

Samples = Mapping[str, list[Sample]]
Asked = tuple[str, str, tuple[float, float] | None, tuple[str, ...] | None]


def check(options: QuestionOptions) -> int:
    """Print the table of findings; returns 2 if there are problems, else 0.

    Raises UserError for an unknown data set; everything else that is wrong is a line of the table.
    """
    samples, findings = _read(options)
    findings += _questions(samples)
    kind = kind_of(options.task, list(chain.from_iterable(samples.values())))
    findings += _splits(samples, kind)
    findings += check_kinds(kind, samples)
    findings += check_texts(samples, kind)
    if options.videos:
        findings += check_files(samples, options.videos, options.id_map, of="questions")
    for path in options.videos_in:
        findings += check_store(samples, path, of="questions")
    print(f"{options.dataset}: annotations in {printable(options.annotations)}")
    print(_sizes(samples))
    print(f"{type_sizes(chain.from_iterable(samples.values()))}\n\n{table(findings)}")
    if not options.videos:
        print("not looked at: video files (name them with --videos)")
    if not options.videos_in:
        print("not looked at: feature stores (name them with --videos_in)")
    unread = [split for split in SPLITS if split not in samples]
    if unread:
        print(f"not looked at: the questions of {', '.join(unread)}, which cannot be read")
    problems = sum(finding.problem for finding in findings)
    warnings = sum(finding.count > 0 for finding in findings) - problems
    print(f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}; nothing was written")
    return 2 if problems else 0


def _read(options: QuestionOptions) -> tuple[dict[str, list[Sample]], list[Finding]]:
    """The splits that can be read, and the faults of those that cannot."""
    read = reader(options.dataset, options.task)
    samples: dict[str, list[Sample]] = {}
    faults: dict[str, list[str]] = defaultdict(list)  # one fault can be that of all splits
    for split in SPLITS:
        try:
            samples[split] = read(Path(options.annotations), split)
        except UserError as error:
            faults[str(error)].append(split)
    findings = [unread(", ".join(splits), fault) for fault, splits in faults.items()]
    findings += [Finding("no questions", split, 1) for split, rows in samples.items() if not rows]
    return samples, findings


def _questions(samples: Samples) -> Iterator[Finding]:
    """What can be wrong with the questions of one split by themselves."""
    for split, rows in samples.items():
        wordless = [s.label for s in rows if not any(map(str.isalnum, s.question))]
        yield _finding("questions without a word", split, wordless, len(rows))
        first: dict[tuple[Asked, str], Sample] = {}
        again = [s for s in rows if first.setdefault((_asked(s), s.answer), s) is not s]
        names = [f"{first[_asked(s), s.answer].id} = {s.label}" for s in again]
        yield _finding("questions asked twice", split, names, len(rows))
        answers: dict[Asked, dict[str, None]] = defaultdict(dict)
        for sample in rows:
            answers[_asked(sample)][sample.answer] = None
        unclear = [s for s in rows if len(answers[_asked(s)]) > 1]
        # an example for each such question; its copies are counted but not named
        once = {_asked(s): s for s in reversed(unclear)}
        names = [f"{s.label}: {' / '.join(answers[asked])}" for asked, s in once.items()][::-1]
        yield Finding("questions with several answers", split, len(unclear), len(rows), "", names)


def _splits(samples: Samples, kind: Kind) -> Iterator[Finding]:
    """What can be wrong between splits."""
    videos = {split: videos_of(rows) for split, rows in samples.items()}
    for one, other in combinations(samples, 2):
        both = [repr(video) for video in videos[one] if video in videos[other]]
        yield _finding("videos in two splits", f"{one} and {other}", both)
    if "train" not in samples:
        return
    known = {sample.answer for sample in samples["train"]}
    types = {sample.type for sample in samples["train"]}
    for split in ("val", "test"):
        rows = samples.get(split, [])
        if kind == "open":
            unknown = [s.answer for s in rows if s.answer not in known]
            names = [repr(answer) for answer in dict.fromkeys(unknown)]
            note = f"{plural(len(names), 'answer')}:"
            yield Finding("answers not in train", split, len(unknown), len(rows), note, names)
        unseen = dict.fromkeys(s.type for s in rows if s.type not in types)
        yield _finding("types not in train", split, [repr(name) for name in unseen])


def _finding(what: str, where: str, names: Sequence[str], of: int | None = None) -> Finding:
    """A finding that has a name for each thing found."""
    return Finding(what, where, len(names), of, "", names)


def _asked(sample: Sample) -> Asked:
    """Video, question, without regard to case, spaces and question mark, part and choices."""
    return sample.video, " ".join(bare(sample.question).split()), sample.time, sample.choices


def _sizes(samples: Samples) -> str:
    lines = [f"{'split':5} {'questions':>9} {'videos':>6} {'answers':>7} {'types':>5}"]
    for split in SPLITS:
        if split in samples:
            rows = samples[split]
            answers, types = {s.answer for s in rows}, {s.type for s in rows}
            videos = len(videos_of(rows))
            lines.append(f"{split:5} {len(rows):9,} {videos:6,} {len(answers):7,} {len(types):5}")
        else:
            lines.append(f"{split:5} cannot be read")
    return "\n".join(lines)
