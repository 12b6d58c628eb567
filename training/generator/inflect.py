"""The forms of an action's verb that frames ask for: gerund, present, past."""

from __future__ import annotations

from functools import cache

# Verbs whose last consonant doubles ("cutting"); the list is shorter than the stress rule.
_DOUBLED = frozenset(
    [
        "set",
        "cut",
        "stop",
        "ban",
        "cap",
        "scrap",
        "ship",
        "put",
        "run",
        "drop",
        "submit",
        "refit",
        "transfer",
        "expel",
        "patrol",
        "let",
        "commit",
    ]
)
_PAST = {
    "send": "sent", "keep": "kept", "sell": "sold", "build": "built", "rebuild": "rebuilt",
    "cut": "cut", "lead": "led", "set": "set", "give": "gave", "freeze": "froze", "put": "put",
    "unfreeze": "unfroze", "withdraw": "withdrew", "fly": "flew", "come": "came", "run": "ran",
    "oversee": "oversaw", "hold": "held", "take": "took", "meet": "met", "leave": "left",
    "let": "let", "buy": "bought", "lay": "laid", "pay": "paid", "lend": "lent", "feed": "fed",
    "write": "wrote", "spend": "spent", "shoot": "shot",
}  # fmt: skip


def _split(verb: str) -> tuple[str, str]:
    """Head and particle: "hand over" inflects as "handing over"."""
    head, _, particle = verb.partition(" ")
    return head, f" {particle}" if particle else ""


@cache
def gerund(verb: str) -> str:
    """``verb`` in its -ing form."""
    head, particle = _split(verb)
    if head in _DOUBLED:
        head += head[-1]
    elif head.endswith("e") and not head.endswith("ee"):
        head = head[:-1]
    return f"{head}ing{particle}"


@cache
def present(verb: str) -> str:
    """``verb`` in the third person singular."""
    head, particle = _split(verb)
    if head.endswith(("s", "sh", "ch", "x", "o")):
        return f"{head}es{particle}"
    if head.endswith("y") and head[-2] not in "aeiou":
        return f"{head[:-1]}ies{particle}"
    return f"{head}s{particle}"


@cache
def past(verb: str) -> str:
    """``verb`` in the past tense."""
    head, particle = _split(verb)
    if head in _PAST:
        return f"{_PAST[head]}{particle}"
    if head in _DOUBLED:
        head += head[-1]
    if head.endswith("e"):
        return f"{head}d{particle}"
    if head.endswith("y") and head[-2] not in "aeiou":
        return f"{head[:-1]}ied{particle}"
    return f"{head}ed{particle}"
