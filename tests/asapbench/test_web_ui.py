"""locust's page over our users and server: over plain HTTP, and in a real browser."""

from __future__ import annotations

import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from asapbench.cli.program import application
from asapbench.errors import UsageError
from asapbench.selfcheck.behaviour import Behaviour
from tests.asapbench.browser import CHROMIUM, LEFT_OUT, Page, browser

PATIENCE = 30.0
ASAPBENCH = [sys.executable, "-m", "asapbench"]


class Explored:
    """A page that is up, and the program that shows it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.said = ""

    def post(self, place: str, **form: Any) -> dict[str, Any]:
        found = httpx.post(self.url + place, data=form, trust_env=False, timeout=PATIENCE)
        answer: dict[str, Any] = found.raise_for_status().json()
        return answer

    def swarm(self, users: int, spawn_rate: float = 100.0, **form: Any) -> dict[str, Any]:
        return self.post("/swarm", user_count=users, spawn_rate=spawn_rate, **form)

    def get(self, place: str) -> httpx.Response:
        found = httpx.get(self.url + place, trust_env=False, timeout=PATIENCE)
        return found.raise_for_status()

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/stats/requests").json()
        return found

    def until(self, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What the page shows once it is so."""
        deadline = time.monotonic() + PATIENCE
        while not met(found := self.stats()):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found


@contextmanager
def explored(*arguments: str, folder: Path | None = None) -> Iterator[Explored]:
    """A command with `--web-ui`, once it has said where it listens."""
    port = () if "--web-port" in arguments else ("--web-port", "0")
    argv = [*ASAPBENCH, *arguments, "--web-ui", *port]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout is not None
        try:
            yield Explored(process, process.stdout.readline().removeprefix("listening at ").strip())
        finally:
            process.terminate()  # which ends its children too
            process.communicate(timeout=PATIENCE)


def requests(found: dict[str, Any]) -> int:
    """How many were counted in all."""
    return int(found["stats"][-1]["num_requests"])


@pytest.fixture(scope="module")
def page() -> Iterator[Explored]:
    """One for the tests that leave it as it was."""
    with explored("load", "--users", "40", "--spawn-rate", "8", "--rps", "100") as page:
        assert page.process.stdout is not None
        page.said = page.process.stdout.readline() + page.process.stdout.readline()
        yield page


def test_load_starts_changes_stops_and_starts_again_from_the_page() -> None:
    with explored("load") as page:
        assert requests(page.stats()) == 0
        assert page.swarm(5)["success"]
        found = page.until(lambda found: len(found["stats"]) == 4)
        names = [row["name"] for row in found["stats"]]
        assert names == ["/.well-known/asap/manifest.json", "/asap", "/asap/metrics", "Aggregated"]
        assert (found["user_count"], found["fail_ratio"], found["errors"]) == (5, 0, [])
        page.swarm(9, spawn_rate=50)
        page.until(lambda found: (found["user_count"], found["state"]) == (9, "running"))
        page.swarm(2, spawn_rate=1000)
        found = page.until(lambda found: (found["user_count"], found["state"]) == (2, "running"))
        page.until(lambda later: requests(later) > requests(found))
        page.swarm(0)
        page.until(lambda found: found["user_count"] == 0)
        page.post("/stop")
        stopped = page.until(lambda found: found["state"] == "stopped")
        assert stopped["user_count"] == 0
        page.swarm(3)
        page.until(lambda found: found["user_count"] == 3 and requests(found) > 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("stress", "--user-class", "stress"),
        ("stress", "--user-class", "burst"),
    ],
)
def test_users_of_every_class_are_counted(arguments: tuple[str, ...]) -> None:
    with explored(*arguments) as page:
        page.swarm(4)
        found = page.until(lambda found: requests(found) > 0)
        assert {row["name"] for row in found["stats"]} == {"/asap", "Aggregated"}
        assert found["fail_ratio"] == 0


def test_the_form_begins_with_the_plan(page: Explored) -> None:
    shown = page.get("/").text
    assert '"num_users": 40' in shown
    assert '"spawn_rate": 8.0' in shown


def test_it_says_what_a_user_does_and_that_nothing_is_judged(page: Explored) -> None:
    assert "each sends 2.50 req/s" in page.said
    assert "not judged" in page.said


def test_failures_are_on_the_page_with_what_the_server_said(tmp_path: Path) -> None:
    behaviour = Behaviour(errors=True).model_dump_json()
    program = [sys.executable, "-m", "asapbench.workers.truth"]
    server = shlex.join([*program, "{port}", str(tmp_path / "t"), behaviour])
    with explored("stress", "--serve", server) as page:
        page.swarm(3)
        found = page.until(lambda found: bool(found["errors"]))
        (error,) = found["errors"]
        assert (error["method"], error["name"]) == ("POST", "/asap")
        assert found["fail_ratio"] == 1
        assert error["error"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"users": 10**9}, "too many"),
        ({"users": 1, "host": "http://other.test"}, "--host"),
        ({"users": -1}, "invalid user_count"),
        ({"users": "x"}, "must be an integer"),
    ],
)
def test_wishes_that_cannot_be_met_are_answered_in_words(
    page: Explored, wish: dict[str, Any], words: str
) -> None:
    answer = page.swarm(**wish)
    assert not answer["success"]
    assert words in answer["message"]
    assert page.stats()["user_count"] == 0


