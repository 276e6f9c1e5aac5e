"""Random requests, by the API's own description: each is answered as described, none breaks it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.web.tiny_page import Server


def fuzz(server: Server, seen: str, examples: int) -> int:
    """Send so many requests to each address -> how many in all."""
    schemathesis = pytest.importorskip("schemathesis", reason="for tests alone")
    described = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    count = 0
    for operation in described.get_all_operations():

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],  # type: ignore[list-item]
        )
        @given(case=operation.ok().as_strategy())
        def send(case: Any) -> None:
            nonlocal count
            count += 1
            check(case, seen if count % 2 else "")

        send()
    return count


def check(case: Any, video: str) -> None:
    """Send a request; `video`: one that there is, which it is about."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    given_path = case.path_parameters or {}
    if "video" in given_path and video:
        given_path["video"] = video
    if case.method == "DELETE":
        given_path["video"] = "x" * 22  # others are asked about theirs
    if "wait" in (case.query or {}):
        case.query["wait"] = 0
    answer = case.call()
    case.validate_response(
        answer,
        checks=[
            not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
        ],
    )
    if answer.status_code >= 400:
        told = answer.json()["error"]
        assert set(told) == {"code", "message", "cure"} and all(told.values())


def test_random_requests(server: Server, seen: str) -> None:
    assert fuzz(server, seen, 6) > 60


@pytest.mark.long
def test_many_random_requests(server: Server, seen: str) -> None:
    assert fuzz(server, seen, 60) > 600
