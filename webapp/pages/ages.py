"""Times on open pages, such as 5 min ago: they grow although nothing changes."""

import time

SECONDS = 600


def ages() -> int:
    """Return a number that changes every ten minutes, for the validators of pages that show ages."""
    return int(time.time() // SECONDS)
