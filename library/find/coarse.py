"""The first look: clips by their vectors, full text beside them."""

import re
from collections.abc import Sequence

import numpy as np

from library.find.moments import Found
from library.find.shelf import Shelf, Text
from library.where import Condition
from util.text import clipped

# Words that say nothing of what is to be seen.
EMPTY = frozenset(
    ("a", "an", "and", "are", "at", "being", "by", "for", "from", "he", "her", "him", "his", "in",
     "is", "it", "its", "of", "off", "on", "or", "she", "some", "someone", "somebody", "something",
     "that", "the", "their", "there", "they", "this", "to", "was", "while", "with")
)  # fmt: skip
SHOWN = 60  # characters of a text that is told as a reason
MOST_TEXTS = 2000


def content_words(text: str) -> list[str]:
    """The words of a text that are looked for in other texts, each once."""
    words = re.findall(r"\w+", text.casefold())
    return list(dict.fromkeys(word for word in words if word not in EMPTY)) or words[:8]


def look(
    shelf: Shelf,
    vector: np.ndarray,
    words: Sequence[str],
    where: Sequence[Condition],
    *,
    depth: int,
    text_weight: float,
) -> list[Found]:
    """Clips that are alike to a vector (D,) or whose texts have the words, the best first.

    A clip scores its cosine, and `text_weight` times the share of words that its best text has.
    """
    ids, cosines = shelf.search(vector[None], where, depth)
    cosine = {int(i): float(s) for i, s in zip(ids[0], cosines[0], strict=True) if i >= 0}
    told = _best_texts(shelf.texts(words, where, MOST_TEXTS), words) if words else {}
    more = [clip for clip in told if clip not in cosine]
    if more:
        cosine |= zip(more, (shelf.vectors(more) @ vector).tolist(), strict=True)
    places = shelf.places(list(cosine))
    found = []
    for clip, place in places.items():
        share, text = told.get(clip, (0.0, None))
        why = f"looks like it: {cosine[clip]:.2f}"
        if text is not None:
            why += f'; {text.kind} "{clipped(text.text, SHOWN)}"'
        score = cosine[clip] + text_weight * share
        found.append(
            Found(
                clip, place.file, place.number, place.start, place.end, score, why,
                cosine=cosine[clip], told=share == 1,
            )
        )  # fmt: skip
    found.sort(key=lambda clip: (-clip.score, clip.clip))
    return found


def _best_texts(texts: Sequence[Text], words: Sequence[str]) -> dict[int, tuple[float, Text]]:
    """Of each clip, the largest share of the words that one of its texts has, and that text."""
    asked = [stem(word) for word in words]
    best: dict[int, tuple[float, Text]] = {}
    for text in texts:
        has = {stem(word) for word in re.findall(r"[^\W_]+", text.text.casefold())}
        share = sum(word in has for word in asked) / len(asked)
        if share and share > best.get(text.clip, (0.0,))[0]:
            best[text.clip] = (share, text)
    return best


def stem(word: str) -> str:
    """A word without its ending, so that rides, riding and ride are one: for shares of words, where
    both sides are treated alike.  Which texts are found is the engine's own stemmer's matter."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2]:  # running, runs
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word
