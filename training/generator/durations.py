"""Lengths of time in the many ways that news writes them."""

from __future__ import annotations

import re

from training.generator.scene import Local, Scene

_NUMBERS = {
    1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight",
    9: "nine", 10: "ten", 12: "twelve", 15: "fifteen", 20: "twenty", 30: "thirty", 40: "forty",
    50: "fifty",
}  # fmt: skip
_ORDINALS = [
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "11th",
    "12th",
    "14th",
    "20th",
]
_AMOUNTS = {
    "hour": (6, 12, 24, 36, 48, 72, 72, 96),
    "day": (2, 3, 5, 7, 10, 14, 15, 20, 30, 40, 45, 60, 90, 100, 120, 180),
    "week": (2, 3, 4, 5, 6, 8, 10, 12),
    "month": (2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 18, 24, 30, 36),
    "year": (2, 3, 4, 5, 6, 7, 8, 10, 10, 12, 15, 20, 20, 25, 30, 40, 50, 99),
}
_FIXED = (
    "half a century", "a decade", "two decades", "three decades", "a year", "one year", "a week",
    "a year and a half", "two and a half years", "a month", "a fortnight", "a century",
    "several years", "several months", "a few weeks", "several decades", "an entire year", "weeks",
    "a quarter of a century", "a decade and a half", "24 hours", "years", "months", "decades",
)  # fmt: skip
_SHORT = (
    (20, "minute"), (45, "minute"), (90, "minute"), (2, "hour"), (3, "hour"), (4, "hour"),
    (6, "hour"), (10, "hour"), (14, "hour"),
)  # fmt: skip
# Vague plurals cannot follow "within" or "for an initial".
_VAGUE = frozenset(("weeks", "years", "months", "decades"))
_BOUNDS = (
    "up to", "at least", "no more than", "no less than", "a minimum of", "a maximum of", "at most",
    "no longer than", "an initial", "a further", "another", "an additional",
)  # fmt: skip
_ROUGHLY = (
    "more than", "about", "around", "roughly", "nearly", "almost", "just over", "just under",
    "some", "over", "less than",
)  # fmt: skip
_ADJECTIVES = (
    "decade-long", "year-long", "month-long", "week-long", "decades-long", "months-long",
    "six-and-a-half-year", "multi-year", "half-century", "two-decade",
)  # fmt: skip
# How a duration follows an action; a noun in brackets is what lasts, instead of the action.
LEADS = (
    "for {m}", "for {m}", "for {m}", "for {m}", "for {m}", "for the next {m}", "over {m}",
    "for a period of {m}", "over the next {m}", "for an initial period of {m}",
    "over the coming {m}", "for a renewable [term] of {m}", "for a [term] of {m}",
    "over a period of {m}", "for a {a} period", "for an initial {a} period", "for a {a} [term]",
    "under a {a} [mandate]", "as part of a {a} [plan]", "over a {a} period", "with a {a} [mandate]",
)  # fmt: skip
_BRACKETS = re.compile(r"\[(\w+)\]")
DEADLINES = ("within {m}", "within {m}", "within the next {m}", "in the next {m}", "over {m}")


def _measure(scene: Scene, units: tuple[str, ...]) -> tuple[str, str]:
    """A number in words or figures, and a unit in the singular."""
    rng = scene.rng
    unit = rng.choice(units)
    amount = rng.choice(_AMOUNTS[unit])
    spelled = amount in _NUMBERS and rng.random() < (0.75 if amount < 11 else 0.25)
    return _NUMBERS[amount] if spelled else str(amount), unit


def plain(scene: Scene, elapsed: bool, exact: bool = False) -> str:
    """A measure such as "up to 50 years"; ``exact`` leaves out words that "the next" forbids."""
    rng = scene.rng
    chance = rng.random()
    if chance < 0.2 and not exact:
        text = rng.choice(_FIXED)
        if not elapsed and text in _VAGUE:
            text = "a year"
        if text.startswith(("a ", "half", "two")) and rng.random() < 0.3:
            text = f"{rng.choice(_ROUGHLY[:7])} {text}"
        return text
    amount, unit = _measure(scene, ("year", "year", "year", "month", "month", "week", "day", "hour"))
    if rng.random() < 0.35 and not exact:
        word = rng.choice(_ROUGHLY if elapsed or rng.random() < 0.4 else _BOUNDS)
        amount = f"{word} {amount}"
    return f"{amount} {unit}s"


def adjective(scene: Scene, units: tuple[str, ...] = ("year", "year", "month", "day")) -> str:
    """A measure before a noun: "15-year"."""
    if scene.rng.random() < 0.08 and "year" in units:
        return scene.rng.choice(_ADJECTIVES)
    amount, unit = _measure(scene, units)
    return f"{amount}-{unit}"


def record(scene: Scene, text: str, modality: str, local: Local | None, key: str = "") -> tuple[str, int]:
    """Mark ``text`` as a duration; in a template, ``[key:...]`` marks what lasts that long."""
    marked, number = scene.marker.mark(text)
    applies: list[int] = []
    if local is not None and key:
        # The span may open only later in the sentence: the list is shared and read at the end.
        applies = local.spans.setdefault(key, [])
    scene.durations.append((number, applies, modality))
    return marked, number


def short(scene: Scene) -> str:
    """Minutes or hours: how long a meeting took."""
    rng = scene.rng
    amount, unit = rng.choice(_SHORT)
    number = _NUMBERS.get(amount, str(amount)) if rng.random() < 0.7 else str(amount)
    return f"{rng.choice(('', '', '', 'about ', 'nearly ', 'more than '))}{number} {unit}s"


def ordinal(scene: Scene) -> str:
    """The unit that something is in: "fourth year"."""
    unit = scene.rng.choice(("year", "year", "month", "week", "day"))
    return f"{scene.rng.choice(_ORDINALS)} {unit}"


def tail(scene: Scene, modality: str, lasts: bool, applies: list[int]) -> tuple[str, int]:
    """A duration after an action, and its span; ``lasts``: it goes on, else it has a deadline."""
    rng = scene.rng
    lead = rng.choice(LEADS if lasts else DEADLINES)
    if "{a}" in lead:
        text = adjective(scene)
    else:
        text = plain(scene, False, exact=len(lead) > len("within {m}") or not lasts)
    marked, number = record(scene, text, modality, None)
    noun = _BRACKETS.search(lead)
    if noun:
        marked_noun, span = scene.marker.mark(noun[1])
        lead, applies = lead.replace(noun[0], marked_noun), [span]
    scene.durations[-1][1].extend(applies)
    return " " + lead.replace("{a}" if "{a}" in lead else "{m}", marked), number
