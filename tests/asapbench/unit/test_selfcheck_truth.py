"""The truth server: its delays, its answers."""

from __future__ import annotations

from itertools import islice

import pytest

from asapbench.offer import Endpoint, Offer, Outcome
from asapbench.selfcheck.behaviour import Behaviour, delays
from asapbench.workers.generate.clock import Clock
from asapbench.workers.generate.fetch import ManifestExchange, MetricsExchange
from asapbench.workers.generate.send import SendExchange
from asapbench.workers.truth import Answers

N = 20_000


def some(behaviour: Behaviour) -> list[float]:
    return list(islice(delays(behaviour), N))


def test_a_fixed_delay_is_always_the_same() -> None:
    assert set(some(Behaviour(steps=((2e-3, 1),)))) == {2e-3}


def test_steps_come_at_their_weights() -> None:
    drawn = some(Behaviour(steps=((1e-3, 80), (20e-3, 20))))
    assert set(drawn) == {1e-3, 20e-3}
    assert drawn.count(20e-3) / N == pytest.approx(0.2, rel=0.05)


def test_an_exponential_delay_has_the_mean_and_the_tail_of_that_distribution() -> None:
    drawn = sorted(some(Behaviour(steps=((5e-3, 1),), shape="exponential")))
    assert sum(drawn) / N == pytest.approx(5e-3, rel=0.03)
    assert drawn[int(0.95 * N)] == pytest.approx(5e-3 * 2.9957, rel=0.05)  # -ln 0.05


def test_the_seed_decides_all_delays() -> None:
    behaviour = Behaviour(steps=((5e-3, 1),), shape="exponential")
    assert some(behaviour) == some(behaviour)
    assert some(behaviour) != some(behaviour.model_copy(update={"seed": 1}))


@pytest.fixture
def send() -> SendExchange:
    offer = Offer(
        url="http://127.0.0.1:1", records="-", endpoints=(Endpoint(name="asap", weight=1),)
    )
    return SendExchange(offer, "/asap", {}, Clock())


def body(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


def test_a_call_is_answered_as_the_generator_demands(send: SendExchange) -> None:
    number = 10**15
    answer, failed = Answers(errors=False).to(b"/asap", body(send.request(number)))
    assert send.check(number, body(answer)) is None
    assert not failed


def test_the_answer_to_one_call_is_none_to_another(send: SendExchange) -> None:
    answer, _ = Answers(errors=False).to(b"/asap", body(send.request(10**15)))
    failure = send.check(10**15 + 1, body(answer))
    assert failure is not None
    assert failure.outcome is Outcome.MISMATCH


def test_with_errors_a_call_is_answered_by_an_error_and_recorded_as_failed(
    send: SendExchange,
) -> None:
    answer, failed = Answers(errors=True).to(b"/asap", body(send.request(10**15)))
    failure = send.check(10**15, body(answer))
    assert failure is not None
    assert failure.outcome is Outcome.RPC_ERROR
    assert failed


@pytest.mark.parametrize(
    ("path", "exchange"),
    [
        (b"/.well-known/asap/manifest.json", ManifestExchange("/", {})),
        (b"/asap/metrics", MetricsExchange("/", {})),
    ],
    ids=["manifest", "metrics"],
)
@pytest.mark.parametrize("errors", [False, True])
def test_a_page_is_what_the_generator_demands_also_where_calls_fail(
    path: bytes, exchange: ManifestExchange | MetricsExchange, errors: bool
) -> None:
    answer, failed = Answers(errors=errors).to(path, b"")
    assert exchange.check(0, body(answer)) is None
    assert not failed


def test_another_path_is_not_found() -> None:
    answer, failed = Answers(errors=False).to(b"/elsewhere", b"")
    assert answer.startswith(b"HTTP/1.1 404")
    assert failed
