"""Writes of an archive to the record: the runs that were trained elsewhere, and the experiment that asked for them."""

from collections.abc import Callable, Iterable, Mapping

from django.contrib.auth.models import User
from django.db import transaction

from training import RunSpec, Triplet
from training.events import EventRecord
from training.redaction import renamed
from training.storage.archive import Archive, Broken, Origin
from webapp.experiments.fold import fold
from webapp.experiments.imported_runs import stored_key
from webapp.experiments.models import ACTIVE, Event, Experiment, Run, Status
from webapp.experiments.run_groups import alike
from webapp.experiments.run_launch import give_parts, places_of

BATCH = 1000


@transaction.atomic
def adopt(
    owner: User,
    about: Archive,
    content: str,
    runs: Mapping[str, RunSpec],
    ours: Iterable[str],
    told: Callable[[str], Iterable[EventRecord]],
) -> tuple[Experiment, dict[str, str]]:
    """The experiment of a verified archive with content hash ``content``, and the keys that its runs have here by those there.

    ``ours`` are keys of runs that were trained here too, and came out equal: these are used, and keep their key. Raises Broken.
    """
    same = set(ours)
    names = {key: key if key in same else stored_key(content, key) for key in runs}
    rows = {}
    for key, spec in runs.items():
        row = Run.objects.filter(key=names[key]).first()
        if row is None:
            origin = Origin(number=about.number, owner=about.owner, content=content, earlier=about.imported.get(key))
            row = _run(names[key], key, spec.with_keys(names), origin, told(key))
        rows[key] = row
    for key, spec in runs.items():
        if key not in same:
            rows[key].needs.set([rows[need] for need in spec.needs])
    triplets = [Triplet(**renamed(vars(one), names)) for one in about.triplets]
    experiment = Experiment.objects.create(
        name=about.name,
        owner=owner,
        spec=about.spec,
        triplets=[vars(triplet) for triplet in triplets],
        result=None if about.result is None else renamed(about.result.model_dump(mode="json"), names),
        result_runs=sorted(row.key for row in rows.values() if row.status == Status.FINISHED),
        launched_at=about.launched_at,
        ended_at=about.ended_at,
        origin={"number": about.number, "owner": about.owner, "content": content},
    )
    in_order = dict.fromkeys(key for one in about.triplets for key in (one.weak, one.ceiling, one.student))
    in_order |= dict.fromkeys(rows)  # those that other runs need
    mine = {names[key]: rows[key] for key in in_order}
    give_parts(experiment, places_of(triplets, mine), mine)
    return experiment, names


def _run(key: str, claimed: str, spec: RunSpec, origin: Origin, told: Iterable[EventRecord]) -> Run:
    row = Run.objects.create(
        key=key,
        claimed_key=claimed,
        spec=spec.model_dump(mode="json"),
        origin=origin.model_dump(mode="json"),
        alike=alike(spec),
    )
    events = []
    for one in told:
        if one.seq != row.last_seq + 1:
            raise Broken(f"Of the events of run {claimed[:12]} number {row.last_seq + 1} is missing.")
        row.last_seq, row.attempt = one.seq, one.attempt
        events.append(Event(run=row, seq=one.seq, attempt=one.attempt, payload=one.event.model_dump(mode="json"), at=one.at))
        fold(row, one.event, one.at)
        if len(events) == BATCH:
            Event.objects.bulk_create(events)
            events = []
    if row.status in ACTIVE:
        raise Broken(f"The events of run {claimed[:12]} do not tell of its end.")
    Event.objects.bulk_create(events)
    row.save()
    return row
