"""Two stores that contradict each other are refused, and the line that differs is named."""

from dataclasses import replace

import numpy as np
import pytest

from data_loader.store.features import FeatureStore, VideoFeatures, open_store, write_store
from data_loader.store.match import check_match
from data_loader.store.provenance import Provenance, Sampling
from util.errors import UserError

SAMPLING = Sampling(2, 4, "linspace")
HASHES = ("1" * 64, "2" * 64)


def _store(path, *, hashes=HASHES, counts=(10, 20), order=1, **provenance) -> FeatureStore:
    videos = [
        VideoFeatures(f"v{i}", np.ones((2, 1, 3), "f2"), counts[i], "", hashes[i]) for i in (0, 1)
    ]
    made = replace(Provenance(kind="frame", sampling=SAMPLING), **provenance)
    write_store(path, videos[::order], made)
    return open_store(path)


def test_stores_of_the_same_clips_match(tmp_path) -> None:
    a = _store(tmp_path / "a.h5")
    check_match(a, _store(tmp_path / "m.h5", kind="clip", order=-1, decoder="scikit-video"))
    check_match(a, _store(tmp_path / "m.h5"))  # frame features as motion are averaged


def test_what_is_not_known_contradicts_nothing(tmp_path) -> None:
    a = _store(tmp_path / "a.h5")
    check_match(a, _store(tmp_path / "m.h5", hashes=("", ""), counts=(0, 0)))
    check_match(a, _store(tmp_path / "m.h5", sampling=None))
    imported = Sampling(2, 1, "unknown")
    check_match(a, _store(tmp_path / "m.h5", sampling=imported))
    check_match(_store(tmp_path / "m.h5", sampling=imported), a)
    rate = Sampling(0, 1, "rate", 5.0)
    of_rate = _store(tmp_path / "r.h5", sampling=rate)
    check_match(of_rate, _store(tmp_path / "m.h5", sampling=Sampling(0, 1, "unknown", 5.0)))
    with pytest.raises(UserError, match=r"sampling fps 5\.0, but .* has 2\.0: .* the same --fps"):
        check_match(of_rate, _store(tmp_path / "m.h5", sampling=Sampling(0, 1, "unknown", 2.0)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"sampling": replace(SAMPLING, clips=3)},
            r"a\.h5 has sampling clips 2, but .*m\.h5 has 3",
        ),
        ({"sampling": replace(SAMPLING, frames=8)}, "has sampling frames 4, but .* has 8"),
        (
            {"sampling": replace(SAMPLING, stride=2)},
            "sampling stride 1, .* 2: .* the same --stride",
        ),
        ({"sampling": replace(SAMPLING, rule="dense")}, "sampling rule linspace, but .* dense"),
        ({"sampling": Sampling(3, 4, "unknown")}, "sampling clips 2, but .* has 3"),
        ({"sampling": Sampling(0, 1, "rate", 5.0)}, "sampling fps None.* 5.0: .* the same --fps"),
        ({"hashes": ("", "3" * 64)}, "file_sha256 222.* of video v1, but .*h5 has 333.*1 of 2 v"),
        ({"counts": (11, 21)}, r"frame_count 10 of video v0, but .*m\.h5 has 11 \(2 of 2 videos"),
        ({"hashes": HASHES[::-1], "order": -1}, "file_sha256 111.* of video v0"),
    ],
)
def test_the_line_that_differs_is_named(tmp_path, changed: dict, message: str) -> None:
    a, m = _store(tmp_path / "a.h5"), _store(tmp_path / "m.h5", **changed)
    with pytest.raises(UserError, match=message):
        check_match(a, m)


def test_exchanged_stores_are_refused(tmp_path) -> None:
    a, m = _store(tmp_path / "a.h5"), _store(tmp_path / "m.h5", kind="clip")
    check_match(a, m)
    with pytest.raises(UserError, match=r"--appearance .*m\.h5 has kind clip .*a\.h5 .*exchange"):
        check_match(m, a)
    check_match(m, m)
