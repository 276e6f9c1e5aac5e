"""A ViViT that starts from an image ViT (ViViT, section 3.4; what it is worth: its table 3).

Patch kernel and bias, positions, class token, blocks and the last norm are the image's.  The
temporal stack and what weight multiplexing adds stay at random.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from model.backbone.image_vit import ImageVit
from model.vivit.stack import Stack
from model.vivit.vivit import Vivit

TubeletInit = Literal["central_frame", "uniform", "inflation", "random"]


def start_from_image(model: Vivit, image: ImageVit, tubelet_init: TubeletInit) -> str:
    """Fill tubelet embedding and spatial stack; -> what was taken, in words.

    Raises ValueError that names the weights, the tensor and the cure where sizes differ.
    """
    config = model.config
    if image.depth < config.depth:
        raise ValueError(
            f"--vit_weights {image.name}: has {image.depth} blocks, fewer than --depth "
            f"{config.depth}; give --depth {image.depth}, or less"
        )
    before, after = _grid_of(image), config.grid[1:]
    with torch.no_grad():
        if tubelet_init != "random":
            _fill_tubelets(model, image, tubelet_init)
        _fill_positions(model.spatial, image, before, after)
        _fill_blocks(model.spatial, image)
    notes = [f"tubelets by {tubelet_init}"]
    if before != after:
        notes.append(f"positions of {before[0]}x{before[1]} interpolated to {after[0]}x{after[1]}")
    if image.depth > config.depth:
        notes.append(f"the first {config.depth} of {image.depth} blocks")
    if config.repeats > 1:
        notes.append(f"of every {config.repeats} blocks the norms, and the matrices of the first")
    if image.left:
        notes.append(f"not taken: {', '.join(image.left)}")
    return f"image weights from {image.name}: {'; '.join(notes)}"


def spread_over_time(kernel: Tensor, deep: int, how: TubeletInit) -> Tensor:
    """A patch kernel (D, 3, p, p) as one of tubelets (D, 3, t, p, p), on the time axis.

    central_frame: on frame t // 2, zero elsewhere; inflation: 1 / t on each.  uniform is
    central_frame of the one frame that is seen.
    """
    if how == "inflation":
        return (kernel / deep)[:, :, None].repeat(1, 1, deep, 1, 1)
    spread = kernel.new_zeros(*kernel.shape[:2], deep, *kernel.shape[2:])
    spread[:, :, deep // 2] = kernel
    return spread


def interpolated(positions: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """Positions of a grid (M, D) for another grid (M', D), bicubic."""
    if before == after:
        return positions
    grid = positions.unflatten(0, before).permute(2, 0, 1)[None]
    grid = nn.functional.interpolate(grid, after, mode="bicubic", antialias=True)
    return grid[0].permute(1, 2, 0).flatten(0, 1)


def _grid_of(image: ImageVit) -> tuple[int, int]:
    """Rows and columns of the image's positions: a square."""
    count = image.tensors["position_embedding"].shape[1] - 1
    side = round(count**0.5)
    if side * side != count:
        raise ValueError(
            f"--vit_weights {image.name}: {image.names['position_embedding']} has {count} places "
            "beside the class token's, no square; give weights that were trained on square images"
        )
    return side, side


def _fill_tubelets(model: Vivit, image: ImageVit, how: TubeletInit) -> None:
    kernel, own = image.tensors["patch.weight"], model.tubelets.weight
    wanted = (own.shape[0], *own.shape[3:])
    if (kernel.shape[0], *kernel.shape[2:]) != wanted:
        width, _, *sides = kernel.shape
        raise _misfit(image, "patch.weight", own[:, :, 0], f"--width {width} --patch {sides[0]}")
    own.copy_(spread_over_time(kernel, own.shape[2], how))
    model.tubelets.bias.copy_(image.tensors["patch.bias"])


def _fill_positions(
    stack: Stack, image: ImageVit, before: tuple[int, int], after: tuple[int, int]
) -> None:
    """Positions of one image, for every time that has its own."""
    own, theirs = stack.position_embedding, image.tensors["position_embedding"]
    assert own is not None
    width = theirs.shape[2]
    if width != own.shape[2]:
        raise _misfit(image, "position_embedding", own, f"--width {width}")
    first, rest = theirs[0, :1], interpolated(theirs[0, 1:], before, after)
    times = (own.shape[1] - 1) // len(rest)
    own.copy_(torch.cat([first, rest.repeat(times, 1)]))
    stack.class_embedding.copy_(image.tensors["class_embedding"])


def _fill_blocks(stack: Stack, image: ImageVit) -> None:
    """Block b, repeat r: the norms of the image's block b R + r, the matrices of its block b R."""
    for name, own in (*stack.blocks.named_parameters(), *stack.norm.named_parameters("norm")):
        block, part, *rest = name.split(".")
        if block == "norm":
            theirs = name
        elif part in ("norm1", "norm2"):
            number = int(block) * stack.repeats + int(rest[0])
            theirs = f"blocks.{number}.{part}.{rest[1]}"
        else:
            theirs = f"blocks.{int(block) * stack.repeats}.{'.'.join((part, *rest))}"
        if theirs not in image.tensors:  # head mixing, MLP transform
            continue
        value = image.tensors[theirs]
        if value.shape != own.shape:
            cure = f"--mlp {len(value)}" if theirs.endswith("mlp.0.weight") else "its sizes"
            raise _misfit(image, theirs, own, cure)
        own.copy_(value)


def _misfit(image: ImageVit, name: str, own: Tensor, cure: str) -> ValueError:
    there, here = ("x".join(map(str, x.shape)) for x in (image.tensors[name], own))
    return ValueError(
        f"--vit_weights {image.name}: {image.names[name]} is {there}, and {here} here; give {cure}"
    )
