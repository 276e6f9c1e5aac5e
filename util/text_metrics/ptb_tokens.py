"""Words of a sentence as the field's caption scores count them, without Java.

The public scorers (pycocoevalcap) cut captions with CoreNLP 3.4.1's PTBTokenizer, options
`-preserveLines -lowerCase`, and drop its punctuation.  `tokenize` gives the same words.
"""

import re

from util.text_metrics.ptb_rules import ABBREVIATIONS, CONTRACTED, RULES

# Most sentences are nothing but words, commas and a full stop.
_PLAIN = re.compile(r"\s*[A-Za-z]+(?:(?:,\s|\s)\s*[A-Za-z]+)*\s?\.?\s*")
_PLAIN_WORD = re.compile(r"[A-Za-z]+(?=[\s,]|\.?(?:\s|$))")
_BLANK = re.compile(r"\s+")
# What the scorers drop; brackets stay, since they are in small letters by then.
_DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
_UNMARKED = re.compile('\\.\\.\\.+|\\.(?:[ \u00a0]\\.){2,3}|--+|[…–—―‘’“”"«»‹›]')
_WRITTEN = {
    "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    "£": "#", "€": "$", "¤": "$", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3",
    "⅔": "2/3", " ": "\u00a0", "’": "'", "‘": "`",
}  # fmt: skip
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " "}


def tokenize(sentence: str) -> list[str]:
    """The words of a sentence in small letters, without punctuation; empty for a blank one.

    A line break within the sentence is a blank.  Words are what the Java program gives for the
    sentence on a line of its own.
    """
    if _PLAIN.fullmatch(sentence):
        words = sentence.lower().replace(",", " ").replace(".", " ").split()
        last = words[-1]
        whole = "." not in sentence or (len(last) > 1 and last not in ABBREVIATIONS)
        if whole and CONTRACTED.keys().isdisjoint(words):
            return words
    return _scan(sentence)


def _scan(text: str) -> list[str]:
    """`tokenize`, place by place."""
    words, place = [], 0
    while place < len(text):
        if blank := _BLANK.match(text, place):
            place = blank.end()
            continue
        plain = _PLAIN_WORD.match(text, place)
        if plain and len(plain[0]) > 1:
            word = plain[0].lower()
            if word not in ABBREVIATIONS and word not in CONTRACTED:
                words.append(word)
                place = plain.end()
                continue
        first = text[place]
        kind = (
            "letter"
            if first.isalpha() or first == "&"
            else "digit"
            if first.isdecimal()
            else "sign"
        )
        rules = RULES[kind] + (RULES["sign"] if first == "&" else [])
        found = max((m for rule in rules if (m := rule.match(text, place))), key=re.Match.end)
        place = found.end(1)
        word = _normal(found[1])
        if word not in _DROPPED:
            words.append(word)
    return words


def _normal(token: str) -> str:
    """A token as the Penn Treebank writes it, in small letters."""
    if token in _ENTITIES:
        return _ENTITIES[token]
    if _UNMARKED.fullmatch(token) or token in ("&quot;", "&apos;", "&mdash;", "&ndash;"):
        return "--"
    return "".join(_WRITTEN.get(letter, letter) for letter in token.replace("&amp;", "&").lower())
