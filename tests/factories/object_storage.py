"""A server of the S3 protocol on loopback, and the environment that makes it the one of this process and its children."""

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest


class ObjectStorage:
    """The server and its buckets, which stay while it is stopped."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for each request
        self.port, self.numbers = 0, count(1)
        self.start()

    def start(self) -> None:
        from moto.server import ThreadedMotoServer  # imported here: it takes most of a second

        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]

    def stop(self) -> None:
        self.server.stop()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        keys = {
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "Zq7-of-the-storage",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        return keys | {"AWS_ENDPOINT_URL_S3": self.endpoint}

    def bucket(self) -> str:
        """Make an empty bucket and return its URL."""
        name = f"lab-{next(self.numbers)}"
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")):
            return f"s3://{name}"


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    server = ObjectStorage()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        yield server
    server.stop()
