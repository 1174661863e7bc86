"""A client with too many requests gets the time of the next one, and does not affect others."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client, override_settings

from webapp.accounts.tokens import make_token
from webapp.api.rates import LIMITS
from webapp.api.urls import rate

COUNTED = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "rates"}
NOW = 1_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Set the time, in seconds from the first request; three requests are allowed in a minute."""
    monkeypatch.setattr(rate, "num_requests", 3)

    def at(seconds: float) -> None:
        monkeypatch.setattr(rate, "timer", lambda: NOW + seconds)

    at(0)
    with override_settings(CACHES={"default": COUNTED, LIMITS: COUNTED}):
        yield at
        caches[LIMITS].clear()


def client_of(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user)}"})


def test_the_fourth_of_three_requests_in_a_minute_is_refused_until_the_first_is_a_minute_old(
    clock: Callable[[float], None], owner: User
) -> None:
    first, second = client_of(owner), client_of(owner)  # two tokens of one person
    answers = [client.get("/api/v1/schema").status_code for client in (first, second, first)]
    clock(20)
    refused = second.get("/api/v1/schema")
    assert [*answers, refused.status_code] == [200, 200, 200, 429]
    assert refused["Retry-After"] == "40"
    assert refused.json() == {"errors": [{"path": "", "message": "That is more than 3 requests in 60 s. Ask again in 40 s."}]}
    assert client_of(User.objects.create_user("grace")).get("/api/v1/schema").status_code == 200
    clock(60)
    assert first.get("/api/v1/schema").status_code == 200


def test_who_is_not_known_is_counted_by_the_address_of_the_connection_whatever_it_forwards(
    clock: Callable[[float], None], owner: User
) -> None:
    def status_for(address: str, forwarded: str) -> int:
        stranger = Client(REMOTE_ADDR=address, headers={"authorization": "Bearer wrong", "x-forwarded-for": forwarded})
        return stranger.get("/api/v1/schema").status_code

    assert [status_for("192.0.2.1", f"198.51.100.{number}") for number in range(4)] == [401, 401, 401, 429]
    assert status_for("192.0.2.2", "198.51.100.1") == 401
    assert client_of(owner).get("/api/v1/schema", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_requests_are_answered_and_not_counted_where_redis_is_away(clock: Callable[[float], None], owner: User) -> None:
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere/redis.sock"}
    with override_settings(CACHES={"default": COUNTED, LIMITS: away}):
        client = client_of(owner)
        assert [client.get("/api/v1/schema").status_code for _ in range(5)] == [200] * 5


def test_processes_count_together_in_redis(clock: Callable[[float], None], owner: User, broker: str) -> None:
    shared = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": broker}
    with override_settings(CACHES={"default": COUNTED, LIMITS: shared}):
        caches[LIMITS].clear()
        assert [client_of(owner).get("/api/v1/schema").status_code for _ in range(4)] == [200, 200, 200, 429]
        caches[LIMITS].clear()
