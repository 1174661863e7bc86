"""The forms of a share: the choices of its author, and the settings of a link."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from pydantic import ValidationError

from webapp.parsing import whole
from webapp.reports.choices import Choices, Highlight
from webapp.reports.proposed_examples import ProposedExample
from webapp.shares.links import LONGEST_PASSWORD, SHORTEST_PASSWORD
from webapp.shares.models import DAYS, LONGEST_DAYS

LINE = re.compile(r"#?([0-9]{1,19})(?![0-9])[\s:,.]*(.*)")
"""The number of an example, then the note on it."""

EXAMPLES = (("none", "none"), ("some", "the highlights"), ("all", "all test examples"))
KINDS = (("frozen", "frozen: nothing that happens later changes it"), ("live", "live: changes as the experiment does"))


def line(label: str, most: int, help_text: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "field", "autocomplete": "off"})
    return forms.CharField(label=label, max_length=most, required=False, help_text=help_text, widget=widget)


def lines(label: str, rows: int, help_text: str, most: int | None = None) -> forms.CharField:
    widget = forms.Textarea(attrs={"class": "field", "rows": rows})
    return forms.CharField(label=label, max_length=most, required=False, help_text=help_text, widget=widget)


class ChoicesForm(forms.Form):
    title = line("Title", 200, "Empty for the experiment’s name.")
    authors = line("Authors", 500, "Empty for the name of the experiment’s owner.")
    curves = forms.BooleanField(label="Curves", required=False, help_text="Loss and agreement over training, with every seed.")
    locked = forms.BooleanField(
        label="Locked test set",
        required=False,
        help_text="Freezing opens it: a second opinion from rows that nothing was chosen by. Each opening is counted and stated. "
        "A live page never opens it.",
    )
    notes = lines("Notes", 6, "Markdown, with maths between dollar signs. No pictures.", 20_000)
    examples = forms.ChoiceField(
        label="Texts", choices=EXAMPLES, widget=forms.RadioSelect, help_text="Which texts of the data set readers may see."
    )
    highlights = lines("Highlights", 3, "One a line: the number of a test example, then why you show it. At most 24.")
    kind = forms.ChoiceField(label="The page is", choices=KINDS, widget=forms.RadioSelect, initial="frozen", required=False)

    @classmethod
    def of(cls, choices: Choices, proposed: Sequence[ProposedExample] = ()) -> "ChoicesForm":
        """Return the form filled with the earlier choices, or with the proposed examples."""
        shown = [f"{highlight.example} {highlight.note}".strip() for highlight in choices.highlights]
        shown = shown or [str(proposal.example) for proposal in proposed]
        return cls(initial={**choices.model_dump(mode="json"), "highlights": "\n".join(shown)})

    def clean_notes(self) -> str:
        return str(self.cleaned_data["notes"]).replace("\r\n", "\n")

    def clean_highlights(self) -> list[Highlight]:
        highlights = []
        for text in filter(None, map(str.strip, str(self.cleaned_data["highlights"]).splitlines())):
            line = LINE.fullmatch(text)
            if not line:
                raise forms.ValidationError(f"This line does not begin with the number of an example: {text[:60]}")
            if (number := whole(line[1])) is None:
                raise forms.ValidationError(f"No example has so large a number: {line[1]}")
            try:
                highlights.append(Highlight(example=number, note=line[2]))
            except ValidationError:
                raise forms.ValidationError(f"The note on example {line[1]} is longer than 500 characters.") from None
        if len(highlights) > 24:
            raise forms.ValidationError(f"At most 24 examples can be highlighted; these are {len(highlights)}.")
        return highlights

    @property
    def choices(self) -> Choices:
        """The choices of a valid form."""
        return Choices(**{name: self.cleaned_data[name] for name in Choices.model_fields})


class LinkForm(forms.Form):
    name = line("For", 80, "Whom you give it to, so that you know which one to revoke.")
    days = forms.IntegerField(
        label="Open for",
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=DAYS,
        help_text=f"Days, at most {LONGEST_DAYS}.",
        widget=forms.NumberInput(attrs={"class": "field short"}),
    )
    password = forms.CharField(
        label="Password",
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        required=False,
        strip=False,
        help_text=f"Empty for none, else at least {SHORTEST_PASSWORD} characters. "
        "Give it to your readers by another way than the link.",
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    previews = forms.BooleanField(
        label="Previews",
        required=False,
        initial=True,
        help_text="Chat tools are told title, claim and a picture. Never with a password.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of ``links.make_link``, of a valid form."""
        return dict(self.cleaned_data)
