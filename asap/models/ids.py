"""Identifiers: ULIDs, which sort by the time they were made."""

from datetime import datetime

from ulid import ULID


def generate_id() -> str:
    """A fresh ULID: 26 characters, later ones of this process sort after earlier ones."""
    return str(ULID())


def extract_timestamp(ulid: str) -> datetime:
    """When the ULID was made, in UTC; ValueError if it is malformed."""
    return ULID.from_str(ulid).datetime
