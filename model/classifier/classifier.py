"""The networks that classify a video by its features, by name."""

from typing import Literal

from model.classifier.config import ClassifierConfig
from model.classifier.linear import LinearClassifier
from model.classifier.recurrent import RecurrentClassifier
from model.classifier.relation import RelationClassifier
from model.classifier.temporal_transformer import TemporalTransformer
from model.layer.norm import Standardize, Whiten

Classifier = LinearClassifier | TemporalTransformer | RecurrentClassifier | RelationClassifier
ClassifierName = Literal["linear", "temporal_transformer", "rnn", "relation"]

# Each takes appearance (V, N, F, Da), motion (V, N, Dm) and clip_mask (V, N), and gives scores
# (V, K); a recurrent one, of values, (V, T, 1).
CLASSIFIERS: dict[ClassifierName, type[Classifier]] = {
    "linear": LinearClassifier,
    "temporal_transformer": TemporalTransformer,
    "rnn": RecurrentClassifier,
    "relation": RelationClassifier,
}


def build_classifier(config: ClassifierConfig, name: ClassifierName) -> Classifier:
    """A network by name, with random weights.  Raises ValueError for sizes that cannot be."""
    return CLASSIFIERS[name](config)


def norms_of(model: Classifier) -> tuple[Standardize | Whiten, Standardize | Whiten]:
    """The norms of both channels' features, which a task fits."""
    inputs = model if isinstance(model, RecurrentClassifier) else model.inputs
    return inputs.appearance_norm, inputs.motion_norm
