"""The numbers of this process for Prometheus: requests, sockets, and how late pages learn of new events.

Each web server process has its own and answers them under /metrics (webapp/pages/operations/monitoring.py), so each is scraped.
"""

from datetime import datetime

from django.utils import timezone
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing reads
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS = Counter("w2s_requests", "Answered requests.", ("method", "route", "status"), registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "w2s_request_seconds",
    "Time from a request to the beginning of its answer.",
    ("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
CONNECTIONS = Gauge("w2s_connections_open", "Open connections, with those of sockets.", registry=REGISTRY)
SOCKETS = Gauge("w2s_sockets_open", "Open WebSockets of pages.", registry=REGISTRY)
SLOW_QUERIES = Counter("w2s_slow_queries", "Queries that took longer than SLOW_QUERY_SECONDS.", registry=REGISTRY)
NOTIFICATION_LAG = Histogram(
    "w2s_notification_lag_seconds",
    "Time from the record of an event, by the database's clock, to its reading for the pages that show it.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)


def observe_lag(recorded: str) -> None:
    """Add the time since an event was ``recorded``, an ISO date and time. Clocks that differ make it 0 at least."""
    NOTIFICATION_LAG.observe(max(0.0, (timezone.now() - datetime.fromisoformat(recorded)).total_seconds()))
