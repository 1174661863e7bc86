"""The address of a request is that of its connection; a proxy is believed only where it is named."""

import json
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

from tests.lab import Lab

ADDRESS, OTHER = "198.51.100.1", "198.51.100.2"
LIMIT = 10


def log_in(lab: Lab, password: str, forwarded: str) -> int:
    """The status of one attempt, as a browser makes it behind a proxy that sends these headers."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    headers = {"X-Forwarded-For": forwarded, "X-Real-IP": forwarded, "Forwarded": f"for={forwarded}"}
    opener.open(urllib.request.Request(f"{lab.url}/login/", headers=headers), timeout=20)
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    body = urllib.parse.urlencode({"username": "ada", "password": password, "csrfmiddlewaretoken": token}).encode()
    try:
        with opener.open(urllib.request.Request(f"{lab.url}/login/", body, headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def asks(lab: Lab, forwarded: str) -> int:
    headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": forwarded}
    try:
        urllib.request.urlopen(urllib.request.Request(f"{lab.url}/api/v1/schema", headers=headers), timeout=20)
    except urllib.error.HTTPError as error:
        return error.code
    raise AssertionError("nobody is known by a wrong token")


def addresses(lab: Lab, verb: str) -> list[str]:
    """From where, by the audit trail."""
    with closing(sqlite3.connect(lab.data_dir / "lab.sqlite3")) as record:
        rows = record.execute("select details from audit_entry where verb = ? order by id", [verb]).fetchall()
    return [json.loads(details).get("from", "") for (details,) in rows]


def with_an_account(lab: Lab) -> None:
    lab.manage(
        "shell", "-c", "from django.contrib.auth.models import User; User.objects.create_user('ada', password='engine 1843')"
    )


def test_without_a_proxy_nobody_chooses_the_address_by_which_he_is_counted_locked_and_written_down(tmp_path: Path) -> None:
    with Lab(tmp_path, "--workers", "0", API_RATE="3/h") as lab:
        with_an_account(lab)
        tried = [log_in(lab, "wrong", f"198.51.100.{number}") for number in range(LIMIT)]
        assert tried[-1] == 429
        assert log_in(lab, "engine 1843", "203.0.113.9") == 429
        assert addresses(lab, "login-refused") == ["127.0.0.1"]
        assert [asks(lab, f"198.51.100.{number}") for number in range(4)] == [401, 401, 401, 429]


def test_a_proxy_that_is_named_says_who_asks_and_its_visitors_cannot(tmp_path: Path) -> None:
    with Lab(tmp_path, "--workers", "0", API_RATE="3/h", TRUSTED_PROXIES="127.0.0.1") as lab:
        with_an_account(lab)
        # What a visitor sends himself stands before what the proxy adds.
        tried = [log_in(lab, "wrong", f"203.0.113.{number}, {ADDRESS}") for number in range(LIMIT)]
        assert tried[-1] == 429
        assert log_in(lab, "engine 1843", ADDRESS) == 429
        assert log_in(lab, "engine 1843", OTHER) == 200
        assert addresses(lab, "login-refused") == [ADDRESS]
        assert addresses(lab, "logged-in")[-1] == OTHER
        assert [asks(lab, f"203.0.113.{number}, {ADDRESS}") for number in range(4)] == [401, 401, 401, 429]
        assert asks(lab, OTHER) == 401
