"""Train a task:  python train.py qa --preset shapes

Tasks: qa (the default), captioning, classification, retrieval; first stages: autoencoder,
contrastive.

Every step is a function of (seed, step): which rows, which dropout.  So a run that was killed goes
on from its last checkpoint as if nothing had happened; on a CPU exactly so, while a GPU's sums
(convolutions backward, `index_add`) may differ in the last bits.  What a task and its data are:
training/task/qa.py, training/task/autoencoder.py, and so on.
"""

import util.threads  # noqa: F401  before torch is loaded

from options.task import RunOptions, parse_task
from util.errors import UserError, exit_codes, run_command

if __name__ == "__main__":  # help and mistakes are answered before torch is loaded
    with exit_codes():
        parse_task()

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from options.flat import flat_values
from training.compile import compile_task
from training.cuda_graph import CapturedStep, Taken, require_capture
from training.ema import AveragedWeights
from training.memory import check_memory, out_of_memory
from training.prefetch import Prefetch
from training.profile import DataWait, StepProfile
from training.randomness import seed_step
from training.report import RunReport
from training.run_folder import RunFolder
from training.run_state import RunState
from training.schedule import crosses, learning_rate
from training.step import make_optimizer, take_step
from training.task.autoencoder import AutoencoderTask
from training.task.base import TrainingTask, make_sampler
from training.task.captioning import CaptioningTask
from training.task.classification import ClassificationTask
from training.task.contrastive import ContrastiveTask
from training.task.qa import QaTask
from training.task.retrieval import RetrievalTask
from util.device import autocast, pick_device
from util.distributed import process_group, rank, same_everywhere, share, world_size
from util.lock import writer_lock
from util.metrics import Running
from util.progress import Console

