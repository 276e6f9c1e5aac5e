"""What is looked at before the work: one writer, outputs, names, changes; all is accounted for."""

import json
import os
import random
import resource
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from data_loader.store.features import open_store
from preprocess.extraction import extract, plan
from preprocess.extraction.paths import failed_videos_file, parts_folder
from preprocess.extraction.plan import CHANGED
from preprocess.video.files import look_for_videos, name_videos
from preprocess.videos import main
from tests.conftest import ROOT
from tests.hostile_trees import grow
from tests.video_files import moving_images, write_video
from util.errors import UserError
from util.lock import writer_lock


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch) -> None:
    """Decode here: nothing of these tests crashes a decoder."""
    monkeypatch.setattr(extract, "choose_pool_sizes", lambda **_: (0, 1))


def words(videos: object, output: Path, *more: str) -> list[str]:
    size = ["--clips", "1", "--frames", "2", "--backbone", "pixels"]
    return ["--videos", str(videos), *size, "--output", str(output), *more]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate("ab"):
        write_video(folder / f"{name}.mp4", images=moving_images(4, (32, 32), seed=i))
    return folder


def rows(output: Path) -> dict[str, str]:
    found = json.loads(failed_videos_file(output).read_text())
    return {row["id"]: row["reason"] for row in found}


@pytest.mark.parametrize("first", ["a.mp4", "b.mp4"])
def test_the_second_writer_of_a_store_is_refused_and_nothing_is_lost(
    folder, tmp_path, monkeypatch, first
) -> None:
    output, real, met = tmp_path / "s.h5", extract.extract_here, []
    (second,) = {"a.mp4", "b.mp4"} - {first}

    def work(*given):
        with pytest.raises(UserError, match=rf"s\.h5: process {os.getpid()} on .* is writing it"):
            main(words(folder / second, output))
        met.append(1)
        return real(*given)

    monkeypatch.setattr(extract, "extract_here", work)
    assert main(words(folder / first, output)) == 0 and met
    monkeypatch.undo()
    assert main(words(folder / second, output)) == 0
    assert set(open_store(output).ids) == {"a", "b"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "s.h5"], "no lock is left"


def test_all_outputs_are_locked(folder, tmp_path) -> None:
    one, other = tmp_path / "one.h5", tmp_path / "other.h5"
    command = ["--videos", str(folder), "--backbone", "pixels", "pixel_motion", "--output"]
    with writer_lock(one), pytest.raises(UserError, match=r"one\.h5: process .* is writing it"):
        main([*command, str(other), str(one)])
    assert not other.exists()


def test_parts_that_vanish_are_an_error_not_a_success(folder, tmp_path, monkeypatch) -> None:
    output, real = tmp_path / "s.h5", extract.extract_here

    def work(*given):
        done = real(*given)
        sorted(parts_folder(output).glob("*.h5"))[0].unlink()
        return done

    monkeypatch.setattr(extract, "extract_here", work)
    with pytest.raises(UserError, match=r"1 of 2 videos are neither stored nor set aside \(a\)"):
        main(words(folder, output, "--shard", "1"))


def test_no_network_is_built_when_nothing_is_lacking(folder, tmp_path, monkeypatch) -> None:
    output = tmp_path / "s.h5"
    rest = ["--backbone", "squeezenet1_1", "--weights", "random", "--videos", str(folder)]
    rest += ["--clips", "1", "--frames", "2", "--output", str(output)]
    assert main(rest) == 0

    def load(*_, **__):
        raise AssertionError("a network is built")

    monkeypatch.setattr("preprocess.extraction.output.load_backbone", load)
    assert main(rest) == 0
    for more, told in [
        (["--resize", "crop"], "resize"),
        (["--frames", "3"], "sampling"),
        (["--network_precision", "bf16"], "network_precision"),
    ]:
        with pytest.raises(UserError, match=rf"s\.h5: made with {told} "):
            main([*rest, *more])
    (folder / "bad.mp4").symlink_to("nowhere")
    assert main(rest) == 1
    write_video(folder / "new.mp4", 3)
    with pytest.raises(AssertionError, match="a network is built"):
        main(rest)


