"""The shutdown of a worker: work in progress is given back, not finished first."""

import multiprocessing
from typing import Any

from celery.signals import worker_shutting_down

shutting_down = multiprocessing.get_context("fork").Event()
"""Set in the worker's main process and seen by the pool process that it forked."""


@worker_shutting_down.connect
def _set(**_: Any) -> None:
    shutting_down.set()
