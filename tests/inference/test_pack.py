"""A packed run answers as the run does, holds nothing else, and a bad file is told in one line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import evaluate
import train
from data_loader.questions import load_questions, save_questions
from data_loader.vocabulary import Vocabulary
from evaluation.run import answer, run_questions
from inference import pack
from inference.run import Run, open_run
from model.task.qa import QuestionAnswering
from options.evaluate import SplitOptions
from tests import tiny_clips, tiny_run
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError

# What is in the file differs between these: other weights, buffers, channels, encoders, padding.
FAMILIES = {
    "plain": [],
    "question_only": ["--video", "none"],
    "one_channel": ["--channels", "motion"],
    "released": ["--word_mask", "released", "--units", "2"],
    "linear": ["--fusion", "linear", "--topology", "window:2", "--graph_layers", "2"],
    "standardized": ["--feature_norm", "standardize", "--ema", "0.9"],
    "whitened": [
        "--feature_norm",
        "whiten:3",
        "--readout_of",
        "features",
        "--question_summary",
        "bag",
    ],
    "product": ["--head", "product", "--units", "0"],
    "low_rank": ["--model", "low_rank", "--feature_norm", "whiten:3"],
}
ENCODERS = {
    "from_random": tiny_clips.RANDOM,
    "batch_norm": [*tiny_clips.RANDOM, "--batch_norm", "train", "--crop", "16"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a tiny run of every family, on features and on clips."""
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("clips").mkdir()
        features, clips = tiny_run.make(folder), tiny_clips.make(folder / "clips")
        for name, flags in FAMILIES.items():
            train.main(["--run", name, *features, *flags, "--epochs", "4"])
        for name, flags in ENCODERS.items():
            train.main(["--run", name, *clips, *flags, "--epochs", "1", "--batch_size", "16"])
        train.main(["autoencoder", "--run", "ae", *clips[2:], *tiny_clips.RANDOM, "--epochs", "1"])
        for name in (*FAMILIES, *ENCODERS):
            pack.main(["--run", f"results/{name}", "--output", f"{name}.safetensors"])
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch) -> None:
    monkeypatch.chdir(trained)


def probabilities(run: Run[QuestionAnswering]) -> torch.Tensor:
    """Of every answer to every question of the test split: (Q, A)."""
    questions = load_questions("clips/questions.pt" if "clips" in run.stores else "questions.pt")
    where = SplitOptions(
        questions=str(questions.path),
        **{f: f"{f}.h5" for f in ("appearance", "motion") if f in run.stores},
        clips="clips/clips.h5" if "clips" in run.stores else None,
    )
    _, found = answer(run, questions, where, run.options["video"])
    return torch.zeros(len(found.top), 6).scatter(1, found.top, found.probability)


@pytest.mark.parametrize("name", [*FAMILIES, *ENCODERS])
def test_a_packed_run_answers_as_the_run(name: str) -> None:
    run, packed = (
        open_run(f"results/{name}", QuestionAnswering),
        open_run(f"{name}.safetensors", QuestionAnswering),
    )
    own, other = probabilities(run), probabilities(packed)
    assert torch.allclose(other, own, rtol=0, atol=2e-3)
    assert not torch.equal(other, own)  # else nothing was rounded, and this would prove nothing
    clear = own.topk(2).values.diff().abs()[:, 0] > 4e-3
    assert clear.any()
    assert torch.equal(other.argmax(1)[clear], own.argmax(1)[clear])
    assert (packed.step, packed.padded) == (run.step, run.padded)
    assert packed.task.vocabulary == run.task.vocabulary
    assert {k: v.provenance for k, v in packed.stores.items()} == {
        k: v.provenance for k, v in run.stores.items()
    }


@pytest.mark.parametrize("name", [*FAMILIES, *ENCODERS])
def test_parameters_are_float16_and_buffers_what_they_were(name: str) -> None:
    weights = load_checkpoint(f"results/{name}/best.pt")["weights"]
    buffers = {
        key for key, _ in open_run(f"results/{name}", QuestionAnswering).task.named_buffers()
    }
    with safe_open(f"{name}.safetensors", framework="pt") as file:
        packed = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    assert packed.keys() == weights.keys()
    for key, tensor in packed.items():
        whole = weights[key]
        assert torch.equal(tensor, whole if key in buffers else whole.half())
        assert tensor.dtype == (whole.dtype if key in buffers else torch.float16)


