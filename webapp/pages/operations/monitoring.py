"""Addresses for programs that watch the laboratory: whether it lives, whether it is ready, and its numbers for Prometheus."""

import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from webapp.access import public
from webapp.experiments import gauges
from webapp.experiments.models import Worker
from webapp.experiments.requirements import free_on_disk
from webapp.instruments import REGISTRY
from webapp.notifications import queued_chores
from webapp.readiness import readiness

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""Headers of proxies: a request with one of them comes from farther than this machine."""

NOT_FOR_YOU = "The numbers are for this machine, for METRICS_NETWORKS and for requests with METRICS_TOKEN.\n"


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process lives, without looking at anything else."""
    return HttpResponse("ok", content_type="text/plain")


@public
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the process can do its work, otherwise 503; those who may read the numbers see what is wrong."""
    now = readiness()
    content = {"ready": not now.faults} | ({"parts": now.parts} if may_read(request) else {})
    answer = JsonResponse(content, status=503 if now.faults else 200)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # or Django logs an error at each probe
    return answer


@public
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the numbers of this process and of the laboratory in Prometheus' text format."""
    if not may_read(request):
        return HttpResponse(NOT_FOR_YOU, status=403, content_type="text/plain")
    laboratory = CollectorRegistry()
    laboratory.register(Laboratory())
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(laboratory), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Return whether the request has the token, or comes from an allowed network or directly from this machine."""
    sent = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and constant_time_compare(sent, f"Bearer {settings.METRICS_TOKEN}"):
        return True
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    if any(address in ipaddress.ip_network(network) for network in settings.METRICS_NETWORKS):
        return True
    return address.is_loopback and not any(name in request.headers for name in FORWARDED)


class Laboratory:
    """The numbers of the whole laboratory, the same from every web server process."""

    def collect(self) -> Iterator[Metric]:
        now = readiness()
        ready = GaugeMetricFamily("w2s_ready", "1 for a part of the laboratory that works.", labels=["part"])
        for part, state in now.parts.items():
            ready.add_metric([part], float(state == "ok"))
        yield ready
        if now.store_seconds is not None:
            yield gauge("w2s_store_seconds", "Time of writing and reading 4 KiB of the store.", now.store_seconds)
            yield gauge("w2s_disk_free_bytes", "Free space on the disk of the artifacts.", float(free_on_disk()))
        try:
            numbers, chores = gauges.read(), queued_chores()
        except Error:
            return
        yield from _queue(numbers)
        yield gauge("w2s_chores_queued", "Imports, archives and attributions that wait for the light worker.", chores)
        yield from _workers(numbers.workers)


def _queue(numbers: gauges.Numbers) -> Iterator[Metric]:
    yield by_label("w2s_runs", "Runs that have not ended.", "state", numbers.runs)
    ended = "Runs of the experiments that ended in the last hour."
    yield by_label("w2s_runs_ended_last_hour", ended, "state", numbers.ended_runs)
    yield by_label("w2s_experiments", "Experiments that have not ended.", "state", numbers.experiments)
    yield gauge("w2s_queue_oldest_seconds", "Age of the oldest run in the queue.", numbers.oldest_queued_seconds)
    yield gauge("w2s_queue_paused", "1 while the queue is paused.", float(numbers.paused))
    yield gauge("w2s_leases", "Runs that a worker holds.", numbers.leases)
    yield gauge("w2s_leases_expired", "Leases that were not renewed in time and not yet taken back.", numbers.expired_leases)
    yield CounterMetricFamily("w2s_runs_created", "Runs that were ever stored.", numbers.runs_created)
    yield CounterMetricFamily("w2s_events", "Events that were ever recorded.", numbers.events)


def _workers(workers: list[tuple[Worker, bool]]) -> Iterator[Metric]:
    online = GaugeMetricFamily("w2s_worker_online", "1 for a worker that sends heartbeats.", labels=["worker"])
    draining = GaugeMetricFamily("w2s_worker_draining", "1 for a worker that takes no further run.", labels=["worker"])
    labels = ["worker", "device", "name"]
    memory = GaugeMetricFamily("w2s_device_memory_bytes", "Memory of a worker's device.", labels=labels)
    used = GaugeMetricFamily("w2s_device_memory_used_bytes", "Memory of the device in use at the last heartbeat.", labels=labels)
    busy = GaugeMetricFamily("w2s_device_busy_ratio", "Use of the device at the last heartbeat, 0 to 1.", labels=labels)
    for worker, is_online in workers:
        online.add_metric([worker.name], float(is_online))
        draining.add_metric([worker.name], float(worker.draining))
        for number, device in enumerate(worker.devices if is_online else ()):
            for family, key in ((memory, "memory"), (used, "used"), (busy, "busy")):
                if isinstance(value := device.get(key), int | float):
                    family.add_metric([worker.name, str(number), str(device.get("name", ""))], float(value))
    yield from (online, draining, memory, used, busy)


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def by_label(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
