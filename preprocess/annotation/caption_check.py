"""`python -m preprocess.captions --check`: do annotations, videos and stores fit each other?

Nothing is written and nothing stops at the first mistake: everything that can be read is looked at,
and one table (findings.py) says what was found.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Segment
from preprocess.annotation.caption_dataset import CaptionDataset, caption_dataset, shared_videos
from preprocess.annotation.caption_file import Tokens, labels, tokens_of
from preprocess.annotation.check_texts import word_findings
from preprocess.annotation.findings import Finding, table
from preprocess.annotation.presence import check_files, check_store, plural, unread, videos_of
from util.errors import UserError
from util.text import clipped, printable

COMMON = 0.5  # of a split's segments: a caption that more of them have says little

Segments = Mapping[str, Sequence[Segment]]


def check(options: CaptionOptions) -> int:
    """Print the table of findings; returns 2 if there are problems, else 0.

    Raises UserError for an unknown data set; everything else that is wrong is a line of the table.
    """
    dataset = caption_dataset(options.dataset)
    segments: Segments = {}
    remarks: tuple[str, ...] = ()
    findings: list[Finding] = []
    try:
        found = dataset.read(options)
        segments, remarks = found.splits, found.notes
    except UserError as error:
        findings.append(unread("all splits", str(error)))
    tokens = {split: tokens_of(rows) for split, rows in segments.items()}
    findings += _captions(segments, tokens, dataset)
    for one, other, videos in shared_videos(segments, dataset.share):
        findings.append(
            Finding(
                "captions of one video in two splits", f"{one} and {other}", len(videos), None, "",
                [repr(video) for video in videos],
            )
        )  # fmt: skip
    if options.videos:
        findings += check_files(segments, options.videos, options.id_map, of="segments")
    for path in options.videos_in:
        findings += check_store(segments, path, of="segments")
    print(f"{options.dataset}: annotations in {printable(options.annotations)}")
    print(_sizes(segments, tokens))
    print("".join(f"NOTE: {note}\n" for note in remarks), end="")
    print(f"\n{table(findings)}")
    if not options.videos:
        print("not looked at: video files (name them with --videos)")
    if not options.videos_in:
        print("not looked at: feature stores (name them with --videos_in)")
    problems = sum(finding.problem for finding in findings)
    warnings = sum(finding.count > 0 for finding in findings) - problems
    print(f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}; nothing was written")
    return 2 if problems else 0


def _captions(
    segments: Segments, tokens: Mapping[str, Tokens], dataset: CaptionDataset
) -> Iterator[Finding]:
    """What can be wrong with the captions of one split by themselves."""
    for split, rows in segments.items():
        if not rows:
            if split in dataset.needs:
                yield Finding("no captions", split, 1)
            continue
        words, where = tokens[split], labels(rows)
        empty = [at for at, some in zip(where, words, strict=True) if not some]
        yield Finding("captions without a word", split, len(empty), len(where), "", empty)
        said = [" ".join(some) for some in words]
        owner = [segment.id for segment in rows for _ in segment.captions]
        first: dict[tuple[str, str], str] = {}
        again = [
            at
            for at, text, segment in zip(where, said, owner, strict=True)
            if text and first.setdefault((segment, text), at) is not at
        ]
        yield Finding("captions given twice", split, len(again), len(where), "", again)
        pairs = {(segment, text) for segment, text in zip(owner, said, strict=True) if text}
        ((text, count),) = Counter(text for _, text in pairs).most_common(1) or [("", 0)]
        many = count if count > max(1, COMMON * len(rows)) else 0
        examples = [repr(clipped(text, 60))]
        yield Finding("one caption for many segments", split, many, len(rows), "", examples)
        yield from word_findings(split, where, words, of="captions")


def _sizes(segments: Segments, tokens: Mapping[str, Tokens]) -> str:
    lines = [f"{'split':5} {'segments':>8} {'videos':>6} {'captions':>8} {'words':>9}"]
    for split, rows in segments.items():
        count = sum(map(len, tokens[split]))
        lines.append(
            f"{split:5} {len(rows):8,} {len(videos_of(rows)):6,} {len(tokens[split]):8,} {count:9,}"
        )
    return "\n".join(lines)
