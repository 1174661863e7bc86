"""The view in the query of an address."""

from django.http import QueryDict
from pydantic import ValidationError

from training.spec import Problem, describe
from webapp.example_queries.view import View


def read_view(query: QueryDict) -> tuple[View, list[Problem]]:
    """Return the view of the address without its invalid parts, and the problems."""
    given = dict(query.lists())
    try:
        return View.parse(given), []
    except ValidationError as error:
        problems = describe(error.errors())
        wrong = {problem.path.partition(".")[0] for problem in problems}
        if "" in wrong:  # two ends that do not fit together
            wrong |= {name for name in given if name.endswith(("_min", "_max"))}
        return View.parse({name: values for name, values in given.items() if name not in wrong}), problems
