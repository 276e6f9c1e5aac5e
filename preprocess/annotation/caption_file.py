"""Annotations -> one file: vocabulary, encoded captions, word vectors."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from data_loader.caption.captions import CaptionSplit, save_captions
from data_loader.store.open import open_any_store
from data_loader.vocabulary import SPECIAL, UNK_WORD, CaptionVocabulary
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Segment
from preprocess.annotation.caption_dataset import read_captions
from preprocess.annotation.check_texts import word_findings
from preprocess.annotation.findings import notes
from preprocess.annotation.presence import with_clips
from preprocess.annotation.question_file import annotation_files
from preprocess.annotation.ready_vectors import glove_file, ready_vectors
from util.errors import UserError
from util.files import check_output
from util.text import clipped, printable
from util.text_metrics.ptb_tokens import tokenize

Tokens = list[list[str]]  # of the captions of a split, one after another


def make_caption_file(options: CaptionOptions) -> None:
    """Read the annotations, write the caption file, print a summary.

    Raises UserError for annotations, word vectors, stores or options that do not fit.
    """
    assert options.output is not None, "only --check does without"
    check_output(options.output, inputs=_inputs(options))
    found = read_captions(options)
    segments, name = found.splits, options.dataset
    cut = f", --split_ids {found.split_ids}" if found.split_ids else ""
    print(f"{name}: annotations in {printable(options.annotations)}{cut}")
    print("".join(f"NOTE: {note}\n" for note in found.notes), end="")
    if options.videos_in:
        segments = restrict(segments, options.videos_in)
    tokens = {split: tokens_of(rows) for split, rows in segments.items()}
    for split, rows in segments.items():
        _refuse_wordless(options.annotations, rows, tokens[split])
    vocabulary = build_caption_vocabulary(tokens["train"], options.min_count)
    vectors, source = _vectors(options, vocabulary)
    splits = {s: encode(s, rows, tokens[s], vocabulary) for s, rows in segments.items()}
    save_captions(
        options.output,
        dataset=name,
        split_ids=found.split_ids,
        vocabulary=vocabulary,
        word_vectors=vectors,
        word_vectors_source=source,
        splits=splits,
    )
    print(summary(splits, tokens, vocabulary))
    for split, rows in segments.items():
        print(notes(word_findings(split, labels(rows), tokens[split], of="captions")), end="")
    if vectors is not None:
        print(f"word vectors: {source}\n  {_coverage(splits['train'], vectors)}")
    print(f"wrote {options.output}")


def _inputs(options: CaptionOptions) -> dict[str, object]:
    """What is read, by option: no output may be one of these."""
    return {
        "--id_map": options.id_map,
        "--glove": glove_file(options.glove),
        **{f"--videos_in ({path})": path for path in options.videos_in},
        **annotation_files(Path(options.annotations)),
    }


def restrict(
    segments: Mapping[str, Sequence[Segment]], stores: Sequence[str]
) -> dict[str, list[Segment]]:
    """Only the segments whose video is in every one of the stores, and has clips in their time.

    Prints how many that leaves.  Raises UserError for a file that is no store, as `segment_rows`
    does for parts of videos, and when a split becomes empty.
    """
    opened = [open_any_store(path) for path in stores]
    stored = set.intersection(*(set(store.ids) for store in opened))
    names = ", ".join(stores)
    print(f"segments of the {len(stored):,} videos in {names}:")
    kept = {}
    for split in segments:
        present = [segment for segment in segments[split] if segment.video in stored]
        rows = kept[split] = with_clips(present, opened)
        if not rows:
            example = next(iter(sorted(stored)), "none")
            told = clipped(repr(segments[split][0].video), 60)
            raise UserError(
                f"--videos_in {names}: hold no video of the {split} split (annotations have "
                f"{told}, the stores {example!r}); extract its videos, under the ids of the "
                "annotations (preprocess.videos --id_map)"
            )
        empty = len(present) - len(rows)
        more = f"; {empty:,} more have no clip of their video in their time" if empty else ""
        print(f"  {split}: {len(rows):,} of {len(segments[split]):,}{more}")
    return kept


def tokens_of(rows: Iterable[Segment]) -> Tokens:
    """The words of each caption of the segments, one after another."""
    return [tokenize(caption.text) for segment in rows for caption in segment.captions]


def labels(rows: Iterable[Segment]) -> list[str]:
    """Where each caption of the segments is, one after another."""
    return [caption.where for segment in rows for caption in segment.captions]


def _refuse_wordless(annotations: str, rows: Iterable[Segment], tokens: Tokens) -> None:
    empty = [where for where, words in zip(labels(rows), tokens, strict=True) if not words]
    if empty:
        raise UserError(
            f"{annotations}: {empty[0]}: the first of {len(empty):,} captions of its split "
            "without a word; fill them in or take them out"
        )


def build_caption_vocabulary(tokens: Tokens, min_count: int) -> CaptionVocabulary:
    """The words that the training captions have at least `min_count` times, the commonest first.

    Tokens are in small letters, so none is a special one.  Raises UserError if no word is left.
    """
    counts = Counter(chain.from_iterable(tokens))
    words = [word for word, count in counts.most_common() if count >= min_count]  # ties: first seen
    if not words:
        raise UserError(
            f"--min_count {min_count}: no word of the training captions comes so often; give less"
        )
    return CaptionVocabulary(words=(*SPECIAL, *words))


def encode(
    name: str, rows: Sequence[Segment], tokens: Tokens, vocabulary: CaptionVocabulary
) -> CaptionSplit:
    """One split as tensors."""
    times = [segment.time for segment in rows if segment.time is not None]
    assert len(times) in (0, len(rows)), "a split is of whole videos, or of parts"
    return CaptionSplit(
        name=name,
        ids=tuple(segment.id for segment in rows),
        videos=tuple(segment.video for segment in rows),
        times=torch.tensor(times, dtype=torch.float64) if times else None,
        segment=torch.tensor([i for i, segment in enumerate(rows) for _ in segment.captions]),
        texts=tuple(caption.text for segment in rows for caption in segment.captions),
        words=torch.tensor(vocabulary.encode(list(chain.from_iterable(tokens)))),
        length=torch.tensor([len(words) for words in tokens]),
    )


def _vectors(
    options: CaptionOptions, vocabulary: CaptionVocabulary
) -> tuple[torch.Tensor | None, str]:
    """Vectors of the words (W, D) float32, zeros where --glove has none, and their source."""
    if options.glove is None:
        return None, ""
    words = vocabulary.words[len(SPECIAL) :]
    vectors, _, source = ready_vectors(
        options.glove, words, width=None, count=len(words), texts="the training captions"
    )
    return torch.from_numpy(np.pad(vectors, ((len(SPECIAL), 0), (0, 0)))), source


def _coverage(train: CaptionSplit, vectors: torch.Tensor) -> str:
    known = vectors.any(1)
    words, tokens = len(vectors) - len(SPECIAL), len(train.words)
    found, covered = int(known.sum()), int(known[train.words].sum())
    return (
        f"have a vector: {found:,} of {words:,} words ({found / words:.1%}), {covered:,} of "
        f"{tokens:,} training tokens ({covered / tokens:.1%})"
    )


def summary(
    splits: Mapping[str, CaptionSplit],
    tokens: Mapping[str, Tokens],
    vocabulary: CaptionVocabulary,
) -> str:
    """A table of the splits and the size of the vocabulary.

    `known tokens` is the share of a split's tokens that are in the vocabulary, `unknown words` that
    of its distinct words which are not.
    """
    lines = [
        f"{'split':5} {'segments':>8} {'videos':>6} {'captions':>8} {'median':>6} {'longest':>7} "
        f"{'known tokens':>12} {'unknown words':>13}"
    ]
    known = set(vocabulary.words)
    for name, split in splits.items():
        words = set(chain.from_iterable(tokens[name]))
        share = (split.words != UNK_WORD).double().mean().item()
        lines.append(
            f"{name:5} {len(split):8,} {len(set(split.videos)):6,} {len(split.texts):8,} "
            f"{int(split.length.median()):6} {int(split.length.max()):7} {share:12.2%} "
            f"{len(words - known) / len(words):13.2%}"
        )
    size = len(vocabulary.words)
    lines.append(f"vocabulary: {size:,} words ({size - len(SPECIAL):,} and {', '.join(SPECIAL)})")
    return "\n".join(lines)
