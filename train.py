"""Train a task:  python train.py [qa] --preset shapes

Every step is a function of (seed, step): which questions, which dropout.  So a run that was killed
goes on from its last checkpoint exactly as if nothing had happened.
"""

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from data_loader.dataset import QaData, check_provenance, join
from data_loader.questions import Questions, QuestionSplit, load_questions
from data_loader.sampling import Sampler
from data_loader.store import FeatureStore, open_store
from evaluation.run import predict
from evaluation.samples import show_samples
from model.released import from_released, is_released
from model.task import TASKS
from model.task.qa import QuestionAnswering
from options.data import DataOptions
from options.loss import LossOptions
from options.model import ModelOptions
from options.parse import flat_values, parse
from options.train import TrainOptions
from util.checkpoint import load_plain, save_checkpoint
from util.device import pick_device
from util.distributed import process_group, rank, same_everywhere, share, world_size
from util.errors import UserError, run_command
from util.metrics import Running, accuracy
from util.progress import Console
from util.randomness import seed_step
from util.run_folder import kept_checkpoint, make_folders
from util.schedule import learning_rate
from util.tensorboard import NoLog, RunLog

RESULTS, LOGS = Path("results"), Path("tf-logs")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, build task and data, train."""
    argv = list(sys.argv[1:] if argv is None else argv)
    name = argv.pop(0) if argv and argv[0] in TASKS else "qa"
    data, model, loss, options = parse(
        f"python train.py {name}",
        "Train a model that answers questions about videos.",
        (DataOptions, ModelOptions, LossOptions, TrainOptions),
        argv,
    )
    with process_group(options.device):
        if not options.seeds:
            run(name, data, model, loss, options)
            return 0
        return several(name, data, model, loss, options)


def several(
    name: str, data: DataOptions, model: ModelOptions, loss: LossOptions, options: TrainOptions
) -> int:
    """A run for each of the seeds 1, 2, ...; prints mean and deviation."""
    found = {}
    for seed in range(1, options.seeds + 1):
        one = replace(options, run=f"{options.run}_s{seed}", seed=seed, seeds=0)
        found[one.run] = run(name, data, model, loss, one)
    spread = f" ± {100 * statistics.stdev(found.values()):.2f}" if len(found) > 1 else ""
    if rank() == 0:
        print(
            f"best validation accuracy {100 * statistics.mean(found.values()):.2f}{spread} % over "
            f"{len(found)} seeds; next: python evaluate.py --run "
            + " ".join(str(RESULTS / one) for one in found)
        )
    return 0


def run(
    name: str, data: DataOptions, model: ModelOptions, loss: LossOptions, options: TrainOptions
) -> float:
    """One run of task `name` from its options; returns the best validation accuracy."""
    values = flat_values(data, model, loss, options)
    folder = RESULTS / options.run
    kept = kept_checkpoint(folder, values, resume=options.resume, overwrite=options.overwrite)
    questions = load_questions(data.questions)
    stores = [None if p is None else open_store(p) for p in (data.appearance, data.motion)]
    train_data, val_data = (
        join(
            split_of(questions, split),
            *stores,
            video=data.video,
            channels=data.channels,
            seed=options.seed,
        )
        for split in ("train", "val")
    )
    torch.manual_seed(options.seed)
    sizes = {
        "word_width": questions.word_vectors.shape[1],
        "appearance_width": train_data.appearance.shape[3],
        "motion_width": train_data.motion.shape[2],
    }
    task = TASKS[name](model, loss, vocabulary=questions.vocabulary, **sizes)
    start(task, questions, train_data, options, standardize=model.feature_norm == "standardize")
    if kept:
        if kept["vocabulary"] != questions.vocabulary.state():
            raise UserError(
                f"{data.questions} is not the file that {folder} was trained with (another "
                "vocabulary): give that one to resume, or take another name for --run"
            )
        for channel, store in zip(("appearance", "motion"), stores, strict=True):
            if store is not None:
                check_provenance(kept["stores"][channel]["provenance"], store, folder)
    facts = {
        "task": name,
        "options": values,
        "vocabulary": questions.vocabulary.state(),
        "sizes": sizes,
        "stores": dict(zip(("appearance", "motion"), map(origin, stores), strict=True)),
    }
    share(options.batch_size)  # refuses a batch that the processes cannot share
    same_everywhere("options", values)
    same_everywhere("questions and features", train_data.fingerprint())
    same_everywhere("the checkpoint to resume from", kept and kept["step"])
    # Only now, so that a mistake above leaves no trace.
    if rank() == 0:
        make_folders(folder, LOGS / options.run, values, anew=kept is None)
    console = Console(folder / "console.log" if rank() == 0 else None)
    console.say(
        f"{options.run}: {len(train_data):,} training and {len(val_data):,} validation questions, "
        f"{len(questions.vocabulary.answers):,} answers, "
        f"{sum(p.numel() for p in task.parameters()):,} parameters"
        f"{f', {world_size()} processes' if world_size() > 1 else ''}"
    )
    return train(task, train_data, val_data, options, facts, kept, console)


def train(
    task: QuestionAnswering,
    train_data: QaData,
    val_data: QaData,
    options: TrainOptions,
    facts: dict[str, Any],
    kept: dict[str, Any] | None,
    console: Console,
) -> float:
    """The loop: step, log, validate, save; returns the best validation accuracy.

    `kept` is the checkpoint to go on from, if any.
    """
    folder = RESULTS / options.run
    device = pick_device(options.device)
    task = task.to(device).train()
    optimizer = torch.optim.AdamW(groups(task, options), lr=options.lr, fused=True)
    running = Running((*task.losses, "grad_norm"), train_data.split.types, device)
    # What is validated and kept: a moving average of the weights, or the weights themselves.
    model, average = task, None
    if options.ema:
        update = get_ema_multi_avg_fn(options.ema)
        average = AveragedModel(task, multi_avg_fn=update, use_buffers=True).eval()
        model = cast(QuestionAnswering, average.module)
    step, best, stale = 0, {"accuracy": -1.0, "step": 0}, 0
    if kept:
        model.load_state_dict(kept["weights"])
        if average is not None:
            task.load_state_dict(kept["raw_weights"])
            average.n_averaged = torch.tensor(kept["step"], device=device)
        optimizer.load_state_dict(kept["optimizer"])
        running.load(kept["running"])
        step, best, stale = kept["step"], kept["best"], kept["stale"]
        console.say(f"going on from step {step}")
    log = RunLog(folder, LOGS / options.run, step=step) if rank() == 0 else NoLog()
    # With several processes, what takes the step averages the gradients over them.
    stepping: nn.Module = task
    if world_size() > 1:
        stepping = DistributedDataParallel(task, static_graph=True)
    part = share(options.batch_size)

    total, size = len(train_data), options.batch_size
    sampler = Sampler(
        train_data.split.videos,
        seed=options.seed,
        batch_size=size,
        questions_per_video=options.questions_per_video,
    )
    steps = math.ceil(options.epochs * total / size)
    patient = options.patience or math.inf
    bar = tqdm(
        total=steps,
        initial=step,
        unit="step",
        dynamic_ncols=True,
        desc=options.run,
        disable=rank() > 0,
    )
    while step < steps and stale < patient:
        batch = train_data.batch(sampler.rows(step)[part]).to(device)
        seed_step(options.seed, step, rank())
        rate = learning_rate(
            options.schedule,
            lr=options.lr,
            epoch=step * size / total,
            epochs=options.epochs,
            halve_every=options.halve_every,
        )
        losses, predicted, norm = take_step(stepping, batch, optimizer, rate, options.clip_norm)
        if average is not None:
            average.update_parameters(task)
        step += 1
        bar.update()
        running.add({**losses, "grad_norm": norm}, predicted == batch.answer, batch.row)

        validating = step == steps or crosses(step, size / (total * options.eval_every))
        if step % options.log_every == 0 or validating:
            means = running.read_losses()
            log.scalars(step, {"train/lr": rate, **{f"train/{k}": v for k, v in means.items()}})
            bar.set_postfix(loss=f"{means['loss']:.3f}", val=f"{max(best['accuracy'], 0):.4f}")
        improved = False
        if validating:
            found = predict(model, val_data, size, device)
            val = accuracy(found.correct.tolist(), val_data.split.types)
            fit = running.read_accuracy()
            log.scalars(step, {f"train/accuracy/{k}": v for k, v in fit.items()})
            scores = {f"val/accuracy/{k}": v for k, v in val.items()}
            log.scalars(step, {"val/ce": found.ce.mean().item(), **scores})
            improved = val["all"] > best["accuracy"]
            stale = 0 if improved else stale + 1
            best = {"accuracy": val["all"], "step": step} if improved else best
            console.say(
                f"epoch {step * size / total:6.2f}  step {step:6d}  "
                f"train {fit['all']:.4f}  val {val['all']:.4f}"
                f"{'  best' if improved else ''}"
            )
        if improved:
            show_samples(log, step, val_data, found, facts["vocabulary"]["answers"])
        if validating or (options.save_every and step % options.save_every == 0):
            log.flush()  # nothing logged may be younger than the checkpoint
            content = {**facts, "weights": model.state_dict(), "step": step, "best": best}
            state = {"optimizer": optimizer.state_dict(), "running": running.state()}
            if average is not None:
                state["raw_weights"] = task.state_dict()
            if rank() == 0:
                if improved:
                    save_checkpoint(folder / "best.pt", content)
                save_checkpoint(folder / "last.pt", {**content, **state, "stale": stale})
    bar.close()
    log.close()
    console.say(
        f"best validation accuracy {best['accuracy']:.4f} at step {best['step']}; "
        f"next: python evaluate.py --run {folder}"
    )
    return best["accuracy"]


def take_step(
    task: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, rate: float, clip_norm: float
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """One optimizer step: named losses, predicted classes (B,), norm of the gradient."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    losses, predicted = task(batch)
    optimizer.zero_grad()
    losses["loss"].backward()
    norm = nn.utils.clip_grad_norm_(task.parameters(), clip_norm or math.inf)
    optimizer.step()
    return losses, predicted, norm


