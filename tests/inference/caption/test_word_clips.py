"""Which clips a word came from: what is taken away, and what a decoder looks at."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data_loader.batch import Features
from inference.caption.captioner import Captioner
from inference.caption.word_clips import word_clips
from inference.caption.word_plots import SHOWN, most_important, word_maps, word_timeline
from model.caption.search import word_log_probs
from options.caption import SearchOptions
from tests.captioned_shapes import FAMILIES
from util.clip_plots import save_figure

ATTENTIVE = {"frames", "attention", "one_channel", "rate"}


def a_video() -> Path:
    return min(Path("d/videos").glob("*.mp4"))


@pytest.mark.parametrize("name", [*FAMILIES, "rate", "clips"])
def test_a_drop_is_what_a_word_loses_without_the_clip(name: str) -> None:
    captioner = Captioner(f"results/{name}", search=SearchOptions(beam=2), device="cpu")
    task, visual = captioner.run.task, captioner.read_video(a_video()).visual
    words = captioner.caption_clips(visual)[0].words
    found = word_clips(task, visual, words)
    clips = visual.clip_mask.shape[1]
    assert found.words == [*(task.vocabulary.words[i] for i in words), "<EOS>"]
    assert found.drop is not None and found.drop.shape == (len(words) + 1, clips)
    assert (found.attention is not None) == (name in ATTENTIVE)
    if found.attention is not None:
        assert found.attention.shape == found.drop.shape
        assert np.allclose(found.attention.sum(1), 1, atol=1e-5)
    assert np.abs(found.drop).max() > 1e-4
    number, length = torch.tensor([words], dtype=torch.int64), torch.tensor([len(words)])
    with torch.inference_mode():
        whole = word_log_probs(task.model.decoder, task.encode(visual), number, length)
        visual.clip_mask[0, 1] = False
        less = word_log_probs(task.model.decoder, task.encode(visual), number, length)
    assert np.allclose(found.drop[:, 1], (whole - less)[0].numpy(), atol=1e-5)


def test_a_clip_that_tells_all_is_found() -> None:
    """Of the clips of two videos, those of the one are what its words came from."""
    captioner = Captioner("results/attention", search=SearchOptions(beam=1), device="cpu")
    first, second = (captioner.read_video(f).visual for f in sorted(Path("d/videos").iterdir())[:2])
    assert isinstance(first, Features) and isinstance(second, Features)
    mask = torch.tensor([[True] * 8 + [False] * 8])
    joined = Features(
        appearance=torch.cat([first.appearance, second.appearance], 1),
        motion=torch.cat([first.motion, second.motion], 1),
        clip_mask=mask,
    )
    words = captioner.caption_clips(first)[0].words
    padded = word_clips(captioner.run.task, joined, words)
    alone = word_clips(captioner.run.task, first, words)
    assert padded.drop is not None and alone.drop is not None
    assert padded.drop.shape == (len(words) + 1, 8)
    assert np.allclose(padded.drop, alone.drop, atol=1e-5)  # padding is no clip


def test_one_clip_cannot_be_left_out() -> None:
    captioner = Captioner("results/attention", search=SearchOptions(beam=1), device="cpu")
    visual = captioner.read_video(a_video()).visual
    visual.clip_mask[0, 1:] = False
    found = word_clips(captioner.run.task, visual, [])
    assert found.drop is None and found.attention is not None
    assert found.attention.tolist() == [[1.0]] and found.words == ["<EOS>"]


def test_of_many_clips_the_most_important_are_drawn(tmp_path) -> None:
    drop = np.random.default_rng(0).normal(size=(3, 60))
    kept = most_important(None, drop, 60)
    assert len(kept) == SHOWN and (np.diff(kept) > 0).all()
    assert drop.sum(0)[kept].min() >= np.delete(drop.sum(0), kept).max()
    assert most_important(drop, None, 5).tolist() == [0, 1, 2, 3, 4]
    for texts in (["a", "$x_1$", "<EOS>"], ["\u202e\x1b", "什么颜色", "x" * 5000]):
        figure = word_timeline(
            captions=[(" ".join(texts), -1.0), ("", -2e9)], words=texts,
            frames=[np.zeros((20, 30, 3), np.uint8)] * 60, times=["frame 1"] * 60,
            attention=None, drop=drop,
        )  # fmt: skip
        save_figure(figure, tmp_path / "x.png")
        maps = [(texts[1], texts, drop[:, :4], None), (texts[2], texts, drop, drop)]
        save_figure(word_maps(maps), tmp_path / "y.png")
