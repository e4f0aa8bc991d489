"""PROTOCOL.md §3.5, what is counted and how it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families

from asap.transport import metrics
from asap.transport.metrics import ServerMetrics
from tests.asap.serving import sample

COUNTERS = {
    "asap_requests_total",
    "asap_requests_success_total",
    "asap_requests_error_total",
    "asap_parse_errors_total",
    "asap_auth_failures_total",
    "asap_invalid_timestamp_total",
    "asap_invalid_nonce_total",
    "asap_sender_mismatch_total",
    "asap_validation_errors_total",
    "asap_handler_executions_total",
    "asap_handler_errors_total",
    "asap_state_transitions_total",
    "asap_transport_send_total",
    "asap_transport_send_errors_total",
    "asap_transport_retries_total",
}
HISTOGRAMS = {
    "asap_request_duration_seconds",
    "asap_handler_duration_seconds",
    "asap_transport_send_duration_seconds",
}
LE = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]


def text(server: ServerMetrics) -> str:
    return server.exposition()[0].decode()


def types(exposition: str) -> dict[str, str]:
    lines = [line.split() for line in exposition.splitlines() if line.startswith("# TYPE")]
    return {name: kind for _, _, name, kind in lines}


def test_there_is_every_metric_of_the_protocol_and_no_other() -> None:
    assert types(text(ServerMetrics())) == (
        dict.fromkeys(COUNTERS, "counter")
        | dict.fromkeys(HISTOGRAMS, "histogram")
        | {"asap_process_uptime_seconds": "gauge"}
    )


# those of the process may have counted for other tests; the reasons of validation errors are known
OWN_COUNTERS = {
    name for name in COUNTERS if not name.startswith(("asap_transport", "asap_state"))
} - {"asap_validation_errors_total"}


@pytest.mark.parametrize("name", sorted(OWN_COUNTERS))
def test_a_counter_that_never_counted_is_zero(name: str) -> None:
    assert f"\n{name} 0.0\n" in text(ServerMetrics())


def test_a_histogram_that_never_observed_has_all_its_buckets_at_zero() -> None:
    exposition = text(ServerMetrics())
    for le in LE:
        assert f'asap_request_duration_seconds_bucket{{le="{le}"}} 0.0\n' in exposition
    assert "asap_request_duration_seconds_count 0.0\n" in exposition


def test_the_buckets_are_those_of_the_protocol_and_cumulative() -> None:
    server = ServerMetrics()
    for seconds in (0.001, 0.02, 0.02, 3.0, 60.0):
        server.of("t").request_succeeded(seconds)
    found = {
        s.labels["le"]: s.value
        for family in text_string_to_metric_families(text(server))
        for s in family.samples
        if s.name == "asap_request_duration_seconds_bucket"
    }
    assert list(found) == LE
    assert list(found.values()) == [1, 1, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5]


def test_a_success_counts_in_requests_and_successes_and_is_timed() -> None:
    server = ServerMetrics()
    server.of("t").request_succeeded(0.25)
    exposition = text(server)
    assert sample(exposition, "asap_requests_total", payload_type="t", status="success") == 1
    assert sample(exposition, "asap_requests_success_total", payload_type="t") == 1
    labels = {"payload_type": "t", "status": "success"}
    assert sample(exposition, "asap_request_duration_seconds_sum", **labels) == 0.25


def test_a_failure_counts_by_type_and_is_timed_but_is_no_success() -> None:
    server = ServerMetrics()
    server.request_failed("invalid_request", "other", 0.5)
    exposition = text(server)
    labels = {"payload_type": "other", "status": "error"}
    assert sample(exposition, "asap_requests_total", **labels) == 1
    assert sample(exposition, "asap_request_duration_seconds_sum", **labels) == 0.5
    assert sample(exposition, "asap_requests_success_total", payload_type="other") == 0
    error = {"error_type": "invalid_request", "payload_type": "other"}
    assert sample(exposition, "asap_requests_error_total", **error) == 1


@pytest.mark.parametrize(
    ("error_type", "name"),
    [
        ("parse_error", "asap_parse_errors_total"),
        ("auth_failed", "asap_auth_failures_total"),
        ("invalid_timestamp", "asap_invalid_timestamp_total"),
        ("invalid_nonce", "asap_invalid_nonce_total"),
        ("sender_mismatch", "asap_sender_mismatch_total"),
    ],
)
def test_some_failures_have_a_counter_of_their_own(error_type: str, name: str) -> None:
    server = ServerMetrics()
    server.request_failed(error_type, "other", 0.0)
    assert sample(text(server), name) == 1


@pytest.mark.parametrize("reason", ["invalid_envelope", "missing_envelope", "invalid_params"])
def test_validation_errors_are_counted_by_reason(reason: str) -> None:
    server = ServerMetrics()
    server.request_failed(reason, "other", 0.0)
    assert sample(text(server), "asap_validation_errors_total", reason=reason) == 1


def test_handler_calls_errors_and_times_are_counted_apart() -> None:
    server = ServerMetrics()
    server.of("t").handler_ran(0.5)
    server.of("t").handler_ran(0.5)
    server.handler_failed("t")
    exposition = text(server)
    assert sample(exposition, "asap_handler_executions_total", payload_type="t") == 2
    assert sample(exposition, "asap_handler_errors_total", payload_type="t") == 1
    assert sample(exposition, "asap_handler_duration_seconds_sum", payload_type="t") == 1.0


def test_two_servers_in_a_process_do_not_mix() -> None:
    one, other = ServerMetrics(), ServerMetrics()
    one.of("t").request_succeeded(0.1)
    assert sample(text(other), "asap_requests_success_total", payload_type="t") == 0


def test_state_transitions_are_in_the_exposition_of_every_server() -> None:
    labels = {"from_status": "submitted", "to_status": "working"}
    one, other = ServerMetrics(), ServerMetrics()
    before = sample(text(one), "asap_state_transitions_total", **labels)
    metrics.count_state_transition(**labels)
    for server in (one, other):
        assert sample(text(server), "asap_state_transitions_total", **labels) == before + 1


def test_a_send_of_a_client_is_counted_and_timed() -> None:
    server = ServerMetrics()
    before = text(server)
    metrics.count_send(0.5)
    after = text(server)
    for name, more in (
        ("asap_transport_send_total", 1),
        ("asap_transport_send_duration_seconds_sum", 0.5),
    ):
        assert (
            sample(after, name, status="success") == sample(before, name, status="success") + more
        )


def test_a_failed_send_is_counted_by_the_class_of_its_error() -> None:
    server = ServerMetrics()
    before = text(server)
    metrics.count_send_error(TimeoutError(), 0.5)
    after = text(server)
    for name, labels in (
        ("asap_transport_send_errors_total", {"reason": "TimeoutError"}),
        ("asap_transport_send_total", {"status": "error"}),
    ):
        assert sample(after, name, **labels) == sample(before, name, **labels) + 1


def test_a_retry_is_counted() -> None:
    server = ServerMetrics()
    before = sample(text(server), "asap_transport_retries_total")
    metrics.count_retry()
    assert sample(text(server), "asap_transport_retries_total") == before + 1


def test_the_uptime_has_three_decimals() -> None:
    line = next(
        line
        for line in text(ServerMetrics()).splitlines()
        if line.startswith("asap_process_uptime_seconds ")
    )
    uptime = float(line.split()[1])
    assert uptime == round(uptime, 3)
    assert uptime >= 0


def test_there_are_no_samples_of_creation_times() -> None:
    server = ServerMetrics()
    server.of("t").request_succeeded(0.1)
    metrics.count_retry()
    assert "_created" not in text(server)
    assert "_created" not in server.exposition("application/openmetrics-text")[0].decode()


def test_the_format_is_prometheus_text_by_default() -> None:
    assert ServerMetrics().exposition()[1] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text",
        "application/openmetrics-text; version=x",
        "text/plain;q=0.2, application/openmetrics-text;version=1.0.0;q=0.5",
    ],
)
def test_openmetrics_is_told_to_who_asks_and_it_ends_in_eof(accept: str) -> None:
    body, content_type = ServerMetrics().exposition(accept)
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")


@given(st.text(), st.text())
def test_both_formats_can_be_parsed_whatever_the_labels_are(error: str, payload: str) -> None:
    server = ServerMetrics()
    server.request_failed(error, payload, 0.1)
    server.of(payload).request_succeeded(0.1)
    openmetrics = server.exposition("application/openmetrics-text")[0]
    for families in (
        list(text_string_to_metric_families(text(server))),
        list(parse_openmetrics(openmetrics.decode())),  # type: ignore[no-untyped-call] # the library left it untyped
    ):
        assert {"t": payload} in (
            {"t": s.labels["payload_type"]}
            for family in families
            for s in family.samples
            if s.name == "asap_requests_success_total"
        )
