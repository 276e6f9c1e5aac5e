"""What a decoder is given: positions of clips or frames, or clips as DualVGR relates them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from model.caption.captioner import Captioner, RelationCaptioner
from model.dualvgr.dualvgr import RelationEncoder
from model.dualvgr.fusion import FUSIONS
from model.layer.positions import VideoPositions
from tests.model.caption.tiny import APPEARANCE, CONFIG, FRAMES, MOTION, captioner, videos


def positions_of(**changed) -> VideoPositions:
    config = replace(CONFIG, **changed)
    return VideoPositions(config, of_frames=config.positions == "frames")


def test_clips_are_the_mean_frame_beside_the_motion() -> None:
    appearance, motion, mask = videos(2, clips=(4, 2))
    inputs = positions_of()
    positions, kept = inputs(appearance, motion, mask)
    torch.testing.assert_close(positions, torch.cat([appearance.mean(2), motion], 2))
    assert kept is mask and inputs.width == APPEARANCE + MOTION


def test_frames_each_have_their_clips_motion() -> None:
    appearance, motion, mask = videos(2, clips=(4, 2))
    positions, kept = positions_of(positions="frames")(appearance, motion, mask)
    assert positions.shape == (2, 4 * FRAMES, APPEARANCE + MOTION)
    for clip in range(4):
        for frame in range(FRAMES):
            place = clip * FRAMES + frame
            expected = torch.cat([appearance[:, clip, frame], motion[:, clip]], 1)
            torch.testing.assert_close(positions[:, place], expected)
            assert (kept[:, place] == mask[:, clip]).all()


@pytest.mark.parametrize("norm", ["none", "whiten:3"])
@pytest.mark.parametrize("shape", ["clips", "frames"])
def test_a_channel_of_width_0_is_left_out(norm: str, shape: str) -> None:
    appearance, motion, mask = videos(2)
    inputs = positions_of(motion_width=0, feature_norm=norm, positions=shape)
    assert inputs.width == (APPEARANCE if norm == "none" else 3)
    for features in (inputs.appearance_norm, inputs.motion_norm):
        features.fit(*[torch.zeros(0)] * 2)  # what a task fits a channel left out with
    positions, _ = inputs(appearance, motion[..., :0], mask)
    assert positions.shape == (2, 4 if shape == "clips" else 4 * FRAMES, inputs.width)
    other = positions_of(appearance_width=0)
    torch.testing.assert_close(other(appearance[..., :0], motion, mask)[0], motion)


def test_nothing_to_look_at() -> None:
    with pytest.raises(ValueError, match="both channels are left out"):
        positions_of(appearance_width=0, motion_width=0)
    with pytest.raises(ValueError, match="no frames"):
        positions_of(appearance_width=0, positions="frames")


@pytest.mark.parametrize("shape", ["clips", "frames"])
@pytest.mark.parametrize("norm", ["standardize", "whiten:2"])
def test_norms_come_first(norm: str, shape: str) -> None:
    """Features of any mean and scale give the same positions once their norms are fitted."""
    batch = videos(3)
    plain = positions_of(feature_norm=norm, positions=shape)
    shifted = positions_of(feature_norm=norm, positions=shape)
    for name, width in (("appearance", APPEARANCE), ("motion", MOTION)):
        mean, scale = torch.randn(width), torch.rand(width) + 1
        if norm == "standardize":
            getattr(plain, f"{name}_norm").fit(torch.zeros(width), torch.ones(width))
            getattr(shifted, f"{name}_norm").fit(mean, 3 * torch.ones(width))
        else:
            covariance = torch.diag(scale)
            getattr(plain, f"{name}_norm").fit(torch.zeros(width), covariance)
            getattr(shifted, f"{name}_norm").fit(mean, 9 * covariance)
        batch = [*batch, mean]
    appearance, motion, mask, a, m = batch
    expected = plain(appearance, motion, mask)[0]
    found = shifted(3 * appearance + a, 3 * motion + m, mask)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert expected.shape[2] == plain.width


def test_feature_dropout_only_in_training() -> None:
    inputs = positions_of(feature_dropout=0.5)
    batch = [torch.ones_like(x) for x in videos(20)]
    assert (inputs.eval()(*batch)[0] == 1).all()
    share = (inputs.train()(*batch)[0] == 0).float().mean()
    assert 0.4 < share < 0.6


@pytest.mark.parametrize("units", [0, 1, 2])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_relations_are_those_of_a_pretrained_encoder(units: int, fusion: str) -> None:
    """Its weights fit by name, and what the decoder gets is the fusion of its channels."""
    torch.manual_seed(1)
    config = replace(CONFIG, units=units, fusion=fusion)
    pretrained = RelationEncoder(config).eval()
    model = captioner("dualvgr_lstm", units=units, fusion=fusion)
    assert isinstance(model, RelationCaptioner)
    missing, unexpected = model.load_state_dict(pretrained.state_dict(), strict=False)
    assert not unexpected
    assert {name.split(".")[0] for name in missing} == {"fusion", "fused_norm", "decoder"}
    batch = videos(2, clips=(4, 2))
    related = pretrained(*batch)
    last = (related[-1].appearance, related[-1].motion) if units else pretrained.video(*batch[:2])
    assert model.fused_norm is not None
    clips = model.fused_norm(model.fusion(*last), batch[2])
    expected = model.decoder.encode(clips, batch[2])
    for name, value in model.encode(*batch).items():
        torch.testing.assert_close(value, expected[name])


def test_what_all_videos_share_does_not_hide_what_tells_them_apart() -> None:
    """Without the norm a common part of the fused clips saturates the decoder's first LSTM."""
    batch = videos(12)
    apart = {}
    for norm in ("batch", "none"):
        torch.manual_seed(0)
        model = captioner("dualvgr_lstm", fused_norm=norm).train()
        assert isinstance(model, RelationCaptioner)
        with torch.no_grad():
            before = model.encode(*batch)["hidden"]
            for layer in (model.fusion.out, model.decoder.project):
                assert isinstance(layer, nn.Linear)
            model.fusion.out.bias += 100
            after = model.encode(*batch)["hidden"]
        apart[norm] = float(after.std(0).mean() / before.std(0).mean())
    assert apart["batch"] > 0.5 and apart["none"] < 0.1, apart


def test_norms_are_found_by_one_name() -> None:
    for model in (captioner("lstm"), captioner("dualvgr_lstm")):
        assert {"appearance_norm", "motion_norm"} <= dict(model.inputs.named_children()).keys()
    assert isinstance(captioner("lstm"), Captioner)


def test_word_vectors_may_be_filled_in() -> None:
    for name in ("lstm", "ets_paddle", "ets_yao2015", "transformer", "dualvgr_lstm"):
        embedding = captioner(name).decoder.embedding
        assert isinstance(embedding, nn.Embedding)
        assert embedding.weight.shape == (CONFIG.vocabulary, CONFIG.word_width)
        assert (embedding.weight[0] == 0).all()
    assert captioner("lstm", legacy_frame_aligned=True).decoder.embedding is None
