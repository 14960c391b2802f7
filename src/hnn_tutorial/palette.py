"""Colours and line styles of the course, as data that the figures and the labs both read.

Every curve has a role, and a role keeps one colour and one line style everywhere. The hues are
those of Okabe and Ito, which readers with any of the common colour-vision deficiencies tell
apart; the line styles tell the roles apart without any hue.

A saved figure stands on whatever background its reader chose, so its colours need one value that
reads on both white and the dark theme; a lab knows the theme and can use the value made for it.

References:
    Okabe and Ito 2008, "Color Universal Design".
"""

import json
import re
from dataclasses import asdict, dataclass

__all__ = [
    "DARK_BACKGROUND",
    "FIELD",
    "LIGHT_BACKGROUND",
    "METHOD_KINDS",
    "NEUTRAL",
    "ROLES",
    "Role",
    "contrast",
    "relative_luminance",
    "to_json",
]

LIGHT_BACKGROUND = "#ffffff"
"""The light theme's page."""

DARK_BACKGROUND = "#121212"
"""The dark theme's page."""

# The two backgrounds stand in the ratio 18.7:1, so no colour can exceed sqrt(18.7) = 4.33:1 on
# both. This grey is the best there is in 8 bits: 4.35:1 on white, 4.30:1 on the dark theme.
NEUTRAL = "#797979"
"""The grey of text and axes in saved figures, for pages of either theme."""

FIELD = "#7b7b7b"
"""The grey of arrows and level lines: nearly the same, but a page can set them back."""


@dataclass(frozen=True)
class Role:
    """How one kind of curve or mark is drawn.

    Args:
        label: what a legend calls it.
        light: colour on a white page.
        dark: colour on the dark theme's page.
        figure: the one colour for saved figures, legible on both pages.
        dash: lengths of dash and gap in points (CSS pixels in a lab); empty for a solid line.
        width: line width in points (CSS pixels in a lab).
        order: drawing order; higher numbers lie on top.
        marker: marker of a role that is drawn as points, in matplotlib's letters; empty for none.
    """

    label: str
    light: str
    dark: str
    figure: str
    dash: tuple[float, ...] = ()
    width: float = 1.8
    order: int = 3
    marker: str = ""


# The truth is a broad line underneath: a model that is right then runs inside it, and both show.
# In figures it is a lighter grey than the text, so that the blue stands out from it on either page.
ROLES: dict[str, Role] = {
    "truth": Role("truth", "#323232", "#ced6dd", "#8c8c8c", (), 4.2, 2),
    "baseline": Role("baseline", "#D55E00", "#E8823A", "#D55E00", (6.0, 3.0), 1.8, 3),
    "hnn": Role("HNN", "#0072B2", "#56B4E9", "#0072B2", (), 2.0, 6),
    # A Hamiltonian with a structure: near the HNN's blue, its line all but solid.
    "pairwise": Role("pairwise HNN", "#5B68D6", "#9AA5FF", "#6673E0", (7.0, 1.6), 2.0, 6),
    "lnn": Role("LNN", "#009E73", "#35C79A", "#009E73", (8.0, 2.5, 1.8, 2.5), 1.8, 5),
    "second order": Role("second-order MLP", "#C66B9D", "#CC79A7", "#C66B9D", (1.8, 2.2), 2.0, 4),
    # A formula with fitted constants is no network, and has no hue.
    "formula": Role("formula", "#15181c", "#ffffff", NEUTRAL, (10.0, 4.0), 1.6, 5),
    # For a second model of a kind, whose colour would say what it is not.
    "another": Role("another model", "#666666", "#9aa3ab", "#787878", (4.5, 2.5), 1.6, 3),
    "yet another": Role("yet another model", "#666666", "#9aa3ab", "#787878", (1.5, 2.5), 1.6, 3),
    "data": Role("data", "#323232", "#ced6dd", NEUTRAL, (), 0.0, 7, "o"),
    "highlight": Role("start", "#B37400", "#F0B429", "#B37400", (), 0.0, 8, "o"),
}
"""The role of each kind of curve or mark, by its name."""

METHOD_KINDS: dict[str, Role] = {
    "explicit": Role("explicit", "#8A63B8", "#B79BE0", "#8A63B8"),
    "splitting": Role("splitting", "#1F8A99", "#4DBCCB", "#1F8A99"),
    "implicit": Role("implicit symplectic", "#748312", "#B3C24A", "#748312"),
    "adaptive": Role("adaptive", "#96694C", "#C99F7F", "#96694C"),
}
"""The colours of integrators by kind. No model has one of them; dashes and marks say the order."""


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of a colour ``#rrggbb``, from 0 (black) to 1 (white).

    ``L = 0.2126 R + 0.7152 G + 0.0722 B`` with linearised sRGB components.

    Args:
        colour: such as ``"#0072B2"``.

    Raises:
        ValueError: if it is not six hexadecimal digits.

    References:
        WCAG 2.2, "relative luminance".
    """
    digits = str(colour).removeprefix("#")
    if not re.fullmatch("[0-9a-fA-F]{6}", digits):
        raise ValueError(f"colour is {colour!r}; expected six hexadecimal digits, such as #0072B2")
    channels = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 (the same) to 21 (black on white).

    ``(L_lighter + 0.05) / (L_darker + 0.05)``.

    Args:
        first: a colour ``#rrggbb``.
        second: another; their order does not matter.

    References:
        WCAG 2.2, "contrast ratio": at least 4.5 for text, 3 for large text and graphics.
    """
    darker, lighter = sorted((relative_luminance(first), relative_luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def to_json() -> str:
    """Return the palette as JSON text, for the labs' JavaScript.

    Returns:
        An object with ``backgrounds`` (``light``, ``dark``), ``neutral``, ``roles`` and
        ``methodKinds``; each role or kind has the fields of `Role`.
    """
    return json.dumps(
        {
            "backgrounds": {"light": LIGHT_BACKGROUND, "dark": DARK_BACKGROUND},
            "neutral": NEUTRAL,
            "roles": {name: asdict(role) for name, role in ROLES.items()},
            "methodKinds": {name: asdict(kind) for name, kind in METHOD_KINDS.items()},
        }
    )
