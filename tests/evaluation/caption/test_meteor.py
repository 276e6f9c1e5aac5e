"""METEOR's own program in a supervised process: its numbers, and every way in which it can fail."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.caption import meteor
from evaluation.caption.meteor import Meteor, find_jar, find_java
from tests.conftest import ROOT
from util.errors import UserError

WORDS = [["a", "man", "walks"]]
REFERENCES = [[["a", "man", "is", "walking"], ["someone", "walks"]]]
SCORER = """
import sys, time
for line in sys.stdin:
    parts = line.rstrip("\\n").split(" ||| ")
    if parts[0] == "SCORE":
        print("1.0 2.0", flush=True)
    else:
        print("\\n".join(["0.25"] * len(parts)), flush=True)
"""
ENDLESS = "while :; do echo the same old complaint, over and over again >&2; done\n"


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Meteor]:
    """A METEOR whose Java is a script of a test's."""

    def build(script: str, time_limit: float = 60, python: bool = False) -> Meteor:
        java = tmp_path / "my java"
        java.write_text(f"#!{sys.executable if python else '/bin/sh'}\n{script}")
        java.chmod(0o755)
        return Meteor(java, tmp_path / "none.jar", time_limit)

    return build


def gone(group: int, within: float = 5.0) -> bool:
    """Whether nothing of a process group runs any more, soon."""
    deadline = time.monotonic() + within
    while runs(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def runs(group: int) -> bool:
    """Whether a process of a group runs; one that is dead, and not yet waited for, does not."""
    states = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True)
    lines = [line.split() for line in states.stdout.splitlines()]
    return any(int(number) == group and state[0] != "Z" for number, state in lines)


def number_of(scorer: Meteor) -> int:
    assert scorer.process is not None
    return scorer.process.pid


def one_line(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.startswith("METEOR")
    return text


def test_answers_are_read_and_nothing_is_left(fake) -> None:
    with fake(SCORER, python=True) as scorer:
        group = number_of(scorer)
        assert scorer.score(WORDS * 3, REFERENCES * 3) == (0.25, [0.25] * 3)
        assert scorer.score(WORDS, REFERENCES) == (0.25, [0.25])
    assert gone(group, within=0.5)


def test_more_lines_than_a_pipe_holds(fake) -> None:
    """Both directions at once; one side waiting for the other would never end."""
    with fake(SCORER, python=True) as scorer:
        corpus, scores = scorer.score(WORDS * 20_000, REFERENCES * 20_000)
    assert (corpus, len(scores)) == (0.25, 20_000)


def test_a_full_error_stream_stops_nothing(fake) -> None:
    flood = "import sys\nfor _ in range(20000): print('warning ' * 20, file=sys.stderr)\n"
    with fake(flood + SCORER, python=True) as scorer:
        assert scorer.score(WORDS, REFERENCES) == (0.25, [0.25])


def test_flood_without_an_answer(fake) -> None:
    start = time.monotonic()
    with pytest.raises(UserError) as error, fake(ENDLESS, time_limit=1) as scorer:
        group = number_of(scorer)
        scorer.score(WORDS, REFERENCES)
    assert "gave no answer for 1 s" in one_line(error)
    assert "the same old complaint" in str(error.value)
    assert time.monotonic() - start < 6 and gone(group, within=0.5)


def test_last_words_and_exit_code(fake) -> None:
    with (
        pytest.raises(UserError, match=r"died \(exit code 3\).*Could not reserve") as error,
        fake("echo first >&2; echo Could not reserve heap >&2; exit 3\n") as scorer,
    ):
        scorer.score(WORDS, REFERENCES)
    assert "first" not in one_line(error)


def test_an_error_among_the_answers(fake) -> None:
    with (
        pytest.raises(UserError, match=r'answered "Error:.*" where a number should be'),
        fake("read line; echo Error: specify SCORE or EVAL; sleep 100\n") as scorer,
    ):
        scorer.score(WORDS, REFERENCES)


def test_what_it_started_ends_too(fake) -> None:
    script = "sleep 1000 & sleep 1000 & read line; exit 1\n"
    with pytest.raises(UserError, match="exit code 1"), fake(script) as scorer:
        group = number_of(scorer)
        scorer.score(WORDS, REFERENCES)
    assert gone(group, within=0.5)


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3])
def test_sigkill_while_it_floods(fake, moment: float) -> None:
    with fake(ENDLESS) as scorer:
        assert_killed(scorer, moment)


