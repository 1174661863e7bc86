"""Build the fonts of the PDF: static instances of the variable fonts in static/vendor/fonts, which PlutoPrint cannot read.

``python webapp/reports/fonts/build_fonts.py``, with the packages fonttools and brotli. The licence of the originals
reserves their names, so the instances have other names.
"""

from pathlib import Path

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

HERE = Path(__file__).parent
FONTS = HERE.parents[2] / "static/vendor/fonts"
FACES = {
    "lab-sans": ("inter-latin-opsz-normal", {"opsz": 14}, (400, 600)),
    "lab-serif": ("source-serif-4-latin-opsz-normal", {"opsz": 14}, (400, 500, 600)),
    "lab-mono": ("jetbrains-mono-latin-wght-normal", {}, (400,)),
}
FAMILY, UNIQUE, FULL, POSTSCRIPT, TYPOGRAPHIC = 1, 3, 4, 6, 16


def main() -> None:
    for name, (source, axes, weights) in FACES.items():
        for weight in weights:
            font = instantiateVariableFont(TTFont(FONTS / f"{source}.woff2"), {**axes, "wght": weight})
            for entry in font["name"].names:
                if entry.nameID in (FAMILY, UNIQUE, FULL, POSTSCRIPT, TYPOGRAPHIC):
                    entry.string = f"{name}-{weight}"
            font.flavor = None
            font.save(HERE / f"{name}-{weight}.ttf")


if __name__ == "__main__":
    main()
