import subprocess
import sys

import pytest
import torch

from tests.conftest import ROOT
from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import SHORTAGE, UserError, run_command
from util.files import check_output, sha256, whole_file


def test_a_file_appears_whole_or_not_at_all(tmp_path) -> None:
    path = tmp_path / "folder" / "f.txt"
    with whole_file(path) as partial:
        partial.write_text("first")
        assert not path.exists()
    with pytest.raises(RuntimeError), whole_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]
    assert sha256(path) == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"


def test_a_checkpoint_holds_plain_data_only(tmp_path) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"weights": {"a": torch.ones(2)}, "step": 3})
    assert load_checkpoint(path)["step"] == 3

    class Trap:
        def __reduce__(self):
            return (print, ("run on loading",))

    torch.save({"format": 1, "trap": Trap()}, path)
    with pytest.raises(UserError, match=r"c\.pt: not readable as a checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (None, 0, ""),
        (1, 1, ""),
        (UserError("x.h5: broken;\n make it again"), 2, "error: x.h5: broken; make it again\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (MemoryError(), 2, f"{SHORTAGE}\n"),
        (torch.OutOfMemoryError("CUDA out of memory."), 2, f"{SHORTAGE}\n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, f"{SHORTAGE}\n"),
        (
            PermissionError(13, "Permission denied", "x/y"),
            2,
            "error: x/y: Permission denied; check the path and its rights\n",
        ),
    ],
)
def test_exit_codes(outcome, code: int, said: str, capsys) -> None:
    def main():
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    with pytest.raises(SystemExit) as leaving:
        run_command(main)
    assert leaving.value.code == code
    assert capsys.readouterr().err == said


def test_our_own_bugs_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)
    with pytest.raises(OSError, match="no file"):
        run_command(raising(OSError("no file")))


def raising(error: Exception):
    def main():
        raise error

    return main


def test_a_name_that_is_not_utf8_can_be_printed() -> None:
    code = "from util.errors import SHORTAGE, UserError, run_command\n"
    code += "def main():\n    print('caf\\udce9')\n    raise UserError('caf\\udce9: gone')\n"
    code += "run_command(main)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b"caf\\udce9\n" and done.stderr == b"error: caf\\udce9: gone\n"


def test_an_output_is_looked_at_before_the_work(tmp_path) -> None:
    (tmp_path / "in.csv").write_text("a")
    (tmp_path / "link.csv").symlink_to("in.csv")
    (tmp_path / "folder").mkdir()
    assert (
        check_output(tmp_path / "new" / "deeper" / "o.pt") == tmp_path / "new" / "deeper" / "o.pt"
    )
    assert not (tmp_path / "new").exists()
    check_output(tmp_path / "o.pt", inputs={"--annotations": tmp_path / "in.csv", "--glove": None})
    for path, said in {
        "folder": "--output .*folder: is a folder",
        "in.csv/o.pt": "in.csv is not a folder",
        "x" * 300: "cannot be written .File name too long",
        "in.csv": "is what --annotations names",
        "folder/../in.csv": "is what --annotations names",
        "link.csv": "is what --annotations names",
    }.items():
        with pytest.raises(UserError, match=said):
            check_output(tmp_path / path, inputs={"--annotations": tmp_path / "in.csv"})
    with pytest.raises(UserError, match=r"--b .*is what --a names"):  # neither exists yet
        check_output(tmp_path / "s.h5", "--b", inputs={"--a": tmp_path / "folder/../s.h5"})


def test_a_system_error_while_writing_is_one_line(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "o.txt", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match="cannot be written"), whole_file(path) as partial:
            partial.write_text("content")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "o.txt"):
        (tmp_path / "input").read_text()  # not of the file that is written
    with (
        pytest.raises(UserError, match=r"o.txt: cannot be written .No space left"),
        whole_file(tmp_path / "o.txt"),
    ):
        raise OSError(28, "No space left on device")
