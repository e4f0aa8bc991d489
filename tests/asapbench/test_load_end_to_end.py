"""`asapbench load` as a user runs it: real processes, real sockets, exit codes, what is left."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.asapbench.browser import CHROMIUM, LEFT_OUT, browser

SHORT = (
    *("--users", "10", "--spawn-rate", "100", "--rps", "200", "--warmup", "0.5"),
    *(
        "--no-floor",
        "--no-gates",
        "--extend",
        "1",
    ),  # a machine that is busy with other tests must not void them
)
# the maximum has no interval: on a machine busy with other tests those can be wide
LENIENT = """
[[load]]
metric = "throughput"
limit = ">= 20 req/s"
[[load]]
metric = "latency.max"
limit = "<= 30 s"
[[load]]
metric = "error_rate"
limit = "<= 50 %"
"""
NOT_MISSED = {"pass", "inconclusive"}  # on such a machine the interval of a rate can be wide, too
UVICORN = f"{shlex.quote(sys.executable)} -m uvicorn --log-level warning --port {{port}}"
AGENT = """
from asap.models import *
from asap.transport import HandlerRegistry, create_app

MANIFEST = Manifest(
    id="urn:asap:agent:counter", name="Counter", version="1.0", description="counts",
    capabilities=Capability(skills=[Skill(id="count", description="counts")]),
    endpoints=Endpoint(asap="http://localhost/asap"), auth=AuthScheme(schemes=["bearer"]),
)
seen = set()

def count(envelope, manifest):
    request = envelope.payload_dict
    assert request["skill_id"] == "count", request
    number = request["input"]["order"]
    assert number not in seen, number
    seen.add(number)
    return Envelope(
        asap_version="0.1", sender=manifest.id, recipient=envelope.sender,
        payload_type="task.response", correlation_id=envelope.id,
        payload=TaskResponse(task_id="t", status="completed", result={"count": len(seen)}),
    )

def owner(token):
    return "urn:asap:agent:asapbench" if token == "sesame" else None

