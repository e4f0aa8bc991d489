"""One conversation with a server, by whichever client the interpreter that runs this has.

    python talk.py URL FILE

What came back is written to FILE as JSON. Only names that PROTOCOL.md lists are imported, so the
published package and ours can both run it.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asap
from asap.models import Envelope
from asap.transport import ASAPClient, ASAPRemoteError, RetryConfig


def request(number: int = 0, **fields: Any) -> Envelope:
    return Envelope.model_validate(
        {
            "id": f"request-{number}",
            "asap_version": "0.1",
            "sender": "urn:asap:agent:alice",
            "recipient": "urn:asap:agent:default-server",
            "payload_type": "task.request",
            "payload": {"conversation_id": "c", "skill_id": "echo", "input": {"n": number}},
            "trace_id": f"trace-{number}",
        }
        | fields
    )


async def refusal(answer: Awaitable[Envelope]) -> dict[str, Any]:
    try:
        await answer
    except ASAPRemoteError as error:
        return {"code": error.json_rpc_code, "taxonomy": error.code}
    return {"code": None, "taxonomy": None}


async def talk(url: str) -> dict[str, Any]:
    text = "long enough to be compressed " * 200
    payload = {"conversation_id": "c", "skill_id": "echo", "input": {"text": text}}
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    async with ASAPClient(url, retry_config=RetryConfig(max_retries=1)) as client:
        answer = await client.send(request(7))
        batch = await client.send_batch([request(n) for n in range(5)])
        large = await client.send(request(payload=payload))
        return {
            "package": str(Path(asap.__file__).parent),
            "answer": answer.model_dump(mode="json"),
            "batch": [envelope.model_dump(mode="json") for envelope in batch],
            "large": large.model_dump(mode="json")["payload"]["result"]
            == {"echoed": {"text": text}},
            "version": client.last_response_asap_version,
            "manifest": (await client.get_manifest()).model_dump(mode="json"),
            "health": (await client.health_check()).model_dump(mode="json"),
            "unknown type": await refusal(client.send(request(payload_type="foo.bar", payload={}))),
            "stale": await refusal(client.send(request(timestamp=hour_ago))),
        }


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(asyncio.run(talk(sys.argv[1]))))
