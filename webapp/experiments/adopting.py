"""Writes of an archive to the record: the runs that were trained elsewhere, and the experiment that asked for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction

from training import RunSpec, Triplet
from training.archive import Archive, Broken
from training.events import Told
from webapp.experiments.alike import alike
from webapp.experiments.fold import fold
from webapp.experiments.launching import give_parts, places_of
from webapp.experiments.models import ACTIVE, Event, Experiment, Run, Status


@transaction.atomic
def adopt(
    owner: User,
    about: Archive,
    content: str,
    triplets: Sequence[Triplet],
    runs: Mapping[str, RunSpec],
    told: Callable[[str], Iterable[Told]],
) -> Experiment:
    """The experiment of a verified archive with content hash ``content``. Runs that are here stay as they are. Raises Broken."""
    rows = {key: Run.objects.filter(key=key).first() or _run(key, run, told(key)) for key, run in runs.items()}
    for key, run in runs.items():
        rows[key].needs.set([rows[need] for need in run.needs])
    experiment = Experiment.objects.create(
        name=about.name,
        owner=owner,
        spec=about.spec,
        triplets=[vars(triplet) for triplet in triplets],
        result=None if about.result is None else about.result.model_dump(mode="json"),
        result_runs=sorted(key for key, row in rows.items() if row.status == Status.FINISHED),
        launched_at=about.launched_at,
        ended_at=about.ended_at,
        origin={"number": about.number, "owner": about.owner, "content": content},
    )
    in_order = dict.fromkeys(key for triplet in triplets for key in (triplet.weak, triplet.ceiling, triplet.student))
    in_order |= dict.fromkeys(rows)  # those that other runs need
    give_parts(experiment, places_of(triplets, in_order), {key: rows[key] for key in in_order})
    return experiment


def _run(key: str, spec: RunSpec, told: Iterable[Told]) -> Run:
    run, rows = Run.objects.create(key=key, spec=spec.model_dump(mode="json"), alike=alike(spec)), []
    for one in told:
        if one.seq != run.last_seq + 1:
            raise Broken(f"Of the events of run {key[:12]} number {run.last_seq + 1} is missing.")
        run.last_seq, run.attempt = one.seq, one.attempt
        rows.append(Event(run=run, seq=one.seq, attempt=one.attempt, payload=one.event.model_dump(mode="json"), at=one.at))
        fold(run, one.event, one.at)
    if run.status in ACTIVE:
        raise Broken(f"The events of run {key[:12]} do not tell of its end.")
    Event.objects.bulk_create(rows, batch_size=1000)
    run.save()
    return run
