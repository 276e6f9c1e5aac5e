from pathlib import Path

import pytest

from tests import captioned_shapes


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("captioned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        captioned_shapes.make()
    return folder


@pytest.fixture(autouse=True)
def there(made, monkeypatch) -> None:
    monkeypatch.chdir(made)
