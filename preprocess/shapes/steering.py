"""Generate the steering set:  python -m preprocess.shapes --kind steering

    OUTPUT/videos/<video id>.mp4   OUTPUT/shapes.json (settings)   OUTPUT/steering.csv

A road seen from a car; its curvature changes, and the driver follows it with some delay.  The table
has `video,time,value,split`: the angle of the steering wheel, in degrees, positive to the right, at
each frame's time.  A single frame tells where the road goes, the frames before it how far the
driver has come: `preprocess.labels --dataset own` reads the table.
"""

from functools import partial
from pathlib import Path

import numpy as np

from options.preprocess.shapes import ShapesOptions
from preprocess.shapes.folder import claim, write_videos
from preprocess.shapes.scene import FPS, SIDE
from util.files import whole_file

FORMAT = 1  # goes up when the same settings give other videos or angles
FRAMES = 48
DEGREES = 40.0  # of the wheel on the sharpest bend
DELAY = 0.6  # s, in which the driver makes up for all but 1/e of what is missing
BEFORE = 4.0  # s of driving before the first frame
FINE = 16  # steps of the drive a frame
WAVES = (0.06, 0.35)  # Hz: a bend is between one and eight seconds long, about
HORIZON, SPEED = 0.42, 1.1  # part of the frame's height; dashes a second


def generate_steering(options: ShapesOptions) -> None:
    """Write the data set and print what it holds.

    Raises UserError for a folder that cannot be written or that holds something else.
    """
    output, counts = Path(options.folder), options.counts
    claim(output, {"format": FORMAT, "kind": "steering", "seed": options.seed, **counts})
    videos, lines, video, squares = {}, ["video,time,value,split"], 0, 0.0
    for stream, (split, count) in enumerate(counts.items()):
        for number in range(count):
            video += 1
            rng = np.random.default_rng([options.seed, stream, 4, number])
            road, angle = drive(rng)
            videos[video] = partial(draw_road, road, int(rng.integers(2**31)))
            squares += float((angle**2).sum())
            lines += [f"{video},{i / FPS:g},{a:.3f},{split}" for i, a in enumerate(angle)]
    write_videos(output / "videos", videos, options.threads)
    with whole_file(output / "steering.csv") as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(
        f"{video:,} drives of {FRAMES / FPS:g} s; angles of the wheel are "
        f"{(squares / (video * FRAMES)) ** 0.5:.1f} degrees on average (root mean square)"
    )


def drive(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A road and its driver -> curvature (FRAMES,) in [-1, 1], angle of the wheel (FRAMES,) deg."""
    steps = int((BEFORE + FRAMES / FPS) * FPS * FINE)
    time = np.arange(steps) / (FPS * FINE)
    rates, phases = rng.uniform(*WAVES, 4), rng.uniform(0, 2 * np.pi, 4)
    waves = np.sin(2 * np.pi * rates * time[:, None] + phases)
    road = np.tanh(1.2 * waves.sum(1) / 2**0.5)
    share = 1 - np.exp(-1 / (FPS * FINE * DELAY))
    angle = np.empty(steps)
    held = road[0]
    for i, bend in enumerate(road):
        held += share * (bend - held)
        angle[i] = held
    at = int(BEFORE * FPS * FINE) + FINE * np.arange(FRAMES)
    return road[at], DEGREES * angle[at]


def draw_road(road: np.ndarray, look: int) -> np.ndarray:
    """Frames (FRAMES, SIDE, SIDE, 3), uint8 RGB; `look` decides colours and the first dash."""
    rng = np.random.default_rng(look)
    sky, grass, tar = (
        np.array(color, np.float32) + rng.uniform(-18, 18, 3).astype(np.float32)
        for color in ((126, 168, 214), (70, 120, 60), (82, 82, 90))
    )
    y = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    x = y[None, None, :]
    near = np.clip((y - HORIZON) / (1 - HORIZON), 0, 1)  # 0 at the horizon, 1 at the wheels
    middle = 0.5 + 0.42 * road[:, None, None].astype(np.float32) * ((1 - near) ** 2)[None, :, None]
    half = (0.03 + 0.40 * near)[None, :, None]
    aside = (x - middle) / half  # -1 and 1 at the edges of the road
    way = SPEED * np.arange(len(road)) / FPS + rng.uniform()
    dash = (0.9 / (near[None, :, None] + 0.12) + way[:, None, None]) % 1 < 0.5
    ground = np.where((np.abs(aside) < 1)[..., None], tar, grass)
    line = (np.abs(np.abs(aside) - 0.93) < 0.07) | ((np.abs(aside) < 0.06) & dash)
    ground = np.where(line[..., None], np.float32(225), ground)
    frames = np.where((y > HORIZON)[None, :, None, None], ground, sky)
    return np.clip(frames + 0.5, 0, 255).astype(np.uint8)
