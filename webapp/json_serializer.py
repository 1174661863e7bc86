"""The format of the shared cache: JSON, which never executes code when it is read."""

import json
from typing import Any


class JSONSerializer:
    """A serializer for Django's Redis cache, whose default is pickle."""

    def dumps(self, value: Any) -> int | bytes:
        """Return whole numbers unchanged, so that Redis can add to them."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return the value. Raise ValueError if the data is not JSON."""
        return json.loads(data)
