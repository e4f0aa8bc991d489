"""locust's own page over the users of this generator, for exploring by hand."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import gevent
from flask import Flask, jsonify, request
from gevent.pywsgi import WSGIServer
from gevent.socket import socket
from locust import User, argument_parser
from locust.env import Environment
from locust.runners import LocalRunner
from locust.stats import stats_history
from locust.web import WebUI

from asapbench.offer import Load, Page
from asapbench.workers.generate.crowd import Crowd


class PageRunner(LocalRunner):
    """Users come and go as the page says, and what they offer together goes with them."""

    def __init__(self, environment: Environment, crowd: Crowd, load: Load) -> None:
        super().__init__(environment)
        self._crowd = crowd
        self._load = load

    def start(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        if user_count:
            self._crowd.offer(self._load.of(user_count))
        else:
            self._crowd.rest(0.0)
        super().start(user_count, spawn_rate, wait, user_classes)

    def stop(self) -> None:
        self._crowd.rest(0.0)  # what is owed is not sent any more
        super().stop()


class _Web(WebUI):
    """The page, on a socket that the parent has bound."""

    def __init__(self, environment: Environment, listener: socket) -> None:
        host, port = listener.getsockname()
        super().__init__(environment, host, port, delayed_start=True)
        self._listener = listener

    def start_server(self) -> None:
        self.server = WSGIServer(self._listener, self.app, log=None, error_log=None)
        self.server.serve_forever()


def show(page: Page, environment: Environment, crowd: Crowd) -> None:
    """Serve the page from now on; its runner lets users join and leave the crowd."""
    # it would read locust.conf and LOCUST_... for options of a locustfile, and there is none
    argument_parser.ui_extra_args_dict = lambda args=None: {}  # noqa: ARG005 - its name is locust's
    environment.parsed_options = _form(page.load)
    environment.runner = PageRunner(environment, crowd, page.load)
    web = _Web(environment, socket(fileno=page.listener))
    assert web.app is not None  # noqa: S101 - only for the type checker
    _guard(web.app, page, environment.host or "")
    web.start()  # type: ignore[no-untyped-call]
    gevent.spawn(stats_history, environment.runner)


def _guard(app: Flask, page: Page, url: str) -> None:
    """Answer wishes that cannot be met with words that the page then shows."""

    def refuse() -> Any:
        why = _refused(request.form, page, url) if request.path == "/swarm" else ""
        return jsonify(success=False, message=why, host=url) if why else None

    app.before_request(refuse)


def _form(load: Load) -> Namespace:
    """What the form is filled in with, in locust's words."""
    return Namespace(
        num_users=load.users,
        spawn_rate=load.spawn_rate,
        run_time=None,
        stats_history_enabled=False,
        headless=False,
    )


def _refused(form: Mapping[str, str], page: Page, url: str) -> str:
    """What is wrong with a wish, where locust would not say so itself."""
    users = form.get("user_count", "")
    if users.isdecimal() and int(users) > page.most:
        return f"{users} users are too many: there are sockets for {page.most}"
    if form.get("host", url).rstrip("/") != url:
        return f"this page is for {url}: start asapbench with --host for another server"
    return ""