def test_a_file_that_changed_is_named_and_stored_anew_on_retry(folder, tmp_path, capsys) -> None:
    output = tmp_path / "s.h5"
    assert main(words(folder, output)) == 0
    old = open_store(output).video("a").file_sha256
    write_video(tmp_path / "x.mp4", 9)
    os.utime(tmp_path / "x.mp4", (0, 0))  # older than what it takes the place of
    (tmp_path / "x.mp4").rename(folder / "a.mp4")
    write_video(folder / "c.mp4", 5)
    for new in (1, 0, 0):  # still so after the store has been written again
        assert main(words(folder, output)) == 1
        assert f"3 of 3 videos stored ({new} new), 1 failed" in capsys.readouterr().out
        assert rows(output) == {"a": CHANGED}
        assert open_store(output).video("a").file_sha256 == old
    assert main(words(folder, output, "--retry")) == 0
    assert "3 of 3 videos stored (1 new), 0 failed" in capsys.readouterr().out
    assert open_store(output).video("a").file_sha256 != old
    assert main(words(folder, output)) == 0 and not failed_videos_file(output).exists()


def test_files_that_only_moved_are_looked_at_once(folder, tmp_path, monkeypatch) -> None:
    output = tmp_path / "s.h5"
    assert main(words(folder, output)) == 0
    (folder / "a.mp4").rename(tmp_path / "t")
    (tmp_path / "t").rename(folder / "a.mp4")
    read, real = [], plan.fingerprint
    monkeypatch.setattr(plan, "fingerprint", lambda file: read.append(file.name) or real(file))
    for expected in (["a.mp4"], []):
        assert main(words(folder, output)) == 0
        assert read == expected
        read.clear()


def test_what_is_left_out_is_said(folder, tmp_path, capsys) -> None:
    for name in ("a.srt", "b.JPG", "Thumbs.db", ".DS_Store", "old.h5", "c.mp4.part"):
        (folder / name).write_text("x")
    (folder / "more" / "deep").mkdir(parents=True)
    write_video(folder / "more" / "deep" / "d.mp4", 2)
    (folder / "gone.mp4").symlink_to("/nowhere/x.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    os.mkfifo(folder / "pipe.mp4")
    output = folder / "s.h5"
    for new in (2, 0):  # the store lies among the videos
        assert main(words(folder, output)) == 1
        seen = capsys.readouterr()
        assert f"2 of 5 videos stored ({new} new), 3 failed" in seen.out
        for said in (
            "1 hidden file (.DS_Store)", "2 text files (Thumbs.db, ...)", "1 picture file (b.JPG)",
            "1 unfinished download file (c.mp4.part)",
            "1 file of this program (old.h5)" if new else "3 files of this program",
            "1 sub-folder with 1 file (more; name",
        ):  # fmt: skip
            assert said in seen.err, said
    found = rows(output)
    assert found["gone"] == "a link to nothing (/nowhere/x.mp4)"
    assert "symbolic links" in found["loop"] and "pipe" in found["pipe"]


def test_names_that_are_no_utf8(folder, tmp_path) -> None:
    strange = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4"))
    write_video(tmp_path / "x.mp4", 3)
    (tmp_path / "x.mp4").rename(strange)
    (tmp_path / "map").write_text("\ufeffa.mp4 vid1\nb vid2\n", encoding="utf-8")
    output = tmp_path / "s.h5"
    assert main(words(folder, output, "--id_map", str(tmp_path / "map"))) == 1
    assert open_store(output).ids == ("1", "2")
    assert rows(output) == {"caf\udce9": "its name is not UTF-8; rename it"}


def test_an_accent_in_one_character_or_two_is_one_video(tmp_path) -> None:
    folder, output = tmp_path / "in", tmp_path / "s.h5"
    folder.mkdir()
    one, two = (folder / unicodedata.normalize(f, "\u00e9.mp4") for f in ("NFC", "NFD"))
    write_video(two, 3)
    assert main(words(folder, output)) == 0 and open_store(output).ids == ("\u00e9",)
    write_video(one, 3)
    with pytest.raises(UserError, match="have the same id"):
        main(words(folder, output))
    one.unlink()
    one.symlink_to(two)
    assert main(words(folder, output)) == 0


def test_outputs_are_looked_at_before_the_work(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(extract, "extract_here", None)
    file, store = tmp_path / "file", tmp_path / "t.h5"
    file.write_text("x")
    Path(f"{store}.quarantine.json").mkdir()
    for output, message in [
        (tmp_path, "is a folder"),
        (file / "s.h5", "file is not a folder"),
        (tmp_path / ("x" * 300), "cannot be written"),
        (tmp_path / ("x" * 245), "cannot be written"),
        (store, r"t\.h5\.quarantine\.json: is a folder"),
    ]:
        with pytest.raises(UserError, match=message):
            main(words(folder, output))
    (tmp_path / "link").symlink_to(tmp_path)
    both = ["--output", str(tmp_path / "s.h5"), str(tmp_path / "link" / "s.h5")]
    with pytest.raises(UserError, match=r"--output .*link/s\.h5: is what --output .*s\.h5 names"):
        main(["--videos", str(folder), "--backbone", "pixels", "pixel_motion", *both])


def test_a_limit_on_files_is_said_and_overcome(folder, tmp_path) -> None:
    output = tmp_path / "s.h5"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, before[1]))
    try:
        with pytest.raises(UserError, match=r"0\.h5: a file of .* the same command again"):
            main(words(folder, output))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert main(words(folder, output)) == 0 and len(open_store(output).ids) == 2


