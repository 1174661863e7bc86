"""Log records as JSON, an object a line, with the id of the request and the runs that they belong to."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from webapp import tracing
from webapp.request_context import request_id, run_id


class JsonFormatter(logging.Formatter):
    """Formats time, level, logger, message, and where there are any: request, runs, what a record is ``about``, and the error."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_id.get(),
            "runs": run_id.get(),
            **tracing.ids(),
            **getattr(record, "about", {}),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        fields["error"] = record.exc_text
        return json.dumps({name: value for name, value in fields.items() if value not in ("", None)}, ensure_ascii=False)


TEXT_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
"""Logs as text. By default Django reports errors by e-mail only, unless DEBUG is on. A missing page is no error."""


def logging_settings() -> dict[str, Any]:
    """Return the settings of Python's logging under which every program of the laboratory writes JSON to its stderr.

    Warnings of all loggers, and what uvicorn, Celery and requests say besides.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "webapp.request_context": {"level": "INFO"},
            **{name: {"handlers": [], "level": "INFO", "propagate": True} for name in ("uvicorn", "uvicorn.error", "celery")},
            "uvicorn.access": {"handlers": [], "propagate": False},  # it would write whole addresses
        },
    }
