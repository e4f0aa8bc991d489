"""Where locust's page listens, and how many users it may have."""

from __future__ import annotations

import resource
import socket

import pytest

from asapbench import exploring, limits
from asapbench.commands import benches
from asapbench.errors import UsageError


@pytest.fixture
def taken() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_where_no_port_is_given_and_the_usual_one_is_taken_a_free_one_is(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(exploring, "_PORT", port)
        with exploring._listening(None) as listener:
            assert listener.getsockname()[0] == "127.0.0.1"
            assert listener.getsockname()[1] != port


def test_a_port_that_is_given_is_that_or_none(taken: socket.socket) -> None:
    with taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"--web-port {port}: "),
            exploring._listening(port),
        ):
            pass
    with exploring._listening(port) as listener:
        assert listener.getsockname()[1] == port


def test_there_are_as_many_users_as_there_may_be_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1128, 4096))
    assert limits.most_users(20_000) == 1000
    assert limits.most_users(500) == 500


@pytest.mark.parametrize("name", ["load", "stress"])
def test_the_options_that_count_on_the_page_are_options(name: str) -> None:
    bench = benches()[name]
    assert set(bench.explored) <= set(bench.plan.model_fields)


@pytest.mark.parametrize("name", ["load", "stress"])
def test_that_it_was_explored_is_no_part_of_a_stored_plan(name: str) -> None:
    assert not {"web_ui", "web_port"} & set(benches()[name].plan().stored())
