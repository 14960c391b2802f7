"""Units of a recording: what they are called in files, and what they are in SI."""

import math
import re

# What one of it is, and the SI unit. Other words, such as px, are kept as they are.
UNITS: dict[str, tuple[float, str]] = {
    "s": (1.0, "s"),
    "ms": (1e-3, "s"),
    "us": (1e-6, "s"),
    "ns": (1e-9, "s"),
    "min": (60.0, "s"),
    "h": (3600.0, "s"),
    "m": (1.0, "m"),
    "cm": (1e-2, "m"),
    "mm": (1e-3, "m"),
    "um": (1e-6, "m"),
    "km": (1e3, "m"),
    "in": (0.0254, "m"),
    "rad": (1.0, "rad"),
    "mrad": (1e-3, "rad"),
    "deg": (math.pi / 180, "rad"),
    "turn": (2 * math.pi, "rad"),
    "px": (1.0, "px"),
    "1": (1.0, ""),
}
# Without "grad", which is German for a degree and English for a 400th of a turn.
SPELLINGS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "sek": "s",
    "µs": "us",
    "μs": "us",
    "µm": "um",
    "μm": "um",
    "msec": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "minutes": "min",
    "meter": "m",
    "meters": "m",
    "metre": "m",
    "metres": "m",
    "inch": "in",
    "inches": "in",
    "°": "deg",
    "degree": "deg",
    "degrees": "deg",
    "radian": "rad",
    "radians": "rad",
    "turns": "turn",
    "rev": "turn",
    "pixel": "px",
    "pixels": "px",
}

TIME, ANGLE = "s", "rad"


def known_unit(text: str) -> tuple[float, str] | None:
    """Return the factor to SI and the SI unit, as ``(0.0174..., "rad/s")`` for "deg/s"; or None."""
    word = text.strip()
    if found := _simple(word):
        return found
    for pattern in (r"(.+)/(\w+)", r"(.+?) ?(\w+)(?:\^-1|\*\*-1|⁻¹|-1)"):
        if (
            (parts := re.fullmatch(pattern, word))
            and (above := _simple(parts[1].strip(" ·*")))
            and (below := _simple(parts[2]))
            and below[1] == TIME
        ):
            return above[0] / below[0], f"{above[1] or '1'}/s"
    return None


def _simple(word: str) -> tuple[float, str] | None:
    return UNITS.get(word) or UNITS.get(SPELLINGS.get(word.lower(), ""))


def split_name(head: str) -> tuple[str, str]:
    """Return the name and the unit of a column's head, "Time (s)" as ("Time", "s")."""
    if found := re.fullmatch(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*", head):
        return found[1].strip() or head, found[2].strip()
    if (found := re.fullmatch(r"(.+?)(?:\s*/\s*|_| )(\S+)", head)) and (
        known_unit(found[2]) and found[2] not in ("m", "1", "h", "s", "in", "min")
    ):
        return found[1], found[2]
    return head, ""
