"""Many videos become one results file: all accounted for, nothing lost, whole or not at all."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import predict
from evaluation.caption.results_file import read_results
from inference.caption.captioner import Captioner
from options.caption import SearchOptions
from tests.commands import Command
from tests.hostile_text import legal_names
from util.errors import UserError

FLAGS = ["caption", "--run", "results/attention", "--beam", "2", "--max_words", "16"]


def some_videos(folder: str, count: int = 3) -> list[Path]:
    """Copies of generated videos in a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir()
    found = sorted(Path("d/videos").glob("*.mp4"))[:count]
    return [Path(shutil.copy(file, folder)) for file in found]


def written(path: str) -> list[dict]:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def test_a_folder_becomes_results(capsys) -> None:
    files = some_videos("many")
    Path("many/notes.txt").write_text("no video")
    assert predict.main([*FLAGS, "--videos", "many", "--n_best", "2"]) == 0
    found = written("results/attention/captions.json")
    assert [one["image_id"] for one in found] == [file.stem for file in files]
    scored = read_results(Path("results/attention/captions.json"))  # as evaluate.py captions
    assert scored == {one["image_id"]: one["caption"] for one in found}
    captioner = Captioner("results/attention", search=SearchOptions(beam=2, max_words=16))
    for one, file in zip(found, files, strict=True):
        assert set(one) == {"image_id", "caption", "n_best"}
        best = captioner.caption(file, n_best=2)
        assert one["caption"] == best[0].text
        assert [b["caption"] for b in one["n_best"]] == [b.text for b in best]
        assert [b["score"] for b in one["n_best"]] == pytest.approx([b.score for b in best])
    said = capsys.readouterr().out
    assert "left out: 1 text file (notes.txt)" in said
    assert "results/attention/captions.json: captions of 3 of 3 videos\n" in said
    left = {path.name for path in Path("results/attention").glob("captions.json*")}
    assert left == {"captions.json"}


def test_a_list_and_what_fails(capsys) -> None:
    files = some_videos("listed")
    Path("listed/broken.mp4").write_bytes(b"no video" * 100)
    names = [*map(str, files), "listed/none.mp4", "", "listed/broken.mp4"]
    Path("list.txt").write_text("\n".join(names), encoding="utf-8")
    assert predict.main([*FLAGS, "--videos", "list.txt", "--output", "out.json"]) == 1
    assert [one["image_id"] for one in written("out.json")] == [file.stem for file in files]
    failed = written("out.json.quarantine.json")
    assert [(f["file"], f["id"]) for f in failed] == [
        ("listed/none.mp4", "none"), ("listed/broken.mp4", "broken")
    ]  # fmt: skip
    assert failed[0]["reason"] == "no such file" and "not a video" in failed[1]["reason"]
    said = capsys.readouterr()
    assert "out.json: captions of 3 of 5 videos; 2 failed, listed in out.json.quar" in said.out
    assert "set aside listed/none.mp4: no such file" in said.err
    Path("list.txt").write_text("\n".join(map(str, files)))
    assert predict.main([*FLAGS, "--videos", "list.txt", "--output", "out.json"]) == 0
    assert not Path("out.json.quarantine.json").exists()


def test_a_killed_command_goes_on(monkeypatch) -> None:
    some_videos("killed", 30)
    flags = [*FLAGS, "--videos", "killed", "--output", "killed.json"]
    progress = Path("killed.json.progress.jsonl")
    process = Command("predict.py", flags)
    while process.poll() is None:
        if progress.exists() and progress.read_text().count("\n") > 3:
            break
        time.sleep(0.002)
    assert process.kill() == -signal.SIGKILL, process.stderr
    assert not Path("killed.json").exists()
    with progress.open("a") as file:
        file.write('{"video": "cut off')
    known = [json.loads(line)["video"] for line in progress.read_text().split("\n")[1:-1]]
    captioned = []
    original = Captioner.caption

    def counting(self, video, *, n_best=1):
        captioned.append(Path(video).stem)
        return original(self, video, n_best=n_best)

    monkeypatch.setattr(Captioner, "caption", counting)
    assert 3 <= len(known) < 30
    os.utime(f"killed/{known[0]}.mp4", (1, 1))  # another file, for all that is known
    assert predict.main(flags) == 0
    every = {file.stem for file in Path("killed").iterdir()}
    assert set(captioned) == every - set(known[1:])
    assert not progress.exists()
    resumed = written("killed.json")
    assert predict.main(flags) == 0
    assert written("killed.json") == resumed and len(resumed) == 30


def test_another_search_begins_anew(monkeypatch) -> None:
    some_videos("again")
    flags = [*FLAGS, "--videos", "again", "--output", "again.json"]

    def stops(path, entries):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("inference.caption.many.write_json", stops)
        with pytest.raises(KeyboardInterrupt):
            predict.main(flags)
    assert Path("again.json.progress.jsonl").exists()
    assert predict.main([*flags, "--max_words", "2"]) == 0
    assert all(len(one["caption"].split()) <= 2 for one in written("again.json"))


def test_names_are_data() -> None:
    shutil.rmtree("hostile", ignore_errors=True)
    Path("hostile").mkdir()
    source = min(Path("d/videos").glob("*.mp4"))
    names = [n for n in legal_names() if not n.startswith(".")][:40]
    for name in names:
        Path("hostile", f"{name}.mp4").symlink_to(source.absolute())
    code = predict.main([*FLAGS, "--videos", "hostile", "--output", "h.json"])
    failed = written("h.json.quarantine.json") if code else []
    found = written("h.json")
    assert len(found) + len(failed) == len(names) == 40
    assert len(found) > 35 and len({one["caption"] for one in found}) == 1  # of one video
    assert {one["image_id"] for one in found} <= set(names)


def test_two_files_of_one_id_are_refused() -> None:
    source = some_videos("twins", 1)[0]
    shutil.copy(source, f"twins/{source.stem}.avi")
    with pytest.raises(UserError, match="have the same id"):
        predict.main([*FLAGS, "--videos", "twins", "--output", "twins.json"])
    assert not Path("twins.json").exists()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--videos", "nowhere.txt"], r"nowhere\.txt: not there; --videos is a folder, or a text"),
        (["--videos", "empty"], r"--videos empty: no files there"),
        (["--videos", "d/videos", "--output", "VIDEO"], r"is what --videos names"),
        (["--videos", "own.txt", "--output", "own.txt"], r"own\.txt: is what --videos names"),
        (["--videos", "d/videos", "--output", "d"], r"--output d: is a folder"),
    ],
)
def test_mistakes_are_one_line(flags: list[str], line: str) -> None:
    Path("empty").mkdir(exist_ok=True)
    Path("own.txt").write_text("d/none.mp4")
    video = str(min(Path("d/videos").glob("*.mp4")))
    with pytest.raises(UserError, match=line):
        predict.main([*FLAGS, *(video if word == "VIDEO" else word for word in flags)])
    assert Path(video).stat().st_size > 1000
