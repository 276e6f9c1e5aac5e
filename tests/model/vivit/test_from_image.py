"""A ViViT that starts from an image ViT: what is taken from where, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from model.backbone.image_vit import ImageVit, open_image_vit
from model.vivit.config import VivitConfig
from model.vivit.from_image import TubeletInit, interpolated, start_from_image
from model.vivit.vivit import Vivit, build_vivit
from tests.model.vivit.tiny import CONFIG, clips
from util.errors import UserError

OURS = replace(CONFIG, size=(12, 12), gelu="erf", depth=4)


def torchvision_vit(**changes: int) -> nn.Module:
    sizes = {"image_size": 12, "patch_size": 4, "num_layers": 4, "num_heads": 2, "hidden_dim": 16}
    return _random(VisionTransformer(**{**sizes, "mlp_dim": 32, "num_classes": 7, **changes}))  # type: ignore[arg-type]


def timm_vit(kind: str = "VisionTransformer", **changes: Any) -> nn.Module:
    timm = pytest.importorskip("timm")
    sizes = {"img_size": 12, "patch_size": 4, "depth": 4, "num_heads": 2, "embed_dim": 16}
    built = getattr(
        timm.models.deit if "Distilled" in kind else timm.models.vision_transformer, kind
    )
    return _random(built(**{**sizes, "mlp_ratio": 2.0, "num_classes": 7, **changes}))


def _random(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    return network.eval()


def stored(path: Path, network: nn.Module) -> str:
    torch.save(network.state_dict(), path)
    return str(path)


def started(config: VivitConfig, image: ImageVit, how: TubeletInit = "central_frame") -> Vivit:
    torch.manual_seed(1)
    model = build_vivit(replace(config, every_frame=how != "uniform"), "vivit_average").eval()
    start_from_image(model, image, how)
    return model


def middle_pixels(frames: Tensor) -> Tensor:
    """The frames t // 2 of tubelets of two, as an image ViT takes them (B T', 3, H, W)."""
    return ((frames[:, 1::2] - 127.5) / 127.5).flatten(0, 1)


