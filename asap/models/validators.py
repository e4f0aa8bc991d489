"""Checks on strings that several models share."""

import re
from typing import Annotated

from pydantic import AfterValidator

from asap.models.constants import AGENT_URN_PATTERN, MAX_URN_LENGTH

_agent_urn = re.compile(AGENT_URN_PATTERN)
_percentage = re.compile(r"^(-?[\d.]+)\s*%?\s*$")


def validate_agent_urn(v: str) -> str:
    """Return `v` unchanged; ValueError unless it is `urn:asap:agent:NAME[:NAME]`."""
    if len(v) > MAX_URN_LENGTH:
        raise ValueError(f"Agent URN must be at most {MAX_URN_LENGTH} characters, got {len(v)}")
    if _agent_urn.match(v) is None:
        raise ValueError(f"Agent ID must follow URN format 'urn:asap:agent:NAME[:NAME]': {v!r}")
    return v


def validate_percentage_format(v: str) -> str:
    """Return `v` unchanged; ValueError unless it reads like `99.9%`, the sign being optional."""
    if _percentage.match(v.strip()) is None:
        raise ValueError(f"Percentage must be a number such as '99.9%', got {v!r}")
    return v


CheckedAgentURN = Annotated[str, AfterValidator(validate_agent_urn)]
