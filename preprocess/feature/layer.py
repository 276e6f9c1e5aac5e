"""Which layer of a network features are taken from: the pooled map, or its own classifier.

The classifier is of ImageNet's 1,000 classes.  `semantic` is ConSE (Norouzi et al. 2013, "Zero-Shot
Learning by Convex Combination of Semantic Embeddings"): the mean of the word vectors of the ten
likeliest classes' names, weighted by their probabilities.
"""

import re
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights

from model.backbone.spec import BackboneSpec, PixelSpec
from options.preprocess.extract import POOLED
from preprocess.glove_package import WIDTH, read_glove_package
from util.errors import UserError

CLASSES = 1000
LIKELIEST = 10  # classes of ConSE's mean; the paper's best


def check_layer(name: str, spec: BackboneSpec | PixelSpec | None, layer: str) -> None:
    """UserError if features of a network cannot be taken from this layer.  spec None: timm's."""
    if layer == POOLED:
        return
    if spec is None:
        problem = "runs without its classifier here"
    elif spec.kind == "clip":
        problem = "is no network over frames, with ImageNet's classes"
    elif isinstance(spec, PixelSpec) or not spec.head:
        problem = "has no classifier"
    else:
        return
    raise UserError(f"--layer {layer}: {name} {problem}; give {POOLED}")


def with_layer(
    layer: str, spec: BackboneSpec, network: nn.Module
) -> tuple[BackboneSpec, nn.Module]:
    """A network with its classifier, and its spec, as they give a layer's features.

    Raises UserError if the word vectors that `semantic` needs are not installed.
    """
    if layer == "logits":
        width, last = CLASSES, nn.Identity()
    elif layer == "probabilities":
        width, last = CLASSES, nn.Softmax(dim=1)
    else:
        width, last = WIDTH, MeanOfNames(class_vectors())
    return replace(spec, width=width), nn.Sequential(network, nn.Flatten(1), last)


class MeanOfNames(nn.Module):
    """Class scores -> the mean vector of the likeliest classes' names, by their probabilities."""

    vectors: Tensor

    def __init__(self, vectors: np.ndarray) -> None:
        """vectors (1000, D) float32, of the classes' names."""
        super().__init__()
        self.register_buffer("vectors", torch.from_numpy(vectors))

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, 1000) -> (B, D)."""
        best, classes = scores.float().topk(LIKELIEST, dim=1)
        # Their probabilities, divided by their sum: the softmax over them alone.
        return (best.softmax(dim=1)[:, :, None] * self.vectors[classes]).sum(dim=1)


def class_names() -> list[str]:
    """The names of ImageNet's classes, in the order of classifiers."""
    return ResNet50_Weights.IMAGENET1K_V1.meta["categories"]


def class_vectors() -> np.ndarray:
    """GloVe vectors of the classes' names, the mean over their words: (1000, 50) float32.

    A word with a hyphen or an apostrophe that GloVe lacks counts as its parts.
    """
    names = [name.lower().replace("'s", "").split() for name in class_names()]
    parts = {word: re.findall("[a-z]+", word) for words in names for word in words}
    asked = list(dict.fromkeys([*parts, *(part for some in parts.values() for part in some)]))
    found, known = read_glove_package(asked)
    row = {word: i for i, word in enumerate(asked) if known[i]}
    vectors = np.zeros((len(names), found.shape[1]), np.float32)
    for vector, words in zip(vectors, names, strict=True):
        rows = [
            row[part]
            for word in words
            for part in ([word] if word in row else parts[word])
            if part in row
        ]
        if rows:
            vector[:] = found[rows].mean(axis=0)
    return vectors
