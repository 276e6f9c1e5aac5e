"""The vector of a text, and how much of it training knew; nothing here reads videos."""

import numpy as np
import torch

from data_loader.vocabulary import CaptionVocabulary
from inference.retrieval.asked import ARTICLES, BE, PREPOSITIONS
from inference.run import Run
from inference.words import Words
from model.task.retrieval import Retrieval
from util.errors import UserError
from util.text_metrics.ptb_tokens import tokenize

# A cosine: by how much nearer the best clip of a text must be of whose words training had none.
# Chosen on validation, results/README.md.
UNKNOWN = 0.1


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


def surcharge(vocabulary: CaptionVocabulary, text: str) -> float:
    """What is asked of a text beyond the threshold, for its words that training did not have.

    Where such words lie among the others is told by their GloVe vectors alone, if at all, and so
    is that a clip is near.  Articles, prepositions and the like do not count.
    """
    words = dict.fromkeys(words_of(text))
    telling = [word for word in words if word not in ARTICLES | PREPOSITIONS | BE] or list(words)
    return UNKNOWN * len(vocabulary.unknown(telling)) / len(telling)
