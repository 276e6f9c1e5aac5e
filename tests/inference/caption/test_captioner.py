"""From a video file to captions: the same as from the stored features, and shown."""

from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

import predict
from data_loader.caption.captions import load_captions
from data_loader.caption.dataset import CaptionData, join_captions
from data_loader.open import open_stores
from inference import pack
from inference.caption.captioner import Captioner
from inference.caption.split import caption_split
from inference.run import open_run
from model.task.captioning import Captioning
from options.caption import SearchOptions
from tests.captioned_shapes import FAMILIES
from util.errors import UserError

SEARCH = SearchOptions(beam=4, max_words=16)
RUNS = [*FAMILIES, "rate", "clips"]


def stored_test_videos(name: str) -> CaptionData:
    """The test split with a run's stores, as evaluation opens it."""
    run = open_run(f"results/{name}", Captioning)
    stores = {channel: f"d/{channel}.h5" for channel in run.stores}
    if name == "rate":
        stores = {"appearance": "d/rate.h5"}
    (data,), _ = join_captions(
        [load_captions("d/c.pt").split("test")], open_stores(**stores), video="real",
        channels="both", seed=0, features_in="memory", device=torch.device("cpu"),
    )  # fmt: skip
    return data


@pytest.mark.parametrize("name", RUNS)
def test_a_file_is_captioned_like_its_stored_features(name: str) -> None:
    captioner, data = (
        Captioner(f"results/{name}", search=SEARCH, device="cpu"),
        stored_test_videos(name),
    )
    task = captioner.run.task
    found = caption_split(task, data, SEARCH, batch_size=5, device=torch.device("cpu"), n_best=3)
    said = set()
    for video, known in zip(data.split.videos, found, strict=True):
        own = captioner.caption(f"d/videos/{video}.mp4", n_best=3)
        assert [one.words for one in own] == [one.words for one in known]
        assert [one.score for one in own] == pytest.approx([k.score for k in known], abs=1e-4)
        assert [one.text for one in own] == [task.vocabulary.decode(k.words) for k in known]
        said.add(own[0].text)
    assert len(said) > 1 or name == "clips", "one caption for all would prove nothing"


def a_video() -> str:
    return str(sorted(Path("d/videos").glob("*.mp4"))[-1])


@pytest.mark.parametrize("word", [["caption"], []])
def test_captions_are_printed_with_scores_and_drawn(word: list[str], capsys) -> None:
    Path("results/attention/caption.png").unlink(missing_ok=True)
    flags = ["--run", "results/attention", "--video", a_video(), "--n_best", "3", "--beam", "4"]
    assert predict.main([*word, *flags, "--max_words", "16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    known = Captioner("results/attention", search=SEARCH).caption(a_video(), n_best=3)
    assert [line.split(maxsplit=1) for line in lines[:3]] == [
        [f"{said.score:.3f}", said.text or "(no words)"] for said in known
    ]
    assert lines[3:] == ["which clips each word came from: results/attention/caption.png"]
    assert imread("results/attention/caption.png").std() > 0.05


def test_the_search_is_the_one_asked_for(capsys) -> None:
    said = []
    for flags in (
        [], ["--beam", "1"], ["--max_words", "3"], ["--length_penalty", "1"],
        ["--beam", "2", "--no_repeat", "1"],
    ):  # fmt: skip
        predict.main(["caption", "--run", "results/both", "--video", a_video(), *flags])
        said.append(capsys.readouterr().out.splitlines()[:-1])
    assert [len(lines) for lines in said] == [5, 1, 5, 5, 2]
    assert all(len(line.split()) <= 4 for line in said[2])
    assert said[3][0].split()[0] != said[0][0].split()[0]
    assert all(len(set(line.split())) == len(line.split()) for line in said[4])


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["caption", "--run", "results/qa", "--video", "V"],
         r"a run of the task qa writes no captions: .* or ask it a --question"),
        (["--run", "results/qa", "--video", "V"], r"--question is missing"),
        (["--run", "results/both", "--video", "V", "--question", "what?"],
         r"a run of the task captioning answers no questions: caption a video with it"),
        (["ask", "--run", "results/both", "--video", "V", "--question", "what?"],
         r"a run of the task captioning answers no questions: caption a video with it"),
        (["captoin", "--run", "results/both"], r"captoin is no subcommand; did you mean caption\?"),
        (["--run", "results/qa", "--video", "V", "--qestion", "what?"],
         r"--qestion is no option of it; did you mean --question\?"),
        (["--video", "V"], r"--question is missing"),
        (["caption", "--run", "results/both"], r"give one of --video FILE, --videos FOLDER or"),
        (["caption", "--run", "results/both", "--video", "V", "--live", "V"], r"give one of --vid"),
        (["caption", "--run", "results/both", "--video", "V", "--n_best", "6"],
         r"--n_best 6: --beam 5 holds fewer"),
        (["caption", "--run", "results/both", "--video", "V", "--n_best", "0"],
         r"--n_best 0: must be at least 1"),
        (["caption", "--run", "results/both", "--video", "none.mp4"], r"none\.mp4: no such file"),
        (["caption", "--run", "results/both", "--video", "V", "--output", "results/both/best.pt"],
         r"--output results/both/best\.pt: is what --run names"),
        (["caption", "--run", "results/clips", "--video", "V", "--motion_weights", "x"],
         r"results/clips has encoders of its own"),
        (["caption", "--run", "results/blind", "--video", "V"], r"blind was trained without video"),
        (["caption", "--run", "results/none", "--video", "V"], r"results/none/best\.pt: no such"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(flags: list[str], line: str) -> None:
    with pytest.raises(UserError, match=line) as raised:
        predict.main([a_video() if word == "V" else word for word in flags])
    assert "\n" not in str(raised.value)


def test_a_packed_run_captions_alike(capsys) -> None:
    for name in ("both", "clips"):
        pack.main(["--run", f"results/{name}", "--output", f"given/{name}.safetensors"])
        assert " words\n" in capsys.readouterr().out
        run, packed = (
            Captioner(path, search=SEARCH, device="cpu")
            for path in (f"results/{name}", f"given/{name}.safetensors")
        )
        assert packed.run.task.vocabulary.words == run.run.task.vocabulary.words
        for video in sorted(Path("d/videos").glob("*.mp4"))[:6]:
            own, other = (one.caption(video)[0] for one in (run, packed))
            assert other.text == own.text
            assert other.score == pytest.approx(own.score, abs=2e-2)
            assert other.score != own.score  # else nothing was rounded
    assert predict.main(["--run", "given/both.safetensors", "--video", a_video()]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("results/both-packed/caption.png")
    assert {path.suffix for path in Path("given").iterdir()} == {".safetensors"}


def test_without_a_run_the_project_s_own_captions(monkeypatch, tmp_path, capsys) -> None:
    own = tmp_path / "small" / "model.safetensors"
    monkeypatch.setattr("inference.run_files.OWN_CAPTIONER", own)
    line = rf"{own}: the model that comes with the project is not here; .* --run"
    with pytest.raises(UserError, match=line):
        predict.main(["caption", "--video", a_video()])
    pack.main(["--run", "results/both", "--output", str(own)])
    capsys.readouterr()
    assert predict.main(["caption", "--video", a_video()]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1].endswith("results/small-packed/caption.png")
    assert predict.main(["caption", "--run", str(own), "--video", a_video()]) == 0
    assert capsys.readouterr().out.splitlines() == said
    assert [path.name for path in own.parent.iterdir()] == ["model.safetensors"]