@torch.no_grad()
@pytest.mark.parametrize("form", ["torchvision", "timm"])
@pytest.mark.parametrize("how", ["central_frame", "uniform"])
def test_each_middle_frame_is_what_the_image_network_makes_of_it(
    form: str, how: TubeletInit, tmp_path: Path
) -> None:
    """To the last norm: so every tensor is where it belongs."""
    network: Any = torchvision_vit() if form == "torchvision" else timm_vit()
    model = started(OURS, open_image_vit(stored(tmp_path / "vit.pt", network)), how)
    frames = clips(config=OURS)
    if form == "torchvision":
        network.heads = nn.Identity()
        wanted = network(middle_pixels(frames))
    else:
        wanted = network.forward_features(middle_pixels(frames))[:, 0]
    found = model._each_time(frames).flatten(0, 1)
    assert wanted.std() > 0.1
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("deep", [2, 3])
def test_tubelets_by_the_central_frame_are_patches_of_frame_t_half(
    deep: int, tmp_path: Path
) -> None:
    network: Any = torchvision_vit()
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    config = replace(OURS, tubelet=(deep, 4))
    tokens = started(config, image).tubelets(clips(config=config))
    pixels = (clips(config=config)[:, deep // 2 :: deep] - 127.5) / 127.5
    patches = network.conv_proj(pixels.flatten(0, 1)).flatten(2).mT.unflatten(0, (3, -1))
    torch.testing.assert_close(tokens, patches, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_tubelets_by_inflation_are_the_mean_patch(tmp_path: Path) -> None:
    network: Any = torchvision_vit()
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    tokens = started(OURS, image, "inflation").tubelets(clips(config=OURS))
    pixels = ((clips(config=OURS) - 127.5) / 127.5).flatten(0, 1)
    patches = network.conv_proj(pixels).flatten(2).mT.unflatten(0, (3, -1, 2)).mean(2)
    torch.testing.assert_close(tokens, patches, atol=1e-5, rtol=1e-5)
    random = started(OURS, image, "random").tubelets.weight
    assert (random.abs() < 0.9).all(), "Xavier's, not the file's"


def test_model_1_has_the_positions_of_an_image_at_every_time(tmp_path: Path) -> None:
    network: Any = torchvision_vit()
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    for timed, times in ((True, 3), (False, 1)):
        model = build_vivit(replace(OURS, time_positions=timed), "vivit_model1")
        start_from_image(model, image, "central_frame")
        own, theirs = model.spatial.position_embedding, network.encoder.pos_embedding
        assert own is not None
        assert torch.equal(own[:, :1], theirs[:, :1])
        assert torch.equal(own[:, 1:], theirs[:, 1:].repeat(1, times, 1))
        assert torch.equal(model.spatial.class_embedding, network.class_token)


def test_the_temporal_stack_and_the_classifier_stay_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = build_vivit(OURS, "vivit")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    start_from_image(
        model, open_image_vit(stored(tmp_path / "a.pt", torchvision_vit())), "central_frame"
    )
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]) == key.startswith(("temporal.", "head.")), key


def test_positions_of_another_grid_are_interpolated(tmp_path: Path) -> None:
    places = torch.arange(4.0)[:, None].expand(4, 4).reshape(16, 1)  # rise with the row
    found = interpolated(places, (4, 4), (8, 4)).view(8, 4)
    assert torch.equal(found[:, 0], found[:, 3])
    assert (found[1:, 0] > found[:-1, 0]).all()
    assert found.mean().item() == pytest.approx(1.5, abs=1e-3)
    image = open_image_vit(stored(tmp_path / "vit.pt", torchvision_vit(image_size=24)))
    model = build_vivit(OURS, "vivit")
    note = start_from_image(model, image, "inflation")
    assert "tubelets by inflation; positions of 6x6 interpolated to 3x3" in note


def test_fewer_blocks_are_the_first_ones_and_the_note_says_so(tmp_path: Path) -> None:
    network: Any = timm_vit()
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    model: Any = build_vivit(replace(OURS, depth=2), "vivit")
    assert "the first 2 of 4 blocks" in start_from_image(model, image, "central_frame")
    assert torch.equal(model.spatial.blocks[1].mlp[0].weight, network.blocks[1].mlp.fc1.weight)


def test_repeats_take_their_norms_each_and_the_first_ones_matrices(tmp_path: Path) -> None:
    network: Any = timm_vit()
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    config = replace(OURS, repeats=2, head_mixing="identity", mlp_transform="identity")
    model: Any = build_vivit(config, "vivit")
    note = start_from_image(model, image, "central_frame")
    assert "of every 2 blocks the norms, and the matrices of the first" in note
    block = model.spatial.blocks[1]
    assert torch.equal(block.attention.qkv.weight, network.blocks[2].attn.qkv.weight)
    assert torch.equal(block.norm1[1].weight, network.blocks[3].norm1.weight)
    assert torch.equal(block.attention.scores, torch.eye(2).repeat(2, 1, 1))


def test_deit_distilled_leaves_its_second_token(tmp_path: Path) -> None:
    network: Any = timm_vit("VisionTransformerDistilled")
    path = tmp_path / "deit.pth"
    torch.save({"model": network.state_dict()}, path)  # as DeiT's files are
    image = open_image_vit(str(path))
    model: Any = build_vivit(OURS, "vivit")
    note = start_from_image(model, image, "central_frame")
    assert "not taken: dist_token, head.weight" in note and "head_dist.bias" in note
    kept = network.pos_embed[:, [0, *range(2, 11)]]
    assert torch.equal(model.spatial.position_embedding, kept)


def test_older_names_of_torchvision_are_known(tmp_path: Path) -> None:
    state = torchvision_vit().state_dict()
    older = {
        k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v
        for k, v in state.items()
    }
    torch.save(older, tmp_path / "old.pth")
    image = open_image_vit(str(tmp_path / "old.pth"))
    name = "encoder.layers.encoder_layer_3.mlp.3.bias"
    assert torch.equal(image.tensors["blocks.3.mlp.3.bias"], state[name])


@pytest.mark.parametrize("form", ["torchvision", "timm"])
def test_a_file_that_is_no_plain_vit_is_refused(form: str, tmp_path: Path) -> None:
    state = (torchvision_vit() if form == "torchvision" else timm_vit()).state_dict()
    places = "encoder.pos_embedding" if form == "torchvision" else "pos_embed"
    norm = "encoder.ln.bias" if form == "torchvision" else "norm.bias"
    kernel = "conv_proj.weight" if form == "torchvision" else "patch_embed.proj.weight"
    path = tmp_path / "vit.pt"
    for changed, problem in (
        ({k: v for k, v in state.items() if k != places}, f"it lacks {places}"),
        ({k: v for k, v in state.items() if k != norm}, f"it lacks {norm}"),
        ({**state, "blocks.0.ls1.gamma": torch.ones(16)}, "it has blocks.0.ls1.gamma"),
        ({**state, kernel: torch.ones(16, 1, 4, 4)}, f"{kernel} is 16x1x4x4"),
    ):
        torch.save(changed, path)
        with pytest.raises(UserError, match=rf"^--vit_weights {path}: .*{problem}; give "):
            open_image_vit(str(path))
    torch.save({"a": 1}, path)
    with pytest.raises(UserError, match=rf"^--vit_weights {path}: holds no state dict"):
        open_image_vit(str(path))
    path.write_text("no weights")
    with pytest.raises(UserError, match=rf"^--vit_weights {path}: not a file of PyTorch weights"):
        open_image_vit(str(path))
    with pytest.raises(UserError, match=r"^--vit_weights here.pt: no such file; give a file"):
        open_image_vit("here.pt")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"depth": 6}, "has 4 blocks, fewer than --depth 6; give --depth 4, or less"),
        (
            {"width": 32},
            "conv_proj.weight is 16x3x4x4, and 32x3x4x4 here; give --width 16 --patch 4",
        ),
        ({"tubelet": (2, 2)}, "is 16x3x4x4, and 16x3x2x2 here; give --width 16 --patch 4"),
        ({"mlp": 64}, r"encoder_layer_0.mlp.0.weight is 32x16, and 64x16 here; give --mlp 32"),
    ],
)
def test_sizes_that_differ_are_named_with_the_cure(
    change: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    image = open_image_vit(stored(tmp_path / "vit.pt", torchvision_vit()))
    model = build_vivit(replace(OURS, **change), "vivit")
    with pytest.raises(ValueError, match=rf"^--vit_weights {tmp_path}.*{problem}$"):
        start_from_image(model, image, "central_frame")


def test_positions_that_are_no_square_are_refused(tmp_path: Path) -> None:
    network: Any = timm_vit(img_size=(12, 8))
    image = open_image_vit(stored(tmp_path / "vit.pt", network))
    with pytest.raises(ValueError, match=r"pos_embed has 6 places .*, no square"):
        start_from_image(build_vivit(OURS, "vivit"), image, "central_frame")
