"""The word lists, actions and sentence frames, read once from the files in ``data/``.

Every file is plain text; its first comment line documents its syntax. A template holds ``{slots}``
(``{^slot}`` capitalises what fills it) and spans ``[key:...]`` that a record will quote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_DATA = files(__package__) / "data"
_PIECE = re.compile(r"\{(\^?)(\w+)(?::([^}]*))?\}|\[([A-Za-z]\w*):|(\])")

TEXT, SLOT, OPEN_SPAN, CLOSE_SPAN = range(4)
Piece = tuple[int, str, bool, str]


def lines(name: str) -> list[str]:
    """The lines of a data file without comments and blank lines."""
    text = (_DATA / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def sections(name: str) -> dict[str, list[str]]:
    """A data file whose lines stand under ``[section]`` headings."""
    found: dict[str, list[str]] = {}
    for line in lines(name):
        heading = re.fullmatch(r"\[([\w-]+)\]", line)
        if heading:
            current = found.setdefault(heading[1], [])
        else:
            current.append(line)
    return found


@cache
def compiled(template: str) -> tuple[Piece, ...]:
    """A template as pieces: text, slot (name, capitalised, argument), span start and end."""
    pieces: list[Piece] = []
    at = 0
    for found in _PIECE.finditer(template):
        if found.start() > at:
            pieces.append((TEXT, template[at : found.start()], False, ""))
        if found[2]:
            pieces.append((SLOT, found[2], bool(found[1]), found[3] or ""))
        elif found[4]:
            pieces.append((OPEN_SPAN, found[4], False, ""))
        else:
            pieces.append((CLOSE_SPAN, "", False, ""))
        at = found.end()
    if at < len(template):
        pieces.append((TEXT, template[at:], False, ""))
    return tuple(pieces)


@cache
def slots(template: str) -> frozenset[str]:
    """The names of the slots of a template."""
    return frozenset(name for kind, name, _, _ in compiled(template) if kind == SLOT)


@dataclass(frozen=True, slots=True)
class State:
    """A country: its names, adjectives, the capital that stands for its government, its culture."""

    names: tuple[str, ...]
    adjectives: tuple[str, ...]
    capitals: tuple[str, ...]
    culture: str

    @property
    def key(self) -> str:
        """The name that identifies the state."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be promised: verb, object and tail, with the category it belongs to."""

    category: str
    lasts: bool
    verb: str
    object: str
    tail: str
    noun: str
    benefits: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """A sentence that tells commitments: for each of them status, actor key and speaker key."""

    section: str
    records: tuple[tuple[str, str, str], ...]
    dispute: tuple[str, str] | None
    template: str


@dataclass(frozen=True, slots=True)
class Leader:
    """A real head of government or minister whose name is frequent in the news."""

    name: str
    state: str
    surname: str
    title: str
    female: bool


def _state(line: str) -> tuple[State, str]:
    names, adjectives, capitals, culture, weight = line.split("|")
    split = [tuple(field.split("=")) if field else () for field in (names, adjectives, capitals)]
    return State(split[0], split[1], split[2], culture), weight


def _action(category: str, line: str) -> Action:
    verb, object_, tail, noun = line.split("|")
    benefits = "{ben" in line or "[ben:" in line
    return Action(category, verb[0] == "~", verb.lstrip("~"), object_, tail, noun, benefits)


def _frame(section: str, line: str) -> Frame:
    """``status:actor:speaker ... [dispute:PARTIES:state] | template``."""
    head, template = line.split(" | ", 1)
    records, dispute = [], None
    for token in head.split():
        first, second, third = token.split(":")
        if first == "dispute":
            dispute = (second, third)
        else:
            records.append((first, second, third))
    return Frame(section, tuple(records), dispute, template)


_STATES = [_state(line) for line in lines("states")]
STATES = {state.key: state for state, _ in _STATES}
STATE_LIST = list(STATES.values())
MAJOR = [state for state, weight in _STATES if "m" in weight]
FOCUS = [state for state, weight in _STATES if "f" in weight]
NAMES = {
    culture: tuple([part.replace("_", " ") for part in field.split()] for field in fields)
    for culture, *fields in (line.split("|") for line in lines("names"))
}
CULTURES = list(NAMES)
LEADERS = [
    Leader(name, state, surname, title, sex == "f")
    for name, surname, state, title, sex in (line.split("|") for line in lines("leaders"))
]
WORDS = {name: items.split("; ") for name, items in (line.split(": ", 1) for line in lines("words"))}
ORGANISATIONS = [tuple(line.split("=")) for line in lines("orgs")]
TITLES = sections("titles")
GROUPS = sections("groups")
ACTIONS, PROGRAMMES = (
    [_action(category, line) for category, body in sections(name).items() for line in body]
    for name in ("actions", "programmes")
)
NOUN_ACTIONS = [tuple(line.split("|")) for line in lines("nouns")]
CONDITIONS = lines("conditions")
FRAMES = {name: [_frame(name, line) for line in body] for name, body in sections("frames").items()}
DISPUTES = [tuple(line.split("|", 1)) for line in lines("disputes")]
FILLERS = sections("fillers")
