"""Collects one HTTP answer at a time from the bytes of a connection."""

from __future__ import annotations

from math import nan

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from asapbench.offer import SPLIT_HEADER

# Bytes: a server that never stops sending must not fill the memory, nor must many such answers.
_SMALL = 1 << 20
_LARGEST = 1 << 26
_TOGETHER = 1 << 30
_large: dict[int, int] = {}  # the sizes of those that are not small, until they are forgotten
_FRAMING = (b"content-length", b"transfer-encoding")
_UNKNOWN = (nan, nan)


class NotHttp(Exception):
    """What came is no HTTP answer; the text says why."""


class Answer:
    """The answer that a connection is receiving; starts over with the first byte of the next.

    The `on_…` methods are httptools' callbacks.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.complete = False
        self.surplus = False
        self._size = 0
        self.reset()

    def reset(self) -> None:
        """Forget the answer, ready for the next."""
        self.complete = False
        self._body: list[bytes] = []
        if self._size > _SMALL:
            _large.pop(id(self), None)
        self._size = 0
        self._framed = False
        self._headed = False
        self.split = _UNKNOWN

    @property
    def body(self) -> bytes:
        return b"".join(self._body)

    def feed(self, data: memoryview | bytes) -> None:
        """Take what was received.

        Raises NotHttp where that can be no answer.
        """
        self._size += len(data)
        if self._size > _SMALL:
            self._limit()
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if not self.complete:
                raise NotHttp(str(error)) from error
            self.surplus = True
        except HttpParserUpgrade as error:
            raise NotHttp("a switch to another protocol") from error

    def _limit(self) -> None:
        _large[id(self)] = self._size
        if self._size > _LARGEST:
            raise NotHttp(f"an answer of more than {_LARGEST} bytes")
        if sum(_large.values()) > _TOGETHER:
            raise NotHttp(f"this answer and others, more than {_TOGETHER} bytes at a time")

    def end(self) -> None:
        """Take that the connection was closed: the end of an answer that has no other."""
        if self._headed and not self._framed:
            self.on_message_complete()

    def on_message_begin(self) -> None:
        self.surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == SPLIT_HEADER:
            self.split = _times(value)
        elif not self._framed and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        self._headed = True

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self.status: int = self._parser.get_status_code()
        if self.status < 200 and not self.surplus:  # an interim answer: the real one follows
            self.reset()
            return
        self.keep_alive: bool = self._parser.should_keep_alive()
        self.complete = True


def _times(value: bytes) -> tuple[float, float]:
    """When a request arrived and its answer departed; NaN where a server says anything else."""
    try:
        arrived, departed = value.split()
        return float(arrived), float(departed)
    except ValueError:
        return _UNKNOWN
