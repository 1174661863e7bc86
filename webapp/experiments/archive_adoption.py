"""Writes of a verified archive to the database: runs that were trained elsewhere, and the experiment that they belong to."""

from collections.abc import Callable, Iterable, Mapping

from django.contrib.auth.models import User

from training import RunSpec, Triplet
from training.events import EventRecord
from training.redaction import renamed
from training.spec import upgrade
from training.storage.archive import Archive, Broken, Origin
from webapp.experiments.bulk import lock
from webapp.experiments.changes import changing
from webapp.experiments.fold import fold
from webapp.experiments.imported_runs import stored_key
from webapp.experiments.list_columns import columns_of_result, columns_of_spec, give_facets
from webapp.experiments.models import ACTIVE, Event, Experiment, Run, Status
from webapp.experiments.run_groups import alike
from webapp.experiments.run_launch import give_parts, places_of

BATCH = 1000


@changing()
def adopt(
    owner: User,
    archive: Archive,
    content: str,
    runs: Mapping[str, RunSpec],
    ours: Iterable[str],
    events_of: Callable[[str], Iterable[EventRecord]],
) -> tuple[Experiment, dict[str, str]]:
    """Create the experiment of a verified archive with content hash ``content``; return it with a map of keys there to keys here.

    ``ours`` are keys of runs that were trained here too, with equal predictions: these runs are used. Raises Broken.
    """
    same = set(ours)
    keys = {key: key if key in same else stored_key(content, key) for key in runs}
    known = {row.key: row for row in lock(Run.objects.filter(key__in=keys.values()))}
    rows = {}
    for key, spec in runs.items():
        row = known.get(keys[key])
        if row is None:
            origin = Origin(number=archive.number, owner=archive.owner, content=content, earlier=archive.imported.get(key))
            row = _run(keys[key], key, spec.with_keys(keys), origin, events_of(key))
        rows[key] = row
    for key, spec in runs.items():
        if key not in same:
            rows[key].needs.set([rows[need] for need in spec.needs])
    triplets = [Triplet(**renamed(vars(triplet), keys)) for triplet in archive.triplets]
    described = upgrade(archive.spec).model_copy(update={"name": archive.name})
    columns = columns_of_spec(described)
    result = None if archive.result is None else renamed(archive.result.model_dump(mode="json"), keys)
    experiment = Experiment.objects.create(
        **columns,
        **columns_of_result(result, columns["weak_model"], columns["strong_model"]),
        owner=owner,
        spec=archive.spec,
        triplets=[vars(triplet) for triplet in triplets],
        result=result,
        result_runs=sorted(row.key for row in rows.values() if row.status == Status.FINISHED),
        launched_at=archive.launched_at,
        ended_at=archive.ended_at,
        origin={"number": archive.number, "owner": archive.owner, "content": content},
    )
    in_order = dict.fromkeys(key for triplet in archive.triplets for key in (triplet.weak, triplet.ceiling, triplet.student))
    in_order |= dict.fromkeys(rows)  # runs that only other runs need
    by_key = {keys[key]: rows[key] for key in in_order}
    give_parts(experiment, places_of(triplets, by_key), by_key)
    give_facets(experiment, described)
    return experiment, keys


def _run(key: str, claimed: str, spec: RunSpec, origin: Origin, records: Iterable[EventRecord]) -> Run:
    row = Run.objects.create(
        key=key,
        claimed_key=claimed,
        spec=spec.model_dump(mode="json"),
        origin=origin.model_dump(mode="json"),
        alike=alike(spec),
    )
    events = []
    for record in records:
        if record.seq != row.last_seq + 1:
            raise Broken(f"Event {row.last_seq + 1} of run {claimed[:12]} is missing.")
        row.last_seq, row.attempt = record.seq, record.attempt
        payload = record.event.model_dump(mode="json")
        events.append(Event(run=row, seq=record.seq, attempt=record.attempt, payload=payload, at=record.at))
        fold(row, record.event, record.at)
        if len(events) == BATCH:
            Event.objects.bulk_create(events)
            events = []
    if row.status in ACTIVE:
        raise Broken(f"The events of run {claimed[:12]} do not include its end.")
    Event.objects.bulk_create(events)
    row.save()
    return row
