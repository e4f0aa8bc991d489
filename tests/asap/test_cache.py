"""PROTOCOL.md §4.3, the cache of manifests."""

import pytest

from asap.models import Capability, Endpoint, Manifest
from asap.transport.cache import ManifestCache


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def manifest(name: str = "agent") -> Manifest:
    return Manifest(
        id="urn:asap:agent:bob",
        name=name,
        version="1.0.0",
        description="",
        capabilities=Capability(),
        endpoints=Endpoint(asap="http://localhost/asap"),
    )


def test_a_cached_manifest_is_the_same_object() -> None:
    cache, cached = ManifestCache(), manifest()
    cache.set("u", cached)
    assert cache.get("u") is cached


def test_an_unknown_url_is_none() -> None:
    assert ManifestCache().get("u") is None


@pytest.mark.parametrize(("elapsed", "found"), [(299.9, True), (300.0, False)])
def test_a_manifest_lives_300_seconds(clock: Clock, elapsed: float, found: bool) -> None:
    cache = ManifestCache(clock=clock)
    cache.set("u", manifest())
    clock.now += elapsed
    assert (cache.get("u") is not None) is found


@pytest.mark.parametrize("ttl", [0.0, 5.0])
def test_a_time_to_live_of_its_own_wins(clock: Clock, ttl: float) -> None:
    cache = ManifestCache(default_ttl=100, clock=clock)
    cache.set("u", manifest(), ttl=ttl)
    clock.now += ttl
    assert cache.get("u") is None


def test_an_expired_manifest_is_dropped_when_asked_for(clock: Clock) -> None:
    cache = ManifestCache(default_ttl=1, clock=clock)
    cache.set("u", manifest())
    clock.now += 1
    cache.get("u")
    assert cache.size() == 0


def test_the_least_recently_used_manifest_goes_first() -> None:
    cache = ManifestCache(max_size=2)
    cache.set("a", manifest())
    cache.set("b", manifest())
    cache.get("a")
    cache.set("c", manifest())
    assert [cache.get(url) is not None for url in "abc"] == [True, False, True]


def test_setting_a_url_again_replaces_it_and_counts_as_use() -> None:
    cache = ManifestCache(max_size=2)
    for url in "aba":
        cache.set(url, manifest(url * 2))
    cache.set("c", manifest())
    assert [cache.get(url) is not None for url in "abc"] == [True, False, True]
    assert cache.size() == 2


def test_an_invalidated_url_is_gone_and_the_others_stay() -> None:
    cache = ManifestCache()
    cache.set("a", manifest())
    cache.set("b", manifest())
    cache.invalidate("a")
    cache.invalidate("never there")
    assert cache.get("a") is None
    assert cache.get("b") is not None


def test_clear_all_leaves_nothing() -> None:
    cache = ManifestCache()
    cache.set("a", manifest())
    cache.clear_all()
    assert cache.size() == 0
