"""Parts of the pages of the explorer."""

import re

from django.test import Client


def cells(page: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r'id="cell-\d".*?<span class="n">([\d,]+)</span>', page)]


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="row-(\d+)"', page)]


def get(client: Client, path: str, status: int | None = None) -> str:
    answer = client.get(path)
    assert status in (None, answer.status_code)
    return answer.content.decode()