@pytest.mark.parametrize(
    "place", ["/tasks", "/exceptions", "/logs", "/stats/report", "/stats/requests/csv"]
)
def test_every_place_of_the_page_answers(page: Explored, place: str) -> None:
    assert page.get(place).text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_of_it_well_and_keeps_nothing(how: signal.Signals, tmp_path: Path) -> None:
    with explored("load", folder=tmp_path) as page:
        children = psutil.Process(page.process.pid).children(recursive=True)
        assert len(children) == 2  # the server and the generator
        page.swarm(5)
        page.process.send_signal(how)
        _, err = page.process.communicate(timeout=PATIENCE)
        assert (page.process.returncode, err) == (0, "")
        assert not any(child.is_running() for child in children)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_running_when_it_is_killed() -> None:
    with explored("load") as page:
        children = psutil.Process(page.process.pid).children(recursive=True)
        page.swarm(5)
        page.process.kill()
        assert psutil.wait_procs(children, PATIENCE)[1] == []


def test_a_server_that_dies_ends_it_with_its_last_words() -> None:
    with explored("load") as page:
        children = psutil.Process(page.process.pid).children()
        server = next(one for one in children if "asapbench.workers.serve" in one.cmdline())
        server.kill()
        _, err = page.process.communicate(timeout=PATIENCE)
        assert page.process.returncode == 4
        assert "the server ended with signal 9" in err


def test_a_port_that_is_taken_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [*ASAPBENCH, "load", "--web-ui", "--web-port", port]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    words = f"--web-port {port}: cannot be listened at: Address already in use; give another"
    assert done.stderr.startswith(f"asapbench: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("load", "--web-ui", "--json", "-"), "--web-ui and --json exclude each other"),
        (("load", "--web-ui", "-t", "5", "--quick"), "--web-ui and --duration and --quick exclude"),
        (("stress", "--web-ui", "--until-break"), "--web-ui and --until-break exclude each other"),
        (("stress", "--web-port", "80"), "--web-port is of no use without --web-ui"),
        (("load", "--web-ui", "--web-port", "x"), "--web-port: 'x' is refused"),
        (("load", "--web-ui", "--users", "0"), "--users: '0' is refused"),
        (("stress", "--web-ui", "--step-users", "99999999"), "--step-users 99999999: "),
    ],
)
def test_what_makes_no_sense_beside_the_page_is_refused(
    arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        application()(list(arguments), standalone_mode=False)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


SHOWN = "[...document.querySelectorAll('table tr')].map((row) => row.innerText)"
COUNTED = (
    "Number([...document.querySelectorAll('table tr')]"
    ".find((row) => row.innerText.includes('Aggregated'))?.cells[2].innerText ?? 0)"
)


def fill(page: Page, name: str, text: str) -> None:
    """Type over what stands in a field."""
    page.value(f"document.querySelector('input[name={name}]').select()")
    page.call("Input.insertText", text=text)
    assert page.value(f"document.querySelector('input[name={name}]').value") == text


def click(page: Page, label: str) -> None:
    found = f"[...document.querySelectorAll('button')].find((one) => one.innerText === {label!r})"
    wait(page, f"{found} !== undefined")
    page.value(f"{found}.click()")


def wait(page: Page, condition: str) -> None:
    """Wait until a condition is met on the page."""
    deadline = time.monotonic() + PATIENCE
    while not page.value(condition):
        assert time.monotonic() < deadline, (condition, page.value("document.body.innerText"))
        time.sleep(0.1)


@pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)
@pytest.mark.parametrize("command", ["load", "stress"])
def test_the_page_works_in_a_browser(command: str) -> None:
    with explored(command) as shown, browser() as page:
        page.resize(1300, 900).open(shown.url)
        wait(page, "document.querySelector('input[name=userCount]') !== null")
        fill(page, "userCount", "7")
        fill(page, "spawnRate", "50")
        click(page, "START")
        wait(page, f"{COUNTED} > 0")
        wait(page, "document.body.innerText.includes('RUNNING')")
        assert any("/asap" in row for row in page.value(SHOWN))
        assert shown.stats()["user_count"] == 7
        click(page, "CHARTS")
        wait(page, "document.querySelector('canvas, svg.chart, [_echarts_instance_]') !== null")
        click(page, "STOP")
        wait(page, "document.body.innerText.includes('STOPPED')")
        assert shown.stats()["user_count"] == 0
        assert page.complaints() == []
        asked = [url for url in page.requests() if not url.startswith("data:")]
        assert all(url.startswith(shown.url) for url in asked)
