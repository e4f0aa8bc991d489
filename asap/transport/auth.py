"""Who is calling: bearer tokens, judged by the application's own validator."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

from asap.transport.jsonrpc import INVALID_REQUEST
from asap.transport.rpc_errors import RpcError, invalid_params
from asap.transport.threads import in_thread

TokenValidator: TypeAlias = Callable[[str], str | Awaitable[str | None] | None]


class Authenticator:
    """Turns an `Authorization` header into the URN of the agent that it belongs to."""

    def __init__(self, validator: TokenValidator) -> None:
        self._validator = validator
        self._is_async = inspect.iscoroutinefunction(validator) or inspect.iscoroutinefunction(
            getattr(validator, "__call__", None)  # noqa: B004 - the method is wanted, not an answer
        )

    async def authenticate(self, authorization: bytes) -> str:
        """RpcError unless the header holds a bearer token that the validator knows."""
        scheme, _, token = authorization.decode("latin-1").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Authentication required")
        agent = await self._validate(token.strip())
        if not agent:
            raise _unauthorized("Invalid authentication token")
        return agent

    async def _validate(self, token: str) -> str | None:
        if self._is_async:
            return await cast(Awaitable[str | None], self._validator(token))
        return cast(str | None, await in_thread(self._validator, token))


def check_sender(sender: str, agent: str) -> None:
    """RpcError unless the envelope comes from the agent that the token belongs to."""
    if sender != agent:
        raise invalid_params(
            "Sender does not match authenticated identity", "sender_mismatch", status_code=403
        )


def _unauthorized(error: str) -> RpcError:
    data = {"error": error, "status_code": 401}
    return RpcError(INVALID_REQUEST, data, error_type="auth_failed")
