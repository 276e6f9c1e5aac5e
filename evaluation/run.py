"""A trained run answers a split: from a run's folder to Answers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import yaml

from data_loader.dataset import QaData
from data_loader.join import join_splits
from data_loader.open import reopen_stores
from data_loader.questions import Questions, load_questions
from evaluation.answers import Answers, answers_of, asked
from inference.run import Run, load_run
from inference.run_files import is_packed, weights_file
from inference.split import predict
from model.task.qa import QuestionAnswering, ScoredPredictions
from options.data import Video
from options.encoder import EncoderOptions
from options.evaluate import SplitOptions
from util.errors import UserError

# A question-only run differs from the run that it is compared with in these options alone.
FREE = {
    "run", "video", "appearance", "motion", "clips", "channels", "motion_from", "device", "seeds",
    "resume", "overwrite", "init_from", "accumulate", "features_in", "compile", "cuda_graph",
    "profile", "feature_norm", "feature_dropout", "positions",
    *(field.name for field in fields(EncoderOptions)),
}  # fmt: skip


def input_files(run: str, checkpoint: str, where: SplitOptions) -> dict[str, object]:
    """The files that answering a split reads, by option: no output may replace one of them."""
    own = load_run(run, checkpoint)["options"]
    names = ("questions", "appearance", "motion", "clips")
    stores = {f"--{name}": getattr(where, name) or own.get(name) for name in names}
    return {"--run": weights_file(run, checkpoint), **stores}


def run_questions(run: Run[QuestionAnswering], given: str | None) -> Questions:
    """The question file of a run, or the one given.

    Raises UserError if it is of another kind of answers, or has another vocabulary than the run's.
    """
    path = given or run.options["questions"]
    if not given and is_packed(run.path) and not Path(path).is_file():
        raise UserError(
            f"{run.path} knows only the names of the files that it was trained on ({path}): give "
            "--questions, and --appearance and --motion or --clips"
        )
    questions = load_questions(path)
    task = run.task
    if questions.kind != task.kind:
        raise UserError(
            f"{questions.path} asks for answers of kind {questions.kind}, {run.path} was trained "
            f"to give answers of kind {task.kind}: name a question file and a run of one kind"
        )
    if questions.count_range != task.count_range:
        raise UserError(
            f"{questions.path} counts {_span(questions.count_range)}, {run.path} was trained to "
            f"count {_span(task.count_range)}: encode the questions with preprocess.questions "
            "--like and the run's question file"
        )
    if questions.vocabulary != run.task.vocabulary:
        raise UserError(
            f"{questions.path} has another vocabulary than {run.path} was trained with: give "
            "--questions the run's own file, or train anew"
        )
    return questions


def _span(count_range: tuple[int, int] | None) -> str:
    return "from {} to {}".format(*count_range) if count_range else "nothing"


def run_data(
    run: Run[QuestionAnswering], questions: Questions, options: SplitOptions, video: Video
) -> QaData:
    """A split's questions with their features, checked against what the run was trained on."""
    split = questions.split(options.split, "--split")
    given = {"appearance": options.appearance, "motion": options.motion, "clips": options.clips}
    channels = run.options.get("channels", "both")  # runs of earlier versions saw both
    origins = run.stores
    if options.missing is not None and video != "none":
        channels = "motion" if options.missing == "appearance" else "appearance"
        origins = {k: v for k, v in origins.items() if k != "motion" or channels == "motion"}
    stores = reopen_stores(origins, run.path, given)
    if not stores.present() and video != "none":
        raise UserError(f"{run.path} was trained without any store: evaluate it with --video none")
    (data,), _ = join_splits(
        [split],
        stores,
        video=video,
        channels=channels,
        seed=options.seed,
        features_in=options.features_in,
        device=run.device,
    )
    if run.options["word_mask"] == "released":  # which depends on the padding
        data = data.padded_to_longest()
    return data


def answer(
    run: Run[QuestionAnswering],
    questions: Questions,
    options: SplitOptions,
    video: Video,
    *,
    every_class: bool = False,
) -> tuple[Answers, ScoredPredictions]:
    """Answer every question of the split; UserError where the model gives no numbers.

    `every_class`: the predictions have the probabilities of all classes.
    """
    with _without(run, options, video):
        data = run_data(run, questions, options, video)
        found = predict(run.task, data, options.batch_size, run.device, every_class=every_class)
    finite = found.probability.isfinite().all(1) & found.ce.isfinite()
    if not finite.all():
        bad = torch.nonzero(~finite)[:, 0].tolist()
        first = ", ".join(str(data.split.ids[i]) for i in bad[:3])
        raise UserError(
            f"{run.path}: the logits of {len(bad)} of {len(data)} questions of split "
            f"{options.split} are no finite numbers, first id {first}; the run diverged (look at "
            "train/loss and val/ce), or the feature store holds numbers that are none"
        )
    columns = asked(questions, options.split)
    words = questions.vocabulary.answers
    shown = options.shown(video)
    best = found.top, found.probability, found.value
    return answers_of(run.name, shown, columns, words, *best), found


@contextmanager
def _without(run: Run[QuestionAnswering], options: SplitOptions, video: Video) -> Iterator[None]:
    """Without a channel that is missing; UserError for a run that cannot do without it."""
    if options.missing is None or video == "none":
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(
                run.task.without(options.missing, rebuilt=options.fill == "rebuilt")
            )
        except ValueError as error:
            raise UserError(f"--missing {options.missing}: {run.path} {error}") from error
        yield


def find_run_without_video(run: Run[Any]) -> Path | None:
    """The run beside this one that was trained alike (seed too), but without video; or None."""
    for path in sorted(run.folder.parent.glob("*/options.yaml")):
        if not (path.parent / "best.pt").is_file():
            continue
        try:
            other = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError:
            continue  # a damaged file of a run that nobody asked about
        same = all(other[k] == run.options[k] for k in run.options.keys() & other.keys() - FREE)
        if same and other.get("video") == "none" and path.parent != run.folder:
            return path.parent
    return None
