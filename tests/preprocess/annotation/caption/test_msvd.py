"""MSVD's captions: clips by number, two ways to cut them, and the public files where they are."""

from pathlib import Path

import pytest

from data_loader.caption.captions import load_captions
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.msvd import FILE, SPLIT_IDS, read
from preprocess.captions import main
from tests.conftest import ROOT
from util.errors import UserError

LINES = """# <clip name> <sentence>

-_a_1_5 a man runs
c.b_2_3\ta cat sleeps
-_a_1_5 the man is running
v_9_9 a bird sings
late_1_2 two dogs play
"""
MAP = "-_a_1_5 vid1\nv_9_9 vid1250\nc.b_2_3 vid1400\nlate_1_2 vid1970\nmore vid7\n"


def options(folder: Path, lines: str = LINES, names: str = MAP, **changes) -> CaptionOptions:
    (folder / FILE).write_text(lines)
    (folder / "map.txt").write_text(names)
    fixed = {"dataset": "msvd", "annotations": str(folder), "output": "c.pt"}
    return CaptionOptions(**fixed | {"id_map": str(folder / "map.txt")} | changes)


def ids(found) -> dict[str, list[str]]:
    return {split: [segment.id for segment in rows] for split, rows in found.splits.items()}


def test_clips_are_in_the_split_of_their_number(tmp_path):
    found = read(options(tmp_path))
    assert found.split_ids == "caption"
    assert ids(found) == {"train": ["1"], "val": ["1250"], "test": ["1400", "1970"]}
    (clip,) = found.splits["train"]
    assert clip.video == "1" and clip.time is None
    assert [c.text for c in clip.captions] == ["a man runs", "the man is running"]
    assert [c.where for c in clip.captions] == [f"{FILE}, line 3", f"{FILE}, line 5"]
    found = read(options(tmp_path, split_ids="qa"))
    assert found.split_ids == "qa"
    assert ids(found) == {"train": ["1"], "val": ["1400", "1250"], "test": ["1970"]}


def test_the_file_itself_is_as_good_as_its_folder(tmp_path):
    one = options(tmp_path)
    other = options(tmp_path, annotations=str(tmp_path / FILE))
    assert read(one) == read(other)


def test_each_number_is_in_one_split():
    for splits in SPLIT_IDS.values():
        numbers = [i for split in splits.values() for i in split]
        assert sorted(numbers) == list(range(1, 1971))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": MAP.replace("v_9_9", "v_9_8")}, rf"{FILE}, line 6: the clip 'v_9_9' is not in"),
        ({"names": MAP.replace("1250", "1971")}, r"line 6: .* has number 1971 in .*; MSVD's are 1"),
        ({"names": MAP.replace("1400", "1")}, r"line 4: .* clips '-_a_1_5' and 'c.b_2_3' the same"),
        ({"names": "nonsense\n"}, r"map.txt, line 1: `nonsense` is not `<file stem> vid<id>`"),
        ({"annotations": "nowhere"}, r"nowhere: not there; --annotations is AllVideoDescriptions"),
    ],
)
def test_mistakes_name_file_line_and_cure(changes, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(options(tmp_path, **changes))


def test_text_that_is_no_utf_8_is_refused(tmp_path):
    given = options(tmp_path)
    (tmp_path / FILE).write_bytes("-_a_1_5 a señor\n".encode("latin-1"))
    with pytest.raises(UserError, match=f"{FILE}: not UTF-8 text .*Latin-1; save it as UTF-8"):
        read(given)


DATA = ROOT / "../shared/data"


@pytest.mark.skipif(not (DATA / "msvd_captions").is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("split_ids", "clips"), [("caption", [1200, 100, 670]), ("qa", [1200, 250, 520])]
)
def test_the_public_file(split_ids, clips, tmp_path):
    output = tmp_path / "c.pt"
    names = DATA / "msvd_qa" / "youtube_mapping.txt"
    flags = ["--annotations", DATA / "msvd_captions", "--id_map", names, "--output", output]
    assert main(["--dataset", "msvd", "--split_ids", split_ids, *map(str, flags)]) == 0
    captions = load_captions(output)
    assert captions.split_ids == split_ids
    assert [len(split) for split in captions.splits.values()] == clips
    assert sum(len(split.texts) for split in captions.splits.values()) == 80_827
