"""The permission for new experiments to use the runs of an archive: given by administrators, with an entry in the audit log."""

from django.contrib.auth.models import User
from django.db import transaction

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import imported_runs
from webapp.experiments.models import Experiment


@transaction.atomic
def accept(experiment: Experiment, by: User, *, accepted: bool) -> int:
    """Accept or reject the runs of the archive that ``experiment`` came in. Return their number.

    Raise ValueError without an archive.
    """
    if not experiment.origin:
        raise ValueError("This experiment did not come in an archive.")
    content = experiment.origin["content"]
    runs = imported_runs.accept(content, accepted=accepted)
    verb = Verb.ACCEPTED if accepted else Verb.WITHDRAWN
    tell(by, verb, "experiment", experiment.pk, experiment.name, content=content, runs=runs)
    return runs
