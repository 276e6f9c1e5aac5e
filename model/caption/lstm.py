"""The tutorial's captioner: an LSTM over positions hands its last state to an LSTM over words.

Sequence to sequence - video to text (Venugopalan et al. 2015) with two LSTMs; the tutorial as it
was published, one word a frame, is FrameAlignedDecoder.
"""

import torch
from torch import Tensor, nn

from model.caption.config import CaptionConfig
from model.caption.decoder import EOS, PAD, CaptionDecoder, Rows, Step, TeacherForced
from model.caption.sequence import final_state, real_first, take
from model.layer.dropout import Dropout
from model.layer.precision import at_least_float32
from model.layer.recurrent import OneWayLSTM

# Logits of all other words where a video has no frame left: together less likely than 1e-8, and
# still finite, so that a caption longer than its video has a loss.
IMPOSSIBLE = -30.0


class LstmDecoder(CaptionDecoder):
    """Linear, an LSTM over the positions, an LSTM over the words, a linear layer to the words.

    Without attention: all it knows of a video is the state that the second LSTM starts from.  Both
    LSTMs compute in float32, also under autocast (see BidirectionalLSTM).
    """

    embedding: nn.Embedding

    def __init__(self, config: CaptionConfig, width: int) -> None:
        """`width` is that of the positions, C."""
        super().__init__()
        self.project = nn.Linear(width, config.width)
        self.encoder = OneWayLSTM(config.width, config.width, batch_first=True)
        self.embedding = nn.Embedding(config.vocabulary, config.word_width, padding_idx=PAD)
        self.dropout = Dropout(config.dropout)
        self.lstm = OneWayLSTM(config.word_width, config.width, batch_first=True)
        self.out = nn.Linear(config.width, config.vocabulary)

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """The encoder's last state."""
        order = real_first(mask)
        projected = take(self.project(positions), order.index)
        hidden, cell = final_state(self.encoder, projected, order.length)
        return {"mask": mask, "hidden": hidden, "cell": cell}

    def start(self, memory: Rows) -> Rows:
        """That state."""
        return {name: memory[name] for name in ("hidden", "cell")}

    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        """One word; nothing of `memory` is read again."""
        inputs = self.dropout(self.embedding(word))
        with torch.autocast(inputs.device.type, enabled=False):
            # For one word a third to a fifth of the time that torch's LSTM takes on a CPU.
            hidden, cell = torch.lstm_cell(
                at_least_float32(inputs),
                tuple(at_least_float32(state[k]) for k in ("hidden", "cell")),
                *self.lstm.weights,
            )
        return Step(self.out(self.dropout(hidden)), {"hidden": hidden, "cell": cell}, None)

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """All words in one call of the LSTM."""
        inputs = self.dropout(self.embedding(words))
        with torch.autocast(inputs.device.type, enabled=False):
            start = tuple(at_least_float32(memory[k])[None] for k in ("hidden", "cell"))
            output = self.lstm(at_least_float32(inputs), start)[0]
        return TeacherForced(self.out(self.dropout(output)), None)


class FrameAlignedDecoder(CaptionDecoder):
    """The tutorial as published: word t is read off the LSTM's output at position t.

    No word is an input, so it cannot know which words it has said, and a caption has no more words
    than its video positions: beyond them only `<EOS>` is possible.
    """

    embedding = None

    def __init__(self, config: CaptionConfig, width: int) -> None:
        """`width` is that of the positions, C."""
        super().__init__()
        self.project = nn.Linear(width, config.width)
        self.encoder = OneWayLSTM(config.width, config.width, batch_first=True)
        self.out = nn.Linear(config.width, config.vocabulary)

    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """The LSTM's output at each position, the real ones first."""
        order = real_first(mask)
        projected = take(self.project(positions), order.index)
        with torch.autocast(positions.device.type, enabled=False):
            output = self.encoder(at_least_float32(projected))[0]
        return {"mask": mask, "output": output, "length": order.length}

    def start(self, memory: Rows) -> Rows:
        """The number of words so far."""
        return {"words": torch.zeros_like(memory["length"])}

    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        """The logits of the next position; `word` changes nothing."""
        place = state["words"][:, None]
        return Step(self._logits(memory, place)[:, 0], {"words": state["words"] + 1}, None)

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """The first L positions' logits."""
        place = torch.arange(words.shape[1], device=words.device).expand(words.shape)
        return TeacherForced(self._logits(memory, place), None)

    def _logits(self, memory: Rows, place: Tensor) -> Tensor:
        """Logits at some places of the sequences.  place (B, K) int64 -> (B, K, W)."""
        output = take(memory["output"], place.clamp(max=memory["output"].shape[1] - 1))
        logits = self.out(output)
        end = logits.new_full(logits.shape[-1:], IMPOSSIBLE)
        end[EOS] = 0
        inside = place < memory["length"][:, None]
        return torch.where(inside[..., None], logits, end)
