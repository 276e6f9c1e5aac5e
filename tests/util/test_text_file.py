import codecs

import pytest

from util.errors import UserError
from util.text_file import read_text

TEXT = "naïve – “né”\n\u2028 mid\ufeffmark \x00 nil\n"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_are_no_text(mark, end, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + TEXT.replace("\n", end).encode())
    assert read_text(path) == TEXT


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-16", "it begins as UTF-16 does; save it as UTF-8"),
        ("utf-32", "it begins as UTF-32 does; save it as UTF-8"),
        ("utf-16-le", "a quarter of it is zeros: UTF-16, or no text at all"),
        ("cp1252", r"byte 2; it looks like CP1252 \(Windows\); save it"),
    ],
)
def test_another_encoding_is_named(encoding, line, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("naïve – “né”\n".encode(encoding))
    with pytest.raises(UserError, match=rf"^{path}: not UTF-8 text \({line}"):
        read_text(path)


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "latin.txt").write_bytes("naïve\n".encode("latin-1"))
    (tmp_path / "clip.mp4").write_bytes(bytes(range(256)) * 20)
    for name, line in (
        ("latin.txt", r"byte 2; it looks like Latin-1; save it as UTF-8"),
        ("clip.mp4", "looks like no text at all"),
        ("none", "not there; give a list"),
        ("latin.txt/none", "not there; give a list"),
        ("", "is a folder, not a file; give a list"),
    ):
        with pytest.raises(UserError, match=line):
            read_text(tmp_path / name, "give a list")
