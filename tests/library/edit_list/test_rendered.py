"""Lists rendered by FFmpeg and by melt from videos that say which frame each is."""

import random
import shutil
import subprocess
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import InvalidDataError

from demo.cuts import script_flag
from library.edit_list import ffmpeg, mlt
from library.edit_list.cuts import Audio, Cut, EditList, Source
from library.edit_list.rate import RATES
from library.edit_list.read_source import read_source
from tests import numbered_video
from tests.library.edit_list.drawn import RATE_NAMES
from util.text import printable

FRAMES = 400
MELT = shutil.which("melt") or shutil.which("melt-7")


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "master.mp4"
    return numbered_video.write(path, FRAMES, Fraction(25))


def edits_of(cuts: list[Cut]) -> EditList:
    return EditList("list", cuts[0].source.rate, 0, tuple(cuts))


def drawn(rng: random.Random, sources: list[Source], most: int = 6, length: int = 20) -> EditList:
    cuts = []
    for _ in range(rng.randint(1, most)):
        source = rng.choice(sources)
        begin = rng.randrange(source.frames)
        end = min(source.frames, begin + rng.randint(1, length))
        cuts.append(Cut(source, begin, end, query="it's [a]; b, c: \\d=%\n"))
    return edits_of(cuts)


def numbers_of(edits: EditList) -> list[int]:
    return [number for cut in edits.cuts for number in range(cut.begin, cut.end)]


def rendered(edits: EditList, folder: Path) -> list[int]:
    script = folder / "cuts.txt"
    script.write_text(ffmpeg.text_of(edits), newline="")
    return numbered_video.rendered(script)


def by_melt(edits: EditList, folder: Path) -> list[int]:
    if MELT is None:
        pytest.skip("needs the melt program")
    (folder / "list.mlt").write_text(mlt.text_of(edits))
    # real_time=-1: no frame is dropped where the machine is slow.
    words = [MELT, "-silent", "list.mlt", "-consumer", "avformat:melt.mkv", "vcodec=ffv1", "an=1",
             "real_time=-1", "pix_fmt=yuv420p"]  # fmt: skip
    for _ in range(3):  # once in some 50 runs melt 7.12 hangs at its end, or does not finish a file
        with suppress(subprocess.TimeoutExpired, InvalidDataError):
            subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=20)
            return numbered_video.numbers(folder / "melt.mkv")
    pytest.fail("melt failed three times")


@pytest.mark.parametrize("rate", RATE_NAMES)
def test_ffmpeg_shows_the_wanted_frames(rate: str, master, tmp_path) -> None:
    path = numbered_video.retime(master, tmp_path / "a.mp4", RATES[rate].fps)
    source = read_source(path, RATES[rate])
    assert (source.rate, source.frames, source.variable) == (RATES[rate], FRAMES, False)
    for seed in range(4):
        edits = drawn(random.Random(seed), [source])
        assert rendered(edits, tmp_path) == numbers_of(edits)


def test_a_list_for_the_concat_demuxer_would_not_be_exact(tmp_path) -> None:
    """Which is why there is none: it gives what lies between a keyframe and the cut, too."""
    path = numbered_video.write(tmp_path / "a.mp4", FRAMES, Fraction(25), keyframes=250)
    (tmp_path / "list").write_text(f"ffconcat version 1.0\nfile {path}\ninpoint 4\noutpoint 4.4\n")
    with av.open(str(tmp_path / "list"), format="concat", options={"safe": "0"}) as container:
        found = [numbered_video.number_of(f.to_ndarray(format="gray"))
                 for f in container.decode(video=0)]  # fmt: skip
    assert set(range(100, 110)) < set(found) and len(found) > 100
    assert rendered(edits_of([Cut(read_source(path), 100, 110)]), tmp_path) == [*range(100, 110)]


@pytest.mark.parametrize("rate", RATE_NAMES)
def test_melt_shows_the_wanted_frames(rate: str, master, tmp_path) -> None:
    path = numbered_video.retime(master, tmp_path / "a.mp4", RATES[rate].fps)
    edits = drawn(random.Random(rate), [read_source(path, RATES[rate])])
    assert by_melt(edits, tmp_path) == numbers_of(edits)


@pytest.mark.parametrize(
    ("name", "codec", "keyframes"),
    [("a.mp4", "libx264", 250), ("a.mkv", "libx264", 30), ("a.ts", "libx264", 30),
     ("a.avi", "mpeg4", 12), ("a.mov", "libx264", 1), ("a.mpg", "mpeg2video", 12),
     ("a.webm", "libvpx", 30), ("a.flv", "libx264", 30)],
)  # fmt: skip
def test_containers(name: str, codec: str, keyframes: int, tmp_path) -> None:
    path = numbered_video.write(
        tmp_path / name, 200, Fraction(30000, 1001), codec=codec, keyframes=keyframes
    )
    source = read_source(path)
    assert (source.rate.fps, source.frames, source.variable) == (Fraction(30000, 1001), 200, False)
    for seed in range(3):
        edits = drawn(random.Random(seed), [source])
        assert rendered(edits, tmp_path) == numbers_of(edits)


def variable(path: Path, seed: int, frames: int = 200) -> tuple[Path, np.ndarray]:
    """A video whose frames last 1 to 9 hundredths of a second, and when each begins."""
    lengths = np.random.default_rng(seed).integers(1, 10, frames)
    times = np.cumsum(lengths) - lengths
    base = Fraction(1, 100)
    numbered_video.write(path, frames, Fraction(20), times=times.tolist(), base=base)
    return path, times


def shown(times: np.ndarray, fps: Fraction, frame: int) -> int:
    """What a variable video (times in hundredths) shows at frame / fps s: the last one begun."""
    return max(n for n, time in enumerate(times.tolist()) if Fraction(time, 100) * fps <= frame)


