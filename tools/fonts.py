"""Make the book's fonts from those of the packages `@fontsource-variable/*` and `@fontsource/*`.

    npm pack @fontsource-variable/source-serif-4 @fontsource-variable/source-sans-3 \\
             @fontsource-variable/source-code-pro @fontsource/noto-sans-math
    for file in *.tgz; do mkdir "${file%.tgz}" && tar xzf "$file" -C "${file%.tgz}"; done
    pip install "fonttools[woff]" && python tools/fonts.py FOLDER

It writes `book/assets/fonts/` for the pages, and `src/hnn_tutorial/fonts/` for figures. The fonts
are cut down to the letters that the book may need and to weights from 400 to 700. What the packages
lack is composed from what they have: subscripts, superscripts and the dot of a time derivative.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from fontTools import merge, subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables import _g_l_y_f as glyf
from fontTools.varLib import instancer

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "book" / "assets" / "fonts"
FIGURES = ROOT / "src" / "hnn_tutorial" / "fonts"

# Which letters each part of a face holds, and so which of them a page has to load.
LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x100), 0x131, 0x152, 0x153, 0x2C6, 0x2DA, 0x2DC]
LATIN += [0x300, 0x301, 0x303, 0x304, 0x308, *range(0x2010, 0x2016), *range(0x2018, 0x201F)]
LATIN += [0x2020, 0x2022, 0x2026, 0x2032, 0x2033, 0x2039, 0x203A, 0x2044, 0x20AC, 0x2212, 0x2215]
GREEK = [*range(0x391, 0x3CA), 0x3D1, 0x3D5, 0x3F5]
MORE = [0x142, 0x159, 0x15B, 0x160, 0x161, 0x17C, 0x17E, 0x227, 0x1D40, 0x1E40, 0x1E57]
SYMBOLS = [*range(0x2190, 0x2195), 0x2202, 0x2207, 0x2208, 0x2211, 0x221A, 0x221D, 0x221E, 0x222B]
SYMBOLS += [0x2016, 0x2248, 0x2260, 0x2264, 0x2265, 0x226A, 0x226B, 0x21D2, 0x22A4, 0x22C5]
SYMBOLS += [0x25CB, 0x25CF, 0x2713, 0x2717, 0x1D4DB]

# Face, package, file, and whether it is for text in italics.
FACES = (
    ("serif", "source-serif-4", "normal"),
    ("serif-italic", "source-serif-4", "italic"),
    ("sans", "source-sans-3", "normal"),
    ("sans-italic", "source-sans-3", "italic"),
    ("mono", "source-code-pro", "normal"),
)
FIRST = {"serif-latin.woff2", "sans-latin.woff2"}  # `book/_ext/templates/layout.html` asks for them
SUPERSCRIPTS = {0x2070: "0", **{0x2070 + n: str(n) for n in range(4, 10)}, 0x207B: "\u2212"}
SUBSCRIPTS = {0x2080 + n: str(n) for n in range(10)} | {0x1D62: "i", 0x2C7C: "j"}


def part(folder: Path, package: str, script: str, style: str, letters: list[int]) -> TTFont | None:
    """Some letters of one file of a package; None if it has none of them."""
    [path] = folder.glob(f"*{package}*/package/files/{package}-{script}-wght-{style}.woff2")
    font = TTFont(path, recalcTimestamp=False)
    wanted = set(letters) & set(font.getBestCmap())
    if not wanted:
        return None
    options = subset.Options(
        layout_features=["kern", "mark", "liga", "tnum", "ccmp"], hinting=False
    )
    maker = subset.Subsetter(options)
    maker.populate(unicodes=wanted)
    maker.subset(font)
    instancer.instantiateVariableFont(font, {"wght": (400, 700)}, inplace=True)
    return font


def compose(font: TTFont) -> None:
    """Add subscripts, superscripts and the combining dot, made of what the font has."""
    letters = font.getBestCmap()
    table, widths = font["glyf"], font["hmtx"]
    height = font["OS/2"].sxHeight
    fixed = font["post"].isFixedPitch or widths["i"] == widths["m"]

    def add(code: int, base: str, scale: float, x: float, y: float, width: int) -> None:
        name, component = f"composed{code:04X}", glyf.GlyphComponent()
        component.glyphName, component.flags = letters[ord(base)], glyf.ROUND_XY_TO_GRID
        component.x, component.y = round(x), round(y)
        if scale != 1:
            component.transform = [[scale, 0], [0, scale]]
        glyph = glyf.Glyph()
        glyph.numberOfContours, glyph.components = -1, [component]
        font.setGlyphOrder([*font.getGlyphOrder(), name])
        table.glyphs[name] = glyph
        table.glyphOrder = font.getGlyphOrder()
        glyph.recalcBounds(table)
        widths[name] = (width, glyph.xMin)
        font["gvar"].variations[name] = []
        for each in font["cmap"].tables:
            if each.isUnicode():
                each.cmap[code] = name

    scale = 0.62
    for codes, rise in ((SUPERSCRIPTS, 0.62 * height), (SUBSCRIPTS, -0.3 * height)):
        for code, base in codes.items():
            if code in letters:
                continue
            whole = widths[letters[ord(base)]][0]
            width = whole if fixed else round(scale * whole)
            add(code, base, scale, (width - scale * whole) / 2, rise, width)
    # Over a letter of usual width that has no ascender: q, p, x.
    dot = widths[letters[ord(".")]][0]
    back = (widths["m"][0] if fixed else widths[letters[ord("p")]][0]) / 2
    add(0x307, ".", 1, -back - dot / 2, 1.24 * height, 0)
    # It knows nothing of what was added, and repeats what `gvar` says.
    del font["HVAR"]


def rename(font: TTFont, family: str) -> None:
    """Give a font a name of its own, as its licence asks; its copyright and licence stay."""
    for record in list(font["name"].names):
        if record.nameID in (1, 16):
            record.string = family
        elif record.nameID in (3, 4, 6, 25):
            record.string = family.replace(" ", "")


def ranges(font: TTFont) -> str:
    """The letters of a font as CSS writes them."""
    codes = sorted(font.getBestCmap())
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return ", ".join(f"U+{a:X}" if a == b else f"U+{a:X}-{b:X}" for a, b in runs)


def make(folder: Path) -> None:
    """Write all fonts, and the style sheet that names them."""
    for target in (PAGES, FIGURES):
        target.mkdir(parents=True, exist_ok=True)
        for old in target.iterdir():
            old.unlink()
    rules = ["/* Written by tools/fonts.py. */"]
    for face, package, style in FACES:
        family = f"HNN {face.split('-')[0].title()}"
        for script, letters in (("latin", LATIN), ("greek", GREEK), ("latin-ext", MORE)):
            font = part(folder, package, script, style, letters)
            if font is None:
                continue
            if script == "latin":
                compose(font)
            rename(font, family)
            font.flavor = "woff2"
            name = f"{face}-{script}.woff2"
            font.save(PAGES / name)
            # The two that a page asks for at once come in time as a rule, and late ones not at all.
            display = "fallback" if name in FIRST else "swap"
            rules.append(
                f'@font-face {{ font-family: "{family}"; font-style: {style}; '
                f'font-weight: 400 700; font-display: {display};\n  src: url("fonts/{name}") '
                f'format("woff2");\n  unicode-range: {ranges(font)}; }}'
            )
        [licence] = folder.glob(f"*{package}*/package/LICENSE")
        shutil.copy(licence, PAGES / f"{package}-OFL.txt")
    rules.append(symbols(folder))
    (PAGES.parent / "fonts.css").write_text("\n".join(rules) + "\n", encoding="utf-8")
    for_figures(folder)


def symbols(folder: Path) -> str:
    """Write the mathematical signs, and return their rule."""
    [path] = folder.glob("*/package/files/noto-sans-math-latin-400-normal.woff2")
    font = TTFont(path, recalcTimestamp=False)
    maker = subset.Subsetter(subset.Options(layout_features=[], hinting=False))
    maker.populate(unicodes=SYMBOLS)
    maker.subset(font)
    font.flavor = "woff2"
    font.save(PAGES / "symbols.woff2")
    shutil.copy(path.parents[1] / "LICENSE", PAGES / "noto-sans-math-OFL.txt")
    return (
        '@font-face { font-family: "HNN Symbols"; font-display: swap;\n'
        f'  src: url("fonts/symbols.woff2") format("woff2");\n  unicode-range: {ranges(font)}; }}'
    )


def for_figures(folder: Path) -> None:
    """Write the font of figures: one weight, which matplotlib can read."""
    parts = []
    with tempfile.TemporaryDirectory() as place:
        for script, letters in (("latin", LATIN), ("greek", GREEK)):
            font = part(folder, "source-sans-3", script, "normal", letters)
            assert font is not None
            if script == "latin":
                compose(font)
            font = instancer.instantiateVariableFont(font, {"wght": 400})
            for name in {"GPOS", "GSUB", "GDEF", "STAT"} & set(font.keys()):
                del font[name]
            font.flavor = None
            path = Path(place) / f"{script}.ttf"
            font.save(path)
            parts.append(str(path))
        font = merge.Merger().merge(parts)
        font.recalcTimestamp = False
        rename(font, "HNN Sans")
        font.save(FIGURES / "sans.ttf")
    shutil.copy(PAGES / "source-sans-3-OFL.txt", FIGURES / "OFL.txt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the book's fonts.")
    parser.add_argument("folder", type=Path, help="where the packages were unpacked")
    make(parser.parse_args().folder)
