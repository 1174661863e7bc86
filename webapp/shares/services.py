"""All writes to shares, except those to their links."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.refusal import Refused
from webapp.shares.freezing import Written, freeze
from webapp.shares.models import Share, Version
from webapp.shares.unlocking import note


class Taken(Exception):
    """Another account froze this version at the same moment."""


def share_frozen(experiment: Experiment, choices: Choices, by: User) -> Share:
    """Create a share with its first version. Raises as ``freeze`` does."""
    written = freeze(experiment, choices, by)
    with transaction.atomic():
        share = _create(experiment, choices, by, live=False)
        _add(share, 1, written, choices, by)
    return share


def share_live(experiment: Experiment, choices: Choices, by: User) -> Share:
    """Create a share that shows the experiment as it is at each request. Raises Refused where there is nothing to show yet."""
    compose(experiment, choices, by)
    with transaction.atomic():
        share = _create(experiment, choices, by, live=True)
        tell(by, Verb.SHARED, "share", share.slug, share.title, experiment=experiment.pk, live=True)
    return share


def renew(share: Share, choices: Choices, by: User) -> Version | None:
    """Add a version to a frozen share, or change the choices of a live one (None). Raises as ``freeze`` does, and Taken."""
    experiment = share.experiment
    if experiment is None:
        raise Refused("The experiment was deleted. What was frozen of it stays as it is.")
    share.choices, share.title = choices.model_dump(mode="json"), _title(experiment, choices)
    if share.live:
        compose(experiment, choices, by)
        share.save(update_fields=["choices", "title"])
        return None
    number = next_number(share)
    written = freeze(experiment, choices, by, number)
    try:
        with transaction.atomic():
            share.save(update_fields=["choices", "title"])
            return _add(share, number, written, choices, by)
    except IntegrityError:
        raise Taken(
            f"Somebody else froze version {number} at the same moment. Look at it, and freeze again if you need to."
        ) from None


def next_number(share: Share | None) -> int:
    """Return the number of the version that would be frozen now; ``share`` is None for a new one."""
    return 1 if share is None else (share.versions.aggregate(Max("number"))["number__max"] or 0) + 1


def _create(experiment: Experiment, choices: Choices, by: User, live: bool) -> Share:
    chosen = choices.model_dump(mode="json")
    return Share.objects.create(experiment=experiment, owner=by, live=live, title=_title(experiment, choices), choices=chosen)


def _title(experiment: Experiment, choices: Choices) -> str:
    return choices.title or experiment.name


def _add(share: Share, number: int, written: Written, choices: Choices, by: User) -> Version:
    chosen = choices.model_dump(mode="json")
    version = Version.objects.create(share=share, number=number, content=written.content, choices=chosen, made_by=by)
    assert share.experiment is not None  # it was frozen just now
    if written.unlocked:
        note(share.experiment, version, by)
    details = {
        "experiment": share.experiment_id,
        "version": number,
        "content": written.content,
        "opened the locked test set": written.unlocked,
    }
    tell(by, Verb.SHARED, "share", share.slug, share.title, **details)
    return version
