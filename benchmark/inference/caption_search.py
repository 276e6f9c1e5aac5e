"""Beam search of captions, a whole batch at once against one video after another.

    python -m benchmark caption_search

The same decoder (`lstm`, random weights; <EOS> comes last of all words, so that every caption has
as many as it may) by the product, by the product video by video, and by a plainly written search:
one video at a time, its live hypotheses as rows of one batch, as in the released code of Yao et
al. 2015.  All must find the same captions first.
"""

import argparse
import statistics
from typing import Any

import torch
from torch import nn

from benchmark.measure import interleaved, matrix_rate, spread
from model.caption.captioner import Captioner, build_captioner
from model.caption.config import CaptionConfig
from model.caption.decoder import BOS, EOS, PAD, UNK, Rows, take_rows
from model.caption.lstm import LstmDecoder
from model.caption.search import Caption, search

FEATURES, CLIPS, FRAMES = 2048, 8, 1
SHARPER = 12.0  # times random weights: the likeliest word about as likely as a trained model's

Found = list[tuple[list[int], float]]  # of each video words and log-probability


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print."""
    device = torch.device(options.device)
    decoder, memory = prepare(options, device)
    how = {
        "beam": options.beam, "max_words": options.words, "length_penalty": 0.0, "no_repeat": 0,
        "n_best": 1, "trace": False,
    }  # fmt: skip
    single = [take_rows(memory, torch.tensor([i], device=device)) for i in range(options.videos)]
    works = {
        "batch": lambda: best(search(decoder, memory, **how)),
        "own loop": lambda: best([search(decoder, own, **how)[0] for own in single]),
        "plain loop": lambda: [plain(decoder, own, options.beam, options.words) for own in single],
    }
    found = {name: work() for name, work in works.items()}
    differ = sum(
        any(one[0] != other[0] or abs(one[1] - other[1]) > 1e-3 for one in ones)
        for other, *ones in zip(*found.values(), strict=True)
    )
    if differ > options.videos // 50:  # rounding may turn a tie
        raise AssertionError(f"{differ} videos get different captions: nothing was timed")
    seconds = interleaved(works, rounds=options.rounds)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    words = statistics.mean(len(said) for said, _ in found["batch"])
    print(
        f"{torch.get_num_threads()} threads, {device}, matrix products "
        f"{matrix_rate(device) / 1e9:.0f} GFLOP/s (float32) | {options.videos} videos x beam "
        f"{options.beam}, width {options.width}, {options.vocabulary} words, captions of "
        f"{words:.1f}: " + ", ".join(f"{name} {spread(seconds[name])} s" for name in works),
        flush=True,
    )
    return {
        "caption_search_ratio": round(median["plain loop"] / median["batch"], 2),
        "own_loop_ratio": round(median["own loop"] / median["batch"], 2),
        "captions_per_second": round(options.videos / median["batch"], 1),
    }


@torch.no_grad()
def prepare(options: argparse.Namespace, device: torch.device) -> tuple[LstmDecoder, Rows]:
    """A decoder, and what it goes on from of made-up videos."""
    torch.manual_seed(0)
    config = CaptionConfig(
        appearance_width=FEATURES, motion_width=0, feature_norm="none", width=options.width,
        units=0, heads=1, graph_layers=1, graph_dropout=0.0, topology="complete", punish="values",
        feature_dropout=0.0, dropout=0.0, state_dropout=0.0, fusion="linear", bilinear_width=1,
        bilinear_factor=1, vocabulary=options.vocabulary, word_width=options.width,
        positions="clips", attn_act="tanh", legacy_frame_aligned=False, layers=1,
        fused_norm="none",
    )  # fmt: skip
    model = build_captioner(config, "lstm").to(device).eval()
    assert isinstance(model, Captioner)
    decoder = model.decoder
    assert isinstance(decoder, LstmDecoder)
    decoder.out.weight *= SHARPER
    decoder.out.bias[EOS] -= 100
    appearance = torch.randn(options.videos, CLIPS, FRAMES, FEATURES, device=device)
    mask = torch.ones(options.videos, CLIPS, dtype=torch.bool, device=device)
    return decoder, model.encode(appearance, appearance[:, :, 0, :0], mask)


def best(found: list[list[Caption]]) -> Found:
    """The likeliest caption of each video."""
    return [(captions[0].words, captions[0].log_prob) for captions in found]


@torch.no_grad()
def plain(decoder: LstmDecoder, memory: Rows, beam: int, words: int) -> tuple[list[int], float]:
    """Beam search of one video, written the obvious way; <EOS> ends a caption of so many words."""
    device = memory["hidden"].device
    hidden, cell = memory["hidden"][None], memory["cell"][None]
    live, total = [[BOS]], torch.zeros(1, device=device)
    finished: Found = []
    for count in range(words + 1):
        word = torch.tensor([said[-1] for said in live], device=device)
        output, (hidden, cell) = decoder.lstm(decoder.embedding(word)[:, None], (hidden, cell))
        log_probs = nn.functional.log_softmax(decoder.out(output[:, 0]), 1)
        log_probs[:, [PAD, BOS, UNK]] = -torch.inf
        if count == words:
            log_probs[:, :EOS] = log_probs[:, EOS + 1 :] = -torch.inf
        scores = (total[:, None] + log_probs).flatten()
        score, chosen = scores.topk(beam - len(finished))
        going, rows = [], []
        for value, place in zip(score.tolist(), chosen.tolist(), strict=True):
            row, token = divmod(place, log_probs.shape[1])
            if value == -torch.inf:
                continue
            if token == EOS:
                finished.append((live[row][1:], value))
            else:
                going.append([*live[row], token])
                rows.append((row, value))
        if not going:
            break
        live = going
        index = torch.tensor([row for row, _ in rows], device=device)
        total = torch.tensor([value for _, value in rows], device=device)
        hidden, cell = hidden[:, index], cell[:, index]
    return max(finished, key=lambda caption: caption[1])
