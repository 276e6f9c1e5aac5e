"""The benchmarks: they compare equal things, count the arithmetic right, and end in JSON."""

import importlib
import json
import time
from importlib.util import find_spec

import pytest
import torch

from benchmark import measure
from benchmark.__main__ import MODULES, main
from benchmark.arguments import DECODERS, PARTS, VIDEO_NETWORKS
from benchmark.arguments import SIZES as SIZE_NAMES
from benchmark.gpu import parts
from benchmark.training import train_step, video_networks
from benchmark.training.sizes import SIZES, FlopCounter, make_data, make_task
from data_loader.batch import Features
from preprocess.video import decoders
from tests.commands import serve

TINY = SIZES["tiny"]


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """Processes in which memory is measured begin with their imports done."""
    serve()


def test_every_benchmark_and_every_choice_is_there() -> None:
    """The options are apart from the benchmarks, whose tables import torch."""
    for module in MODULES.values():
        assert callable(importlib.import_module(module).run)
    assert tuple(SIZES) == SIZE_NAMES
    assert tuple(parts.PARTS) == PARTS
    assert tuple(decoders.DECODERS) == DECODERS
    assert tuple(video_networks.names()) == VIDEO_NETWORKS


def test_the_plain_form_is_the_same_model() -> None:
    data = make_data(TINY, videos=3, questions_per_video=8)
    assert train_step.check_equal(TINY, data, 24) < 1e-4


def test_another_model_is_noticed(monkeypatch) -> None:
    def forgets_the_scale(self, graph, nodes, scale):
        return right(self, graph, nodes, torch.ones_like(scale))

    right = train_step.PlainAnswering._graph
    monkeypatch.setattr(train_step.PlainAnswering, "_graph", forgets_the_scale)
    data = make_data(TINY, videos=3, questions_per_video=8)
    with pytest.raises(AssertionError, match="nothing was timed"):
        train_step.check_equal(TINY, data, 24)


def test_the_arithmetic_of_one_layer_and_of_grouping() -> None:
    layer = torch.nn.Linear(5, 7)
    with FlopCounter(layer) as counter:
        layer(torch.ones(3, 5))
    assert counter.total == 2 * 3 * 5 * 7
    lstm = torch.nn.LSTM(5, 4, batch_first=True)
    with FlopCounter(lstm) as counter:
        lstm(torch.ones(3, 6, 5))
    assert counter.total == 2 * (3 * 6) * (4 * 4) * (5 + 4)
    task = make_task(SIZES["msvd_qa"], dropout=False)
    data = make_data(SIZES["msvd_qa"], videos=2, questions_per_video=1)
    one = data.batch(data.split.answer.numpy()[:1] * 0)
    assert isinstance(one.visual, Features)
    with torch.no_grad(), FlopCounter(task.model.video) as counter:
        task.model.video(one.visual.appearance, one.visual.motion)
    assert counter.total == pytest.approx(1.91e9 + 2 * 8 * 2048 * 768, rel=0.01)  # 1.91 GFLOP


@pytest.mark.parametrize(
    ("command", "flags", "keys"),
    [
        ("train_step", ["--batch", "16"], {"train_ratio_grouped", "train_ratio_ungrouped",
                                         "floor_share", "loader_ratio", "memory_ratio"}),
        ("inference", ["--videos", "2"], {"inference_ratio"}),
    ],
)  # fmt: skip
def test_the_last_line_is_json(command: str, flags: list[str], keys: set[str], capsys) -> None:
    main([command, "--sizes", "tiny", "--rounds", "1", *flags])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found) == keys
    assert all(value > 0 for value in found.values())


def test_streams(capsys) -> None:
    """Equality, memory and packed sizes are asserted by the benchmark itself."""
    flags = ["--vectors", "400", "--frames", "3", "--anew", "1", "--window", "2", "--width", "8"]
    main(["streaming", "--backbones", "squeezenet1_1", *flags])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["stateful_difference"] < 1e-5 and found["window_difference"] < 1e-5
    assert found["stateful_packed"] < 64 * 1024 and found["squeezenet1_1_anew_fps"] > 0


def test_search_of_captions(capsys) -> None:
    flags = ["--videos", "6", "--beam", "3", "--width", "8", "--vocabulary", "30", "--words", "4"]
    main(["caption_search", *flags, "--rounds", "1"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found) == {"caption_search_ratio", "own_loop_ratio", "captions_per_second"}
    assert all(value > 0 for value in found.values())


@pytest.mark.long
def test_what_shared_videos_save(capsys) -> None:
    small = ["--side", "32", "--clips", "4", "--frames", "8", "--videos", "1", "--rounds", "1"]
    main(["encoders", "--encoders", "resnet_narrow", "resnext_narrow", *small])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["time_ratio"] > 0 and found["time_ratio_checkpointing"] > 0  # of one short round
    assert found["memory_ratio"] > 1


def test_memory_is_that_of_the_work() -> None:
    megabyte = 2**20
    peak = measure.peak_memory(_allocate, (100 * megabyte,))
    assert 95 * megabyte < peak < 160 * megabyte


def _allocate(size: int):
    def work() -> None:
        held = torch.ones(size, dtype=torch.uint8)
        time.sleep(0.1)
        del held

    return work


# Found, not imported: an import of a test's own would bring OpenVINO's telemetry with it.
@pytest.mark.skipif(find_spec("openvino") is None, reason="needs openvino")
def test_networks_by_both_runtimes(capsys) -> None:
    flags = ["--backbones", "squeezenet1_1", "--frames", "16", "--rounds", "1"]
    assert main(["runtimes", *flags]) == 0
    *_, line, last = capsys.readouterr().out.splitlines()
    rates = json.loads(last)["squeezenet1_1"]
    assert len(rates) == 4 and all(rate > 0 for rate in rates.values())
    assert line.startswith(f"| squeezenet1_1 | {rates['torch float32']:.1f} | ")


def test_caption_scores_of_two_codes(tmp_path, capsys) -> None:
    pytest.importorskip("pycocoevalcap.bleu.bleu", reason="needs pycocoevalcap, to compare with")
    names, lines = [], ["# clip and sentence", ""]
    for i, animal in enumerate(("cat", "dog", "bird")):
        names.append(f"clip{i} vid{1301 + i}")
        lines += [f"clip{i} a {animal} is eating", f"clip{i} the {animal} eats", f"clip{i} it {i}"]
    files = {"captions": lines, "id_map": [*names, "train vid1"]}
    for name, content in files.items():
        (tmp_path / name).write_text("\n".join(content))
    given = [part for name in files for part in (f"--{name}", str(tmp_path / name))]
    assert main(["captions", *given, "--references", "2"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["captions_ratio"] > 0 and found["references"] == 6
    assert found["largest_difference"] < 1e-9


def test_what_captioners_cost(capsys) -> None:
    """Each decoder trains, captions and takes at least its weights' memory, four times over."""
    flags = ["--batch", "16", "--steps", "1", "--rounds", "1", "--videos", "4", "--beam", "2"]
    assert main(["caption_cost", "--decoders", "lstm", "transformer", *flags]) == 0
    *_, row, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert list(found) == ["lstm", "transformer"] and row.startswith("| `transformer` | 2,")
    for cost in found.values():
        assert cost["epoch_seconds"] > 0 and cost["captions_per_second"] > 0
        weights = 4 * cost["parameters"] / 2**20
        assert 4 * weights < cost["training_mib"] < 1000
