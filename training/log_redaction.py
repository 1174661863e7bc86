"""Redaction of logs: credentials are replaced before any handler of this process sees a record."""

import logging
import os
import re
import sys
import traceback
from functools import lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

REPLACEMENT = "***"
SECRET_VARIABLES = (
    *("SECRET_KEY", "WEBHOOK_SECRET", "OIDC_CLIENT_SECRET", "HF_TOKEN", "W2S_TOKEN", "METRICS_TOKEN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"),
)
URL_VARIABLES = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "WEBHOOK_URL")
SHORTEST = 6
"""Shortest secret that is searched for literally: a shorter one would match inside words."""
SLASH, PART = r"(?:/|%2F)", r"(?:(?!%2F)[^\s/?#&\"'<>\\)\]])"
PATTERNS = (
    # Links that grant access: login, password reset, invitation, share and embedded chart.
    re.compile(rf"({SLASH}(?:login{SLASH}link|password{SLASH}reset){SLASH}{PART}+{SLASH})({PART}+)", re.IGNORECASE),
    re.compile(rf"({SLASH}(?:s|e|join){SLASH})({PART}{{16,}})", re.IGNORECASE),  # 16: folders called s have shorter names
    re.compile(r"(\bbearer\s+)([\w.~+/=-]{16,})", re.IGNORECASE),
    re.compile(r"(\bauthorization[\"']?\s*[:=,]\s*b?[\"']?(?:\w+\s+)?)([^\s\"',;]+)", re.IGNORECASE),
    re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:\"']{0,100}:)([^\s\"']{1,400})(?=@)", re.IGNORECASE),
    re.compile(r"([?&](?:code|state)=)([^\s&\"'<>]+)"),
    re.compile(
        r"(\b(?:sessionid|csrftoken|csrfmiddlewaretoken|(?:access_|refresh_|id_)?token|(?:new_|old_)?password[12]?|passwd"
        r"|(?:client_)?secret|api_?key|secret_key|signature)[\"']?\s*[=:]\s*b?[\"']?)([^\s&\"',;<>}\])]+)",
        re.IGNORECASE,
    ),
)
"""Each pattern keeps its first group and replaces its second. All take linear time, since untrusted clients write to the logs."""


def redact(text: str) -> str:
    """Return ``text`` with ``***`` for tokens in links and headers, passwords in URLs, and the secrets of the environment."""
    for value in _values(tuple(os.environ.get(name, "") for name in SECRET_VARIABLES + URL_VARIABLES)):
        text = text.replace(value, REPLACEMENT)
    for pattern in PATTERNS:
        text = pattern.sub(rf"\1{REPLACEMENT}", text)
    return text


@lru_cache(maxsize=4)
def _values(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the secrets in these values of the variables, the longest first, as one may contain another."""
    secrets = set(values[: len(SECRET_VARIABLES)])
    for url in values[len(SECRET_VARIABLES) :]:
        _, _, after = url.partition("://")
        account, at, _ = after.rpartition("@")  # not by urlsplit, which fails on some characters in a password
        password = account.partition(":")[2] if at else ""
        secrets |= {password, unquote(password)}
        if url == values[-1]:
            secrets |= {_path(url)}  # the address of a webhook is its credential
    return tuple(sorted((secret for secret in secrets if len(secret) >= SHORTEST), key=len, reverse=True))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


class Record(logging.LogRecord):
    """A log record without secrets in its message, arguments and traceback, for every handler and formatter."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if isinstance(self.args, tuple):  # uvicorn's access formatter reads them one by one
            self.args = tuple(redact(value) if isinstance(value, str) else value for value in self.args)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = redact("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))
        if self.stack_info:
            self.stack_info = redact(self.stack_info)

    def getMessage(self) -> str:  # noqa: N802 - the name of logging
        return redact(super().getMessage())


def install() -> None:
    """Redact all log records of this process, and the traceback with which it may end."""
    logging.setLogRecordFactory(Record)
    sys.excepthook = _end


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
