"""The runs that answer: loaded once, videos seen once for all runs that see alike."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from data_loader.batch import Features, Frames
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNKNOWN_ANSWERS
from inference.answer.wanted import Wanted
from inference.caption.captioner import Captioner, Said
from inference.caption.split import find_captions
from inference.classification.predictor import ClassesTold, ValuesTold, VideoClassifier
from inference.predictor import Asked, Explained, Predictor
from inference.retrieval.evidence import log_probability, nothing_particular
from inference.run_files import default_run, is_packed, task_of
from inference.stream.frame_encoder import FrozenFrameEncoder
from inference.stream.open import RunStream, open_stream
from inference.video import FeatureExtraction, VideoInput, VideoReader
from inference.visuals import joined, shape_of
from options.caption import SearchOptions
from util.errors import UserError
from web.batching import Batcher
from web.errors import WebError

KEPT = 4096  # questions whose answers without video are remembered
STRANGE = "qzx"  # no word
CAPTIONS = 3  # of a video
Opened = TypeVar("Opened", Predictor, Captioner, VideoClassifier)
Run = TypeVar("Run")


@dataclass
class Answered:
    """An answer, and the same without the video."""

    explained: Explained
    without: list[tuple[str, float]]
    known: list[str]  # words of the question that the run knows
    unknown: list[str]
    batch: int  # questions answered together
    attends: bool  # whether the run weighs clips
    alone: list[float]  # (N,) probability of the best answer from each clip; or none


@dataclass
class Served(Generic[Opened]):
    """A run that is open."""

    name: str
    open: Opened
    reader: int = 0  # which of `Models.readers` it sees videos by


@dataclass
class Models:
    """All runs of a server."""

    questions: dict[str, "Questions"] = field(default_factory=dict)
    captions: dict[str, "Captions"] = field(default_factory=dict)
    actions: dict[str, "Actions"] = field(default_factory=dict)
    streams: dict[str, RunStream] = field(default_factory=dict)
    readers: list[VideoReader] = field(default_factory=list)

    def close(self) -> None:
        """End the threads that work on requests."""
        for group in (self.questions, self.captions, self.actions):
            for one in group.values():
                one.batcher.close()
            group.clear()

    def reader_of(self, run: Predictor | Captioner | VideoClassifier) -> int:
        """The number of the reader that a run sees videos by: its own, or one that sees alike,
        and then its own networks are given up."""
        for number, known in enumerate(self.readers):
            if alike(known, run.read_video):
                run.read_video = known
                return number
        self.readers.append(run.read_video)
        return len(self.readers) - 1


def open_models(runs: Sequence[str], device: str, runtime: str = "torch") -> Models:
    """Load runs; none: those that come with the project.

    `runtime`: of the backbones.  Raises UserError for a run that is not there, or that looks at no
    new videos.
    """
    models = Models()
    named = [Path(run) for run in runs] or [default_run("qa"), default_run("captioning")]
    for path in named:
        task, name = task_of(path), _name(path, models)
        if task == "qa":
            models.questions[name] = Questions(name, Predictor(path, device=device), models)
        elif task == "captioning":
            captioner = Captioner(path, search=SearchOptions(), device=device)
            models.captions[name] = Captions(name, captioner, models)
        elif task == "classification":
            models.actions[name] = Actions(name, VideoClassifier(path, device=device), models)
            if (stream := _stream(path, device)) is not None:
                models.streams[name] = stream
        else:
            raise UserError(
                f"--run {path}: is of the task {task}; name runs that answer questions, caption or "
                "classify (one that searches is --embedder)"
            )
    for reader in models.readers:
        if isinstance(reader, FeatureExtraction) and runtime != "torch":
            reader.run_by(runtime)
    for name, stream in models.streams.items():
        reader = models.readers[models.actions[name].reader]
        if isinstance(reader, FeatureExtraction) and isinstance(stream.encoder, FrozenFrameEncoder):
            stream.encoder.extractor = reader.backbones["appearance"]  # the same network, once
    return models


def _stream(path: Path, device: str) -> RunStream | None:
    """A run that classifies, as it follows streams; None where it looks at more than frames."""
    try:
        return open_stream(path, device=device)
    except UserError as error:
        print(f"not followed frame by frame: {error}", file=sys.stderr)
        return None


def _name(path: Path, models: Models) -> str:
    """What a run is called: its folder, of a packed file the file."""
    name = path.absolute().name
    if is_packed(path):
        name = path.absolute().parent.name if path.stem == "model" else path.stem
    taken = {*models.questions, *models.captions, *models.actions}
    number = 2
    while name in taken:
        name, number = f"{name.rpartition('~')[0] or name}~{number}", number + 1
    return name


def alike(one: VideoReader, other: VideoReader) -> bool:
    """Whether two readers give the same of every video: the same frames, and the same networks."""
    made = [getattr(reader, "made", None) for reader in (one, other)]
    return type(one) is type(other) and one.reading == other.reading and made[0] == made[1]


class Questions(Served[Predictor]):
    """A run that answers questions."""

    def __init__(self, name: str, predictor: Predictor, models: Models) -> None:
        super().__init__(name, predictor, models.reader_of(predictor))
        self.batcher = Batcher(f"answers of {name}", self._answer)
        self._without: dict[tuple[str, Wanted], list[tuple[str, float]]] = {}
        self._known(STRANGE)  # the package of GloVe is read now, and not for the first client

    def check(self, question: str, wanted: Wanted) -> None:
        """Raise UserError for a question without words, and for what the run cannot tell."""
        self.open.check(question, wanted)

    def _known(self, question: str) -> tuple[list[str], list[str]]:
        """Words of a question that the run knows, and those that it does not."""
        known = self.open.words.known(tokenize(question))
        own = {*known.own, *known.from_glove}
        words = [word for word in dict.fromkeys(tokenize(question)) if any(map(str.isalnum, word))]
        return [w for w in words if w in own], [w for w in words if w in known.not_at_all]

    def _answer(self, asked: Sequence[tuple[VideoInput, str, Wanted]]) -> list[Answered]:
        """Questions about videos, in as few passes as there can be."""
        new = dict.fromkeys((q, w) for _, q, w in asked if (q, w) not in self._without)
        rows = [Asked(seen.visual, question, wanted) for seen, question, wanted in asked]
        nothing = self._nothing
        if nothing is not None:
            rows += [Asked(nothing, question, wanted) for question, wanted in new]
        found = self.open.tell_together(rows)
        for one, explained in zip(new, found[len(asked) :], strict=False):
            self._without[one] = explained.told.answers
        answered = []
        for explained, (seen, question, wanted) in zip(found, asked, strict=False):
            attends = bool(np.ptp(explained.readout) > 0 or len(explained.readout) == 1)
            answered.append(
                Answered(
                    explained,
                    self._without.get((question, wanted), []),
                    *self._known(question),
                    len(asked),
                    attends,
                    [] if attends else self._alone(seen.visual, question, explained),
                )
            )
        while len(self._without) > KEPT:
            self._without.pop(next(iter(self._without)))
        return answered

    def _alone(self, visual: Features | Frames, question: str, explained: Explained) -> list[float]:
        """The probability of the best answer from each clip alone, of an open run on features."""
        run, answers = self.open.run, explained.told.answers
        if not isinstance(visual, Features) or run.task.kind != "open" or not answers:
            return []
        each = Features(  # a video of each clip
            appearance=visual.appearance[0, :, None],
            motion=visual.motion[0, :, None],
            clip_mask=visual.clip_mask[0, :, None],
        )
        found = log_probability(run, self.open.words, each, [question])[0]  # (N, A)
        number = run.task.vocabulary.answers.index(answers[0][0], UNKNOWN_ANSWERS)
        return np.exp(found[:, number]).tolist()

    @property
    def _nothing(self) -> Features | None:
        """A video that shows nothing particular, of a run on features."""
        if self.open.run.task.encoder is not None:
            return None
        return nothing_particular(self.open.run.task)


class Captions(Served[Captioner]):
    """A run that captions."""

    def __init__(self, name: str, captioner: Captioner, models: Models) -> None:
        super().__init__(name, captioner, models.reader_of(captioner))
        self.batcher = Batcher(f"captions of {name}", self._caption)

    def _caption(self, seen: Sequence[VideoInput]) -> list[list[Said]]:
        """The best captions of videos, those of one shape at once."""
        found: dict[int, list[Said]] = {}
        for places, visual in grouped([one.visual for one in seen]):
            captions = find_captions(
                self.open.run.task,
                visual.to(self.open.run.device),
                self.open.search,
                n_best=CAPTIONS,
            )
            decode = self.open.run.task.vocabulary.decode
            for place, some in zip(places, captions, strict=True):
                found[place] = [Said(decode(one.words), one.score, one.words) for one in some]
        return [found[place] for place in range(len(seen))]


class Actions(Served[VideoClassifier]):
    """A run that classifies, or tells values over time."""

    def __init__(self, name: str, classifier: VideoClassifier, models: Models) -> None:
        super().__init__(name, classifier, models.reader_of(classifier))
        self.batcher = Batcher(f"actions of {name}", self._classify)

    def _classify(self, seen: Sequence[tuple[VideoInput, str]]) -> list[ClassesTold | ValuesTold]:
        return [self.open.tell_seen(one, name) for one, name in seen]


def grouped(visuals: Sequence[Features | Frames]) -> list[tuple[list[int], Features | Frames]]:
    """Videos in groups of one shape: the places of each, and the group."""
    places: dict[tuple[object, ...], list[int]] = {}
    for place, visual in enumerate(visuals):
        places.setdefault(shape_of(visual), []).append(place)
    return [(some, joined([visuals[place] for place in some])) for some in places.values()]


def pick(group: dict[str, Run], named: str | None, what: str) -> Run:
    """The run that a request names, or the first.  Raises WebError where there is none."""
    if not group:
        raise WebError(
            404, "no_run", f"no run that {what} is served here", "start the server with --run RUN"
        )
    if named is None:
        return next(iter(group.values()))
    if named not in group:
        raise WebError(
            404, "unknown_run", f"no run of this name {what}", "GET /info lists the runs"
        )
    return group[named]


def milliseconds(begin: float) -> float:
    """Since a moment of `time.perf_counter`."""
    return round(1000 * (time.perf_counter() - begin), 2)
