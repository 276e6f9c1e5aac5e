"""Captions of a file and what scores them, whatever the protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.caption.activitynet import (
    TIOUS,
    EventScorer,
    event_id,
    read_event_references,
    words_of,
)
from evaluation.caption.json_file import shown
from evaluation.caption.meteor import Meteor
from evaluation.caption.reference_file import ReferenceSet, read_references, read_training
from evaluation.caption.results_file import Event, read_events, read_results
from evaluation.caption.scores import CaptionScorer, CaptionScores
from options.evaluation.captions import CaptionFileOptions
from util.errors import UserError
from util.text_metrics.ptb_tokens import tokenize

Captions = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Material:
    """Captions, and how captions of the same segments are scored."""

    # of each segment, by its id
    captions: dict[str, str]
    # the video of each
    videos: list[str]
    # what the scores are of, in every metric's name
    name: str
    # scores captions of these segments
    score: Callable[[Captions], CaptionScores]
    # what intervals resample: the video of each thing that has a score
    units: list[str]
    # captions of each training segment, where they are known
    training: Sequence[Sequence[str]] | None
    # what the reader should know
    notes: list[str]


def load_material(
    options: CaptionFileOptions, meteor: Meteor | None
) -> tuple[Material, Material | None]:
    """The captions of --predictions, and those of --against.

    Raises UserError for files of no known form, and ids that are missing on one side.
    """
    if options.protocol == "activitynet":
        return _events(options, meteor)
    references = read_references(options.references, options.split, options.train)
    scorer = CaptionScorer(dict(zip(references.ids, references.captions, strict=True)), meteor)

    def load(path: str) -> Material:
        return material_of(read_results(Path(path)), path, references, scorer)

    return load(options.predictions), load(options.against) if options.against else None


def material_of(
    captions: Captions, source: str, references: ReferenceSet, scorer: CaptionScorer
) -> Material:
    """A caption for each segment of the references; `source` is who said them, in messages."""
    known = set(references.ids)
    missing = [name for name in references.ids if name not in captions]
    strange = [name for name in captions if name not in known]
    for ids, what in (
        (missing, f"lacks a caption of {len(missing):,} of the {len(known):,} segments of"),
        (strange, f"has captions of {len(strange):,} segments that are not among"),
    ):
        if ids:
            raise UserError(
                f"{source}: {what} {references.name}, first id {shown(ids[0])} (ids are such as "
                f"{shown(next(iter(captions), ''))} there, {shown(references.ids[0])} in the "
                "references); both must be of the same split"
            )
    mine = {name: captions[name] for name in references.ids}
    return Material(
        captions=mine,
        videos=list(references.videos),
        name=references.name,
        score=scorer.score,
        units=list(references.videos),
        training=references.training,
        notes=_wordless(source, mine, tokenize),
    )


def _events(options: CaptionFileOptions, meteor: Meteor | None) -> tuple[Material, Material | None]:
    files = {path: read_event_references(Path(path)) for path in options.references}
    training = None if options.train is None else read_training(options.train)
    names = " + ".join(Path(path).name for path in files)
    every = {video for file in files.values() for video in file}

    def load(path: str) -> Material:
        found = read_events(Path(path))
        events = {video: of for video, of in found.items() if video in every}
        if not events:
            raise UserError(
                f"{path}: none of its {len(found):,} videos is in {names}, first "
                f"{shown(next(iter(found)))}; give the references of its own split"
            )
        rows = [(event_id(v, i), v, e.sentence) for v, of in events.items()
                for i, e in enumerate(of)]  # fmt: skip
        captions = {name: text for name, _, text in rows}
        notes = _wordless(path, captions, words_of)
        if len(found) > len(events):
            notes.append(f"{path}: {len(found) - len(events):,} videos without references left out")
        if len(every) > len(events):
            notes.append(
                f"{path}: says nothing of {len(every) - len(events):,} of the {len(every):,} "
                "videos of the references, which count as 0"
            )
        scorer = EventScorer(list(files.values()), events, meteor, seed=options.seed)
        return Material(
            captions=captions,
            videos=[video for _, video, _ in rows],
            name=f"{names}, {_segments(events, files)}, mean of tIoU {' '.join(map(str, TIOUS))}",
            score=scorer.score,
            units=scorer.videos,
            training=training,
            notes=notes,
        )

    return load(options.predictions), load(options.against) if options.against else None


def _segments(events: Mapping[str, list[Event]], files: Mapping[str, Mapping]) -> str:
    """Whose segments the events are: those of a reference file, or their own."""
    for path, file in files.items():
        true = {video: {(e.start, e.end) for e in of} for video, of in file.items()}
        if all((e.start, e.end) in true.get(v, ()) for v, of in events.items() for e in of):
            return f"segments of {Path(path).name}"
    return "segments of its own"


def _wordless(source: str, captions: Captions, words: Callable[[str], list[str]]) -> list[str]:
    """A note about captions without a word."""
    empty = [name for name, text in captions.items() if not words(text)]
    if not empty:
        return []
    return [f"{source}: {len(empty):,} captions have no word and score 0, first {shown(empty[0])}"]
