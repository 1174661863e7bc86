"""Leases of every kind follow the database's clock, and belong to one attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Model
from django.db.models.functions import Now
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.imports import queued
from webapp.attributions import services as attributions
from webapp.experiments import archive_imports, services
from webapp.imports import services as imports
from webapp.leases import Leases, StaleAttempt

HOUR = timedelta(hours=1)


@dataclass
class Kind:
    """A kind of leased work: how a piece of it is queued, claimed, and taken from a worker whose lease has expired."""

    leases: Leases[Model]
    queue: Callable[[User, Path], object]
    claim: Callable[[], Model]
    expire: Callable[[], object]

    @property
    def held(self) -> bool:
        return self.leases.model._default_manager.filter(**self.leases.held).exists()


def queue_archive(owner: User, folder: Path) -> None:
    (folder / "it.zip").write_bytes(b"nothing")
    archive_imports.receive(owner, folder / "it.zip", "it.zip")


KINDS = {
    "run": Kind(
        services.leases,  # type: ignore[arg-type]
        lambda owner, _: launched(owner),
        lambda: claims.claim_next("worker@test"),  # type: ignore[arg-type, return-value]
        services.take_back_expired,
    ),
    "import": Kind(imports.leases, queued, imports.claim_next, imports.fail_expired),  # type: ignore[arg-type]
    "archive": Kind(
        archive_imports.leases,  # type: ignore[arg-type]
        queue_archive,
        archive_imports.claim_next,  # type: ignore[arg-type]
        archive_imports.fail_expired,
    ),
    "attribution": Kind(
        attributions.leases,  # type: ignore[arg-type]
        lambda *_: attributions.request(["a" * 64], 7),
        lambda: attributions.claim_next()[0],
        attributions.take_back_expired,
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, owner: User, tmp_path: Path, called: list[str]) -> Kind:
    kind = KINDS[request.param]
    kind.queue(owner, tmp_path)
    return kind


@pytest.fixture(params=[-HOUR, HOUR], ids=["slow", "fast"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the clock of this process by an hour."""
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + request.param)


def seconds_left(row: Model) -> float:
    """Return the seconds until the lease of the row ends, by the database's clock."""
    rows = type(row)._default_manager.filter(pk=row.pk).values_list("lease_until", Now())
    until, now = rows.get()
    assert isinstance(until, datetime)
    seconds: float = (until - now).total_seconds()
    return seconds


def test_a_lease_ends_by_the_database_s_clock(kind: Kind, wrong_clock: None) -> None:
    row = kind.claim()
    assert settings.LEASE_SECONDS - 5 < seconds_left(row) <= settings.LEASE_SECONDS
    kind.expire()
    assert kind.held, "its lease has not expired"
    type(row)._default_manager.update(lease_until=Now() - timedelta(seconds=1))
    kind.expire()
    assert not kind.held


def test_a_lease_is_renewed_by_the_database_s_clock_and_by_its_attempt_alone(kind: Kind, wrong_clock: None) -> None:
    row = kind.claim()
    attempt = row.attempt  # type: ignore[attr-defined]
    type(row)._default_manager.update(lease_until=Now() - timedelta(seconds=1))
    kind.leases.renew(row.pk, attempt)
    assert settings.LEASE_SECONDS - 5 < seconds_left(row) <= settings.LEASE_SECONDS
    with pytest.raises(StaleAttempt, match=f"attempt {attempt + 1} no longer holds"):
        kind.leases.renew(row.pk, attempt + 1)
    with pytest.raises(StaleAttempt):
        kind.leases.end(row.pk, attempt + 1)
    assert kind.held


def test_work_that_was_taken_back_is_claimed_by_the_next_attempt(kind: Kind) -> None:
    row = kind.claim()
    kind.leases.lock(row.pk, row.attempt)  # type: ignore[attr-defined]
    type(row)._default_manager.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
    kind.expire()
    with pytest.raises(StaleAttempt):
        kind.leases.renew(row.pk, row.attempt)  # type: ignore[attr-defined]
    assert kind.leases.expired().count() == 0
