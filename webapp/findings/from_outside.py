"""Notes on students that were submitted from outside, for pages and reports."""

from webapp.experiments.models import Experiment
from webapp.experiments.submissions import Submission, submissions_of
from webapp.findings.claims import Note
from webapp.findings.wording import count

TITLE = "Submitted from outside"
LONGEST = 300
"""Characters of an author's text that a note quotes; the method text of a report has all of it."""


def notes(experiment: Experiment) -> list[Note]:
    """Return one note on the students that were trained elsewhere, none without any."""
    known = submissions_of(experiment.experiment_spec)
    if not known:
        return []
    looked = f"{count(len(known), 'student')} of this result {'was' if len(known) == 1 else 'were'} trained elsewhere"
    text = (
        f"{looked} and not observed here. Each submission is a look at the test set, of at most {experiment.look_budget}: "
        f"{'; '.join(map(_words, known))}."
    )
    if any(submission.card and submission.card.files == 1 for submission in known) and experiment.seeds > 1:
        text += " One file stands for every seed, so that the variance of such a student over seeds is not in the intervals."
    return [Note(TITLE, text)]


def _words(submission: Submission) -> str:
    card = submission.card
    by = f" by {card.author}" if card and card.author else ""
    words = card.text if card else ""
    quoted = f"{words[:LONGEST].rstrip()}…" if len(words) > LONGEST else words
    return f"look {submission.look}, {submission.title}{by}" + (f" (“{quoted}”)" if quoted else "")
