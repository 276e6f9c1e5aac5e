"""Classifiers of features: order, padding, channels left out, and one batch learned by heart."""

from dataclasses import fields, replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from model.classifier.classifier import CLASSIFIERS, ClassifierName, build_classifier, norms_of
from model.classifier.config import ClassifierConfig
from model.classifier.linear import mean_of_real
from model.classifier.temporal_transformer import TemporalTransformer
from model.dualvgr.dualvgr import RelationEncoder
from model.vivit.vivit import VIVITS
from options.classification import SEE_FRAMES, ClassificationOptions, Network
from options.flat import build, flat_values

CLIPS, FRAMES, APPEARANCE, MOTION, CLASSES = 4, 3, 6, 5, 3
SIZES = {
    "outputs": CLASSES, "values": False, "appearance_width": APPEARANCE, "motion_width": MOTION,
    "steps": CLIPS * FRAMES, "punish": "values", "state_dropout": 0.0,
}  # fmt: skip
CONFIG: ClassifierConfig = build(
    ClassifierConfig,
    {**flat_values(ClassificationOptions(width=16, dropout=0.0, graph_dropout=0.0)), **SIZES},
)


def classifier(name: Any, **changed: Any) -> Any:
    torch.manual_seed(0)
    return build_classifier(replace(CONFIG, **changed), name).eval()


def videos(count: int = 4, real: tuple[int, ...] = (4, 4, 2, 1)) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    appearance = torch.randn(count, CLIPS, FRAMES, APPEARANCE)
    mask = torch.arange(CLIPS) < torch.tensor(real[:count])[:, None]
    return appearance, torch.randn(count, CLIPS, MOTION), mask


def test_every_name_is_built_and_every_size_is_set() -> None:
    assert set(CLASSIFIERS) == set(get_args(ClassifierName))
    assert set(VIVITS) == set(SEE_FRAMES)
    assert {*CLASSIFIERS, *VIVITS} == set(get_args(Network))
    given = {f.name for f in fields(ClassificationOptions)} | set(SIZES)
    assert {f.name for f in fields(ClassifierConfig)} <= given


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_batch_is_learned_by_heart(name: ClassifierName) -> None:
    model, batch = classifier(name).train(), videos(6, (4, 4, 3, 2, 1, 4))
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.2 if name == "linear" else 0.02)
    loss = torch.tensor(torch.inf)
    for _ in range(80):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(*batch), target)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("norm", ["none", "whiten:2"])
def test_padding_changes_nothing_whatever_it_holds(name: ClassifierName, norm: str) -> None:
    model, (appearance, motion, mask) = classifier(name, feature_norm=norm), videos()
    for each in norms_of(model):
        if norm != "none":
            each.fit(torch.zeros(len(each.mean)), torch.eye(len(each.mean)))
    with torch.no_grad():
        expected = model(appearance, motion, mask)
        for row, clips in enumerate(mask.sum(1).tolist()):
            one = model(appearance[[row], :clips], motion[[row], :clips], mask[[row], :clips])
            torch.testing.assert_close(one[0], expected[row], atol=1e-5, rtol=1e-5)
        appearance[~mask], motion[~mask] = 1e4, -1e4
        torch.testing.assert_close(model(appearance, motion, mask), expected, atol=1e-5, rtol=1e-5)
    assert (expected - expected.roll(1, 0)).abs().min() > 1e-6


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("channel", ["appearance", "motion"])
def test_a_channel_of_width_0_is_left_out(name: ClassifierName, channel: str) -> None:
    if name == "relation":  # which relates two
        return
    appearance, motion, mask = videos()
    model = classifier(name, **{f"{channel}_width": 0})
    if channel == "appearance":
        appearance = appearance[..., :0]
    else:
        motion = motion[..., :0]
    assert model(appearance, motion, mask).shape == (4, CLASSES)
    with pytest.raises(ValueError, match="both channels are left out"):
        classifier(name, appearance_width=0, motion_width=0)


