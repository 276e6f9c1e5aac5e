"""The vector of a text; nothing here reads videos."""

import numpy as np
import torch

from inference.run import Run
from inference.words import Words
from model.task.retrieval import Retrieval
from util.errors import UserError
from util.text_metrics.ptb_tokens import tokenize


@torch.inference_mode()
def embed_text(run: Run[Retrieval], words: Words, text: str) -> np.ndarray:
    """The vector of a text by an open run and its words: (D,) float32 of length 1.

    Raises UserError for a text without a word.
    """
    numbers = torch.tensor([words.encode(words_of(text))], device=run.device)
    length = torch.tensor([numbers.shape[1]], device=run.device)
    return run.task.text(numbers, length)[0].cpu().numpy()


def words_of(text: str) -> list[str]:
    """The words of a text, as captions are read."""
    words = tokenize(text)
    if not words:
        raise UserError(f"{text!r}: there is no word in it; describe what is to be seen")
    return words
