import pytest
import torch

from util.checkpoint import load_checkpoint, save_checkpoint
from util.errors import UserError, run_command
from util.files import sha256, whole_file


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
