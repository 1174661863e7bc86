"""Tags of experiments: any member adds them; the tag, then the audit log."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from webapp.access import NOT_YOUR_TAG, may_change, owns
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments.models import Experiment
from webapp.notes.services import tag_name
from webapp.organising import queries, services


@transaction.atomic
def add(experiment: Experiment, name: str, by: User) -> bool:
    """Return False if the experiment has the tag already. Raises ValueError with a sentence for an invalid name."""
    name = tag_name(name)
    new = services.tag(by, experiment, name)
    if new:
        tell(by, Verb.TAGGED, "experiment", experiment.pk, experiment.name, tag=name)
    return new


@transaction.atomic
def remove(experiment: Experiment, name: str, by: User) -> bool:
    """Return False if the experiment does not have the tag.

    Raises PermissionDenied for all but the account that added it, the owner of the experiment and administrators.
    """
    tag = queries.tag_of(experiment.pk, name)
    if tag is None:
        return False
    if not (owns(by, tag.author_id) or may_change(by, experiment)):
        raise PermissionDenied(NOT_YOUR_TAG)
    services.untag(tag)
    tell(by, Verb.UNTAGGED, "experiment", experiment.pk, experiment.name, tag=tag.name)
    return True
