"""PROTOCOL.md §3.6, handlers and their registry."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import MagicMock

import pytest
from pydantic import ValidationError

from asap.errors import FatalError
from asap.models import Envelope, Manifest
from asap.models.payloads import TaskCancel, TaskRequest, TaskResponse
from asap.transport.handlers import (
    HandlerNotFoundError,
    HandlerRegistry,
    create_default_registry,
    create_echo_handler,
    inline,
)
from tests.asap.serving import AGENT, SENDER, make_envelope, make_manifest

ENVELOPE = Envelope.model_validate(make_envelope())
MANIFEST = make_manifest()


def first(envelope: Envelope, manifest: Manifest) -> Envelope:
    return envelope


def second(envelope: Envelope, manifest: Manifest) -> Envelope:
    return envelope


async def asynchronous(envelope: Envelope, manifest: Manifest) -> Envelope:
    await asyncio.sleep(0)
    return envelope


def registry_of(handler: Any) -> HandlerRegistry:
    registry = HandlerRegistry()
    registry.register("task.request", handler)
    return registry


class TestRegistry:
    def test_a_handler_is_found_by_the_exact_string_alone(self) -> None:
        registry = registry_of(first)
        assert registry.has_handler("task.request")
        assert not registry.has_handler("TaskRequest")

    def test_the_last_one_registered_wins(self) -> None:
        registry = registry_of(MagicMock(side_effect=AssertionError))
        registry.register("task.request", first)
        assert registry.dispatch(ENVELOPE, MANIFEST) is ENVELOPE

    def test_the_list_of_handlers_is_a_copy(self) -> None:
        registry = registry_of(first)
        registry.list_handlers().clear()
        assert registry.list_handlers() == ["task.request"]

    def test_many_threads_may_register_at_once(self) -> None:
        registry = HandlerRegistry()

        def register(part: int) -> None:
            for number in range(50):
                registry.register(f"{part}.{number}", first)

        threads = [threading.Thread(target=register, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(registry.list_handlers()) == 400

    def test_the_default_registry_knows_task_request_only(self) -> None:
        assert create_default_registry().list_handlers() == ["task.request"]


class TestSignature:
    @pytest.mark.parametrize("handler", [None, "handler", 3])
    def test_what_cannot_be_called_is_refused(self, handler: Any) -> None:
        with pytest.raises(TypeError, match="callable"):
            HandlerRegistry().register("t", handler)

    @pytest.mark.parametrize(
        ("handler", "count"),
        [(lambda: 0, 0), (lambda a: a, 1), (lambda a, b, c: a, 3), (lambda *a: a, 1)],
    )
    def test_another_number_of_parameters_is_refused(self, handler: Any, count: int) -> None:
        with pytest.raises(TypeError, match=f"{count} parameters"):
            HandlerRegistry().register("t", handler)

    def test_a_callable_without_a_signature_is_refused(self) -> None:
        without_signature: Any = min
        with pytest.raises(TypeError, match="could not be inspected"):
            HandlerRegistry().register("t", without_signature)

    @pytest.mark.parametrize("name", ["self", "cls"])
    def test_three_parameters_pass_if_the_first_is_self_or_cls(self, name: str) -> None:
        handlers: dict[str, Any] = {
            "self": lambda self, envelope, manifest: envelope,
            "cls": lambda cls, envelope, manifest: envelope,
        }
        HandlerRegistry().register("t", handlers[name])

    def test_methods_and_partials_and_objects_pass(self) -> None:
        class Agent:
            def handle(self, envelope: Envelope, manifest: Manifest) -> Envelope:
                return envelope

            def __call__(self, envelope: Envelope, manifest: Manifest) -> Envelope:
                return envelope

        def with_option(option: int, envelope: Envelope, manifest: Manifest) -> Envelope:
            return envelope

        for handler in (Agent().handle, Agent(), partial(with_option, 1)):
            assert registry_of(handler).dispatch(ENVELOPE, MANIFEST) is ENVELOPE


class TestDispatch:
    def test_the_handler_gets_envelope_and_manifest(self) -> None:
        seen: list[Any] = []

        def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
            seen.extend((envelope, manifest))
            return envelope

        registry_of(handler).dispatch(ENVELOPE, MANIFEST)
        assert seen == [ENVELOPE, MANIFEST]

    def test_an_awaitable_is_an_error_that_names_dispatch_async(self) -> None:
        with pytest.raises(TypeError, match=r"awaitable.*dispatch_async"):
            registry_of(asynchronous).dispatch(ENVELOPE, MANIFEST)

    def test_an_unknown_type_is_not_found(self) -> None:
        with pytest.raises(HandlerNotFoundError):
            HandlerRegistry().dispatch(ENVELOPE, MANIFEST)

    async def test_an_unknown_type_is_not_found_by_dispatch_async(self) -> None:
        with pytest.raises(HandlerNotFoundError):
            await HandlerRegistry().dispatch_async(ENVELOPE, MANIFEST)

    def test_not_found_tells_the_type(self) -> None:
        error = HandlerNotFoundError("foo.bar")
        assert isinstance(error, FatalError)
        assert (error.code, error.rpc_code) == ("asap:transport/handler_not_found", -32012)
        assert error.payload_type == "foo.bar"
        assert error.details == {"payload_type": "foo.bar"}
        assert error.message.endswith("foo.bar")

    @pytest.mark.parametrize("handler", [first, asynchronous, inline(second)])
    async def test_dispatch_async_takes_functions_of_each_kind(self, handler: Any) -> None:
        assert await registry_of(handler).dispatch_async(ENVELOPE, MANIFEST) is ENVELOPE

    async def test_a_plain_function_runs_in_a_thread(self) -> None:
        threads: list[int] = []
        await registry_of(_noting_thread(threads)).dispatch_async(ENVELOPE, MANIFEST)
        assert threads != [threading.get_ident()]

    async def test_an_inline_function_runs_on_the_loop(self) -> None:
        threads: list[int] = []
        await registry_of(inline(_noting_thread(threads))).dispatch_async(ENVELOPE, MANIFEST)
        assert threads == [threading.get_ident()]

    async def test_an_object_with_an_async_call_runs_on_the_loop(self) -> None:
        threads: list[int] = []

        class Agent:
            async def __call__(self, envelope: Envelope, manifest: Manifest) -> Envelope:
                threads.append(threading.get_ident())
                return envelope

        await registry_of(Agent()).dispatch_async(ENVELOPE, MANIFEST)
        assert threads == [threading.get_ident()]

    async def test_an_awaitable_from_a_thread_is_awaited(self) -> None:
        def handler(envelope: Envelope, manifest: Manifest) -> Any:
            return asynchronous(envelope, manifest)

        assert await registry_of(handler).dispatch_async(ENVELOPE, MANIFEST) is ENVELOPE

    async def test_a_stop_iteration_from_a_thread_does_not_hang(self) -> None:
        def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
            raise StopIteration

        with pytest.raises(RuntimeError, match="StopIteration"):
            await registry_of(handler).dispatch_async(ENVELOPE, MANIFEST)


class TestEcho:
    def reply(self, **changes: Any) -> Envelope:
        request = Envelope.model_validate(make_envelope(**changes))
        return create_echo_handler()(request, MANIFEST)

    def test_the_reply_goes_from_the_agent_to_the_sender(self) -> None:
        reply = self.reply()
        assert (reply.sender, reply.recipient) == (AGENT, SENDER)

    def test_the_task_is_completed_with_its_own_input(self) -> None:
        payload = self.reply().payload
        assert isinstance(payload, TaskResponse)
        assert payload.status.value == "completed"
        assert payload.result == {"echoed": {"n": 1}}
        assert payload.final_state is None
        assert payload.metrics is None

    def test_the_task_id_is_a_ulid_behind_task(self) -> None:
        payload = self.reply().payload
        assert isinstance(payload, TaskResponse)
        assert payload.task_id.startswith("task_")
        assert len(payload.task_id) == len("task_") + 26

    def test_the_reply_belongs_to_the_request(self) -> None:
        reply = self.reply(id="request-1", asap_version="9.9", trace_id="t")
        assert reply.payload_type == "task.response"
        assert (reply.correlation_id, reply.trace_id) == ("request-1", "t")
        assert reply.asap_version == "9.9"

    def test_id_and_timestamp_are_new(self) -> None:
        old = "2020-01-01T00:00:00Z"
        reply, again = self.reply(id="request-1", timestamp=old), self.reply()
        assert reply.id != "request-1"
        assert reply.id != again.id
        assert reply.timestamp is not None
        assert reply.timestamp.year > 2020

    def test_nothing_else_of_the_request_comes_back(self) -> None:
        reply = self.reply(extensions={"nonce": "n"}, requires_ack=True, correlation_id="c")
        assert reply.extensions is None
        assert reply.requires_ack is False

    def test_an_unknown_skill_echoes_too(self) -> None:
        payload = {"conversation_id": "c", "skill_id": "no such skill", "input": {"x": 2}}
        reply = self.reply(payload=payload)
        assert isinstance(reply.payload, TaskResponse)
        assert reply.payload.result == {"echoed": {"x": 2}}

    def test_the_reply_is_one_that_validation_would_accept(self) -> None:
        reply = self.reply()
        assert Envelope.model_validate(reply.model_dump(mode="json")) == reply

    def test_a_dict_payload_is_read_as_a_task_request(self) -> None:
        payload = {"conversation_id": "c", "skill_id": "s", "input": {"y": 3}}
        request = ENVELOPE.model_copy(update={"payload": payload})
        reply = create_echo_handler()(request, MANIFEST)
        assert isinstance(reply.payload, TaskResponse)
        assert reply.payload.result == {"echoed": {"y": 3}}

    def test_another_payload_is_a_validation_error(self) -> None:
        request = ENVELOPE.model_copy(update={"payload": TaskCancel(task_id="t")})
        with pytest.raises(ValidationError):
            create_echo_handler()(request, MANIFEST)

    def test_the_request_is_left_alone(self) -> None:
        before = ENVELOPE.model_dump()
        create_echo_handler()(ENVELOPE, MANIFEST)
        assert ENVELOPE.model_dump() == before
        assert isinstance(ENVELOPE.payload, TaskRequest)


def _noting_thread(threads: list[int]) -> Callable[[Envelope, Manifest], Envelope]:
    def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
        threads.append(threading.get_ident())
        return envelope

    return handler
