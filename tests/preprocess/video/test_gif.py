"""GIFs as videos: timing as players have it, parts, disposal, transparency, a single frame."""

from pathlib import Path

import numpy as np
import pytest

from data_loader.store.features import open_store
from inference.caption.windows import _spans
from preprocess.video.clips import read_clips, read_resized
from preprocess.video.container import count_packets, frame_rate
from preprocess.video.decoders import DECODERS
from preprocess.video.error import VideoError
from preprocess.video.gif import is_cut_off
from preprocess.video.live import at_rate, live_frames
from preprocess.video.rate import frame_ticks, samples, shown_times
from preprocess.videos import main
from tests.gif_files import BACKGROUND, PALETTE, RESTORE, GifFrame, grey_gif, write_gif
from tests.preprocess.video.test_decoders import ALL

CUT = "cut off: the last frame is incomplete"
SIZE = (8, 10)
WHITE = (255, 255, 255)
PART = np.full((3, 4), 2)
PART[0] = 4
DELAYS = [
    ([0, 0, 0, 0], [10, 10, 10, 10]),
    ([1, 1, 1], [10, 10, 10]),
    ([2, 2, 2], [2, 2, 2]),
    ([0, 20, 1, 3, 250], [10, 20, 10, 3, 250]),
    ([10, 500], [10, 500]),
    ([7], [7]),
    ([0], [10]),
]


def colours(images: list[np.ndarray]) -> list[int]:
    """Which frame each image is of: those of `grey_gif` have a colour each."""
    return [PALETTE.index(tuple(image[0, 0].tolist())) for image in images]


def plain(delays: list[int], fps: float) -> list[int]:
    """The frames that are seen 0, 1/fps, 2/fps, ... s after the first; delays in 1/100 s."""
    found, moment = [], 0.0
    while not found or moment < sum(delays) / 100 - 1e-6:
        passed = np.cumsum(delays) / 100
        found.append(int(np.searchsorted(passed, moment + 1e-6, side="right")))
        moment = len(found) / fps
    return found


@pytest.mark.parametrize(("written", "shown"), DELAYS)
def test_frames_are_shown_as_long_as_players_show_them(written, shown, tmp_path) -> None:
    path = grey_gif(tmp_path / "a.gif", written)
    starts = np.cumsum([0, *shown])
    for decoded in (False, True):
        times, end = shown_times(path, decoded=decoded)
        np.testing.assert_allclose(times, starts[:-1] / 100)
        assert end == pytest.approx(starts[-1] / 100)
    ticks, base = frame_ticks(path)
    assert [int(tick) * base * 100 for tick in ticks] == starts[:-1].tolist()
    assert frame_rate(path) == pytest.approx(100 * len(shown) / sum(shown))
    live = list(live_frames(str(path)))
    assert [frame.time for frame in live] == pytest.approx((starts[:-1] / 100).tolist())
    assert live[-1].end == pytest.approx(starts[-1] / 100)
    assert colours([frame.convert() for frame in live]) == [i % 5 for i in range(len(shown))]


@pytest.mark.parametrize(("written", "shown"), DELAYS)
@pytest.mark.parametrize("fps", [1, 5, 12.5, 40])
def test_samples_at_a_rate_are_what_is_seen_then(written, shown, fps, tmp_path) -> None:
    path = grey_gif(tmp_path / "a.gif", written)
    expected = plain(shown, fps)
    (clips,) = read_resized(
        path, clips=1, frames=1, fps=fps, decoder="pyav", keep_partial=False, specs=[None]
    )
    assert clips.numbers[clips.index[:, 0]].tolist() == expected
    assert colours(list(clips.frames[clips.index[:, 0]])) == expected
    live = [frame.convert() for frame in at_rate(live_frames(str(path)), fps)]
    assert colours(live) == expected


