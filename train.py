"""Train a task:  python train.py [qa | autoencoder] --preset shapes

Every step is a function of (seed, step): which rows, which dropout.  So a run that was killed goes
on from its last checkpoint as if nothing had happened; on a CPU exactly so, while a GPU's sums
(convolutions backward, `index_add`) may differ in the last bits.  What a task and its data are:
training/task/qa.py, training/task/autoencoder.py.
"""

import util.threads  # noqa: F401  before torch is loaded

import math
import statistics
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from data_loader.sampling import Sampler
from options.flat import flat_values
from options.train import TrainOptions
from training.cuda_graph import CapturedStep, compile_task, require_capture
from training.ema import AveragedWeights
from training.memory import check_memory, out_of_memory
from training.prefetch import Prefetch
from training.profile import StepProfile
from training.randomness import seed_step
from training.run_folder import check_run_folder, kept_checkpoint, make_folders
from training.schedule import learning_rate
from training.step import groups, take_step
from training.task.autoencoder import AutoencoderWork
from training.task.base import Work
from training.task.qa import QaWork
from util.checkpoint import save_checkpoint
from util.device import autocast, pick_device
from util.distributed import process_group, rank, same_everywhere, share, world_size
from util.errors import UserError, run_command
from util.lock import writer_lock
from util.metrics import Running
from util.progress import Console, warned
from util.tensorboard import NoLog, RunLog

RESULTS, LOGS = Path("results"), Path("tf-logs")
WORKS = {"qa": QaWork, "autoencoder": AutoencoderWork}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, build task and data, train."""
    from options.parse import parse  # only the command needs the parser: run() does without

    argv = list(sys.argv[1:] if argv is None else argv)
    name = argv.pop(0) if argv and argv[0] in WORKS else "qa"
    work = WORKS[name]
    *parts, options = parse(f"python train.py {name}", work.about, work.options, argv)
    with process_group(options.device):
        if not options.seeds:
            run(name, parts, options)
            return 0
        return several(name, parts, options)


def several(name: str, parts: Sequence[Any], options: TrainOptions) -> int:
    """A run for each of the seeds 1, 2, ...; prints mean and deviation."""
    every = [
        replace(options, run=f"{options.run}_s{seed}", seed=seed, seeds=0)
        for seed in range(1, options.seeds + 1)
    ]
    for one in every:  # not after hours of training the first
        check_run_folder(RESULTS / one.run, LOGS / one.run, flat_values(one))
    found = {one.run: run(name, parts, one) for one in every}
    spread = f" ± {statistics.stdev(found.values()):.4f}" if len(found) > 1 else ""
    if rank() == 0:
        print(
            f"best {WORKS[name].goal} {statistics.mean(found.values()):.4f}{spread} over "
            f"{len(found)} seeds; {next_command(name, *(RESULTS / one for one in found))}"
        )
    return 0


def run(name: str, parts: Sequence[Any], options: TrainOptions) -> float:
    """One run of task `name` from its options; returns the best validation score."""
    values = flat_values(*parts, options)
    folder = RESULTS / options.run
    defaults = {f.name: f.default for cls in WORKS[name].options for f in fields(cls)}
    check_run_folder(folder, LOGS / options.run, values)
    kept = kept_checkpoint(folder, values, defaults)
    work: Work = WORKS[name](*parts, options, kept=kept)
    work.facts = {**work.facts, "options": values}
    share(options.batch_size, options.accumulate)  # refuses what the processes cannot share
    same_everywhere("options", values)
    same_everywhere("data", work.fingerprint())
    same_everywhere("the checkpoint to resume from", kept and kept["step"])
    device = pick_device(options.device)
    if options.cuda_graph:
        require_capture(
            device,
            processes=world_size(),
            features=work.on_features,
            topology=values.get("topology", "complete"),
            parts=options.accumulate,
        )
    budget = check_memory(work, options, device)
    # Only now, so that a mistake above leaves no trace.
    with writer_lock(folder) if rank() == 0 else nullcontext():
        if rank() == 0:
            make_folders(folder, LOGS / options.run, values, anew=kept is None)
        console = Console(folder / "console.log" if rank() == 0 else None)
        console.say(
            f"{options.run}: {work.describe()}, "
            f"{sum(p.numel() for p in work.task.parameters()):,} parameters"
            f"{f', {world_size()} processes' if world_size() > 1 else ''}"
        )
        console.say(budget)
        if work.note:
            console.say(work.note)
        with out_of_memory(), batches_of(work, options, device) as fetch:
            return train(work, options, device, fetch, kept, console)


def batches_of(work: Work, options: TrainOptions, device: torch.device) -> Prefetch:
    """This process's batches of all steps."""
    own = share(options.batch_size, options.accumulate)
    sampler = Sampler(
        work.videos,
        seed=options.seed,
        batch_size=options.batch_size,
        questions_per_video=options.questions_per_video,
    )

    def gather(step: int) -> list[Any]:
        # Parts first, each shared out: one process and several have the same parts.
        parts = np.split(sampler.rows(step), options.accumulate)
        return [work.batch(part[own]) for part in parts]

    steps = math.ceil(options.epochs * len(work.videos) / options.batch_size)
    return Prefetch(gather, device, steps=steps)


