"""Every read of attributions."""

from collections.abc import Sequence

from webapp.attributions.models import Question, State


def requested(keys: Sequence[str], example: int) -> dict[str, Question]:
    """The attributions of these runs for the example that were requested, by the run's key."""
    return {row.key: row for row in Question.objects.filter(key__in=keys, example=example)}


def queued() -> int:
    return Question.objects.filter(state=State.QUEUED).count()
