"""Settings that are allowed but probably not meant, and what the checks found in the data."""

from training import catalog
from training.spec.experiment import ExperimentSpec
from training.spec.problems import Problem


def warnings(spec: ExperimentSpec) -> list[Problem]:
    """What is allowed but probably not meant, and what the checks found in the data."""
    data = catalog.known_dataset(spec.data.name)
    problems = [Problem("data.name", warning) for warning in (data.warnings if data else ())]
    # Of a stored experiment's models nothing may be known any more, and a page does not go and look.
    for weak in filter(None, map(catalog.known_model, spec.weak.models)):
        for strong in filter(None, map(catalog.known_model, spec.strong.models)):
            if weak.name == strong.name:
                problems.append(
                    Problem("strong.models", f"{weak.title} is both supervisor and student: expect no gap, so no PGR.")
                )
            elif weak.parameters > strong.parameters:
                problems.append(Problem("strong.models", f"{weak.title} supervises the smaller {strong.title}."))
    if spec.seeds < 3:
        problems.append(Problem("seeds", "With fewer than three seeds the intervals hardly know how results vary between seeds."))
    return problems
