"""Beam search of captions for a whole batch of videos; the probability of given captions."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.caption.decoder import BOS, EOS, PAD, UNK, CaptionDecoder, Rows, take_rows
from model.layer.precision import at_least_float32

# Videos whose captions are known leave the batch when so few are left: each time costs a copy of
# what the others go on from.
WORTH_LEAVING = 0.75


class Caption(NamedTuple):
    """A caption that was found."""

    words: list[int]  # without special tokens; L of them
    log_prob: float  # natural logarithm of its probability, that of <EOS> included
    score: float  # log_prob / (L + 1) ** length_penalty
    word_log_probs: list[float] | None  # L + 1, of the words and <EOS>; None: not asked for
    attention: Tensor | None  # (L + 1, M) float32 on the CPU; None: not asked for, or there is none


class _Beams(NamedTuple):
    """H hypotheses of each of V videos; one that cannot go on has log-probability -inf."""

    total: Tensor  # (V, H) float64, log-probability so far
    length: Tensor  # (V, H) int64, words so far, <EOS> included
    done: Tensor  # (V, H) True once <EOS> was said
    said: (
        Rows  # of R = V H rows: "words" (R, t), as asked "log_probs" (R, t), "attention" (R, t, M)
    )


@torch.no_grad()
def search(
    decoder: CaptionDecoder,
    memory: Rows,
    *,
    beam: int,
    max_words: int,
    length_penalty: float,
    no_repeat: int,
    n_best: int,
    trace: bool,
) -> list[list[Caption]]:
    """The n best captions of each video, best first; `decoder` in evaluation mode.

    Hypotheses compete by log-probability.  One that says <EOS> is finished, stays, and leaves one
    hypothesis less to go on (as in Yao et al. 2015), so that `beam` 1 is greedy search.  A caption
    of `max_words` words must say <EOS> next.  Finished ones are ranked by
    log-probability / (words + 1) ** length_penalty; a video is done when none of its unfinished
    ones can come among the `n_best` any more.  <PAD>, <BOS> and <UNK> are never said, nor, with
    `no_repeat` n above 0, the same n words a second time.  Of equal hypotheses that with the lower
    token number comes first, then that of the better predecessor.

    `memory`: of V videos, as `decoder.encode` returns it; `trace`: each word's log-probability and
    attention, too.  A video has fewer captions than `n_best` where no more exist; where the logits
    are no numbers, one of no words, whose log-probability is none either.  Raises ValueError for
    numbers that make no search.
    """
    if not (1 <= n_best <= beam and max_words >= 1 and length_penalty >= 0 and no_repeat >= 0):
        raise ValueError(
            f"beam {beam}, n_best {n_best}, max_words {max_words}, length_penalty "
            f"{length_penalty}, no_repeat {no_repeat}: n_best is 1 to beam, none is negative"
        )
    videos = torch.arange(len(memory["mask"]), device=memory["mask"].device)
    found: list[list[Caption]] = [[] for _ in videos]
    state, beams = decoder.start(memory), _start(len(videos), videos.device)
    word = torch.full_like(videos, BOS)
    for count in range(max_words + 1):
        step = decoder.step(word, state, memory)
        log_probs = at_least_float32(step.logits).log_softmax(1)
        if count < max_words:
            _forbid(log_probs, beams.said["words"], no_repeat)
            value, token = _top(log_probs, beam)
        else:
            value = log_probs[:, EOS:][:, :1]
            token = torch.full_like(value, EOS, dtype=torch.int64)
        width = beams.total.shape[1]
        seen = step.attention if trace else None
        beams, row, word = _continue(beams, beam, value, token, seen, trace)
        beams = _stop(beams, max_words, length_penalty, n_best)
        going = (~beams.done & (beams.total > -torch.inf)).any(1)
        left = int(going.sum())
        fewer = left <= WORTH_LEAVING * len(going)
        if fewer:
            results = _results(_of_videos(beams, ~going), length_penalty, n_best)
            for video, captions in zip(videos[~going].tolist(), results, strict=True):
                found[video] = captions
            row, word = (x.view_as(beams.total)[going].flatten() for x in (row, word))
            beams, videos = _of_videos(beams, going), videos[going]
        if not left:
            break
        state = take_rows(step.state, row)
        if fewer or beams.total.shape[1] != width:
            memory = take_rows(memory, row)
    return found


def _start(videos: int, device: torch.device) -> _Beams:
    """One hypothesis a video, of no words."""
    total = torch.zeros(videos, 1, dtype=torch.float64, device=device)
    words = torch.empty(videos, 0, dtype=torch.int64, device=device)
    nothing = torch.zeros_like(total, dtype=torch.int64)
    return _Beams(total, nothing, nothing > 0, {"words": words})


def _of_videos(beams: _Beams, kept: Tensor) -> _Beams:
    """The hypotheses of some videos.  kept (V,) bool."""
    rows = kept.repeat_interleave(beams.total.shape[1]).nonzero().squeeze(1)
    said = take_rows(beams.said, rows)
    return _Beams(beams.total[kept], beams.length[kept], beams.done[kept], said)


def _forbid(log_probs: Tensor, words: Tensor, no_repeat: int) -> None:
    """Set to -inf what must not be said next.  log_probs (R, W), words (R, t) so far."""
    log_probs[:, [PAD, BOS, UNK]] = -torch.inf
    if not 0 < no_repeat <= words.shape[1]:
        return
    ngrams = words.unfold(1, no_repeat, 1)  # (R, t - n + 1, n)
    last = words[:, None, words.shape[1] - no_repeat + 1 :]
    repeats = (ngrams[..., :-1] == last).all(2)
    log_probs.scatter_(1, torch.where(repeats, ngrams[..., -1], PAD), -torch.inf)


def _top(log_probs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The likeliest tokens of each row, of equals the lower one first.  (R, W) -> (R, count) both.

    Which of equals topk returns depends on the machine: where there are any, a stable sort.
    """
    value, token = log_probs.topk(min(count + 1, log_probs.shape[1]))
    equal = (value[:, 1:] == value[:, :-1]) & (value[:, 1:] > -torch.inf)
    if bool(equal.any()):
        value, token = log_probs.sort(dim=1, descending=True, stable=True)
    return value[:, :count], token[:, :count]


