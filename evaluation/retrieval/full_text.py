"""Searching words by words: BM25 over what was said of each video, by SQLite's full text search."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import numpy as np

# Words that tell no video from another.
EMPTY = frozenset(("a", "an", "and", "are", "at", "in", "is", "of", "on", "the", "to", "with"))


def word_scores(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    """How well each document has the words of each query: (Q, V) float64, 0 where it has none.

    BM25 (Robertson and Zaragoza 2009, section 3) as FTS5 computes it, of words cut to their stems
    (Porter 1980).  A query's words are joined by "or".
    """
    out = np.zeros((len(queries), len(documents)))
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE VIRTUAL TABLE said USING fts5(text, tokenize = 'porter unicode61')")
        base.executemany(
            "INSERT INTO said (rowid, text) VALUES (?, ?)", enumerate(documents, start=1)
        )
        told: dict[str, list[int]] = {}
        for i, query in enumerate(queries):
            told.setdefault(_match(query), []).append(i)
        for match, rows in told.items():
            found = (
                base.execute("SELECT rowid, rank FROM said WHERE said MATCH ?", (match,)).fetchall()
                if match
                else []
            )
            for document, rank in found:  # the better, the lower
                out[rows, document - 1] = -rank
    return out


def _match(query: str) -> str:
    """A query as FTS5 takes it: its words in quotes, which make none of them an operator."""
    words = dict.fromkeys(re.findall(r"[^\W_]+", query.casefold()))
    return " OR ".join(f'"{word}"' for word in words if word not in EMPTY)
