"""What is each first stage worth?  python -m demo.first_stages

On `shapes`: actions named and questions answered, from a tenth of the labels and from all, after no
first stage and after each of five: an autoencoder, a masked one, contrastive pretraining, the same
with clips played backwards as negatives, and the frames' network supervised on single frames.  A
first stage sees all training videos, but of their labels (single frames) only those of the second.
All second stages take as many steps, so do all first stages; what a run without one has less is the
first stage's price.  Interrupted, it goes on where it was; a part (`--tasks`, `--stages`,
`--shares`, `--seeds`, `--first_steps`) is completed by a later call.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Literal

from demo.first_stage_table import CellName, Found, figure, summary, table
from demo.shapes import step
from options.evaluate import ScoreOptions, SplitOptions
from options.evaluation.labels import LabelRunOptions
from options.parse import parse
from preprocess import labels, questions, videos
from preprocess.shapes.__main__ import main as generate
from util.errors import UserError, run_command
from util.files import whole_file

FOLDERS = {"classification": Path("data/shapes_actions"), "qa": Path("data/shapes")}
KINDS = {"classification": "actions", "qa": "questions"}
SIZE = ["--size", "24", "--frames", "4", "--stride", "2"]
CLIPS = "clips_24_{}x4_stride2.h5"  # a store of so many clips of that size
BATCH = 32  # videos
ASKED = 48  # questions, of about as many videos

APPEARANCE = ["--appearance_encoder", "resnet_narrow", "--appearance_weights", "random"]
ENCODERS = [*APPEARANCE, "--motion_encoder", "resnext_narrow", "--motion_weights", "random"]
RECIPE = ["--batch_norm", "train", "--schedule", "cosine", "--weight_decay", "0.01"]
AUTOENCODER = [
    "autoencoder", *ENCODERS, *RECIPE, "--width", "128", "--decoder_hidden", "32", "--lr", "5e-3",
    "--dropout", "0", "--state_dropout", "0",
]  # fmt: skip
CONTRASTIVE = [  # what tells colours and places is not augmented away: it is asked for
    "contrastive", *ENCODERS, *RECIPE, "--lr", "3e-3",
    "--least_area", "0.5", "--grey", "0", "--blur", "0",
]  # fmt: skip
FIRST = {
    "autoencoder": AUTOENCODER,
    "masked": [*AUTOENCODER, "--mask", "0.5", "--mask_patch", "4"],
    "contrastive": CONTRASTIVE,
    "reversed": [*CONTRASTIVE, "--intra_negatives", "reversed"],
    "single_frames": [
        "classification", *APPEARANCE, *RECIPE, "--lr", "3e-3",
        "--channels", "appearance", "--frames", "middle", "--network", "linear",
    ],
}  # fmt: skip
SECOND = {
    "classification": [
        "classification", *ENCODERS, *RECIPE, "--lr", "3e-3",
        "--network", "temporal_transformer", "--width", "128", "--batch_size", str(BATCH),
    ],
    "qa": ["qa", "--preset", "shapes_one_stage", "--batch_size", str(ASKED)],
}  # fmt: skip

# What the second stage does with the first one's encoders, by the validation accuracy of seed 1.
TUNED = {
    stage: ["--init_part", "encoders", "--encoder_lr", "0.1"]
    for stage in ("contrastive", "reversed")
} | {"single_frames": ["--init_part", "encoders"]}

Task = Literal["classification", "qa"]
Stage = Literal["none", "autoencoder", "masked", "contrastive", "reversed", "single_frames"]


@dataclass(frozen=True, kw_only=True)
class FirstStageOptions:
    """What is compared.

    Args:
        tasks: second stages: classification (actions) and qa (questions)
        stages: first stages
        shares: shares of the training videos that have labels
        seeds: so many seeds, from 1
        steps: steps of each second stage
        first_steps: steps of each first stage; several: each of these lengths
        clips: so many clips of 4 frames of each video
        output: JSON file of all numbers, to which a later call adds; the picture lies beside it
    """

    tasks: tuple[Task, ...] = ("classification", "qa")
    stages: tuple[Stage, ...] = (
        "none", "autoencoder", "masked", "contrastive", "reversed", "single_frames"
    )  # fmt: skip
    shares: tuple[float, ...] = (0.1, 1.0)
    seeds: int = 3
    steps: int = 200
    first_steps: tuple[int, ...] = (300,)
    clips: int = 2
    output: str = "results/first_stages/accuracy.json"

    def __post_init__(self) -> None:
        """Refuse what compares nothing."""
        for name in ("seeds", "steps", "clips"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if not self.first_steps or min(self.first_steps) < 1:
            given = " ".join(map(str, self.first_steps))
            raise ValueError(f"--first_steps {given}: must be at least 1, such as 300")
        for share in self.shares:
            if not 0 < share <= 1:
                raise ValueError(f"--shares {share}: must be above 0 and at most 1, such as 0.1")
        if not self.output.endswith(".json"):
            raise ValueError(f"--output {self.output}: give a name that ends in .json")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing; accuracies are fractions, the last line is JSON."""
    about = "What each first stage is worth, for actions and for questions on `shapes`."
    (options,) = parse("python -m demo.first_stages", about, (FirstStageOptions,), argv)
    begin = time.perf_counter()
    path = Path(options.output)
    found = already(path, options)
    for task in options.tasks:
        prepare(task, options.clips)
    for share in options.shares:
        for task in options.tasks:
            for seed in range(1, options.seeds + 1):
                for name in cells(task, share, options):
                    for task_of, accuracy in accuracies(name, seed, options).items():
                        found.setdefault(name._replace(task=task_of), {})[seed] = accuracy
                    save(path, found, options)
    print(table(found))
    means = {
        f"{name.task} {name.share:g} {name.stage} {name.first_steps}": round(mean(of.values()), 4)
        for name, of in found.items()
    }
    print(json.dumps({**means, "seconds": round(time.perf_counter() - begin)}))
    return 0