registry = HandlerRegistry()
registry.register("task.request", count)
app = create_app(MANIFEST, registry, token_validator=owner)
"""


@dataclass
class Result:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


class Bench:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lenient.toml").write_text(LENIENT)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "asapbench", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Result:
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate(timeout=90)
        return Result(process.returncode, out, err)

    def load(self, *arguments: str, table: str = "lenient.toml", **environment: str) -> Result:
        given = ("--targets", table, *SHORT, "--duration", "3s", *arguments)
        return self.run("load", *given, **environment)

    def report(self, *arguments: str, **environment: str) -> dict[str, Any]:
        result = self.load("--json", "-", *arguments, **environment)
        content: dict[str, Any] = json.loads(result.out)
        assert content["exit_code"] == result.code
        return content


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """Whatever a test does, no server and no generator of it runs afterwards."""
    before = workers()
    yield
    assert until(lambda: workers() <= before), workers() - before


def workers() -> set[int]:
    found = set()
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        line = " ".join(process.info["cmdline"] or ())
        if "asapbench.workers" in line and _of_this_test(process):
            found.add(process.info["pid"])
    return found


def _of_this_test(process: psutil.Process) -> bool:
    mine = os.environ.get("PYTEST_XDIST_WORKER")
    return (process.info["environ"] or {}).get("PYTEST_XDIST_WORKER") == mine


def until(happened: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.05)
    return False


def value(report: dict[str, Any], name: str, **labels: str) -> float:
    (found,) = [m for m in report["metrics"] if m["name"] == name and m["labels"] == labels]
    number: float = found["value"]
    return number


def test_a_run_that_meets_its_targets_says_so_and_exits_0(bench: Bench) -> None:
    result = bench.load()
    assert result.code == 0, result
    assert "ALL TARGETS MET" in result.out
    assert result.out.count("PASS") == 3
    for word in ("asap", "manifest", "metrics", "Total requests", "latency.max  <= 30 s"):
        assert word in result.out
    assert "measuring" in result.err
    assert "\x1b" not in result.out + result.err


def test_the_page_of_a_run_is_drawn_and_is_the_same_when_the_run_is_shown_again(
    bench: Bench,
) -> None:
    bench.load("--html", "page.html")
    assert bench.run("report", "last", "--html", "again.html").code == 0
    page = bench.folder / "page.html"
    assert page.read_bytes() == (bench.folder / "again.html").read_bytes()
    assert page.stat().st_size < 6_000_000


@pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)
def test_the_page_of_a_run_has_its_charts_in_a_browser(bench: Bench) -> None:
    bench.load("--html", "page.html")
    with browser() as page:
        page.resize(1200, 900).open(bench.folder / "page.html")
        assert page.complaints() == []
        assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
        assert page.value("document.querySelectorAll('.chart .overplot .trace').length") > 20


def test_the_load_is_what_was_asked_for_and_only_the_measured_time_counts(bench: Bench) -> None:
    report = bench.report()
    assert report["load"]["measured"] == pytest.approx(3.0, abs=1e-3)
    assert report["load"]["requests"] + report["load"]["open"] == pytest.approx(600, abs=2)
    shares = [value(report, "throughput", endpoint=n) for n in ("asap", "manifest", "metrics")]
    assert [share / sum(shares) * 13 for share in shares] == pytest.approx([10, 2, 1], rel=0.1)
    assert len(report["load"]["seconds"]) == 3
    assert value(report, "server.cpu") > 0
    assert value(report, "server.rss") > 1e7
    assert value(report, "lag.p50") >= 0


def test_sustained_users_post_as_fast_as_answers_come(bench: Bench) -> None:
    report = bench.report("--user-class", "sustained")
    assert report["outcome"] in NOT_MISSED
    assert report["load"]["endpoints"] == ["asap"]
    assert value(report, "throughput") > 400
    assert not [m for m in report["metrics"] if m["name"].startswith("lag")]


def test_a_missed_target_exits_1(bench: Bench) -> None:
    (bench.folder / "strict.toml").write_text(LENIENT.replace("<= 30 s", "<= 0.01 ms"))
    result = bench.load(table="strict.toml")
    assert result.code == 1
    assert "TARGETS MISSED" in result.out
    assert "FAIL" in result.out


def test_the_floor_is_measured_first_and_reported(bench: Bench) -> None:
    report = bench.report("--floor")
    assert report["outcome"] in NOT_MISSED
    assert 0 < value(report, "floor.p50") <= value(report, "floor.p95")
    assert value(report, "floor.throughput") > 1000


def test_a_limit_below_the_floor_is_refused_before_the_run(bench: Bench) -> None:
    (bench.folder / "strict.toml").write_text(
        LENIENT.replace("max", "p50").replace("30 s", "0.01 ms")
    )
    result = bench.load("--floor", table="strict.toml")
    assert result.code == 2
    assert "latency.p50 <= 0.01 ms cannot be told from the generator's own p50 of" in result.err
    assert result.out == ""


def test_a_rate_that_the_generator_cannot_reach_is_refused_before_the_run(bench: Bench) -> None:
    result = bench.load("--floor", "--rps", "1000000")
    assert result.code == 2
    assert "--rps 1e+06 cannot be measured here: the generator reaches" in result.err


@pytest.mark.parametrize(
    ("metric", "limit", "offered"),
    [
        ("throughput", ">= 200 req/s", "200 req/s"),
        ("throughput", "> 1000 req/s", "200 req/s"),
        ('throughput{endpoint="manifest"}', ">= 31 req/s", "30.8 req/s"),
    ],
)
def test_a_throughput_that_is_not_even_asked_for_is_refused_before_the_run(
    bench: Bench, metric: str, limit: str, offered: str
) -> None:
    (bench.folder / "t.toml").write_text(f"[[load]]\nmetric = '{metric}'\nlimit = '{limit}'\n")
    result = bench.load(table="t.toml")
    assert result.code == 2
    assert f"{metric} {limit} cannot be shown at --rps 200, which offers {offered}" in result.err
    assert not (bench.folder / ".asapbench").exists()


def test_csv_has_a_row_an_endpoint_and_a_row_a_second(bench: Bench) -> None:
    assert bench.load("--csv", "out").code == 0
    with (bench.folder / "out_endpoints.csv").open() as file:
        endpoints = {row["endpoint"]: row for row in csv.DictReader(file)}
    assert list(endpoints) == ["asap", "manifest", "metrics", "all"]
    assert float(endpoints["asap"]["latency.p50"]) > 0
    with (bench.folder / "out_seconds.csv").open() as file:
        assert [row["second"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def test_the_users_own_server_command_is_measured(bench: Bench) -> None:
    report = bench.report("--serve", f"{UVICORN} asap.transport.server:app")
    assert report["outcome"] in NOT_MISSED
    assert report["server"]["how"] == "command"
    assert value(report, "server.rss") > 1e7


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """A counting agent of a user's own, which wants a token; it runs already."""
    (tmp_path / "agent.py").write_text(AGENT)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [*shlex.split(UVICORN.format(port=port)), "agent:app"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        assert until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield f"http://127.0.0.1:{port}"
        server.terminate()
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the probing sockets of the fixture
def test_an_agent_of_the_users_own_is_measured_with_its_skill_input_and_token(
    bench: Bench, agent: str
) -> None:
    (bench.folder / "input.json").write_text('{"order": "A-{n}"}')
    of_its_own = ("--host", agent, "--skill", "count", "--input", "input.json")
    report = bench.report(*of_its_own, "--header", "Authorization: Bearer $TOKEN", TOKEN="sesame")
    assert report["outcome"] in NOT_MISSED
    assert report["load"]["failures"] == 0
    assert report["server"]["agent"] == "urn:asap:agent:counter"
    kept = "".join(
        path.read_bytes().decode(errors="replace")
        for path in (bench.folder / ".asapbench").rglob("*")
        if path.is_file()
    )
    assert "sesame" not in kept + json.dumps(report)
    assert "Bearer $TOKEN" in kept


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the probing sockets of the fixture
def test_errors_are_counted_by_kind_and_fail_the_run(bench: Bench, agent: str) -> None:
    report = bench.report("--host", agent)
    assert report["exit_code"] == 1
    (row,) = report["load"]["errors"]
    assert (row["endpoint"], row["kind"], row["code"]) == ("asap", "rpc_error", -32600)
    assert "Authentication required" in row["first"]
    assert value(report, "error_rate") == pytest.approx(10 / 13, abs=0.05)
    assert value(report, "error_rate", endpoint="manifest") == 0


REFUSED = {
    ("--users", "0"): "--users: '0' is refused: must be greater than or equal to 1",
    ("--user-class", "mixd"): "must be 'mixed' or 'sustained'",
    ("--duration", "soon"): "a duration is seconds or 90s, 5m, 1h",
    ("--rps", "-1"): "must be greater than 0",
    ("--rps", "inf"): "must be a finite number",
    ("--rps", "1e308"): "must be less than or equal to 1000000",
    ("--spawn-rate", "inf"): "must be a finite number",
    ("--host", "http://127.0.0.1:1/?token=x"): "must hold no blank, ? or #",
    ("--host", "http://127.0.0.1:1\n"): "must hold no blank, ? or #",
    ("--header", "Content-Length: 5"): "asapbench sets this header itself",
    ("--host", "no-url"): "must be a URL such as http://",
    ("--host", "http://me:sesame@localhost:1"): "'http://***@localhost:1' is refused",
    ("--serve", "run-me"): "{port}",
    ("--host", "http://127.0.0.1:1", "--serve", "x {port}"): "exclude each other",
    ("--header", "broken"): "'Name: value'",
    ("--header", "X: $NO_SUCH_VARIABLE"): "the environment has no $NO_SUCH_VARIABLE",
    ("--input", "no-such-file.json"): "cannot be read",
    ("--targets", "no-such-file.toml"): "cannot be read",
    ("--json", "no/such/folder/x.json"): "a folder that exists",
    ("--no-such-option",): "--no-such-option",
}


@pytest.mark.parametrize(("options", "said"), REFUSED.items(), ids=" ".join)
def test_a_bad_option_exits_2_with_one_line_and_starts_nothing(
    bench: Bench, options: tuple[str, ...], said: str
) -> None:
    result = bench.run("load", *options)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert said in result.err
    assert not (bench.folder / ".asapbench").exists()


def test_a_file_with_a_table_for_no_command_exits_2(bench: Bench) -> None:
    (bench.folder / "asapbench.toml").write_text("[laod]\nusers = 1\n")
    result = bench.load()
    assert result.code == 2
    assert "there is no command 'laod', only" in result.err


def test_quiet_shows_the_verdicts_alone(bench: Bench) -> None:
    result = bench.load("--quiet")
    assert result.code == 0
    assert result.err == ""
    assert "TARGET VERIFICATION" in result.out
    assert "Total requests" not in result.out


def test_a_terminal_without_micro_signs_still_gets_its_verdict(bench: Bench) -> None:
    assert "PASS" in bench.load(PYTHONIOENCODING="ascii").out


def test_a_table_with_an_unknown_metric_exits_2_and_names_what_there_is(bench: Bench) -> None:
    (bench.folder / "bad.toml").write_text(LENIENT.replace("latency.max", "latency.p42"))
    result = bench.load(table="bad.toml")
    assert result.code == 2
    assert "latency.p42" in result.err
    assert "latency.p9" in result.err
    assert result.err.count("\n") == 1


def test_a_server_command_that_dies_at_once_exits_4_with_the_reason(bench: Bench) -> None:
    dies = f"{shlex.quote(sys.executable)} -c 'import sys; sys.exit(\"no {{port}}\")'"
    result = bench.load("--serve", dies)
    assert result.code == 4
    assert "ended with exit code 1" in result.err
    assert "Traceback" not in result.err


def test_a_host_where_nothing_listens_exits_4_with_the_reason(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    result = bench.load("--host", f"http://127.0.0.1:{port}")
    assert result.code == 4
    assert "refused" in result.err
    assert result.err.count("\n") == 1


def measuring(process: subprocess.Popen[str]) -> None:
    """Wait until a run is in its measured time."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("measuring"):
            return
    raise AssertionError("the run ended before it measured anything")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_reports_what_it_has_and_exits_130(
    bench: Bench, sent: signal.Signals
) -> None:
    arguments = ("load", *SHORT, "--duration", "60s", "--targets", "lenient.toml", "--json", "o")
    with bench.start(*arguments) as process:
        measuring(process)
        time.sleep(2)
        process.send_signal(sent)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in out
    assert "Total requests" in out
    report = json.loads((bench.folder / "o").read_text())
    assert 1 < report["load"]["measured"] < 30
    assert report["load"]["requests"] > 200


def test_an_impatient_hand_loses_nothing(bench: Bench) -> None:
    arguments = ("load", *SHORT, "--duration", "60s", "--targets", "lenient.toml", "--json", "o")
    with bench.start(*arguments) as process:
        measuring(process)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in out
    assert json.loads((bench.folder / "o").read_text())["ended"] == "interrupted"


def test_an_interruption_before_the_measured_time_is_said(bench: Bench) -> None:
    given = ("--targets", "lenient.toml", *SHORT, "--warmup", "60s")
    with bench.start("load", *given) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("warm-up"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in out + err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_is_named_in_one_line(bench: Bench) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "asapbench", "targets"],
            cwd=bench.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr == "asapbench: standard output cannot be written: No space left on device\n"


def test_a_host_that_dies_in_the_run_voids_the_verdict(bench: Bench) -> None:
    with (
        bench.start("serve", "--port", "0") as server,
    ):
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("listening at ").strip()
        arguments = ("--host", url, "--duration", "60s", "--targets", "lenient.toml")
        with bench.start("load", *SHORT, *arguments) as process:
            measuring(process)
            server.kill()
            out, err = process.communicate(timeout=30)
    assert process.returncode == 3, err
    assert "has ended" in out
    assert out.count("INVALID") >= 3


def test_a_server_that_dies_in_the_run_voids_the_verdict(bench: Bench) -> None:
    arguments = ("load", *SHORT, "--duration", "60s", "--targets", "lenient.toml")
    with bench.start(*arguments) as process:
        measuring(process)
        (server,) = [
            pid for pid in workers() if "asapbench.workers.serve" in psutil.Process(pid).cmdline()
        ]
        os.kill(server, signal.SIGKILL)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 3, err
    assert "the server ended with signal 9" in out
    assert out.count("INVALID") >= 3
