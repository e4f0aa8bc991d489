"""Manifests already fetched, least recently used first out."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from asap.models.entities import Manifest


class ManifestCache:
    """At most `max_size` manifests by URL, each for its time to live in seconds."""

    def __init__(
        self,
        default_ttl: float = 300.0,
        max_size: int = 1000,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._default_ttl = default_ttl
        self._max_size = max_size
        self._clock = clock
        self._entries: OrderedDict[str, tuple[Manifest, float]] = OrderedDict()

    def get(self, url: str) -> Manifest | None:
        manifest, expiry = self._entries.get(url, (None, 0.0))
        if manifest is None:
            return None
        if self._clock() >= expiry:
            self.invalidate(url)
            return None
        self._entries.move_to_end(url)
        return manifest

    def set(self, url: str, manifest: Manifest, ttl: float | None = None) -> None:
        lifetime = self._default_ttl if ttl is None else ttl
        self._entries[url] = manifest, self._clock() + lifetime
        self._entries.move_to_end(url)
        while len(self._entries) > self._max_size:
            self._entries.popitem(last=False)

    def invalidate(self, url: str) -> None:
        self._entries.pop(url, None)

    def clear_all(self) -> None:
        self._entries.clear()

    def size(self) -> int:
        """Entries held, expired ones that nobody asked for included."""
        return len(self._entries)