def test_a_last_frame_that_stays_is_long(tmp_path) -> None:
    path = grey_gif(tmp_path / "a.gif", [10, 500])
    times, end = shown_times(path)
    assert end == pytest.approx(5.1) and len(samples(times, 5, end)) == 26
    assert len(samples(times, 5)) == 1  # as other videos have it, of which nobody knows
    assert _spans(times, end, 9.0)[0][:2] == (0.0, pytest.approx(5.1))
    clips = read_clips(path, clips=2, frames=2, stride=2)
    assert clips.seconds == pytest.approx(5.1)


def composed(frames: list[GifFrame], background: tuple[int, int, int]) -> list[np.ndarray]:
    """What is seen of each frame, said plainly (GIF89a, section 23)."""
    canvas = np.empty((*SIZE, 3), np.uint8)
    canvas[:] = background
    found = []
    for frame in frames:
        before = canvas.copy()
        height, width = frame.pixels.shape
        place = np.s_[frame.top : frame.top + height, frame.left : frame.left + width]
        image = np.array(PALETTE, np.uint8)[frame.pixels]
        drawn = frame.pixels != (-1 if frame.transparent is None else frame.transparent)
        canvas[place][drawn] = image[drawn]
        found.append(canvas.copy())
        if frame.disposal == BACKGROUND:
            canvas[place] = background
        elif frame.disposal == RESTORE:
            canvas = before
    return found


def whole(index: int, **changes) -> GifFrame:
    return GifFrame(pixels=np.full(SIZE, index), **changes)


CASES = {
    "parts stay": [whole(1), GifFrame(pixels=PART, left=2, top=3), GifFrame(pixels=PART, left=5)],
    "parts are cleared": [
        whole(1), GifFrame(pixels=PART, left=2, top=3, disposal=BACKGROUND),
        GifFrame(pixels=PART, left=5), GifFrame(pixels=PART, left=1, top=1),
    ],
    "parts are taken back": [
        whole(1), GifFrame(pixels=PART, left=2, top=3, disposal=RESTORE),
        GifFrame(pixels=PART, left=5),
    ],
    "a first frame that does not fill the picture": [
        GifFrame(pixels=PART, left=2, top=3), GifFrame(pixels=PART, left=5),
    ],
}  # fmt: skip


@pytest.mark.parametrize("decoder", ALL)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("transparent", [None, 4, 0])
def test_parts_disposal_and_transparency(decoder, case, transparent, tmp_path) -> None:
    """Transparent places show white, cleared ones white or the opaque background colour."""
    frames = [GifFrame(**{**vars(frame), "transparent": transparent}) for frame in CASES[case]]
    path = write_gif(tmp_path / "a.gif", frames, size=SIZE)
    images = [convert() for convert in DECODERS[decoder].frames(path)]
    ground = WHITE if transparent is not None else PALETTE[0]
    expected = composed(frames, ground)
    assert len(images) == len(expected)
    for image, should in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, should)
    live = [frame.convert() for frame in live_frames(str(path))]
    np.testing.assert_array_equal(np.stack(live), np.stack(expected))


def test_transparent_places_are_white_at_any_size(tmp_path) -> None:
    """They are put on their ground before the picture is made smaller: no dark seams."""
    checks = np.indices((32, 32)).sum(0) % 2  # of colour 1 and transparent
    transparent = write_gif(
        tmp_path / "a.gif", [GifFrame(pixels=checks, transparent=0)], size=(32, 32)
    )
    (convert,) = DECODERS["pyav"].frames(transparent)
    small = convert((16, 16)).astype(int)[2:-2, 2:-2]
    middle = (np.array(WHITE) + PALETTE[1]) / 2
    assert np.abs(small - middle).max() <= 3


@pytest.mark.parametrize("decoder", ["pyav"])
def test_a_single_frame_is_a_video_of_one(decoder, tmp_path) -> None:
    path = grey_gif(tmp_path / "a.gif", [0])
    assert count_packets(path) == (1, 1, "")
    clips = read_clips(path, clips=3, frames=4, decoder=decoder)
    assert clips.frame_count == 1 and clips.index.tolist() == [[0] * 4] * 3 and clips.note == ""
    assert shown_times(path)[0].tolist() == [0.0]


