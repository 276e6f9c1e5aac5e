"""`python -m preprocess.labels --check`: do annotations, videos and stores fit each other?

Nothing is written and nothing stops at the first mistake that can be passed over: one table
(findings.py) says what was found.
"""

from collections.abc import Iterator

from data_loader.label.labels import WHOLE
from options.preprocess.labels import LabelOptions
from preprocess.annotation.check_texts import near
from preprocess.annotation.findings import Finding, table
from preprocess.annotation.label.dataset import read_labels
from preprocess.annotation.label.file import Splits, summary
from preprocess.annotation.label.row import LabelAnnotations
from preprocess.annotation.label.splits import cut, leaks
from preprocess.annotation.presence import check_files, check_store, plural, unread
from util.errors import UserError
from util.text import clipped, printable


def check(options: LabelOptions) -> int:
    """Print the table of findings; returns 2 if there are problems, else 0.

    Everything that is wrong is a line of the table.
    """
    found: LabelAnnotations | None = None
    remarks: tuple[str, ...] = ()
    findings: list[Finding] = []
    try:
        found = read_labels(options)
        leaking = [] if options.folds else leaks(found)
        if found.may_leak or not leaking:
            made = cut(found, options)
            found, remarks = made.found, (*made.found.notes, *made.notes)
        else:
            findings += [
                Finding("groups in two splits", f"{one} and {other}", len(groups), None, "", groups)
                for one, other, groups in leaking
            ]
    except UserError as error:
        findings.append(unread("all splits", str(error)))
    splits: Splits = {} if found is None else found.splits
    findings += _labels(splits)
    if options.videos:
        findings += check_files(splits, options.videos, options.id_map, of="labels")
    for path in options.videos_in:
        findings += check_store(splits, path, of="labels")
    print(f"{options.dataset}: annotations in {printable(options.annotations)}")
    if found is not None:
        print(summary(found))
    print("".join(f"NOTE: {printable(note)}\n" for note in remarks), end="")
    print(f"\n{table(findings)}")
    if not options.videos:
        print("not looked at: video files (name them with --videos)")
    if not options.videos_in:
        print("not looked at: feature stores (name them with --videos_in)")
    problems = sum(finding.problem for finding in findings)
    warnings = sum(finding.count > 0 for finding in findings) - problems
    print(f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}; nothing was written")
    return 2 if problems else 0


def _labels(splits: Splits) -> Iterator[Finding]:
    """What can be wrong with the labels themselves."""
    labels = dict.fromkeys(row.label for rows in splits.values() for row in rows)
    if not any(labels):  # values over time
        return
    spellings: dict[str, list[str]] = {}
    for label in labels:
        spellings.setdefault(near(label), []).append(label)
    twins = [group for group in spellings.values() if len(group) > 1]
    names = [" / ".join(repr(clipped(label, 30)) for label in group) for group in twins]
    yield Finding("classes that are nearly the same", "all splits", len(twins), None, "", names)
    if WHOLE in splits:
        return
    known = {row.label for row in splits.get("train", ())}
    for split in ("val", "test"):
        unknown = dict.fromkeys(
            row.label for row in splits.get(split, ()) if row.label not in known
        )
        names = [repr(label) for label in unknown]
        yield Finding("classes not in train", split, len(names), None, "", names)
