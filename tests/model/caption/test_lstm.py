"""The tutorial's decoder, as published and corrected."""

import torch
from torch import nn

from model.caption import sequence
from model.caption.decoder import EOS
from model.caption.lstm import FrameAlignedDecoder
from model.layer.recurrent import OneWayLSTM
from tests.model.caption.tiny import captioner, videos, words


@torch.no_grad()
def test_the_tutorial_as_published_says_a_word_a_frame() -> None:
    model = captioner("lstm", legacy_frame_aligned=True, positions="frames")
    assert isinstance(model.decoder, FrameAlignedDecoder)
    batch = videos(2, clips=(2, 1))  # 6 frames and 3
    memory = model.encode(*batch)
    logits = model.decoder(memory, words(2, 8)).logits
    chance = logits.softmax(2)[..., EOS]
    assert (chance[0, :6] < 0.9).all() and (chance[0, 6:] > 1 - 1e-6).all()
    assert (chance[1, :3] < 0.9).all() and (chance[1, 3:] > 1 - 1e-6).all()
    torch.testing.assert_close(logits, model.decoder(memory, words(2, 8).flip(1)).logits)
    positions, _ = model.inputs(*batch)
    plain = nn.Sequential(model.decoder.project, model.decoder.encoder)
    expected = model.decoder.out(plain(positions[:1])[0])
    torch.testing.assert_close(logits[0, :6], expected[0])


@torch.no_grad()
def test_the_tutorials_first_state_is_that_after_the_last_clip() -> None:
    """An LSTM over the real clips alone, in a plain loop; on a GPU cells step by step."""
    lstm = captioner("lstm").decoder.encoder
    assert isinstance(lstm, OneWayLSTM)
    x, length = torch.randn(3, 5, 16), torch.tensor([5, 1, 3])
    hidden, cell = sequence.final_state(lstm, x, length)
    for row in range(3):
        h, c = lstm(x[row : row + 1, : length[row]])[1]
        torch.testing.assert_close(hidden[row], h[0, 0])
        torch.testing.assert_close(cell[row], c[0, 0])
    stepped = sequence.masked_final_state(lstm, x, length)
    torch.testing.assert_close(stepped, (hidden, cell))
