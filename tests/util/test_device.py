import pytest
import torch

from util.device import free_memory


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
