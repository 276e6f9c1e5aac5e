from pathlib import Path

import pytest

from tests import labelled_shapes


@pytest.fixture(scope="session")
def classified(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("classified")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        labelled_shapes.make()
    return folder


@pytest.fixture(autouse=True)
def there(classified, monkeypatch) -> None:
    monkeypatch.chdir(classified)