def assert_killed(scorer: Meteor, moment: float) -> None:
    """Killed after `moment` seconds: one line within 5 s of that, and nothing is left."""
    group, killed = number_of(scorer), []

    def kill() -> None:
        killed.append(time.monotonic())
        os.kill(group, signal.SIGKILL)

    timer = threading.Timer(moment, kill)
    timer.start()
    with pytest.raises(UserError) as error:
        while True:
            scorer.score(WORDS, REFERENCES)
    assert "died (signal 9: out of memory?)" in one_line(error)
    assert time.monotonic() - killed[0] < 5
    assert gone(group, within=0.5)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_our_own_end_is_its_end(tmp_path: Path, how: signal.Signals) -> None:
    """A program that hangs, and reads no input, ends with the process that started it."""
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec sleep 1000\n")
    java.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from evaluation.caption.meteor import Meteor\n"
        "with Meteor(sys.argv[1], Path('none.jar')) as scorer:\n"
        "    print(scorer.process.pid, flush=True); scorer.score([['a']], [[['a']]])\n"
    )
    command = [sys.executable, "-c", code, str(java)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        group = int(process.stdout.readline())
        process.send_signal(how)
    assert gone(group)


def test_missing_java_and_jar(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(meteor, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    cure = "pip install -r requirements.txt -r requirements-captions.txt"
    for find in (find_java, find_jar):
        with pytest.raises(UserError) as error:
            find()
        assert one_line(error).endswith(cure)
    with pytest.raises(UserError, match="Java does not start"), Meteor(tmp_path, tmp_path):
        pass


def test_segments_without_reference_are_refused(fake) -> None:
    with fake(SCORER, python=True) as scorer:
        for references in ([], [[]]):
            with pytest.raises(ValueError, match="reference"):
                scorer.score(WORDS, references)


def installed() -> Path:
    """The jar; without it or Java the test skips, visibly."""
    try:
        find_java()
        return find_jar()
    except UserError as error:
        pytest.skip(str(error))


def test_published_numbers(shared: Path, tmp_path: Path) -> None:
    """nlg-eval's example and pair, by the real program, in a folder with blanks and an accent."""
    jar = installed()
    folder = tmp_path / "a café, 100% mine"
    folder.mkdir()
    shutil.copy(jar, folder)
    (folder / "data").symlink_to(jar.parent / "data")
    example = shared / "golden/nlg_eval_example"
    texts = [
        (example / name).read_text().splitlines() for name in ("hyp.txt", "ref1.txt", "ref2.txt")
    ]
    hypotheses, first, second = [[line.split() for line in lines] for lines in texts]
    pair = [text.split() for text in ("this is a test", "this is also a test")]
    with Meteor(jar=folder / jar.name) as scorer:
        corpus, scores = scorer.score(
            hypotheses, [list(x) for x in zip(first, second, strict=True)]
        )
        assert corpus == pytest.approx(0.295797, abs=5e-7) and len(scores) == 2
        corpus, scores = scorer.score([["this", "is", "a", "good", "test"]], [pair])
        assert corpus == scores[0] == pytest.approx(0.44434387, abs=5e-9)
        # No words, words of other scripts, and the separator itself, are captions like others.
        strange = [[], ["日本"], ["a", "|||", "b\nc"], ["x" * 10_000], ["1\u00a01/2"]]
        corpus, scores = scorer.score(strange, [[words or ["a"]] for words in strange])
        assert scores[0] == 0 and all(score > 0.3 for score in scores[1:])


@pytest.mark.long
def test_a_hundred_kills_of_the_real_program() -> None:
    """While it starts and loads its tables; every fifth while it scores."""
    installed()
    draw = random.Random(1)
    for number in range(100):
        with Meteor() as scorer:
            if number % 5 == 0:
                scorer.score(WORDS, REFERENCES)
            assert_killed(scorer, draw.uniform(0, 1 if number % 5 == 0 else 8))
