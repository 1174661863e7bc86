"""Template tags for drawings, charts, the navigation and forms."""

import json
from typing import Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe

from training import ExperimentSpec
from training.metrics.intervals import Estimate
from webapp.charts import numbers, svg
from webapp.charts.heights import height_of
from webapp.experiments.models import Experiment, Run
from webapp.findings.latex import latex
from webapp.findings.number_table import NumberTable
from webapp.findings.wording import lower
from webapp.pages import fields, form_data
from webapp.pages.experiments.selection import Selection
from webapp.pages.keys import KEYS, Key
from webapp.pages.navigation import MENU, item_of, place_of

register = template.Library()


@register.simple_tag
def pgr_axis() -> SafeString:
    return mark_safe(svg.pgr_axis())  # nosec B308, B703 # our own SVG or JSON script, escaped


@register.simple_tag
def scrolls(label: str, classes: str = "") -> SafeString:
    """Return the attributes of a block that scrolls sideways on a narrow page: a named region that the keyboard can reach."""
    return format_html('class="{}" role="region" tabindex="0" aria-label="{}"', f"scroll {classes}".strip(), label)


@register.filter
def drawing(picture: str) -> SafeString:
    """Return a server-made SVG unescaped."""
    return mark_safe(picture)  # nosec B308, B703 # our own SVG or JSON script, escaped


@register.filter
def rate(value: float, digits: int = 3) -> str:
    return numbers.rate(value, digits)


def _name(context: Context) -> str | None:
    """Return the name of the address of this page; None if an error page has no request."""
    match = getattr(context.get("request"), "resolver_match", None)
    return match.url_name if match else None


@register.simple_tag(takes_context=True)
def here(context: Context, place: str) -> SafeString:
    """Return the mark of a link of the navigation, if it leads to this page or to the place of this page."""
    name = _name(context)
    if place_of(name) != place:
        return SafeString("")
    return format_html(' aria-current="{}"', "page" if name == place else "true")


@register.simple_tag(takes_context=True)
def here_in_menu(context: Context) -> SafeString:
    """Return the mark of the menu of the account, if this page is one of its places."""
    here = place_of(_name(context)) in MENU
    return SafeString(' class="here"') if here else SafeString("")


@register.simple_tag(takes_context=True)
def item(context: Context) -> str:
    """Return what this page is about, such as experiment:12; empty for a page about none that can be opened again."""
    match = getattr(context.get("request"), "resolver_match", None)
    return item_of(match.route, match.kwargs) if match else ""


@register.inclusion_tag("partials/keys.html")
def keyboard() -> dict[str, tuple[Key, ...]]:
    """Return the help with all keys, which is also their declaration for keys.js."""
    return {"keys": KEYS}


@register.filter
def json_text(text: str) -> str:
    """Return the text as a JSON string, for an attribute that holds JSON."""
    return json.dumps(text)


@register.filter
def lowered(title: str) -> str:
    """Return a title for use within a sentence: names such as KL and AdaptConf keep their capitals."""
    return lower(title)


@register.filter
def interval(estimate: Estimate, digits: int = 3) -> str:
    return numbers.rate_interval(estimate, digits)


@register.simple_tag
def without(selection: Selection, row: Experiment | Run) -> str:
    """Return the query of a comparison without one of its experiments or runs."""
    return selection.without(row)


@register.simple_tag
def with_experiment(selection: Selection, pk: int) -> str:
    return selection.with_experiment(pk)


@register.filter
def as_latex(table: NumberTable) -> str:
    return latex(table)


@register.filter
def points(value: float) -> str:
    return numbers.points(value)


@register.filter
def points_interval(estimate: Estimate) -> str:
    return numbers.points_interval(estimate)


@register.filter
def p_value(p: float) -> str:
    """Return a p value, such as "= .032" or "< .001"."""
    return numbers.p_text(p)


@register.filter
def chart_script(spec: dict[str, Any], element: str) -> SafeString:
    """Return the spec of a chart as data for charts.js, which draws it into the element with this id just before.

    The space of the chart is reserved, so that nothing below it moves.
    """
    text = str(json_script(spec))
    script = text.replace("<script ", format_html('<script data-chart="{}" ', element), 1)
    reserve = format_html('<svg class="reserve" width="1" height="{}" aria-hidden="true"></svg>', height_of(spec))
    return mark_safe(reserve + script)  # nosec B308, B703


@register.filter
def styled(field: BoundField) -> SafeString:
    """Return the widget of a Django form field with the laboratory's classes."""
    return field.as_widget(attrs={"class": "field", "autocomplete": field.field.widget.attrs.get("autocomplete", "off")})


@register.simple_tag
def recipe_fields(spec: ExperimentSpec) -> SafeString:
    """Return a whole spec as hidden fields of a form."""
    raw = form_data.write_all(fields.nodes(type(spec)), spec)
    pairs = [(name, value) for name, values in raw.items() for value in values]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)
