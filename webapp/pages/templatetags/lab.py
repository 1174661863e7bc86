"""What templates need to draw: the axis of the list, and a spec as hidden fields."""

from typing import Any

from django import template
from django.forms import BoundField
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe

from training import ExperimentSpec
from training.statistics import Estimate
from webapp.charts import numbers, svg
from webapp.charts.heights import height_of
from webapp.findings.tables import p_text
from webapp.pages import leaves

register = template.Library()


@register.simple_tag
def pgr_axis() -> SafeString:
    return mark_safe(svg.pgr_axis())  # nosec B308, B703 # our own SVG or JSON script, escaped


@register.filter
def drawing(picture: str) -> SafeString:
    """A server-made SVG as it is."""
    return mark_safe(picture)  # nosec B308, B703 # our own SVG or JSON script, escaped


@register.filter
def rate(value: float, digits: int = 3) -> str:
    return numbers.rate(value, digits)


@register.filter
def interval(estimate: Estimate, digits: int = 3) -> str:
    return numbers.rate_interval(estimate, digits)


@register.filter
def points(value: float) -> str:
    return numbers.points(value)


@register.filter
def points_interval(estimate: Estimate) -> str:
    return numbers.points_interval(estimate)


@register.filter
def p_value(p: float) -> str:
    """= .032, or < .001"""
    return p_text(p)


@register.filter
def chart_script(spec: dict[str, Any], element: str) -> SafeString:
    """The spec of a chart as data for charts.js, which draws it into the element with this id just before.

    The room that it will take is kept until then, so that nothing below it moves.
    """
    text = str(json_script(spec))
    script = text.replace("<script ", format_html('<script data-chart="{}" ', element), 1)
    reserve = format_html('<div class="reserve" style="height:{}px" aria-hidden="true"></div>', height_of(spec))
    return mark_safe(reserve + script)  # nosec B308, B703


@register.filter
def styled(field: BoundField) -> SafeString:
    """A field of one of Django's forms, looking like the laboratory's own."""
    return field.as_widget(attrs={"class": "field", "autocomplete": field.field.widget.attrs.get("autocomplete", "off")})


@register.simple_tag
def recipe_fields(spec: ExperimentSpec) -> SafeString:
    """A whole spec as hidden fields of a form."""
    raw = leaves.write_all(leaves.nodes(type(spec)), spec)
    pairs = [(name, value) for name, values in raw.items() for value in values]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)
