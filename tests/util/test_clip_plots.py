"""The picture of reconstructions shows the frames that it is given, where it says."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from util.clip_plots import reconstructions


def sheets(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def labels(figure: Figure, panel: int = 0) -> list[str]:
    return [label.get_text() for label in figure.axes[panel].get_yticklabels()]


def films(frames: int, high: int = 20, wide: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (frames, high, wide, 3), dtype=np.uint8)
    off = original / 255 + np.where(original < 128, 0.1, -0.1)  # 20 dB
    return {"original": original, "appearance": original / 255, "motion": off}


@pytest.mark.parametrize("frames", [1, 4, 32])
def test_frames_are_where_they_belong(frames: int) -> None:
    given = films(frames)
    figure = reconstructions([("video 7", given), ("video 8", given)])
    first, second = sheets(figure)
    assert np.array_equal(first, second)
    step = 20 + 2, 30 + 2  # a gap of 2 pixels
    for i, film in enumerate(given.values()):
        frame = first[i * step[0] : i * step[0] + 20, (frames - 1) * step[1] :]
        expected = film[-1] / 255 if film.dtype == np.uint8 else film[-1]
        np.testing.assert_allclose(frame, expected, atol=1e-6)
    assert first.shape == (3 * 20 + 2 * 2, frames * 30 + (frames - 1) * 2, 3)


def test_names_and_decibels() -> None:
    figure = reconstructions([("video 7", films(3)), ("another video", films(3))])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["video 7", "another video"]
    assert labels(figure) == ["original", "appearance", "motion\n20.0 dB"]  # equal: no number


def test_everything_is_inside_the_picture() -> None:
    """Names at the left and titles are drawn whole, and panels do not cover each other."""
    figure = reconstructions([("video 7", films(2)), ("video 8", films(2))])
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
    upper, lower = (axes.get_tightbbox() for axes in figure.axes)
    assert upper is not None and lower is not None and upper.y0 >= lower.y1
    aspect = figure.axes[0].get_window_extent()
    assert aspect.width / aspect.height == pytest.approx((2 * 32 - 2) / (3 * 22 - 2), rel=0.01)
