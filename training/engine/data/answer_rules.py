"""The rules from prompts to a generative data set: no copies, no prompt with different answers, stable ids.

They are queries as those of ``rules``: the bytes of the file depend on the prompts alone, not on their order. Case and signs of a
prompt count, since a move or a formula may hang on them.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from training.answers import AnswerRule
from training.catalog.check_report import Counts
from training.engine.data.families.example import Prompt
from training.engine.data.rules import BATCH, ROWS, STABLE, OnProgress, spilling, write_groups
from training.engine.errors import CorruptData

ANSWERS = pa.list_(pa.string())
STAGED = [
    ("text", pa.string()),
    ("answers", ANSWERS),
    ("meaning", pa.string()),
    ("name", pa.string()),
    ("difficulty", pa.float64()),
    ("further", ANSWERS),
]

HASHED = f"""
create table hashed as select file_row_number as row, meaning,
    md5_number(trim(regexp_replace(nfc_normalize(text), '[\\s\\p{{Z}}]+', ' ', 'g'))) as words,
    md5_number(concat_ws(chr(31), name, text, array_to_string(answers, chr(30)), difficulty, array_to_string(further, chr(30))))
        as pick
from {ROWS}
"""  # nosec B608 # names are constants, values are parameters

SINGLE = """
create table single as select arg_min(row, pick) as row from hashed group by words having min(meaning) = max(meaning)
"""

CONFLICTS = """
select coalesce(sum(n), 0) from (select count(*) n from hashed group by words having min(meaning) <> max(meaning))
"""

FINAL = f"""
select {STABLE.format("'id', text, name")} as id, text, answers, {STABLE.format("'group', name")} as "group", difficulty, further
from {ROWS} staged join single on staged.file_row_number = single.row order by id
"""  # nosec B608 # names are constants, values are parameters


def apply_answer_rules(
    prompts: Iterable[Prompt],
    target: Path,
    rule: AnswerRule,
    columns: Sequence[str] = (),
    on_progress: OnProgress = lambda *_: None,
) -> Counts:
    """Write the data set of ``prompts`` to the Parquet file ``target``, with further ``columns``.

    difficulty is a column if the first prompt has one. Two prompts agree if ``rule`` finds the same answers in theirs. Temporary
    files are beside ``target``. Raises CorruptData where no prompt is left.
    """
    staged = target.with_name(f"{target.name}.staged")
    try:
        total, rated = _write_rows(prompts, rule, staged)
        on_progress("rules", 0, 3)
        with duckdb.connect(config=spilling(target.parent)) as connection:
            connection.execute(HASHED, {"staged": str(staged)})
            on_progress("rules", 1, 3)
            connection.execute(SINGLE)
            (conflicts,), (remaining,) = (
                connection.execute(query).fetchall()[0] for query in (CONFLICTS, "select count(*) from single")
            )
            if not remaining:
                raise CorruptData(f"Of {total:,} prompts none is left.")
            on_progress("rules", 2, 3)
            batches = connection.sql(FINAL, params={"staged": str(staged)}).to_arrow_reader(BATCH)
            schema = _schema(rated, columns)
            write_groups((_named(batch, schema, rated) for batch in batches if len(batch)), schema, target)
            on_progress("rules", 3, 3)
    finally:
        staged.unlink(missing_ok=True)
    return Counts(
        read=0,
        examples=total,
        copies=total - int(conflicts) - remaining,
        conflicts=int(conflicts),
        unequal=0,
        unbalanced=0,
        kept=remaining,
    )


def _write_rows(prompts: Iterable[Prompt], rule: AnswerRule, path: Path) -> tuple[int, bool]:
    """Write the prompts to ``path``; return their number, and whether they have a difficulty."""
    total, rated, stream = 0, False, iter(prompts)
    with pq.ParquetWriter(path, pa.schema(STAGED), compression="lz4") as writer:
        while batch := list(islice(stream, BATCH)):
            rated = rated or batch[0].difficulty is not None
            total += len(batch)
            rows = (
                (prompt.text, prompt.answers, _meaning(prompt, rule), prompt.group, prompt.difficulty, prompt.further)
                for prompt in batch
            )
            columns = zip(*rows, strict=True)
            arrays = [pa.array(column, kind) for column, (_, kind) in zip(columns, STAGED, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=pa.schema(STAGED)))
    return total, rated


def _meaning(prompt: Prompt, rule: AnswerRule) -> str:
    """Return the answers of a prompt as one text, equal where the same ones are accepted."""
    return "\x1f".join(sorted({rule.answer(answer) or "" for answer in prompt.answers}))


def _schema(rated: bool, columns: Sequence[str]) -> pa.Schema:
    fields = [("id", pa.int64()), ("text", pa.string()), ("answers", ANSWERS), ("group", pa.int64())]
    fields += [("difficulty", pa.float64())] if rated else []
    return pa.schema(fields + [(column, pa.string()) for column in columns])


def _named(batch: pa.RecordBatch, schema: pa.Schema, rated: bool) -> pa.Table:
    """Return a batch of the query with the columns of ``schema``."""
    table = pa.table(batch)
    further = list(zip(*table["further"].to_pylist(), strict=True))
    arrays = [table[name] for name in ("id", "text", "answers", "group", *(["difficulty"] if rated else []))]
    arrays += [pa.array(values, pa.string()) for values in further]
    return pa.table(arrays, names=schema.names)
