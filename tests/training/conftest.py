"""What tests of training share."""

import pytest

from tests import tiny_run


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Flags of a tiny data set, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tiny_run.make(tmp_path)
