"""The cost of readers of a frozen share, and how soon their pages know that its link was revoked.

python -m tests.benchmarks.frozen --viewers 200 --seconds 30
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import django
import websockets

from tests.benchmarks.live_viewers import cpu_seconds, memory_mb, percentiles
from tests.lab import Lab

NOT_FOUND = 4404


def shared() -> tuple[str, str, int]:
    """The slug of a frozen share, the cookie of a link to it, and the link's id; sockets ask for nothing of what was frozen."""
    from webapp.pages.accounts.one_time_links import first_account
    from webapp.reports.choices import Choices
    from webapp.shares.links import COOKIE, cookie_of, make_link
    from webapp.shares.models import Share

    owner = first_account()
    share = Share.objects.create(owner=owner, title="Benchmark", choices=Choices().model_dump(mode="json"))
    link, _ = make_link(share, owner)
    return share.slug, f"{COOKIE}={cookie_of(link)}", link.pk


async def read(address: str, cookie: str, origin: str, ready: asyncio.Semaphore) -> float:
    """Open one page's socket; returns when it was closed with 4404."""
    headers = {"Cookie": cookie, "Origin": origin}
    async with websockets.connect(address, additional_headers=headers, open_timeout=60) as socket:
        assert "open" in str(await socket.recv())
        ready.release()
        try:
            await socket.recv()
        except websockets.ConnectionClosed as error:
            if not error.rcvd or error.rcvd.code != NOT_FOUND:
                raise
            return time.monotonic()
    raise ValueError("A page was sent something while nothing happened.")


async def measure(lab: Lab, viewers: int, seconds: float) -> None:
    slug, cookie, link = await asyncio.to_thread(shared)
    address, ready = f"{lab.url.replace('http', 'ws')}/shared/{slug}/access/", asyncio.Semaphore(0)
    before = memory_mb(lab)
    pages = [asyncio.create_task(read(address, cookie, lab.url, ready)) for _ in range(viewers)]
    for _ in pages:
        await ready.acquire()
    since, used = time.monotonic(), cpu_seconds(lab)
    await asyncio.sleep(seconds)
    share = (cpu_seconds(lab) - used) / (time.monotonic() - since)
    print(f"{viewers} viewers: {100 * share:.1f} % of a core, {memory_mb(lab) - before} MB more", flush=True)
    revoked = time.monotonic()
    status, _ = await asyncio.to_thread(lab.call, "DELETE", f"/links/{link}")
    assert status == 200
    print(f"closed after {percentiles([closed - revoked for closed in await asyncio.gather(*pages)])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab:
        os.environ.update(lab.environment)
        django.setup()
        asyncio.run(measure(lab, arguments.viewers, arguments.seconds))


if __name__ == "__main__":
    main()
