"""The refusal of a view that asks for something impossible."""

from training.spec import Problem


class Refused(Exception):
    """The view asks for something that cannot be searched, selected or ordered; ``problem`` says what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
