"""Features of a video while it is decoded: `preprocess.feature.stream` as a command.

python -m preprocess.stream talk.mp4 --backbone squeezenet1_1 --weights FILE
"""

import statistics
import sys
import time
from collections.abc import Sequence

from options.parse import parse
from options.preprocess.extract import POOLED
from options.preprocess.stream import StreamOptions
from util.errors import run_command

PROG = "python -m preprocess.stream"


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each clip as it comes."""
    about = "A video's features while it is decoded."
    (options,) = parse(PROG, about, [StreamOptions], argv, first="video")
    # Here and not above: help and a misspelt option shall not wait for torch.
    from preprocess.feature.load import load_backbone
    from preprocess.feature.stream import stream_features

    weights = options.weights or ["none"] * len(options.backbone)
    backbones = {
        _channel(name, options.layer_of(place)): load_backbone(
            name,
            layer=options.layer_of(place),
            weights=None if given == "none" else given,
            resize=options.resize,
            motion_norm=options.motion_norm if name == "resnext101" else "kinetics",
            device=options.device,
            scaler=options.scaler,
            frames=options.frames,
            precision=options.network_precision,
        )
        for place, (name, given) in enumerate(zip(options.backbone, weights, strict=True))
    }
    begin, count, end, delays = time.perf_counter(), 0, 0, []
    for clip in stream_features(
        options.video,
        backbones=backbones,
        frames=options.frames,
        stride=options.stride,
        spacing=options.spacing,
        first=options.first,
        group=options.group,
        rate=options.rate,
    ):
        rows = ", ".join(f"{channel} {made.shape}" for channel, made in clip.rows.items())
        print(
            f"frames {clip.start}-{clip.end - 1}  at {clip.time:.2f} s  {rows}  "
            f"{1000 * clip.delay:.0f} ms after its last frame",
            flush=True,
        )
        count, end = count + 1, clip.end
        delays.append(clip.delay)
    seconds = time.perf_counter() - begin
    if not count:
        print(f"{options.video}: no whole clip of {options.frames} frames", file=sys.stderr)
        return 1
    print(
        f"{options.video}: {count} clips, {end} frames in {seconds:.1f} s, {end / seconds:.0f} "
        f"frames/s; delay {1000 * statistics.median(delays):.0f} ms in the middle, "
        f"{1000 * max(delays):.0f} ms at most"
    )
    return 0


def _channel(name: str, layer: str) -> str:
    """What a network's rows are called: several layers of it may be asked for."""
    return name if layer == POOLED else f"{name}, {layer}"


if __name__ == "__main__":
    run_command(main)
