import pytest
import torch

from util.device import free_memory, pick_device, search_convolutions
from util.errors import UserError


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (("memory.max", "memory.current", "memory.stat"), ""),
        (
            (
                "memory/memory.limit_in_bytes",
                "memory/memory.usage_in_bytes",
                "memory/memory.stat",
            ),
            "total_",
        ),
    ],
    ids=["v2", "v1"],
)
def test_files_in_the_cache_of_a_container_give_way(tmp_path, monkeypatch, names, prefix) -> None:
    stat = f"anon 7\n{prefix}inactive_file 300\n{prefix}active_file 20\n"
    (tmp_path / "memory").mkdir()
    for name, text in zip(names, ("1000\n", "900\n", stat), strict=True):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("util.device.CGROUP", tmp_path)
    assert free_memory(torch.device("cpu")) == 420
    (tmp_path / names[0]).write_text("max\n")
    assert free_memory(torch.device("cpu")) > 1000


@pytest.mark.parametrize("own", ["0::/slurm/job_7", "4:memory:/slurm/job_7"], ids=["v2", "v1"])
def test_the_limit_of_a_job_within_a_machine_counts(tmp_path, monkeypatch, own: str) -> None:
    names, top = (("max", "current"), "") if own.startswith("0") else (
        ("limit_in_bytes", "usage_in_bytes"), "memory"
    )  # fmt: skip
    for group, most in (("", "9000"), ("slurm", "800"), ("slurm/job_7", "max")):
        folder = tmp_path / top / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in zip((*names, "stat"), (most, "500", "anon 500"), strict=True):
            (folder / f"memory.{name}").write_text(text)
    (tmp_path / "mine").write_text(f"1:cpu:/\n{own}\n")
    monkeypatch.setattr("util.device.CGROUP", tmp_path)
    monkeypatch.setattr("util.device.MINE", tmp_path / "mine")
    assert free_memory(torch.device("cpu")) == 300


@pytest.fixture
def settings():
    """torch's settings of arithmetic, off for a test."""
    places = ((torch.backends.cuda.matmul, "allow_tf32"), (torch.backends.cudnn, "allow_tf32"))
    places += ((torch.backends.cudnn, "benchmark"),)
    before = [getattr(*place) for place in places]
    for place in places:
        setattr(*place, False)
    yield lambda: [getattr(*place) for place in places]
    for place, value in zip(places, before, strict=True):
        setattr(*place, value)


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_float32_on_a_gpu_uses_tf32(settings, monkeypatch, asked: str) -> None:
    assert pick_device("cpu").type == "cpu" and settings() == [False] * 3
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.empty", lambda *_, device: None)
    assert pick_device(asked).type == "cuda"
    assert settings() == [True, True, False]
    for search in (True, False):
        search_convolutions(torch.device("cuda"), search)
        assert settings() == [True, True, search]
        search_convolutions(torch.device("cpu"), not search)
        assert settings() == [True, True, search]


@pytest.mark.parametrize("asked", ["cuda:7", "tpu"])
def test_a_device_that_is_not_there(monkeypatch, asked: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(UserError, match=f"--device {asked}: not on this machine"):
        pick_device(asked)