def groups(task: nn.Module, options: TrainOptions) -> list[dict[str, Any]]:
    """Matrices decay; norms, biases and word vectors do not."""
    decay, spare = [], []
    for name, parameter in task.named_parameters():
        (spare if parameter.ndim < 2 or "embedding" in name else decay).append(parameter)
    return [
        {"params": decay, "weight_decay": options.weight_decay},
        {"params": spare, "weight_decay": 0.0},
    ]


def crosses(step: int, per_step: float) -> bool:
    """Whether a counter that grows by `per_step` a step reaches a new whole number at `step`."""
    return math.floor(step * per_step + 1e-9) > math.floor((step - 1) * per_step + 1e-9)


def start(
    task: QuestionAnswering,
    questions: Questions,
    train_data: QaData,
    options: TrainOptions,
    *,
    standardize: bool,
) -> None:
    """Fill in what does not start at random: word vectors, feature statistics, --init_from."""
    with torch.no_grad():
        task.model.question.embedding.weight.copy_(questions.word_vectors)
    if standardize:
        appearance, motion = train_data.statistics()
        task.model.video.appearance_norm.fit(*appearance)
        task.model.video.motion_norm.fit(*motion)
    if options.init_from is None:
        return
    path = Path(options.init_from)
    path = path / "best.pt" if path.is_dir() else path
    content = load_plain(path)
    state = content.get("weights", content.get("state_dict", content))
    if is_released(state):
        state = {f"model.{k}": v for k, v in from_released(state).items()}
    own = task.state_dict()
    for name, value in state.items():
        if name not in own or own[name].shape != value.shape:
            here = tuple(own[name].shape) if name in own else "nothing of that name"
            raise UserError(
                f"--init_from {path}: {name} is {tuple(value.shape)} there and {here} here; start "
                "with the same model options, questions and stores as that run"
            )
    task.load_state_dict(state, strict=False)


def split_of(questions: Questions, name: str) -> QuestionSplit:
    """A split of the questions file; UserError when it is not there."""
    if name not in questions.splits:
        raise UserError(
            f"{questions.path} has no split {name}; it has {', '.join(questions.splits)}"
        )
    return questions.splits[name]


def origin(store: FeatureStore | None) -> dict[str, Any] | None:
    """What a checkpoint remembers of a store."""
    return None if store is None else {"path": str(store.path), "provenance": store.provenance}


if __name__ == "__main__":
    run_command(main)