def cells(task: str, share: float, options: FirstStageOptions) -> list[CellName]:
    """What is compared of one task, from one share of the labels."""
    return [
        CellName(task, share, stage, first_steps)
        for stage in options.stages
        for first_steps in ((0,) if stage == "none" else options.first_steps)
    ]


def prepare(task: Task, count: int) -> None:
    """Videos, clips, labels and questions, where they are not there yet."""
    folder = FOLDERS[task]
    step(f"videos of moving shapes with {KINDS[task]}", "preprocess.shapes")
    if not (folder / "test_actions.json").exists():
        generate(["--kind", KINDS[task], "--output", str(folder)])
    if not (clips := folder / CLIPS.format(count)).exists():
        store = ["--backbone", "none", *SIZE, "--clips", str(count), "--output", str(clips)]
        videos.main(["--videos", str(folder / "videos"), *store])
    files = {"labels.pt": labels} | ({"questions.pt": questions} if task == "qa" else {})
    for name, command in files.items():
        if not (folder / name).exists():
            given = ["--annotations", str(folder), "--output", str(folder / name)]
            command.main(["--dataset", "shapes", *given])


def accuracies(name: CellName, seed: int, options: FirstStageOptions) -> dict[str, float]:
    """Accuracy on the test split, by task; what is trained and evaluated already is read.

    Of actions also that of those which the order of frames alone tells apart, as "order_only".
    """
    from data_loader.label.labels import load_labels  # here: help shall not wait for torch
    from data_loader.questions import load_questions

    task, share, stage, first_steps = name
    folder, of, shared = FOLDERS[task], f"{task}_{options.clips}clips", f"s{seed}_{share:g}"
    clips = folder / CLIPS.format(options.clips)
    file = {"classification": "--labels", "qa": "--questions"}[task]
    path = folder / ("labels.pt" if task == "classification" else "questions.pt")
    learned = (load_labels if task == "classification" else load_questions)(path).split("train")
    start = []
    if stage != "none":
        flags, run = FIRST[stage], f"first_{of}_{stage}_{first_steps}_s{seed}"
        if stage == "single_frames":
            run = f"first_{of}_{stage}_{first_steps}_{shared}"
            own = load_labels(folder / "labels.pt").split("train").videos
            length = _labelled(own, share, seed, BATCH, first_steps)
            flags = [*flags, "--labels", str(folder / "labels.pt")]
        else:
            length = _epochs(len(set(learned.videos)), BATCH, first_steps)
            flags = [*flags, file, str(path)]
        _train(run, [*flags, "--batch_size", str(BATCH), *length], clips, seed)
        start = ["--init_from", f"results/{run}", *TUNED.get(stage, [])]
    size = BATCH if task == "classification" else ASKED
    length = _labelled(learned.videos, share, seed, size, options.steps)
    run = f"second_{of}_{stage}_{first_steps}_{options.steps}_{shared}"
    _train(run, [*SECOND[task], file, str(path), *length, *start], clips, seed)
    return _evaluated(Path("results") / run, task)