def test_the_file_is_json_and_numbers_and_says_nothing_of_the_machine(trained) -> None:
    content = Path("from_random.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert set(header.pop("__metadata__")) == {"run"}
    ends = sorted(entry["data_offsets"] for entry in header.values())
    assert [begin for begin, _ in ends] == [0, *(end for _, end in ends[:-1])]  # no gap
    assert ends[-1][1] == len(content) - 8 - length
    options = load_checkpoint("results/from_random/best.pt")["options"]
    assert options["clips"] == f"{trained}/clips/clips.h5"  # as it was given
    for name in FAMILIES | ENCODERS:
        assert str(trained).encode() not in Path(f"{name}.safetensors").read_bytes()
    assert open_run("from_random.safetensors", QuestionAnswering).options["clips"] == "clips.h5"


def test_packing_again_gives_the_same_bytes() -> None:
    pack.main(["--run", "results/plain", "--output", "again.safetensors"])
    assert Path("again.safetensors").read_bytes() == Path("plain.safetensors").read_bytes()


def test_the_last_checkpoint_can_be_packed_too() -> None:
    flags = ["--run", "results/standardized", "--checkpoint", "last", "--output"]
    pack.main([*flags, "last.safetensors"])
    last = load_checkpoint("results/standardized/last.pt")
    run = open_run("last.safetensors", QuestionAnswering, checkpoint="last")
    assert run.step == last["step"]
    key = "model.question.embedding.weight"
    assert torch.equal(run.task.state_dict()[key], last["weights"][key].half().float())
    with safe_open("last.safetensors", framework="pt") as file:
        assert (
            not {"optimizer", "raw_weights", "running", "stale"}
            & json.loads(file.metadata()["run"]).keys()
        )
    with pytest.raises(UserError, match=r"--checkpoint last: plain\.safetensors holds one, the b"):
        open_run("plain.safetensors", QuestionAnswering, checkpoint="last")


def test_a_number_beyond_float16_stays_float32() -> None:
    content = load_checkpoint("results/plain/best.pt")
    key = "model.question.embedding.weight"
    content["weights"][key][3, 0] = 1e5
    Path("results/large").mkdir()
    save_checkpoint(Path("results/large/best.pt"), content)
    pack.main(["--run", "results/large", "--output", "large.safetensors"])
    assert torch.equal(
        open_run("large.safetensors", QuestionAnswering).task.state_dict()[key],
        content["weights"][key],
    )


def test_evaluation_of_a_packed_run_writes_beside_neither_it_nor_the_run(capsys) -> None:
    Path("given").mkdir()
    pack.main(["--run", "results/plain", "--output", "given/model.safetensors"])
    before = sorted(Path("results/plain").iterdir())
    flags = ["--questions", "questions.pt", "--appearance", "appearance.h5", "--motion"]
    evaluate.main(["--run", "given/model.safetensors", *flags, "motion.h5"])
    evaluate.main(["report", "--run", "given/model.safetensors", *flags, "motion.h5"])
    assert [path.name for path in Path("given").iterdir()] == ["model.safetensors"]
    assert sorted(Path("results/plain").iterdir()) == before
    made = {path.name for path in Path("results/given-packed").iterdir()}
    assert made == {"test-real.json", "test-shuffled.json", "plots", "test-failures.html"}
    out = capsys.readouterr().out
    assert "given-packed at step" in out
    evaluate.main(["--run", "results/plain", "--plots", "false"])
    own, other = (
        json.loads(Path(f"results/{name}/test-real.json").read_text())["predictions"]
        for name in ("plain", "given-packed")
    )
    for one, two in zip(own, other, strict=True):
        assert one["probability"] == pytest.approx(two["probability"], abs=2e-3)


def test_runs_and_packed_runs_are_evaluated_together(capsys) -> None:
    stores = ["--appearance", "appearance.h5", "--motion", "motion.h5", "--plots", "false"]
    runs = ["plain.safetensors", "results/one_channel"]
    evaluate.main(["--run", *runs, "--questions", "questions.pt", *stores])
    assert "over 2 runs" in capsys.readouterr().out


def a_file(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    return name


def changed(name: str, *, weights: dict | None = None, **change: object) -> str:
    """The packed run `plain` with other entries in its JSON."""
    with safe_open("plain.safetensors", framework="pt") as file:
        content = json.loads(file.metadata()["run"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    content = {k: v for k, v in {**content, **change}.items() if v is not None}
    save_file(tensors if weights is None else weights, name, {"run": json.dumps(content)})
    return name


def other_file(metadata: dict[str, str] | None) -> str:
    save_file({"x": torch.zeros(2)}, "other.safetensors", metadata)
    return "other.safetensors"


BAD = {
    "missing": (lambda: "none.safetensors", r"none\.safetensors: no such packed run"),
    "empty": (lambda: a_file("b.safetensors", b""), "b.safetensors: not readable as safetensors"),
    "text": (lambda: a_file("b.safetensors", b"a" * 90), "b.safetensors: not readable as safe"),
    "cut": (
        lambda: a_file("b.safetensors", Path("plain.safetensors").read_bytes()[:-9]),
        r"b\.safetensors: not readable as safetensors \(.*\); it is damaged or cut off",
    ),
    "checkpoint": (
        lambda: a_file("b.safetensors", Path("results/plain/best.pt").read_bytes()),
        "b.safetensors: not readable as safetensors",
    ),
    "no metadata": (lambda: other_file(None), "a file of safetensors, but not a packed run"),
    "others'": (lambda: other_file({"format": "pt"}), "but not a packed run; make it with"),
    "no JSON": (lambda: other_file({"run": "{"}), "damaged packed run, its JSON cannot be read"),
    "a list": (lambda: other_file({"run": "[]"}), "damaged packed run, its JSON cannot be read"),
    "format": (lambda: changed("f.safetensors", format=9), "of format 9, this code reads format 1"),
    "no sizes": (lambda: changed("s.safetensors", sizes=None), "sizes is missing"),
    "task": (lambda: changed("s.safetensors", task="x"), "a run of the task x answers no quest"),
    "no weights": (lambda: changed("s.safetensors", weights={"x": torch.ones(1)}), "do not fit"),
    "other sizes": (
        lambda: changed(
            "s.safetensors", sizes={"word_width": 9, "appearance_width": 9, "motion_width": 9}
        ),
        "s.safetensors: its weights do not fit its options",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line(case: str) -> None:
    make, line = BAD[case]
    with pytest.raises(UserError, match=line) as raised:
        open_run(make(), QuestionAnswering)
    assert "\n" not in str(raised.value)


def test_another_vocabulary_is_refused() -> None:
    questions = load_questions("questions.pt")
    vocabulary = Vocabulary(
        words=questions.vocabulary.words, answers=(*questions.vocabulary.answers[:-1], "pink")
    )
    save_questions(
        "pink.pt",
        dataset="tiny",
        vocabulary=vocabulary,
        word_vectors=questions.word_vectors,
        word_vectors_source="",
        splits=questions.splits,
    )
    with pytest.raises(UserError, match=r"pink\.pt has another vocabulary than plain\.safetens"):
        run_questions(open_run("plain.safetensors", QuestionAnswering), "pink.pt")


def test_files_that_a_packed_run_cannot_find_are_asked_for(tmp_path, monkeypatch) -> None:
    run = open_run("plain.safetensors", QuestionAnswering)
    monkeypatch.chdir(tmp_path)
    line = r"plain\.safetensors knows only the names .*\(questions\.pt\): give --questions, and"
    with pytest.raises(UserError, match=line):
        run_questions(run, None)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--run", "results/none"], r"results/none/best\.pt: no such checkpoint"),
        (["--run", "results/ae"], r"a run of the task autoencoder answers no questions"),
        (["--run", "plain.safetensors"], r"--run plain\.safetensors: is a packed run already"),
        (["--output", "x.pt"], r"--output x\.pt: give a name that ends in \.safetensors"),
        (["--output", "results"], r"--output results: give a name that ends"),
        (["--output", "questions.pt/x.safetensors"], r"questions\.pt is not a folder"),
        (["--output", "link.safetensors"], r"link\.safetensors: is what --run names"),
    ],
)
def test_mistakes_of_packing(flags: list[str], line: str) -> None:
    if not Path("link.safetensors").is_symlink():
        Path("link.safetensors").symlink_to("results/plain/best.pt")
    given = {"--run": "results/plain", "--output": "x.safetensors", flags[0]: flags[1]}
    with pytest.raises(UserError, match=line):
        pack.main([word for pair in given.items() for word in pair])
    assert not Path("x.safetensors").exists()
    load_checkpoint("results/plain/best.pt")
