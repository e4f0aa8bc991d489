"""What an agent says about its health."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from asap.models.base import ASAPBaseModel

WELLKNOWN_HEALTH_PATH: Final = "/.well-known/asap/health"


def _two_decimals(seconds: float) -> float:
    return round(seconds, 2)


class AgentLoad(ASAPBaseModel):
    """How busy an agent is."""

    active_tasks: int
    queue_depth: int


class HealthStatus(ASAPBaseModel):
    """The health of an agent; uptime in seconds, kept to two decimals."""

    status: Literal["healthy", "unhealthy"]
    agent_id: str
    version: str
    asap_version: str
    uptime_seconds: Annotated[float, AfterValidator(_two_decimals)]
    load: AgentLoad | None = None