def _labelled(of: Sequence[str], share: float, seed: int, batch: int, steps: int) -> list[str]:
    """Flags of a run on a share of the rows, of so many steps."""
    from data_loader.sampling import labelled_rows

    rows = len(of) if share == 1 else int(labelled_rows(of, share, seed=seed).sum())
    return [*(["--label_share", f"{share}"] if share < 1 else []), *_epochs(rows, batch, steps)]


def _epochs(rows: int, batch: int, steps: int) -> list[str]:
    """Flags by which a run has so many steps, and four validations."""
    epochs = (steps - 0.5) * batch / rows  # the last step may be begun
    return ["--epochs", f"{epochs:.6f}", "--eval_every", f"{epochs / 4:.6f}"]


def _train(run: str, flags: list[str], clips: Path, seed: int) -> None:
    """Train a run, or what is left of it."""
    import train

    step(run, f"train.py {flags[0]}")
    train.main([*flags, "--clips", str(clips), "--run", run, "--seed", str(seed), "--resume"])


def _evaluated(run: Path, task: str) -> dict[str, float]:
    """Accuracies of a run's best weights on the test split."""
    path = run / "test-real.json"
    if not path.exists() or path.stat().st_mtime < (run / "best.pt").stat().st_mtime:
        if task == "qa":
            from evaluation.score_runs import score_runs

            score_runs(ScoreOptions(run=[str(run)], plots=False), SplitOptions())
        else:
            from evaluation.label.score_runs import score_runs as score_labels

            score_labels(LabelRunOptions(run=[str(run)], same_model=False, count=0, plots=False))
    told: Any = json.loads(path.read_text(encoding="utf-8"))
    if task == "qa":
        return {task: told["test/accuracy"]["total"]}
    order = told.get("test/order_only/accuracy")
    return {task: told["test/accuracy"], **({} if order is None else {"order_only": order})}


def already(path: Path, options: FirstStageOptions) -> Found:
    """What an earlier call found.  Raises UserError for one of other second stages or clips."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, what in (("steps", "accuracies after"), ("clips", "accuracies from")):
        if content[name] != (asked := getattr(options, name)):
            raise UserError(
                f"--{name} {asked}: {path} holds {what} {content[name]}; give another name for "
                "--output"
            )
    return {
        CellName(*(row[field] for field in CellName._fields)): {
            int(seed): accuracy for seed, accuracy in row["accuracy"].items()
        }
        for row in content["rows"]
    }


def save(path: Path, found: Found, options: FirstStageOptions) -> None:
    """Write all numbers and the picture of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"steps": options.steps, "clips": options.clips, "rows": summary(found)}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    figure(found, path.with_suffix(".png"))


if __name__ == "__main__":
    run_command(main)
