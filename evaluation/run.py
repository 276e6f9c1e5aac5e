"""A trained run answers a split: from a run's folder to Answers."""

from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import yaml

from data_loader.dataset import QaData, join, join_clips
from data_loader.placement import choose_place
from data_loader.questions import Questions, load_questions
from data_loader.store.clips import open_clip_store
from data_loader.store.features import open_store
from data_loader.store.provenance import check_provenance
from evaluation.answers import Answers, asked
from model.task.qa import Predictions, QuestionAnswering
from options.data import Video
from options.encoder import EncoderOptions
from options.evaluate import SplitOptions
from util.checkpoint import load_checkpoint
from util.device import pick_device
from util.distributed import gather_objects, rank, world_size
from util.errors import UserError

# A question-only run differs from the run that it is compared with in these options alone.
FREE = {
    "run",
    "video",
    "appearance",
    "motion",
    "clips",
    "channels",
    "device",
    "seeds",
    "resume",
    "overwrite",
    "init_from",
    "accumulate",
    "features_in",
    "compile",
    "cuda_graph",
    "profile",
    *(field.name for field in fields(EncoderOptions)),
}


OPENED = {"appearance": open_store, "motion": open_store, "clips": open_clip_store}


@dataclass(frozen=True, eq=False)
class Run:
    """A trained run: its folder, its checkpoint and its model."""

    folder: Path
    content: dict[str, Any]
    task: QuestionAnswering
    device: torch.device

    @property
    def options(self) -> dict[str, Any]:
        """What it was trained with."""
        return self.content["options"]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name


def open_run(folder: str | Path, *, checkpoint: str = "best", device: str = "auto") -> Run:
    """Load a run.  Raises UserError if the folder holds no readable checkpoint."""
    content = load_checkpoint(Path(folder) / f"{checkpoint}.pt")
    place = pick_device(device)
    return Run(Path(folder), content, QuestionAnswering.from_checkpoint(content).to(place), place)


def run_questions(run: Run, given: str | None) -> Questions:
    """The question file of a run, or the one given; it must have the run's vocabulary."""
    questions = load_questions(given or run.options["questions"])
    if questions.vocabulary.state() != run.content["vocabulary"]:
        raise UserError(
            f"{questions.path} has another vocabulary than {run.folder} was trained with: give "
            "--questions the run's own file, or train anew"
        )
    return questions


def run_data(run: Run, questions: Questions, options: SplitOptions, video: Video) -> QaData:
    """A split's questions with their features, checked against what the run was trained on."""
    if options.split not in questions.splits:
        raise UserError(
            f"--split {options.split}: {questions.path} has {', '.join(questions.splits)}; name one"
        )
    split = questions.splits[options.split]
    trained = run.content["stores"]
    stores: dict[str, Any] = {}
    for channel, opened in OPENED.items():
        was = trained.get(channel)
        given = getattr(options, channel)
        if was is None and given:
            held = " and ".join(f"--{c}" for c, store in trained.items() if store)
            cure = "" if held else ", and evaluate it with --video none"
            raise UserError(
                f"{run.folder} was trained {f'on {held}' if held else 'without any store'}: leave "
                f"out --{channel}{cure}"
            )
        stores[channel] = None
        if was is not None:
            stores[channel] = opened(given or run.options[channel])
            check_provenance(was["provenance"], stores[channel], run.folder)
    if stores["clips"] is not None:
        sizes = run.content["sizes"]
        widths = (sizes["appearance_width"], sizes["motion_width"])
        return join_clips(split, stores["clips"], video=video, seed=options.seed, widths=widths)
    if stores["appearance"] is None and video != "none":
        raise UserError(
            f"{run.folder} was trained without any store: evaluate it with --video none"
        )
    channels = run.options.get("channels", "both")  # runs of earlier versions saw both
    held = [
        stores[channel]
        for channel in ("appearance", "motion")
        if stores[channel] is not None and channels in ("both", channel)
    ]
    place = choose_place(options.features_in, held, [split.videos], run.device)
    data = join(
        split,
        stores["appearance"],
        stores["motion"],
        video=video,
        channels=channels,
        seed=options.seed,
        on_disk=place.name != "memory",
    )
    return data.to(run.device) if place.name == "gpu" else data


def answer(
    run: Run, questions: Questions, options: SplitOptions, video: Video
) -> tuple[Answers, Predictions]:
    """Answer every question of the split; UserError where the model gives no numbers."""
    data = run_data(run, questions, options, video)
    if run.options["word_mask"] == "released":  # which depends on the padding
        data = data.alike()
    found = predict(run.task, data, options.batch_size, run.device)
    finite = found.probability.isfinite().all(1) & found.ce.isfinite()
    if not finite.all():
        bad = torch.nonzero(~finite)[:, 0].tolist()
        first = ", ".join(str(data.split.ids[i]) for i in bad[:3])
        raise UserError(
            f"{run.folder}: the logits of {len(bad)} of {len(data)} questions of split "
            f"{options.split} are no finite numbers, first id {first}; the run diverged (look at "
            "train/loss and val/ce), or the feature store holds numbers that are none"
        )
    words = questions.vocabulary.answers
    top = [
        [(words[i], p) for i, p in zip(best, share, strict=True)]
        for best, share in zip(found.top.tolist(), found.probability.tolist(), strict=True)
    ]
    columns = asked(questions, options.split)
    predicted = columns.answer.copy()
    predicted[:] = [best[0][0] for best in top]
    return Answers(run.name, video, columns, predicted, top), found


def predict(
    task: QuestionAnswering, data: QaData, batch_size: int, device: torch.device
) -> Predictions:
    """Answer a split; of several processes each takes a share, and each gets all answers."""
    batches = data.batches(batch_size, every=world_size(), first=rank())
    first = next(batches, None)  # there may be fewer batches than processes
    part = None if first is None else task.predict(chain([first], batches), device)
    return Predictions.joined(p for p in gather_objects(part) if p is not None)


def find_question_only(run: Run) -> Path | None:
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
