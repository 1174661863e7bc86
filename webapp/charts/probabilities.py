"""The probabilities that three models give to one example, as bars on one scale, coloured by static/css/explorer.css."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

from webapp.charts.numbers import rate

WIDTH, PITCH, BAR = 248, 16, 10
MIDDLE = WIDTH / 2


def answer_bars(said: Sequence[tuple[str, str, float]], gold: int | None, of: str) -> str:
    """Return an SVG. ``said`` has the token and title of each model and the probability that it gives to the class called ``of``.

    With two classes bars begin in the middle and the side of the ``gold`` label is tinted; with more (None) they begin at 0.
    """
    begin = 0.0 if gold is None else MIDDLE
    height = PITCH * len(said) + BAR
    words = ", ".join(f"{title} {rate(prob, 2)}" for _, title, prob in said)
    size = {"width": str(WIDTH), "height": str(height), "viewBox": f"0 0 {WIDTH} {height}"}
    image = Element("svg", {"class": "answers", **size, "role": "img", "aria-label": f"Probability of {of}: {words}"})
    if gold is not None:
        side = {"x": f"{MIDDLE if gold else 0:.0f}", "width": f"{MIDDLE:.0f}", "height": str(height)}
        SubElement(image, "rect", {"class": "side", **side})
    for row, (token, _, prob) in enumerate(said):
        end, y = WIDTH * prob, BAR * 0.8 + PITCH * row
        shape = {"x": f"{min(end, begin):.1f}", "y": f"{y:.0f}", "width": f"{abs(end - begin):.1f}", "height": str(BAR)}
        SubElement(image, "rect", {"class": token, **shape})
        right = end >= begin
        # A number that would leave the picture is inside its bar.
        inside = prob > 0.89 or (prob < 0.11 and not right)
        x = end + (6 if right else -6) * (-1 if inside else 1)
        place = {"x": f"{x:.1f}", "y": f"{y + 9:.0f}", "text-anchor": "start" if right != inside else "end"}
        SubElement(image, "text", {**place, **({"class": "inside"} if inside else {})}).text = rate(prob, 2)
    SubElement(image, "path", {"d": f"M{begin:.0f} 0V{height}"})
    return tostring(image, encoding="unicode")


def answer_axis(title: str) -> str:
    image = Element("svg", {"class": "answers axis", "width": str(WIDTH), "height": "30", "aria-hidden": "true"})
    SubElement(image, "text", {"x": "0", "y": "10"}).text = title
    for x, anchor, text in ((0, "start", "0"), (MIDDLE, "middle", ".5"), (WIDTH, "end", "1")):
        SubElement(image, "text", {"x": f"{x:.0f}", "y": "26", "text-anchor": anchor}).text = text
    return tostring(image, encoding="unicode")