@pytest.mark.parametrize("positions", ["temporal", "none"])
def test_order_changes_scores_if_and_only_if_there_are_positions(positions: str) -> None:
    model = classifier("temporal_transformer", positions=positions, motion_width=0)
    appearance, motion, _ = videos()
    mask = torch.ones(4, CLIPS, dtype=torch.bool)
    order = torch.randperm(CLIPS * FRAMES)
    moved = appearance.flatten(1, 2)[:, order].view_as(appearance)
    with torch.no_grad():
        scores, others = (model(x, motion[..., :0], mask) for x in (appearance, moved))
    apart = (scores - others).abs().amax(1)
    assert (apart > 1e-4).all() if positions == "temporal" else (apart < 1e-5).all()


def test_a_recurrent_network_tells_order_and_a_linear_one_does_not() -> None:
    appearance, motion, _ = videos()
    mask = torch.ones(4, CLIPS, dtype=torch.bool)
    for name, differs in (("rnn", True), ("linear", False)):
        model = classifier(name)
        with torch.no_grad():
            ahead = model(appearance, motion, mask)
            back = model(appearance.flip(1), motion.flip(1), mask)
        assert ((ahead - back).abs().max() > 1e-4) == differs


def test_the_linear_classifier_is_one_of_mean_features() -> None:
    model, (appearance, motion, mask) = classifier("linear"), videos()
    for row, clips in enumerate(mask.sum(1).tolist()):
        frames = appearance[row, :clips].flatten(0, 1)
        mean = torch.cat([frames.mean(0), motion[row, :clips].mean(0)])
        expected = model.head.weight @ mean + model.head.bias
        torch.testing.assert_close(model(appearance, motion, mask)[row], expected)


def test_the_transformer_is_torchs_and_knows_so_many_steps() -> None:
    model = classifier("temporal_transformer", layers=3)
    assert isinstance(model, TemporalTransformer) and model.positions is not None
    assert model.positions.shape == (1, 1 + CLIPS * FRAMES, 16)
    blocks = list(model.encoder.layers)
    assert len(blocks) == 3 and all(getattr(block, "norm_first", False) for block in blocks)
    first, second = (list(block.parameters()) for block in blocks[:2])
    assert not torch.equal(first[0], second[0])
    longer = torch.randn(1, CLIPS + 1, FRAMES, APPEARANCE), torch.randn(1, CLIPS + 1, MOTION)
    with pytest.raises(ValueError, match="15 steps, where the positions are of 12"):
        model(*longer, torch.ones(1, CLIPS + 1, dtype=torch.bool))


@pytest.mark.parametrize("units", [0, 1, 2])
def test_the_relation_encoders_weights_fit(units: int) -> None:
    model = classifier("relation", units=units)
    encoder = RelationEncoder(replace(CONFIG, units=units, dropout=0.0))
    found = model.load_state_dict(encoder.state_dict(), strict=False)
    assert not found.unexpected_keys
    assert all(k.startswith(("fusion.", "head.")) for k in found.missing_keys)
    appearance, motion, mask = videos()
    with torch.no_grad():
        both = (
            [encoder(appearance, motion, mask)[-1]][0][:2] if units
            else encoder.video(appearance, motion)
        )  # fmt: skip
        expected = model.head(mean_of_real(model.fusion(*both), mask))
        torch.testing.assert_close(model(appearance, motion, mask), expected)


def test_dropouts_are_where_the_options_say() -> None:
    relation = classifier("relation", dropout=0.5, graph_dropout=0.25)
    assert relation.video.dropout.chance == 0.25 and relation.dropout.chance == 0.5
    transformer = classifier("temporal_transformer", dropout=0.5, feature_dropout=0.25)
    assert transformer.inputs.dropout.chance == 0.25
    assert {m.p for m in transformer.modules() if isinstance(m, nn.Dropout)} == {0.5}
