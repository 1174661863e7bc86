"""Scrapes of the numbers for Prometheus."""

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families


def numbers(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Return the samples of /metrics by their name and the values of their labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}
