"""What each caption decoder costs:  python -m benchmark caption_cost

Made-up features and captions of the size of the 549 MSVD clips (322 training videos of 8 clips of 4
frames, 1,280 wide; 13,563 captions as long as theirs, 1,853 words), with the sizes that the table
of results/README.md was trained with.  Of each decoder: the steps of some of an epoch in turn with
the other decoders', beam search over the test split's videos, and the peak memory of training
(weights, gradients, moments, activations; the data apart) in a process of its own.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmark.measure import interleaved, matrix_rate, peak_memory
from data_loader.caption.captions import CaptionSplit
from data_loader.caption.dataset import CaptionData
from data_loader.sampling import Sampler
from data_loader.video_table import FeatureTable
from data_loader.vocabulary import SPECIAL, CaptionVocabulary
from inference.caption.split import find_captions
from model.layer.norm import Whiten
from model.task.captioning import Captioning
from options.caption import CaptionOptions, Decoder, SearchOptions
from training.randomness import seed_step
from training.step import parameter_groups, take_step

VIDEOS, CAPTIONS, WORDS = 322, 13_563, 1_853  # of training
CLIPS, FRAMES, FEATURES = 8, 4, 1280
COMPONENTS = 64
LENGTH = (7.1, 2.7)  # mean and deviation of a caption's words
WIDTHS: dict[Decoder, int] = {"ets_yao2015": 512}  # of the others 256
SHARPER = 12.0  # times random weights: the likeliest word about as likely as a trained model's


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure each decoder, print the table."""
    data = make_data()
    tasks = {name: make_task(name) for name in options.decoders}
    steps = {name: training(task, data, options) for name, task in tasks.items()}
    searching = {name: captioning(name, data, options) for name in options.decoders}
    print(
        f"{torch.get_num_threads()} threads, matrix products {matrix_rate() / 1e9:.0f} GFLOP/s "
        f"(float32) | batches of {options.batch}, {options.steps} steps a round, beam "
        f"{options.beam} over {options.videos} videos, {options.rounds} rounds",
        flush=True,
    )
    of_steps = interleaved(steps, rounds=options.rounds)
    of_search = interleaved(searching, rounds=options.rounds)
    print(
        "| decoder | parameters | seconds an epoch | captions/s, training | captions/s, captioning "
        "| peak memory of training, MiB |\n|-|-|-|-|-|-|"
    )
    found = {}
    for name, task in tasks.items():
        step = statistics.median(of_steps[name]) / options.steps
        found[name] = {
            "parameters": sum(p.numel() for p in task.parameters()),
            "epoch_seconds": round(step * math.ceil(CAPTIONS / options.batch), 1),
            "captions_trained_per_second": round(options.batch / step, 1),
            "captions_per_second": round(options.videos / statistics.median(of_search[name]), 1),
            "training_mib": round(peak_memory(prepare_training, (name, options.batch)) / 2**20),
        }
        one = list(found[name].values())
        print(f"| `{name}` | {one[0]:,} | {' | '.join(map(str, one[1:]))} |", flush=True)
    return json.loads(json.dumps(found))


def make_task(name: Decoder, *, seed: int = 0) -> Captioning:
    """A captioner of the study, random weights."""
    torch.manual_seed(seed)
    options = CaptionOptions(
        decoder=name,
        width=WIDTHS.get(name, 256),
        feature_norm=f"whiten:{COMPONENTS}",
        dropout=0.3,
    )
    task = Captioning(
        options,
        vocabulary=CaptionVocabulary(words=(*SPECIAL, *(f"w{i}" for i in range(4, WORDS)))),
        word_width=options.width,
        appearance_width=FEATURES,
        motion_width=FEATURES if name == "dualvgr_lstm" else 0,
        mean_length=1 + LENGTH[0],
        motion_from="mean" if name == "dualvgr_lstm" else "store",
    )
    for module in task.modules():
        if isinstance(module, Whiten):  # as fitted, of unit deviation
            module.projection.normal_(std=FEATURES**-0.5)
    return task


def make_data(*, videos: int = VIDEOS, captions: int = CAPTIONS) -> CaptionData:
    """A split of made-up captions, as many of each video."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    names = tuple(str(i) for i in range(videos))
    drawn = rng.normal(*LENGTH, captions).round().astype(np.int64)
    length = torch.from_numpy(drawn.clip(1, 30))
    split = CaptionSplit(
        name="made up",
        ids=names,
        videos=names,
        times=None,
        segment=torch.arange(captions) * videos // captions,
        texts=("",) * captions,
        words=torch.from_numpy(rng.integers(len(SPECIAL), WORDS, int(length.sum()))),
        length=length,
    )
    appearance = torch.randn(videos, CLIPS, FRAMES, FEATURES, generator=generator).half()
    table = FeatureTable(
        appearance=appearance,
        motion=torch.zeros(videos, CLIPS, 0).half(),
        clips=torch.full((videos,), CLIPS),
    )
    return CaptionData(split=split, table=table, video=np.arange(videos))


def training(
    task: Captioning, data: CaptionData, options: argparse.Namespace
) -> Callable[[], object]:
    """The next steps of the product's training loop, whenever it is called."""
    sampler = Sampler(
        [data.split.videos[i] for i in data.segment.tolist()],
        seed=0,
        batch_size=options.batch,
        questions_per_video=1,
    )
    optimizer = torch.optim.AdamW(parameter_groups(task.train(), 0.0, {}), lr=1e-3, fused=True)
    done = 0

    def steps() -> None:
        nonlocal done
        for step in range(done, done + options.steps):
            seed_step(0, step, 0)
            take_step(task, [data.batch(sampler.rows(step))], optimizer, 1e-3, 12.0)
        done += options.steps

    return steps


def captioning(
    name: Decoder, data: CaptionData, options: argparse.Namespace
) -> Callable[[], object]:
    """Search for captions of some videos by a model that says about as many words as a trained one.

    Random weights made sharper, and `<EOS>` likely enough.
    """
    task = make_task(name).eval()
    with torch.no_grad():
        for parameter_name, parameter in task.model.decoder.named_parameters():
            if parameter_name.startswith("out."):
                parameter *= SHARPER
    visual = data.table.gather(np.arange(options.videos))
    how = SearchOptions(beam=options.beam, max_words=round(LENGTH[0]))
    return partial(find_captions, task, visual, how, n_best=1)


def prepare_training(name: Decoder, batch: int) -> Callable[[], object]:
    """A captioner made anew and two steps of its training: weights, gradients, moments and all."""
    data = make_data(videos=batch, captions=4 * batch)

    def work() -> None:
        take = training(make_task(name), data, argparse.Namespace(batch=batch, steps=1))
        take()
        take()

    return work
