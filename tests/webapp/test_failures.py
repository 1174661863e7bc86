"""A full disk and an unreadable file: answers are sentences without a path, for accounts, programs and visitors."""

import errno
import json
from pathlib import Path

import duckdb
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from training.storage.checksums import DamagedArtifact
from webapp.failures import FailureMiddleware, failed

SECRET = "/srv/lab/artifacts/runs/0123/predictions.parquet"


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", SECRET)


def answer(path: str, error: Exception) -> HttpResponse | None:
    def view(request: HttpRequest) -> HttpResponse:
        raise AssertionError

    request = RequestFactory().get(path)
    return FailureMiddleware(view).process_exception(request, error)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (full(), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded", SECRET), 507),
        (duckdb.IOException(f'IO Error: Could not write file "{SECRET}": No space left on device'), 507),
        (OSError(errno.EIO, "Input/output error", SECRET), 503),
        (PermissionError(errno.EACCES, "Permission denied", SECRET), 503),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), 422),
        (ValueError("A string literal cannot contain NUL (0x00) characters."), 422),
    ],
)
def test_an_answer_of_the_api_says_what_is_wrong_and_no_path(error: Exception, status: int) -> None:
    response = answer("/api/v1/experiments", error)
    assert response is not None
    assert response.status_code == status
    assert json.loads(response.content)["errors"][0]["message"]
    assert "/srv" not in response.content.decode()


def test_a_visitor_of_a_share_reads_that_it_is_unavailable_and_not_that_it_has_ended() -> None:
    for path in ("/s/token/", "/shared/abc/examples/", "/e/token/gap/"):
        response = answer(path, full())
        assert response is not None
        assert response.status_code == 503
        assert "temporarily unavailable" in response.content.decode()
        assert "revoked" not in response.content.decode()
        assert "/srv" not in response.content.decode()


def test_an_error_that_nothing_is_known_of_stays_an_error() -> None:
    assert answer("/api/v1/experiments", KeyError("a bug")) is None
    assert failed(ValueError("a bug")) is None


def test_damage_is_said_without_the_place_of_the_file(db: None) -> None:
    response = answer("/api/v1/experiments", DamagedArtifact("0" * 64, Path(SECRET).name, "is damaged: it cannot be read"))
    assert response is not None
    assert response.status_code == 409
    assert (
        json.loads(response.content)["errors"][0]["message"]
        == "predictions.parquet of run 000000000000 is damaged: it cannot be read."
    )
