"""What `--check` says of the texts themselves: lengths, words, near twins, types (check.py)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from data_loader.candidates import candidate_words
from data_loader.questions import Kind
from data_loader.tokens import tokenize
from preprocess.annotation.findings import Finding
from preprocess.annotation.sample import Sample
from util.text import clipped

LONG = 32  # words from which a question may be an outlier
TIMES_MEDIAN = 4  # and so many times as long as the median
LONG_WORD = 50  # characters
MANY_TYPES = 100
SHOWN_TYPES = 8
# Thai, Lao, Burmese, Khmer, kana and Chinese characters: written without spaces between words
_SPACELESS = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
_SENTENCE = re.compile(f"{_SPACELESS}{{3}}")
_LONG_SENTENCE = re.compile(f"{_SPACELESS}{{8}}")


def check_texts(samples: Mapping[str, Sequence[Sample]], kind: Kind) -> Iterator[Finding]:
    """Findings on the questions, answers (of this kind) and types of the splits."""
    for split, rows in samples.items():
        tokens = [tokenize(sample.question) for sample in rows]
        yield from word_findings(split, [s.label for s in rows], tokens, of="questions")
        if kind == "choice":
            tokens = [candidate_words(text) for s in rows for text in s.choices or ()]
            labels = [s.label for s in rows for _ in s.choices or ()]
            yield from word_findings(split, labels, tokens, of="candidates")
    everything = [sample for rows in samples.values() for sample in rows]
    if kind == "open":
        yield _twins("answers that are nearly the same", [s.answer for s in everything])
    yield _twins("types that are nearly the same", [s.type for s in everything])
    types = Counter(sample.type for sample in everything)
    many = len(types) > MANY_TYPES or (len(types) > 10 and len(types) > len(everything) / 4)
    note = f"for {len(everything):,} questions; the largest:"
    names = [repr(name) for name, _ in types.most_common(3)]
    yield Finding("too many types", "all splits", len(types) * many, None, note, names)


def word_findings(
    split: str, labels: Sequence[str], tokens: Sequence[Sequence[str]], *, of: str
) -> Iterator[Finding]:
    """Texts of one split whose words are too many, or none to the model.

    `labels` name them in messages, `tokens` are theirs, `of` says what they are, "questions",
    "candidates" or "captions".
    """
    lengths = [len(words) for words in tokens]
    middle = median(lengths) if lengths else 0
    order = sorted(range(len(labels)), key=lambda row: -lengths[row])
    long = [row for row in order if lengths[row] > max(LONG, TIMES_MEDIAN * middle)]
    names = [f"{labels[row]}: {lengths[row]:,} words" for row in long]
    note = f"median {middle:,.0f} words;"
    yield Finding(f"very long {of}", split, len(long), len(labels), note, names)
    whole = [label for label, words in zip(labels, tokens, strict=True) if _unsplit(words)]
    yield Finding(f"{of} without spaces", split, len(whole), len(labels), "", whole)


def near(text: str) -> str:
    """A text without what two spellings of one answer often differ in: case, blanks, full stop."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.split()).rstrip(".").rstrip() or text


def type_sizes(rows: Iterable[Sample]) -> str:
    """The largest types with their numbers of questions, in one line."""
    types = Counter(sample.type for sample in rows).most_common()
    shown = [f"{clipped(name, 20)} {count:,}" for name, count in types[:SHOWN_TYPES]]
    more = [f"{len(types) - SHOWN_TYPES:,} more"] if len(types) > SHOWN_TYPES else []
    return f"types: {', '.join(shown + more)}"


def _twins(what: str, texts: Sequence[str]) -> Finding:
    """Spellings that are `near` each other, with the number of questions of each."""
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for text, count in Counter(texts).most_common():
        groups[near(text)].append((text, count))
    alike = [group for group in groups.values() if len(group) > 1]
    names = [" / ".join(f"{clipped(repr(t), 20)} {count:,}" for t, count in g) for g in alike]
    asked = sum(count for group in alike for _, count in group)
    note = f"questions, {len(alike):,} such:"
    return Finding(what, "all splits", asked, len(texts), note, names)


def _unsplit(tokens: Sequence[str]) -> bool:
    """Whether this seems a sentence in one word."""
    if len(tokens) == 1 and _SENTENCE.search(tokens[0]):
        return True
    return any(len(word) > LONG_WORD or _LONG_SENTENCE.search(word) for word in tokens)
