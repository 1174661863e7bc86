"""What the shared cache holds: JSON, which can be read without running anything, whoever wrote it."""

import json
from typing import Any


class JSONSerializer:
    """For Django's Redis cache, which would use pickle."""

    def dumps(self, value: Any) -> int | bytes:
        """Whole numbers as they are, so that Redis can add to them."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Raises ValueError for what is no JSON."""
        return json.loads(data)
