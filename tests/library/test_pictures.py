"""Thumbnails of clips whose features were made elsewhere: where, when and of what they are made."""

import shutil
from pathlib import Path

import pytest

from library.gather import pictures
from preprocess import videos
from tests.library.folder import N, video
from tests.library.test_index import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A folder, and features of it that were extracted elsewhere; nothing is indexed yet."""
    shelf = Shelf(tmp_path)
    for number in range(3):
        video(shelf.folder, f"a{number}.mp4", number)
    for channel, backbone in (("appearance", "pixels"), ("motion", "pixel_motion")):
        flags = ["--backbone", backbone, "--clips", str(N), "--frames", "2", "--workers", "1"]
        output = ["--output", str(tmp_path / f"extracted/{channel}.h5")]
        assert videos.main(["--videos", str(shelf.folder), *flags, *output]) == 0
    return shelf


def given(shelf: Shelf, **more) -> int:
    """Index with the features that are there."""
    return shelf.index(extracted=str(shelf.path.parent / "extracted"), **more)


def thumbnails(shelf: Shelf) -> dict[str, list[bytes | None]]:
    """{name: of each clip}."""
    catalogue = shelf.catalogue
    return {
        name: [catalogue.thumbnail(clip) for clip in catalogue.clips(file)]
        for name, file in shelf.names().items()
    }


def test_they_are_those_of_an_index_that_decodes(shelf: Shelf) -> None:
    shutil.copy(shelf.folder / "a1.mp4", shelf.folder / "c1.mp4")
    assert given(shelf) == 0 and "3 new, 1 copies of others, 4 given thumbnails" in shelf.said[-1]
    other = Shelf(shelf.path.parent)
    other.path = shelf.path.with_name("other.db")
    assert other.index() == 0
    found = thumbnails(shelf)
    assert found == thumbnails(other) and len(found) == 4
    assert len({jpeg for some in found.values() for jpeg in some}) == 3 * N
    assert given(shelf) == 0 and "nothing has changed" in shelf.said[-1]


def test_a_later_index_makes_those_that_were_left_out(shelf: Shelf, monkeypatch) -> None:
    assert given(shelf, thumbnails=False) == 0 and "given" not in shelf.said[-1]
    assert all(jpeg is None for some in thumbnails(shelf).values() for jpeg in some)
    # Stopped after the first, it goes on with the second.
    store, stored = pictures._store, []

    def stopping(*given):
        if stored:
            raise KeyboardInterrupt
        stored.append(store(*given))
        return stored[-1]

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "_store", stopping)
        with pytest.raises(KeyboardInterrupt):
            shelf.index()
    assert sum(jpeg is not None for some in thumbnails(shelf).values() for jpeg in some) == N
    assert shelf.index() == 0 and "2 given thumbnails" in shelf.said[-1]
    assert all(jpeg for some in thumbnails(shelf).values() for jpeg in some)
    shelf.check()


def test_what_cannot_be_decoded_is_told_once(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    assert given(shelf, time_limit=1e-6) == 0
    out = capsys.readouterr().out
    assert out.count("no thumbnails of ") == 3 and "a0.mp4: not decoded after 1e-06 s" in out
    assert len(shelf.names()) == 3 and shelf.index() == 0
    assert "no thumbnails" not in capsys.readouterr().out and shelf.said[-1].count("given") == 0
    assert shelf.index(retry=True) == 0 and "3 given thumbnails" in shelf.said[-1]


def test_files_that_are_not_there_are_told(shelf: Shelf) -> None:
    given(shelf, thumbnails=False)
    shelf.folder.rename(shelf.folder.with_name("away"))
    # A folder's index tells gone what was in that folder; of others nobody knows.
    shelf.folder = shelf.folder.with_name("others")
    video(shelf.folder, "c.mp4", 10)
    assert shelf.index() == 0
    assert "1 new, 3 without thumbnails, whose files cannot be reached" in shelf.said[-1]
    assert len(shelf.names()) == 4