def _continue(
    beams: _Beams,
    beam: int,
    value: Tensor,
    token: Tensor,
    attention: Tensor | None,
    trace: bool,
) -> tuple[_Beams, Tensor, Tensor]:
    """Choose among the continuations of each video's hypotheses, at most `beam` of them.

    value, token (R, K) -> the beams, the row that each of them continues, its word.
    """
    videos, width = beams.total.shape
    value, finished = value.unflatten(0, (videos, width)), beams.done[..., None]
    # A finished hypothesis goes on as itself, before all others.
    itself = torch.arange(value.shape[2], device=value.device) == 0
    total = beams.total[..., None] + value.double()
    key = torch.where(finished, torch.where(itself, torch.inf, -torch.inf), total).flatten(1)
    token = torch.where(finished, PAD, token.view_as(value)).flatten(1)
    by_token = token.argsort(dim=1, stable=True)
    order = key.gather(1, by_token).argsort(dim=1, descending=True, stable=True)[:, :beam]
    chosen = by_token.gather(1, order)
    parent = chosen // value.shape[2]
    first = width * torch.arange(videos, device=value.device)[:, None]
    row, word = (first + parent).flatten(), token.gather(1, chosen).flatten()
    total = key.gather(1, chosen)
    was_done = total == torch.inf
    done = was_done | (total > -torch.inf) & (word.view_as(parent) == EOS)
    total = torch.where(was_done, beams.total.gather(1, parent), total)
    said = take_rows(beams.said, row)
    new = {"words": word[:, None]}
    if trace:
        new["log_probs"] = value.flatten(1).gather(1, chosen).flatten()[:, None]
        if attention is not None:
            new["attention"] = take_rows({"": attention}, row)[""][:, None]
    said = {k: torch.cat([said[k], x], 1) if k in said else x for k, x in new.items()}
    length = beams.length.gather(1, parent) + ~was_done
    return _Beams(total, length, done, said), row, word


def _stop(beams: _Beams, max_words: int, length_penalty: float, n_best: int) -> _Beams:
    """Drop the unfinished hypotheses of videos whose n best captions are known.

    Log-probability only falls, and no caption is longer than max_words + 1.
    """
    score = torch.where(beams.done, _score(beams, length_penalty), -torch.inf)
    score = nn.functional.pad(score, (0, n_best), value=-torch.inf)
    worst = score.topk(n_best, dim=1).values[:, -1:]
    unfinished = torch.where(beams.done, -torch.inf, beams.total).amax(1, keepdim=True)
    known = worst >= unfinished / (max_words + 1) ** length_penalty
    return beams._replace(total=torch.where(known & ~beams.done, -torch.inf, beams.total))


def _score(beams: _Beams, length_penalty: float) -> Tensor:
    return beams.total / beams.length.clamp(min=1).double() ** length_penalty


def _results(beams: _Beams, length_penalty: float, n_best: int) -> list[list[Caption]]:
    """Finished hypotheses, sorted."""
    videos, beam = beams.total.shape
    score = torch.where(beams.done, _score(beams, length_penalty), -torch.inf)
    order = score.argsort(dim=1, descending=True, stable=True)[:, :n_best].tolist()
    scores, totals, lengths = score.tolist(), beams.total.tolist(), beams.length.tolist()
    said = {name: x.cpu().unflatten(0, (videos, beam)) for name, x in beams.said.items()}
    found: list[list[Caption]] = []
    for video, slots in enumerate(order):
        found.append([])
        if scores[video][slots[0]] == -torch.inf:  # of a model that has diverged
            found[-1].append(Caption([], math.nan, math.nan, None, None))
        for slot in slots:
            if scores[video][slot] == -torch.inf:
                continue
            length = lengths[video][slot]
            own = {name: x[video, slot, :length] for name, x in said.items()}
            found[-1].append(
                Caption(
                    words=own["words"][:-1].tolist(),
                    log_prob=totals[video][slot],
                    score=scores[video][slot],
                    word_log_probs=own["log_probs"].tolist() if "log_probs" in own else None,
                    attention=own["attention"].float() if "attention" in own else None,
                )
            )
    return found


def word_log_probs(decoder: CaptionDecoder, memory: Rows, words: Tensor, length: Tensor) -> Tensor:
    """The log-probability of each word of given captions, and of <EOS> after the last.

    memory of B rows, words (B, L) int64 without special tokens, padded; length (B,) -> (B, L + 1),
    0 past <EOS>.
    """
    begin = words.new_full((len(words), 1), BOS)
    logits = decoder(memory, torch.cat([begin, words], 1)).logits
    place = torch.arange(words.shape[1] + 1, device=words.device)
    following = nn.functional.pad(words, (0, 1), value=PAD)
    following = torch.where(place == length[:, None], EOS, following)
    log_probs = at_least_float32(logits).log_softmax(2).gather(2, following[..., None]).squeeze(2)
    return torch.where(place <= length[:, None], log_probs, 0)


def caption_log_prob(
    decoder: CaptionDecoder, memory: Rows, words: Tensor, length: Tensor
) -> Tensor:
    """The log-probability of given captions, <EOS> included: (B,); see word_log_probs."""
    return word_log_probs(decoder, memory, words, length).sum(1)
