"""What other runs say of the videos that are searched: captions, and answers."""

from collections.abc import Callable, Sequence

import numpy as np

from data_loader.batch import Features
from data_loader.caption.dataset import CaptionData
from data_loader.open import Stores
from evaluation.retrieval.search_set import SearchSet
from inference.caption.split import caption_split, texts
from inference.retrieval.evidence import AnswerEvidence
from inference.run import Run, open_run
from inference.run_files import default_run
from model.task.captioning import Captioning
from model.task.qa import QuestionAnswering
from options.caption import SearchOptions
from options.evaluation.retrieval import RetrievalScoreOptions
from util.distributed import gather_objects, rank, world_size
from util.errors import UserError

# Asked of every video; the likeliest answers of each are its labels.
QUESTIONS = ("what is someone doing?", "who is doing something?", "what is shown?",
             "what is someone using?")  # fmt: skip
LABELS = 5  # answers of each


def answering_runs(
    options: RetrievalScoreOptions, stores: Stores
) -> tuple[list[AnswerEvidence], str]:
    """The runs that answer; none, and why, where the project's own does not take these features.

    Raises UserError where one is named that does not, and for runs with other answers.
    """
    try:
        found = [
            AnswerEvidence(path, device=options.device) for path in options.answering or (None,)
        ]
        for one in found:
            _check_features(one.run, stores)
    except UserError as error:
        if options.answering:
            raise
        return [], f"nothing is asked: {error}"
    for one in found[1:]:
        if one.answers != found[0].answers:
            raise UserError(
                f"--answering {one.run.path}: has other answers than {found[0].run.path}; name "
                "runs of one question file"
            )
    return found, ""


def captioning_run(
    options: RetrievalScoreOptions, stores: Stores
) -> tuple[Run[Captioning] | None, str]:
    """The run that captions, as `answering_run`."""
    try:
        path = options.captioner or default_run("captioning")
        run = open_run(path, Captioning, device=options.device)
        _check_features(run, stores)
    except UserError as error:
        if options.captioner is not None:
            raise
        return None, f"nothing is captioned: {error}"
    return run, ""


def _check_features(run: Run[QuestionAnswering] | Run[Captioning], stores: Stores) -> None:
    """Raise UserError if a run takes other features than those of these stores."""
    present = stores.present()
    if run.stores.keys() != present.keys():
        takes, there = (
            " and ".join(map("--{}".format, x)) or "none" for x in (run.stores, present)
        )
        raise UserError(f"{run.path} takes {takes}, the runs that search take {there}")
    stores.check_alike(run.stores, run.path)


def captions_of(run: Run[Captioning], of: SearchSet, batch_size: int) -> list[str]:
    """A caption of each of the V videos."""
    return [
        text
        for data in of.among
        for text in texts(
            run.task,
            caption_split(
                run.task, data, SearchOptions(), batch_size=batch_size, device=run.device
            ),
        )
    ]


def labels_of(evidence: Sequence[AnswerEvidence], of: SearchSet, batch_size: int) -> list[str]:
    """The labels of each of the V videos: its likeliest answers to a few questions, as words."""
    names = {number: answer for answer, number in evidence[0].answers.items()}
    own = np.array(sorted(names))

    def told(visual: Features) -> np.ndarray:
        found = [
            np.mean([one.log_probability(visual, question) for one in evidence], 0)[:, own]
            for question in QUESTIONS
        ]
        return np.stack([np.argsort(-one, axis=1)[:, :LABELS] for one in found], 1)

    best = np.concatenate([over_videos(told, data, batch_size) for data in of.among])
    return [" ".join(names[int(i)] for i in own[row.flatten()]) for row in best]


def evidence_of(
    evidence: Sequence[AnswerEvidence],
    of: SearchSet,
    pairs: Sequence[tuple[str, str]],
    batch_size: int,
) -> np.ndarray:
    """The evidence of V videos for P pairs of a question and a word, mean over runs, in nats.

    -> (P, V) float32
    """

    def told(visual: Features) -> np.ndarray:
        found = np.mean([one.of_pairs(visual, pairs) for one in evidence], 0)
        return found.T.astype(np.float32)

    return np.concatenate([over_videos(told, data, batch_size) for data in of.among]).T


def over_videos(
    told: Callable[[Features], np.ndarray], data: CaptionData, batch_size: int
) -> np.ndarray:
    """What is told of each segment of a split, in their order; processes share the work."""
    own = []
    for rows, visual in data.segments(batch_size, every=world_size(), first=rank()):
        assert isinstance(visual, Features)
        own.append((int(rows[0]), told(visual)))
    every = sorted((part for parts in gather_objects(own) for part in parts), key=lambda p: p[0])
    return np.concatenate([part for _, part in every])
