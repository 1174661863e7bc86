"""An experiment for pages in a browser whose runs were made up, with everything that people and workers add to it."""

from tests.lab import Lab

MADE = """
from django.db import transaction
from tests.factories.explored_experiments import explored, ids_of, with_features
from training.command_output import Attribution, Piece
from webapp.attributions import services as attributions
from webapp.notes import services as notes
from webapp.pages.accounts.one_time_links import first_account
owner = first_account()
with transaction.atomic():  # so that no worker ever sees one of its runs in the queue
    experiment = explored(owner, data={{"split_seed": {split_seed}}})  # not the runs that others train
with_features(experiment)
example, triplet = ids_of("test")[0], experiment.triplets[1]
fingerprint = experiment.runs.all()[0].run_spec.fingerprint
for name in ("report", "ambiguous", "gold label wrong"):
    notes.tag(owner, fingerprint, example, name)
notes.note(owner, fingerprint, example, "Both readings.")
with transaction.atomic():  # nor one of these questions
    attributions.request([triplet[role] for role in ("weak", "student", "ceiling")], example)
    questions = attributions.claim_next()
    pieces = [Piece(side="a", start=4 * at, end=4 * at + 3, effect=effect) for at, effect in enumerate((2.0, -2.0, 1.0, -0.4))]
    found = [Attribution(run=one.key, id=example, log_odds=0.5, pieces=tuple(pieces)) for one in questions]
    attributions.answer(questions, found, "")
print(f"made {{experiment.pk}} {{example}}")
"""


def made_up(lab: Lab, split_seed: int) -> tuple[int, int]:
    """A new experiment and one of its test examples, which has tags, a note and attributions."""
    experiment, example = lab.manage("shell", "-c", MADE.format(split_seed=split_seed)).split()[-2:]
    return int(experiment), int(example)


def shared(lab: Lab, experiment: int, live: bool = False) -> str:
    status, made = lab.call("POST", f"/experiments/{experiment}/shares?live={str(live).lower()}", {"examples": "all"})
    assert status == 201, made
    return str(made["slug"])


def link(lab: Lab, slug: str) -> tuple[int, str]:
    """A new link's id and address."""
    made = lab.call("POST", f"/shares/{slug}/links", {})[1]
    return int(made["id"]), str(made["url"])