@pytest.mark.parametrize("rate", ["23.976", "25", "29.97df", "59.94"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_variable_rate_is_judged_by_presentation_time(rate: str, name: str, tmp_path) -> None:
    path, times = variable(tmp_path / name, 3)
    source = read_source(path, RATES[rate])
    assert source.variable and source.rate == RATES[rate]
    for seed in range(3):
        edits = drawn(random.Random(seed), [source])
        want = [shown(times, source.rate.fps, number) for number in numbers_of(edits)]
        assert rendered(edits, tmp_path) == want
    last = Cut(source, source.frames - 3, source.frames)
    assert rendered(edits_of([last]), tmp_path)[-1] == len(times) - 1


def test_several_rates_and_sizes(master, tmp_path) -> None:
    sources = [
        read_source(numbered_video.retime(master, tmp_path / f"{at}.mp4", RATES[name].fps))
        for at, name in enumerate(("25", "29.97", "59.94"))
    ]
    rng = random.Random(5)
    cuts = [cut for _ in range(5) for cut in drawn(rng, sources).cuts if cut.frames > 1]
    assert rendered(edits_of(cuts), tmp_path) == numbers_of(edits_of(cuts))


def program() -> str:
    """The ffmpeg program: installed, or that of a package."""
    if found := shutil.which("ffmpeg"):
        return found
    reason = "needs the ffmpeg program, or the package imageio-ffmpeg"
    return pytest.importorskip("imageio_ffmpeg", reason=reason).get_ffmpeg_exe()


@pytest.mark.parametrize("name", ["s.mov", "s.mkv", "s.avi"])
def test_the_ffmpeg_program_renders_frames_and_their_sound(name: str, tmp_path) -> None:
    """The middle of each frame's sound has the level that tells its number."""
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    fps = Fraction(30000, 1001)
    path = numbered_video.write(tmp_path / name, 200, fps, sound=True, codec=codec)
    silent = read_source(numbered_video.write(tmp_path / "silent.mp4", 60, fps))
    source = read_source(path)
    assert source.audio == Audio(1, 48_000)
    spans = ((source, 150, 190), (silent, 10, 30), (source, 7, 8), (source, 0, 33))
    edits = edits_of([Cut(*span) for span in (*spans, (source, 199, 200))])
    (tmp_path / "cuts.txt").write_text(ffmpeg.text_of(edits))
    ffmpeg_program = program()
    subprocess.run(
        [ffmpeg_program, "-v", "error", script_flag(ffmpeg_program), "cuts.txt", "-map", "[out0]",
         "-map", "[out1]", "-c:v", "ffv1", "-c:a", "pcm_s16le", "out.mkv"],
        cwd=tmp_path, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert numbered_video.numbers(tmp_path / "out.mkv") == numbers_of(edits)
    assert read_source(tmp_path / "out.mkv").rate.fps == fps
    with av.open(str(tmp_path / "out.mkv")) as container:
        wave = np.concatenate(
            [f.to_ndarray().reshape(-1, 2)[:, 0] for f in container.decode(audio=0)]
        )
    levels = [wave[int((at + 0.5) * 48_000 / fps)] for at in range(len(numbers_of(edits)))]
    want = np.array([1000 * (n % 30) * (cut.source is source) for cut in edits.cuts
            for n in range(cut.begin, cut.end)])  # fmt: skip
    # One channel becomes two of the same power.
    assert np.abs(levels - np.sqrt(0.5) * want).max() <= 2


def test_a_turned_video_is_rendered_upright(tmp_path) -> None:
    for turn in (90, 180, 270):
        path = numbered_video.write(tmp_path / f"{turn}.mp4", 30, Fraction(25), rotation=turn)
        source = read_source(path)
        assert (source.width, source.height) == ((48, 32) if turn == 180 else (32, 48))
        (tmp_path / "cuts.txt").write_text(ffmpeg.text_of(edits_of([Cut(source, 5, 6)])))
        options = {"graph_file": str(tmp_path / "cuts.txt")}
        with av.open("script", format="lavfi", options=options) as container:
            (frame,) = container.decode(video=0)
        image = frame.to_ndarray(format="gray")
        assert numbered_video.number_of(np.rot90(image, -turn // 90)) == 5


HOSTILE = ("plain.mp4", "it's.mp4", "a b.mp4", " lead", "\\b\\", "[a];b,c:d=e.mp4", "%d?x=1&y.mp4",
           "color:red", "Zoë 映画.mp4", "$(x)`y`.mp4", "#hash.mp4", "<a>&amp;.mp4",
           "line\nbreak.mp4", "tab\t.mp4", "-i.mp4", "'", '"', "~", "a.mlt",
           "50%25.mp4", "a|b")  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_path_is_data(name: str, master, tmp_path) -> None:
    path = tmp_path / "v" / name
    path.parent.mkdir()
    shutil.copy(master, path)
    edits = edits_of([Cut(read_source(path), 100, 103, query=name)])
    assert rendered(edits, tmp_path) == [100, 101, 102]
    options = {"graph_file": str(tmp_path / "cuts.txt")}
    with av.open("script", format="lavfi", options=options) as container:
        frame = next(container.decode(video=0))
    assert frame.metadata["edit_list.query"] == printable(name)


@pytest.mark.skipif(MELT is None, reason="needs the melt program")
@pytest.mark.parametrize("name", [name for name in HOSTILE if min(name) >= " "])
def test_a_path_is_data_to_melt(name: str, master, tmp_path) -> None:
    path = tmp_path / "v" / name
    path.parent.mkdir()
    shutil.copy(master, path)
    assert by_melt(edits_of([Cut(read_source(path), 100, 103)]), tmp_path) == [100, 101, 102]
