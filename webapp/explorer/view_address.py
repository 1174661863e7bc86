"""The view in the query of an address."""

from collections.abc import Sequence

from django.http import QueryDict
from pydantic import ValidationError

from training.spec import Problem, describe
from webapp.example_queries.view import View


def read_view(query: QueryDict, classes: Sequence[str] = ()) -> tuple[View, list[Problem]]:
    """Return the view of the address without its invalid parts, and the problems.

    The gold label may be one of the names ``classes``; a number is never a name, since links have numbers.
    """
    given = dict(query.lists())
    names = [name.casefold() for name in classes]
    typed = query.get("gold", "").strip().casefold()
    if typed in names and not typed.isdecimal():
        given["gold"] = [str(names.index(typed))]
    try:
        return View.parse(given), []
    except ValidationError as error:
        problems = describe(error.errors())
        wrong = {problem.path.partition(".")[0] for problem in problems}
        if "" in wrong:  # two ends that do not fit together
            wrong |= {name for name in given if name.endswith(("_min", "_max"))}
        return View.parse({name: values for name, values in given.items() if name not in wrong}), problems
