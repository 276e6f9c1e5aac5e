"""What tests of the library share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.library.postgres_server import fresh_database, running_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real PostgreSQL with pgvector; skips, visibly, without the packages of one."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Any) -> str:
    """A database of one's own, empty."""
    return fresh_database(postgres_server)
