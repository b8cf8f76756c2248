"""A partner's colour made readable, whatever it is: contrast as the Web Content Accessibility Guidelines count it."""

from __future__ import annotations

WHITE, BLACK = "#ffffff", "#000000"
TEXT_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0
_STEPS = 50


def contrast(one: str, other: str) -> float:
    """The ratio of two colours (``#rrggbb``), 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever is read better on ``colour``; at least 4.5 for every colour."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, colour))


def readable_on(background: str, colour: str, ratio: float) -> str:
    """``colour``, moved towards black or white just as far as ``ratio`` on ``background`` needs (at most 4.5)."""
    goal = text_on(background)
    for step in range(_STEPS + 1):
        mixed = _mix(colour, goal, step / _STEPS)
        if contrast(mixed, background) >= ratio:
            return mixed
    return goal


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (_linear(part / 255) for part in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)


def _mix(colour: str, goal: str, share: float) -> str:
    parts = (round(a + (b - a) * share) for a, b in zip(_rgb(colour), _rgb(goal), strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)
