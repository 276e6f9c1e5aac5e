"""Addresses that tell something of a video: answers, captions, actions."""

import asyncio
import math
import time
from typing import Any

import numpy as np
from fastapi import APIRouter

from inference.answer.wanted import Wanted
from inference.classification.predictor import ClassesTold
from inference.video import VideoInput
from web import schema
from web.errors import WebError
from web.models import Answered, Served, milliseconds, pick
from web.page import Page
from web.route.videos import VideoId, Wait, faults, ready, settled
from web.video.look import AT_RATE
from web.video.video import Video

UNSURE = 0.2  # probability of the best answer below which it is called a guess
SHIFT = 0.02  # change of probability below which the video has said nothing


def routes(page: Page) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["answers"])
    models = page.models

    @router.post(
        "/videos/{video}/questions",
        response_model=schema.AnswersTold,
        responses=faults(404, 409, 410, 429),
    )
    async def ask(video: VideoId, asked: schema.QuestionAsked, wait: Wait = 0) -> Any:
        """Ask a question about a video."""
        begin = time.perf_counter()
        run = pick(models.questions, asked.run, "answers questions")
        wanted = Wanted(choices=tuple(asked.choices), count=asked.count)
        run.check(asked.question, wanted)
        found = ready(await settled(page, video, wait))
        future = run.batcher.submit((seen_by(found, run), asked.question, wanted))
        answered = await asyncio.wrap_future(future)
        return _answers(asked.question, run.name, run.open.run.task.kind, found, answered, begin)

    @router.post(
        "/videos/{video}/captions",
        response_model=schema.CaptionsTold,
        responses=faults(404, 409, 410, 429),
    )
    async def caption(video: VideoId, run: str | None = None, wait: Wait = 0) -> Any:
        """Sentences about a video."""
        begin = time.perf_counter()
        captioner = pick(models.captions, run, "captions")
        found = ready(await settled(page, video, wait))
        key = "captions", captioner.name
        if key not in found.told:
            future = captioner.batcher.submit(seen_by(found, captioner))
            found.told[key] = await asyncio.wrap_future(future)
        captions = [schema.Caption(text=s.text, score=s.score) for s in found.told[key]]
        return schema.CaptionsTold(
            run=captioner.name, captions=captions, milliseconds=milliseconds(begin)
        )

    @router.post(
        "/videos/{video}/actions",
        response_model=schema.ActionsTold,
        responses=faults(404, 409, 410, 429),
    )
    async def classify(video: VideoId, run: str | None = None, wait: Wait = 0) -> Any:
        """What is done in a video, or a value over time."""
        begin = time.perf_counter()
        classifier = pick(models.actions, run, "classifies")
        found = ready(await settled(page, video, wait))
        key = "actions", classifier.name
        if key not in found.told:
            future = classifier.batcher.submit((seen_by(found, classifier), found.id))
            found.told[key] = await asyncio.wrap_future(future)
        told = found.told[key]
        classes = told.best if isinstance(told, ClassesTold) else []
        values = ([], []) if isinstance(told, ClassesTold) else (told.times, told.values)
        return schema.ActionsTold(
            run=classifier.name,
            actions=[schema.Answer(answer=name, probability=p) for name, p in classes],
            times=[float(t) for t in values[0]],
            values=[float(v) for v in values[1]],
            milliseconds=milliseconds(begin),
        )

    return router


def seen_by(video: Video, run: Served[Any]) -> VideoInput:
    """A video as a run takes it.  Raises WebError for one that is too long for it."""
    seen = video.seen[run.reader]
    if seen is None:
        raise WebError(
            409,
            "too_long",
            f"{run.name} looks at so many frames a second that this video has more than {AT_RATE}",
            "send a shorter cut; or have it followed over time, where /info lists a stream",
        )
    return seen


def _answers(
    question: str, run: str, kind: Any, video: Video, answered: Answered, begin: float
) -> schema.AnswersTold:
    told = answered.explained.told
    assert video.looked is not None
    looked, found = video.looked, answered.explained
    weights = joined(found.readout, looked.bounds, add=True)
    appearance, motion = (joined(one, looked.bounds) for one in found.punishment)
    alone = joined(np.array(answered.alone or [0.0] * len(found.readout)), looked.bounds)
    clips = [
        schema.ClipScore(
            start=round(span.start, 3),
            end=round(span.end, 3),
            middle=round(span.middle, 3),
            appearance=_finite(a),
            motion=_finite(m),
            weight=_finite(w),
            alone=_finite(x) if answered.alone else None,
        )
        for span, a, m, w, x in zip(looked.spans, appearance, motion, weights, alone, strict=False)
    ]
    answers = _told(told.answers)
    without = _told(answered.without)
    return schema.AnswersTold(
        question=question,
        run=run,
        kind=kind,
        answers=answers,
        value=told.value,
        clips=clips,
        attends=answered.attends,
        without_video=without,
        known_words=answered.known,
        unknown_words=answered.unknown,
        advice=advice(answers, without, answered.known, answered.unknown, told.unknown_answers),
        milliseconds=milliseconds(begin),
        batch=answered.batch,
    )


def joined(scores: np.ndarray, bounds: tuple[int, ...], *, add: bool = False) -> list[float]:
    """Scores of clips (N,) -> of the groups that are shown: their means, or sums."""
    if len(scores) != bounds[-1]:  # a run that sees other clips than the first
        return scores.tolist()
    sums = np.add.reduceat(scores.astype(float), bounds[:-1])
    return (sums if add else sums / np.diff(bounds)).tolist()


def advice(
    answers: list[schema.Answer],
    without: list[schema.Answer],
    known: list[str],
    unknown: list[str],
    unknown_answers: tuple[str, ...] = (),
) -> str:
    """Plain words of caution about an answer; ""."""
    if not known:
        return (
            "The model knows none of these words, so its answer has nothing to do with your "
            "question. Ask with plain words, such as: what is the man doing?"
        )
    said = []
    best = answers[0].probability if answers else None
    if best is not None and best < UNSURE:
        said.append(f"This is a guess: the model gives its best answer {best:.0%}.")
    before = {one.answer: one.probability for one in without}
    if best is not None and answers[0].answer == (without[0].answer if without else None):
        was = before[answers[0].answer]
        if was is not None and abs(best - was) < SHIFT:
            said.append("It would say the same without the video, and as surely.")
        elif was is not None and best < was:
            said.append("Without the video it would say the same, and more surely.")
    if strange := [*unknown, *unknown_answers]:
        said.append(f"It does not know “{'”, “'.join(strange)}”.")
    return " ".join(said)


def _told(answers: list[tuple[str, float]]) -> list[schema.Answer]:
    return [
        schema.Answer(answer=text, probability=None if math.isnan(share) else round(share, 6))
        for text, share in answers
    ]


def _finite(value: float) -> float:
    return round(value, 6) if math.isfinite(value) else 0.0