def train(
    work: Work,
    options: TrainOptions,
    device: torch.device,
    fetch: Prefetch,
    kept: dict[str, Any] | None,
    console: Console,
) -> float:
    """The loop: step, log, validate, save; returns the best validation score.

    `fetch` gives the batches; `kept` is the checkpoint to go on from, if any, and is emptied.
    Raises UserError, with every checkpoint left as it is, when a loss is no finite number.
    """
    folder = RESULTS / options.run
    task = work.task.to(device).train()
    optimizer = torch.optim.AdamW(
        groups(task, options.weight_decay, work.scales),
        lr=options.lr,
        fused=True,
        capturable=options.cuda_graph,
    )
    running = Running((*task.losses, "grad_norm"), work.types, device)
    # What is validated and kept: a moving average of the weights, or the weights themselves.
    model, average = task, None
    if options.ema:
        average = AveragedWeights(task, options.ema)
        model = average.module
    step, best, stale, saved = 0, {"score": -math.inf, "step": 0}, 0, 0
    if kept:
        model.load_state_dict(kept["weights"])
        if average is not None:
            task.load_state_dict(kept["raw_weights"])
            average.updates = kept["step"]
        optimizer.load_state_dict(kept["optimizer"])
        running.load(kept["running"])
        step, best, stale, saved = kept["step"], kept["best"], kept["stale"], kept["step"]
        kept.clear()  # the callers' too: weights are not held twice all the way
        console.say(f"going on from step {step}")
    log = RunLog(folder, LOGS / options.run, step=step) if rank() == 0 else NoLog()
    total, size, steps = len(work.videos), options.batch_size, fetch.steps
    stepping: nn.Module = task
    if options.compile:
        stepping, line = compile_task(task, device)
        console.say(line)
    # With several processes, what takes the step averages the gradients over them.  The encoder of
    # a channel left out gets none.  (static_graph would find that out, but cannot accumulate.)
    if world_size() > 1:
        idle = not work.on_features and work.facts["options"].get("channels", "both") != "both"
        stepping = DistributedDataParallel(stepping, find_unused_parameters=idle)
        stepping.broadcast_buffers = False  # all have the same statistics: model/layer/norm.py
    take = partial(
        take_step,
        stepping,
        optimizer=optimizer,
        clip_norm=options.clip_norm,
        precision=options.precision,
    )
    if options.cuda_graph:
        take = CapturedStep(take, optimizer, device)
    profiled = options.profile if rank() == 0 else 0
    profiler = StepProfile(profiled, folder, log, device, console.say)

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
        batches = fetch(step)
        seed_step(options.seed, step, rank())
        rate = learning_rate(
            options.schedule,
            lr=options.lr,
            epoch=step * size / total,
            epochs=options.epochs,
            halve_every=options.halve_every,
        )
        losses, correct = take(batches, rate=rate)
        profiler.step()
        if average is not None:
            average.update(task)
        step += 1
        bar.update()
        running.add(step, losses, correct, torch.cat([batch.row for batch in batches]))

        validating = step == steps or crosses(step, size / (total * options.eval_every))
        saving = validating or (options.save_every > 0 and step % options.save_every == 0)
        logging = validating or step % options.log_every == 0
        if (saving or logging) and (bad := running.first_bad_step()):
            kept_is = f"last.pt of step {saved}" if saved else "nothing"
            kept_is += f" and best.pt of step {best['step']}" if best["step"] else ""
            raise UserError(
                f"{folder}: the loss or its gradient is no finite number at step {bad}; kept: "
                f"{kept_is}; start from there with --init_from and a lower --lr, or with "
                "--precision float32"
            )
        if logging:
            means = running.read_losses()
            where = {"train/lr": rate, "train/epoch": step * size / total}
            with warned(console.say, f"the log of step {step}"):
                log.scalars(step, {**where, **{f"train/{k}": v for k, v in means.items()}})
            bar.set_postfix(loss=f"{means['loss']:.3f}", best=f"{best['score']:.4f}")
        improved, found = False, None
        if validating:
            with autocast(device, options.precision):
                found = work.validate(model, device)
            fit = running.read_accuracy()
            with warned(console.say, f"the log of the validation at step {step}"):
                fitting = fit.named("train/accuracy") if fit else {}
                log.scalars(step, {**fitting, **found.scalars})
            improved = found.score > best["score"]
            stale = 0 if improved else stale + 1
            best = {"score": found.score, "step": step} if improved else best
            fitted = f"train {fit.total:.4f}  " if fit else ""
            console.say(
                f"epoch {step * size / total:6.2f}  step {step:6d}  {fitted}{found.line}"
                f"{'  best' if improved else ''}"
            )
        if saving:
            with warned(console.say, "part of the log"):
                log.flush()  # no logged number may be younger than the checkpoint
            content = {**work.facts, "weights": model.state_dict(), "step": step, "best": best}
            state = {"optimizer": optimizer.state_dict(), "running": running.state()}
            if average is not None:
                state["raw_weights"] = task.state_dict()
            if rank() == 0:
                if improved:
                    save_checkpoint(folder / "best.pt", content)
                save_checkpoint(folder / "last.pt", {**content, **state, "stale": stale})
            saved = step
        if found is not None and improved:  # pictures come after what they could cost
            with warned(console.say, f"samples of step {step} in TensorBoard"):
                found.show(log, step)
    bar.close()
    profiler.close()
    log.close()
    console.say(
        f"best {work.goal} {best['score']:.4f} at step {best['step']}; "
        f"{next_command(work.name, folder)}"
    )
    return best["score"]


def crosses(step: int, per_step: float) -> bool:
    """Whether a counter that grows by `per_step` a step reaches a new whole number at `step`."""
    return math.floor(step * per_step + 1e-9) > math.floor((step - 1) * per_step + 1e-9)


def next_command(name: str, *folders: Path) -> str:
    """What to do with a trained run."""
    where = " ".join(map(str, folders))
    if name == "autoencoder":
        return f"next: python train.py qa --init_from {where}"
    return f"next: python evaluate.py --run {where}"


if __name__ == "__main__":
    run_command(main)
