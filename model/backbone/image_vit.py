"""Weights of image vision transformers, torchvision's or timm's, under one set of names.

The names are those of `model.vivit.stack`: "patch.weight", "class_embedding",
"position_embedding", "blocks.0.attention.qkv.weight", ..., "norm.bias".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from model.backbone.spec import NORMALISATIONS, Normalisation
from model.backbone.table import BACKBONES, TIMM, open_network
from model.backbone.weights import PRETRAINED, read_state
from util.errors import UserError
from util.files import sha256

# A tensor's name here -> its name in a file.  "#" is the number of a block, "*" weight or bias.
FORMS = {
    "torchvision": {
        "class_embedding": "class_token",
        "position_embedding": "encoder.pos_embedding",
        "patch.*": "conv_proj.*",
        "blocks.#.norm1.*": "encoder.layers.encoder_layer_#.ln_1.*",
        "blocks.#.attention.qkv.*": "encoder.layers.encoder_layer_#.self_attention.in_proj_*",
        "blocks.#.attention.proj.*": "encoder.layers.encoder_layer_#.self_attention.out_proj.*",
        "blocks.#.norm2.*": "encoder.layers.encoder_layer_#.ln_2.*",
        "blocks.#.mlp.0.*": "encoder.layers.encoder_layer_#.mlp.0.*",
        "blocks.#.mlp.3.*": "encoder.layers.encoder_layer_#.mlp.3.*",
        "norm.*": "encoder.ln.*",
    },
    "timm": {
        "class_embedding": "cls_token",
        "position_embedding": "pos_embed",
        "patch.*": "patch_embed.proj.*",
        "blocks.#.norm1.*": "blocks.#.norm1.*",
        "blocks.#.attention.qkv.*": "blocks.#.attn.qkv.*",
        "blocks.#.attention.proj.*": "blocks.#.attn.proj.*",
        "blocks.#.norm2.*": "blocks.#.norm2.*",
        "blocks.#.mlp.0.*": "blocks.#.mlp.fc1.*",
        "blocks.#.mlp.3.*": "blocks.#.mlp.fc2.*",
        "norm.*": "norm.*",
    },
}
OLDER = {"mlp.linear_1.": "mlp.0.", "mlp.linear_2.": "mlp.3."}  # torchvision's, before 0.13
DISTILLED = "dist_token"  # DeiT's second token, whose position is the second
LEFT = re.compile(r"(heads?|head_dist|pre_logits)\..+|" + DISTILLED)  # an image's classes


@dataclass(frozen=True, kw_only=True)
class ImageVit:
    """Weights of an image ViT."""

    name: str  # file or name, as given
    tensors: Mapping[str, Tensor]  # under the names here
    names: Mapping[str, str]  # those names -> the file's own
    left: tuple[str, ...]  # the file's names of what is not taken
    depth: int  # blocks
    normalisation: Normalisation | None  # of the pixels it was trained on, where that is known
    source: dict[str, str]  # where the weights are from


def open_image_vit(weights: str) -> ImageVit:
    """Weights by name: torchvision's (vit_b_16), timm's (timm:NAME), or a file of either form.

    The two libraries download theirs.  Raises UserError that names the file, the tensor and the
    cure.
    """
    network, _, entry = weights.partition(":")
    if weights.startswith(TIMM) or network in BACKBONES:
        network, entry = (weights, "") if weights.startswith(TIMM) else (network, entry)
        spec, module, source = open_network(network, entry or PRETRAINED)
        pixels = NORMALISATIONS[spec.normalisations[0]]
        return image_vit(weights, module.state_dict(), source, pixels)
    path = Path(weights)
    if not path.is_file():
        raise UserError(
            f"--vit_weights {weights}: no such file; give a file, a name of torchvision's "
            "(vit_b_16), timm:NAME (timm:deit_tiny_patch16_224) or the word random"
        )
    state = read_state(path, option="vit_weights")
    return image_vit(weights, state, {"source": weights, "sha256": sha256(path)}, None)


def image_vit(
    name: str,
    state: Mapping[str, Tensor],
    source: dict[str, str],
    normalisation: Normalisation | None,
) -> ImageVit:
    """A state dict of either form under the names here; every tensor is taken or named.

    Raises UserError for a tensor that a plain ViT has not, and for one that is missing.
    """
    for old, new in OLDER.items():
        state = {key.replace(old, new): value for key, value in state.items()}
    form = FORMS["torchvision" if "class_token" in state else "timm"]
    first = form["blocks.#.norm1.*"].replace("*", "weight")
    depth = next(i for i in range(len(state) + 1) if first.replace("#", str(i)) not in state)
    names = _names(form, max(depth, 1))
    missing = [theirs for theirs in names.values() if theirs not in state]
    if missing:
        raise _misfit(name, f"it lacks {missing[0]}")
    rest = set(state) - set(names.values())
    left = tuple(key for key in state if key in rest and LEFT.fullmatch(key))
    extra = sorted(rest - set(left))
    if extra:
        raise _misfit(name, f"it has {extra[0]}")
    tensors = {own: state[theirs].float() for own, theirs in names.items()}
    kernel, places = tensors["patch.weight"], tensors["position_embedding"]
    for key, value, wanted in (("patch.weight", kernel, 4), ("position_embedding", places, 3)):
        if value.dim() != wanted or (wanted == 4 and value.shape[1] != 3):
            raise _misfit(name, f"{names[key]} is {'x'.join(map(str, value.shape))}")
    if DISTILLED in left:
        tensors["position_embedding"] = places[:, [0, *range(2, places.shape[1])]]
    return ImageVit(
        name=name, tensors=tensors, names=names, left=left, depth=depth,
        normalisation=normalisation, source=source,
    )  # fmt: skip


def _names(form: Mapping[str, str], depth: int) -> dict[str, str]:
    """All tensors of a ViT of so many blocks: their names here -> those of a form."""
    found = {}
    for own, theirs in form.items():
        for i in map(str, range(depth if "#" in own else 1)):
            for kind in ("weight", "bias") if "*" in own else ("",):
                found[own.replace("#", i).replace("*", kind)] = theirs.replace("#", i).replace(
                    "*", kind
                )
    return found


def _misfit(name: str, what: str) -> UserError:
    return UserError(
        f"--vit_weights {name}: not the weights of a plain image ViT with a class token: {what}; "
        "give those of torchvision's vit_b_16, or of timm's vit_base_patch16_224 or deit_*"
    )
