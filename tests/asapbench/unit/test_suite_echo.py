"""The process beside a worker that answers."""

import os

import psutil

from asapbench.catalogue import REFERENCES
from asapbench.suite.echo import cpus_of, echoing
from asapbench.workers.operations.find import reference


def test_each_byte_comes_back_and_the_process_ends_with_its_connection() -> None:
    before = set(psutil.Process().children())
    with echoing((), lambda: None) as echo:
        for byte in (b"a", b"b"):
            echo.sendall(byte)
            assert echo.recv(1) == byte
        assert len(set(psutil.Process().children()) - before) == 1
    assert set(psutil.Process().children()) <= before


def test_a_process_that_is_gone_answers_nothing() -> None:
    with echoing((), lambda: os._exit(1)) as echo:
        echo.sendall(b"a")
        assert echo.recv(1) == b""


def test_it_works_on_the_cpus_that_it_is_given() -> None:
    cpu = max(os.sched_getaffinity(0))

    def work() -> None:
        if os.sched_getaffinity(0) != {cpu}:
            os._exit(1)

    with echoing({cpu}, work) as echo:
        echo.sendall(b"a")
        assert echo.recv(1) == b"a"


def test_the_cpus_of_a_process_that_is_gone_are_not_known() -> None:
    assert cpus_of(os.getpid()) == os.sched_getaffinity(0)
    assert cpus_of(2**22 + 1) == set()
    assert cpus_of(None) == set()


def test_the_parent_knows_all_references() -> None:
    assert [entry.key for entry in REFERENCES] == list(reference())