def test_a_gif_that_is_cut_off_or_none(tmp_path) -> None:
    good = grey_gif(tmp_path / "a.gif", [5] * 9, size=(40, 40)).read_bytes()
    (tmp_path / "b.gif").write_bytes(good[: len(good) * 2 // 3])
    with pytest.raises(VideoError, match=r"cut off: the last frame is incomplete; [567] of [567] "):
        read_clips(tmp_path / "b.gif", clips=2, frames=2)
    kept = read_clips(tmp_path / "b.gif", clips=2, frames=2, keep_partial=True)
    assert 5 <= kept.frame_count <= 7 and kept.note == f"partial: {CUT}"
    (tmp_path / "c.gif").write_bytes(good[:20])
    with pytest.raises(VideoError):
        read_clips(tmp_path / "c.gif", clips=2, frames=2)
    (tmp_path / "d.gif").write_bytes(good[:-1])  # all but the last byte, which says that it ends
    assert read_clips(tmp_path / "d.gif", clips=2, frames=2).frame_count == 9


def test_where_a_gif_may_end(tmp_path) -> None:
    good = grey_gif(tmp_path / "a.gif", [5, 5], size=(4, 4)).read_bytes()
    whole = [n for n in range(13, len(good) + 1) if not is_cut_off(good[:n])]
    second = good.rindex(b"\x21\xf9")
    extension = good.index(b"\x21\xf9")
    screen = 13 + 3 * 128
    ends = {screen, extension, extension + 8, second, second + 8, len(good) - 1, len(good)}
    assert set(whole) - ends == set()
    assert {second, len(good) - 1, len(good)} <= set(whole)
    assert not is_cut_off(good + b"rubbish after the end")


def test_a_folder_of_gifs_becomes_a_store(tmp_path, capsys) -> None:
    folder = tmp_path / "gifs"
    folder.mkdir()
    grey_gif(folder / "moves.gif", [0, 20, 1, 3, 250])
    grey_gif(folder / "still.gif", [0])
    words = ["--videos", str(folder), "--backbone", "pixels", "--fps", "5"]
    assert main([*words, "--output", str(tmp_path / "s.h5")]) == 0
    store = open_store(tmp_path / "s.h5")
    assert store.ids == ("moves", "still") and store.frame_count.tolist() == [5, 1]
    assert store.clips.tolist() == [15, 1]  # 2.93 s, 0.1 s


def test_pillow_sees_the_same(tmp_path) -> None:
    images = pytest.importorskip("PIL.Image")
    sequence = pytest.importorskip("PIL.ImageSequence")
    path = write_gif(
        tmp_path / "a.gif",
        [
            whole(1, transparent=4),
            GifFrame(pixels=PART, left=2, top=3, transparent=4, disposal=BACKGROUND),
            GifFrame(pixels=PART, left=5, transparent=4),
        ],
        size=SIZE,
    )
    ours = [convert() for convert in DECODERS["pyav"].frames(path)]
    with images.open(path) as file:
        for image, frame in zip(ours, sequence.Iterator(file), strict=True):
            ground = images.new("RGBA", SIZE[::-1], WHITE)
            theirs = images.alpha_composite(ground, frame.convert("RGBA"))
            np.testing.assert_array_equal(image, np.array(theirs)[..., :3])


def test_the_writer_of_these_tests_writes_what_pillow_reads(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")
    with images.open(grey_gif(tmp_path / "a.gif", [30, 40])) as file:
        assert file.n_frames == 2 and file.info["duration"] == 300 and file.size == (16, 12)
        assert np.array(file.convert("RGB"))[5, 5].tolist() == list(PALETTE[0])