TASKS: dict[str, type[TrainingTask]] = {
    "qa": QaTask,
    "autoencoder": AutoencoderTask,
    "captioning": CaptioningTask,
    "classification": ClassificationTask,
    "contrastive": ContrastiveTask,
    "retrieval": RetrievalTask,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line; train one run, or one for each of --seeds."""
    name, options = parse_task(argv)
    with process_group(options.train.device):
        if options.train.seeds:
            several(name, options)
        else:
            run(name, options)
    return 0


def several(name: str, options: RunOptions) -> None:
    """A run for each of the seeds 1, 2, ...; prints mean and deviation."""
    train, task = options.train, TASKS[name]
    seeds = range(1, train.seeds + 1)
    every = [replace(train, run=f"{train.run}_s{seed}", seed=seed, seeds=0) for seed in seeds]
    for one in every:  # not after hours of training the first
        RunFolder(one.run).check(one)
    scores = [run(name, options._replace(train=one)) for one in every]
    spread = f" ± {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
    if rank() == 0:
        folders = " ".join(str(RunFolder(one.run).path) for one in every)
        print(
            f"best {task.goal} {statistics.mean(scores):.4f}{spread} over {len(scores)} seeds; "
            f"next: {task.next_command} {folders}"
        )


def run(name: str, options: RunOptions) -> float:
    """One run of the task `name`; returns its best validation score."""
    train = options.train
    folder, values = RunFolder(train.run), flat_values(*options)
    folder.check(train)
    defaults = {field.name: field.default for part in options for field in fields(part)}
    checkpoint = folder.checkpoint(values, defaults)
    task = TASKS[name](options, checkpoint=checkpoint)
    share(train.batch_size, train.accumulate)  # refuses what the processes cannot share
    same_everywhere("options", values)
    same_everywhere("data", task.fingerprint())
    same_everywhere("the checkpoint to resume from", checkpoint and checkpoint["step"])
    device = pick_device(train.device)
    if train.cuda_graph:
        require_capture(
            device,
            processes=world_size(),
            features=task.on_features,
            topology=task.topology,
            parts=train.accumulate,
        )
    budget = check_memory(task, train, device)
    # Only now, so that a mistake above leaves no trace.
    with writer_lock(folder.path) if rank() == 0 else nullcontext():
        if rank() == 0:
            folder.make(values, anew=checkpoint is None)
        console = Console(folder.path / "console.log" if rank() == 0 else None)
        console.say(
            f"{train.run}: {task.describe()}, "
            f"{sum(p.numel() for p in task.module.parameters()):,} parameters"
            f"{f', {world_size()} processes' if world_size() > 1 else ''}"
        )
        console.say(budget)
        if task.note:
            console.say(task.note)
        with out_of_memory(), batches_of(task, device) as fetch:
            return train_task(task, device, fetch, checkpoint, console)


def batches_of(task: TrainingTask, device: torch.device) -> Prefetch:
    """This process's batches of all steps."""
    options = task.options.train
    own = share(options.batch_size, options.accumulate)
    sampler = make_sampler(task, options)

    def gather(step: int) -> list[Any]:
        # Parts first, each shared out: one process and several have the same parts.
        parts = np.split(sampler.rows(step), options.accumulate)
        return [task.batch(part[own]) for part in parts]

    steps = math.ceil(options.epochs * len(task.videos) / options.batch_size)
    return Prefetch(gather, device, steps=steps)


def train_task(
    task: TrainingTask,
    device: torch.device,
    fetch: Prefetch,
    checkpoint: dict[str, Any] | None,
    console: Console,
) -> float:
    """The loop: step, log, validate, save; returns the best validation score.

    `fetch` gives the batches; `checkpoint`, if any, is what to go on from, and is emptied.
    Raises UserError, with every checkpoint left as it is, when a loss is no finite number.
    """
    options, folder = task.options.train, RunFolder(task.options.train.run)
    module = task.module.to(device).train()
    state = RunState(
        module=module,
        average=AveragedWeights(module, options.ema) if options.ema else None,
        optimizer=make_optimizer(module, options, task.lr_scales),
        running=Running((*module.losses, "grad_norm"), task.types, device),
        metadata={**task.metadata, "options": flat_values(*task.options)},
    )
    if checkpoint:
        state.load(checkpoint)
        checkpoint.clear()  # the callers' too: weights are not held twice all the way
        console.say(f"going on from step {state.step}")
    report = RunReport(folder, console, step=state.step, steps=fetch.steps)
    take = step_of(task, state.optimizer, device, console)
    profiled = options.profile if rank() == 0 else 0
    profiler = StepProfile(profiled, folder.path, report.log, device, console.say)
    total, size, patience = len(task.videos), options.batch_size, options.patience or math.inf
    wait = DataWait()

    while state.step < fetch.steps and state.stale < patience:
        wait.begin()
        batches = fetch(state.step)
        wait.fetched()
        seed_step(options.seed, state.step, rank())
        rate = learning_rate(options, step=state.step + 1, epoch=state.step * size / total)
        losses, correct = take(batches, rate=rate)
        state.advance(losses, correct, torch.cat([batch.row for batch in batches]))
        profiler.step()
        report.bar.update()

        step, epoch = state.step, state.step * size / total
        validating = step == fetch.steps or crosses(step, size / (total * options.eval_every))
        saving = validating or (options.save_every > 0 and step % options.save_every == 0)
        logging = validating or step % options.log_every == 0
        if saving or logging:
            state.check_finite(folder.path)
        if logging:
            means = state.running.read_losses()
            report.losses(step, means, rate=rate, epoch=epoch, best=state.best_score)
        wait.end()  # what is logged has been computed, on a GPU too
        improved, found = False, None
        if validating:
            with autocast(device, options.precision):
                found = task.validate(state.model, device)
            improved = state.record(found.score)
            fit = state.running.read_accuracy()
            report.validation(step, found, fit, epoch=epoch, improved=improved)
        if saving:
            report.flush()  # no logged number may be younger than the checkpoint
            state.save(folder.path)
        if found is not None and improved:  # pictures come after what they could cost
            report.samples(step, found)
        if found is not None and found.stop:
            raise UserError(f"{folder.path}: stopped at step {step}: {found.stop}")
    profiler.close()
    report.close()
    console.say(wait.line)
    console.say(
        f"best {task.goal} {state.best_score:.4f} at step {state.best_step}; "
        f"next: {task.next_command} {folder.path}"
    )
    return state.best_score


def step_of(
    task: TrainingTask, optimizer: torch.optim.Optimizer, device: torch.device, console: Console
) -> Callable[..., Taken]:
    """What takes a step: compiled, with other processes, captured, as the options say."""
    options = task.options.train
    wrapped: nn.Module = task.module
    if options.compile:
        wrapped, line = compile_task(task.module, device)
        console.say(line)
    # With several processes, what takes the step averages the gradients over them.
    # (static_graph would find unused parameters by itself, but cannot accumulate.)
    if world_size() > 1:
        wrapped = DistributedDataParallel(wrapped, find_unused_parameters=task.unused_parameters)
        wrapped.broadcast_buffers = False  # all have the same statistics: model/layer/norm.py
    take = partial(
        take_step,
        wrapped,
        optimizer=optimizer,
        clip_norm=options.clip_norm,
        precision=options.precision,
    )
    return CapturedStep(take, optimizer, device) if options.cuda_graph else take


if __name__ == "__main__":
    run_command(main)