LIMITED = ["--bounding-set=-dac_override,-dac_read_search"]
LIMITED += ["--inh-caps=-dac_override,-dac_read_search"]
SCRIPT = """
import sys
from preprocess.extraction import extract
from preprocess.videos import main
from util.errors import run_command
extract.choose_pool_sizes = lambda **_: (0, 1)
for command in eval(sys.argv[1]):
    try:
        run_command(lambda: main(command))
    except SystemExit as ended:
        print("code", ended.code)
"""


def test_rights_that_are_lacking_cost_the_file_alone(folder, tmp_path) -> None:
    locked, closed, fixed = folder / "a.mp4", tmp_path / "closed", tmp_path / "fixed"
    closed.mkdir()
    fixed.mkdir()
    for path, mode in ((locked, 0), (closed, 0), (fixed, 0o555)):
        path.chmod(mode)
    command = [sys.executable]
    if os.geteuid() == 0:
        command = ["setpriv", *LIMITED, *command]
        try:
            able = subprocess.run([*command, "-c", f"open({str(locked)!r})"], capture_output=True)
        except FileNotFoundError:
            pytest.skip("setpriv is not there to take root's rights away")
        if b"PermissionError" not in able.stderr:
            pytest.skip("root's rights cannot be taken away here")
    output = tmp_path / "s.h5"
    runs = [words(folder, output), words(closed, output), words(folder, fixed / "s.h5")]
    ended = subprocess.run(
        [*command, "-c", SCRIPT, repr(runs)], cwd=ROOT, capture_output=True, text=True
    )
    closed.chmod(0o755)
    assert [line for line in ended.stdout.splitlines() if line.startswith("code")] == [
        "code 1", "code 2", "code 2"
    ], ended.stderr  # fmt: skip
    assert "Traceback" not in ended.stderr
    assert "closed: cannot be listed (Permission denied)" in ended.stderr
    assert "fixed may not be written" in ended.stderr
    assert open_store(output).ids == ("b",)
    assert rows(output) == {"a": "may not be read; change its rights"}


def account(seed: int, place: Path, clip: Path) -> None:
    """Stored + set aside + said = there, in two runs with changes between them."""
    rng = random.Random(seed)
    tree, output = place / f"tree{seed}", place / f"{seed}.h5"
    names = grow(tree, clip, rng)
    for again in range(2):
        try:
            listing = look_for_videos([str(tree)], own=[output])
            code = main(words(tree, output))
        except UserError as error:
            assert "\n" not in str(error)
            told = ("no files there", "have the same id", "none of", "not made")
            assert any(text in str(error) for text in told), f"seed {seed}: {error}"
            return
        left = [path for paths in listing.left_out.values() for path in paths]
        there = {os.fsencode(path.name) for path in [*listing.files, *left, *listing.folders]}
        assert there == set(names), f"seed {seed}: something is not said"
        found = rows(output) if failed_videos_file(output).exists() else {}
        stored = set(open_store(output).ids)
        ids = set(name_videos(listing.files, None))
        assert ids <= stored | set(found), f"seed {seed}: lost {ids - stored - set(found)}"
        assert code == (1 if found else 0), f"seed {seed}"
        if not again:  # one more, one moved, one changed
            write_video(tree / "new.mp4", 3)
            files = [path for path in listing.files if path.is_file() and not path.is_symlink()]
            if files and files[0].stat().st_nlink == 1:
                files[0].unlink()
                write_video(tree / "z.mp4", 6).rename(files[0])
            names = sorted(os.fsencode(path.name) for path in tree.iterdir())


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_video(tmp_path / "clip.mp4", 4, size=(16, 16))


@pytest.mark.parametrize("seed", range(25))
def test_hostile_trees(seed, tmp_path, clip) -> None:
    account(seed, tmp_path, clip)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(25, 200))
def test_more_hostile_trees(seed, tmp_path, clip) -> None:
    account(seed, tmp_path, clip)
