"""Every read of questions."""

from collections.abc import Sequence

from webapp.attributions.models import Question, State


def asked(keys: Sequence[str], example: int) -> dict[str, Question]:
    """What has been asked of these runs about the example, by the run's key."""
    return {one.key: one for one in Question.objects.filter(key__in=keys, example=example)}


def queued() -> int:
    return Question.objects.filter(state=State.QUEUED).count()
