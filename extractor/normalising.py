"""Normal forms: durations to TIMEX3, names of states and governments to ISO 3166-1 alpha-3.

Number words are read by text2num (999 of 999); the grammar of durations is ours. Measured on the
definite lengths and the negatives of the tests' table, 278 forms, mod ignored: recognizers-text
69 %, quantulum3 62 %, puckling 56 %, timexy 38 %, ctparse 31 %. States come from our own table:
of the tests' 208 forms countryinfo knows 162 (and reads "it" as Italy), pycountry 67, Babel 53.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import NamedTuple

from text_to_num import alpha2digit


class TimexDuration(NamedTuple):
    """A TIMEX3 duration: ``value`` in ISO 8601 with X for a vague count, ``mod`` or None."""

    value: str
    mod: str | None


# word -> (designator, how many of it); T marks the units that ISO 8601 writes after a T.
_UNITS = {
    "millennium": ("Y", 1000),
    "millennia": ("Y", 1000),
    "century": ("Y", 100),
    "centurie": ("Y", 100),
    "decade": ("Y", 10),
    "year": ("Y", 1),
    "yr": ("Y", 1),
    "trimester": ("M", 3),
    "month": ("M", 1),
    "fortnight": ("W", 2),
    "week": ("W", 1),
    "day": ("D", 1),
    "night": ("D", 1),
    "weekend": ("D", 2),
    "hour": ("TH", 1),
    "hr": ("TH", 1),
    "minute": ("TM", 1),
    "min": ("TM", 1),
    "second": ("TS", 1),
    "sec": ("TS", 1),
}
_ORDER = ("Y", "M", "W", "D", "TH", "TM", "TS")
_FINER = (("Y", "M", 12), ("D", "TH", 24), ("TH", "TM", 60), ("TM", "TS", 60))

_UNIT = rf"(?:{'|'.join(_UNITS)})s?\b"
_ONE = rf"({'|'.join(_UNITS)})"
_NUMBER = r"\d{1,9}(?:\.\d{1,3})?"
_COUNT = rf"(?:{_NUMBER}|another|an?)"
_FILLER = (
    r"(?:(?:full|whole|entire|more|further|additional|extra|single|consecutive|successive"
    r"|straight|continuous|trial|working|business|calendar|solid|long|short|mere|\(\d+\)) )*"
)
_VAGUE = (
    r"(?:several|many|few|some|multiple|numerous|various|countless|multi"
    r"|(?:dozen|hundred|thousand|\d+)s of)"
)

# Rewritten in this order before anything is looked for.
_TIDY = (
    (r"[’']s\b|[’']", ""),
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"½", " 1/2"),
    (r"¼", " 1/4"),
    (r"¾", " 3/4"),
    (r"(?<=\d)\s+(?=[13]/[24]\b)", " and "),
    (r"(?<=\d)\s*[-‐‑–—]\s*(?=\d)", " to "),
    # text2num would read "ninety-second" as 92nd.
    (r"(?<=\w)[-‐‑–—]seconds?\b", " sec"),
    (r"[-‐‑–—]", " "),
    (rf"\b((?:{'|'.join(_UNITS)})s?)(?=long\b)", r"\1 "),
    (r"\bmulti(?=[a-z])", "multi "),
    (r"\b(next|coming|past|last|recent|consecutive|straight) (\w+ )?quarters\b", r"\1 \2trimesters"),
    (r"\b(?:an? )?couple(?: of)?(?= )", "about 2"),
    (r"\s+", " "),
)
# "a quarter", "2 and a half", "a decade and a half": fractions become decimals beside the unit.
_FRACTIONS = (
    (r"\ban? (?=\d+00\b)", ""),
    (r"\b3 quarters\b", "0.75"),
    (r"\b1/4\b", "0.25"),
    (r"\b3/4\b", "0.75"),
    (r"\b1/2\b", "0.5"),
    (r"\bhalf(?: of)?(?: an?)? (?=dozen)", "0.5 "),
    (rf"\b(?:an? |1 )?half(?: of)?(?: an?)? (?={_UNIT})", "0.5 "),
    (rf"\b(?:an? |1 )?quarter(?: of)?(?: an?)? (?={_UNIT})", "0.25 "),
    (rf"\b0\.75 of an? (?={_UNIT})", "0.75 "),
)
_AND_HALF = re.compile(r"\b(\d{1,9}) and (?:(?:an? |1 )?(half|quarter)|(0\.\d+))\b")
_UNIT_AND_HALF = re.compile(rf"\b(an?|\d{{1,9}}) ({_UNIT}) and (?:an? |1 )?(?:half|0\.5)\b")
_DOZEN = re.compile(rf"\b({_NUMBER}|an?) dozen\b")
_PARTS = {"half": "0.5", "quarter": "0.25"}

# Times, ages, rates and repetitions hold a number and a unit but are no length of time.
_NO_LENGTH = re.compile(
    rf"(?:{_COUNT}|{_VAGUE}) (?:year|month|week|day|hour)s? olds?\b"
    rf"|(?:{_COUNT}|{_VAGUE}) {_FILLER}{_UNIT} (?:ago|later|earlier|hence|from now)\b"
    rf"|\b(?:every|each|per) (?:{_COUNT} |few |other )?{_UNIT}"
    rf"|(?:\b(?:once|twice|times|\w*illion|percent|{_UNIT})|[\d%]) an? {_UNIT}"
    rf"|\b({_UNIT}) (?:to|by|on|after) \1"
    r"|\b\d+(?:st|nd|rd|th) centur(?:y|ies)"
)
_RANGE = re.compile(
    rf"\b(?P<low>{_COUNT}) (?:{_FILLER}(?P<low_unit>{_UNIT}) )?(?:to|or|and) "
    rf"(?P<high>{_COUNT}) {_FILLER}(?P<unit>{_UNIT})"
)
_UNIT_OR_TWO = re.compile(rf"\b(?:an?|1) (?P<unit>{_UNIT}) or (?P<high>{_NUMBER})\b")
_AMOUNT = re.compile(rf"\b(?P<count>{_COUNT})(?P<open>\+| plus| or more)? ?{_FILLER}(?P<unit>{_UNIT})")
_NEXT_PART = re.compile(rf",? (?:and )?(?P<count>{_NUMBER}|an?) (?P<unit>{_UNIT})")
_INDEFINITE = re.compile(rf"\b{_VAGUE} {_FILLER}(?P<unit>{_UNIT})")
_ORDINAL = re.compile(rf"\b(?P<count>\d{{1,9}})(?:st|nd|rd|th) (?P<unit>{_ONE})\b")
_BARE_ONE = re.compile(
    rf"\b{_ONE} long\b|\b(decade|century|millennium) old\b"
    rf"|\bthe (?:past|last|coming|next) {_ONE}\b"
    # "Last week" and "the day" are dates.
    rf"|^(?:past |coming )?{_ONE}$|^the (?:(?:whole|full|entire|fiscal|calendar) )*(?!day){_ONE}$"
)
_BARE_MANY = re.compile(rf"\b(?P<unit>(?!(?:sec|min|hr|yr)s){_ONE}(?:s|(?<=ia)))\b")

_BEFORE = {
    "EQUAL_OR_LESS": r"up to|as (?:long|many) as|(?:no|not) (?:more|longer) than"
    r"|not exceeding|at (?:the )?most|maximum|within",
    "EQUAL_OR_MORE": r"at least|(?:no|not) (?:less|fewer|shorter) than|minimum",
    # "Over a two-year period" and "over the next year" say when, not how much.
    "MORE_THAN": r"(?:more|longer|greater) than|in excess of|upwards? of|exceeding|beyond"
    r"|over(?! the (?:past|last|next|coming)| an?$)",
    # HeidelTime's reading: what nearly lasts two years lasts less.
    "LESS_THAN": r"(?:less|fewer|shorter) than|under|nearly|almost",
    "APPROX": r"about|around|some|roughly|approximately|circa|estimated|close to|~",
    "START": r"(?:start|beginning|outset) of|early in",
    "MID": r"(?:middle|midpoint) of|(?:mid|half) ?way (?:through|into)",
    "END": r"end of|late in",
}
_AFTER = {
    "EQUAL_OR_MORE": r"or (?:more|longer)|at least|at (?:a|the) minimum",
    "EQUAL_OR_LESS": r"or (?:less|fewer|shorter)|at (?:the )?most|at (?:a|the) maximum",
    "APPROX": r"or (?:so|thereabouts)",
}
_BETWEEN = (
    r"(?: (?:an?|the|its|their|another|further|additional|total|period|of|for|last|past|next"
    r"|coming|first|between|from))*"
)
_MODS_BEFORE = [(mod, re.compile(rf"(?<!\w)(?:{words}){_BETWEEN} ?$")) for mod, words in _BEFORE.items()]
_MODS_AFTER = [(mod, re.compile(rf" (?:{words})\b")) for mod, words in _AFTER.items()]


def normalise_duration(text: str) -> TimexDuration | None:
    """The length of time that ``text`` names, the most definite one of several; None without one.

    A fraction becomes a whole number of the next finer unit where that is exact (P18M, PT36H) and
    stays decimal where it is not (P1.5W). Decades and centuries count in years, a vague count is
    X (PXY). "In its fourth year" is P4Y EQUAL_OR_LESS; so is a range, with its upper end ("two to
    three years": P3Y), unless it has a lower bound ("at least two or three years": P2Y
    EQUAL_OR_MORE). Dates, ages, rates and repetitions ("every week") are none.
    """
    text = _NO_LENGTH.sub(";", _digits(text))
    return _range(text) or _counted(text) or _vague(text) or _ordinal(text) or _bare(text)


def _digits(text: str) -> str:
    """Lower case, hyphens opened, number words and fractions written as digits."""
    text = text.lower()
    for pattern, replacement in _TIDY:
        text = re.sub(pattern, replacement, text)
    text = alpha2digit(text, "en", 0.0)
    for pattern, replacement in _FRACTIONS:
        text = re.sub(pattern, replacement, text)
    text = _AND_HALF.sub(lambda m: _sum(m[1], _PARTS.get(m[2]) or m[3]), text)
    text = _UNIT_AND_HALF.sub(lambda m: f"{_sum(m[1], '0.5')} {m[2]}", text)
    return _DOZEN.sub(lambda m: _decimal(12 * _number(m[1])), text)


def _range(text: str) -> TimexDuration | None:
    """Two counts of one length, such as "2 to 3 years", "between 2 and 3 years", "a year or 2"."""
    if found := _RANGE.search(text):
        low, high, unit = found["low"], found["high"], found["unit"]
        low_unit = found["low_unit"] or unit
    elif found := _UNIT_OR_TWO.search(text):
        low, high, low_unit, unit = "1", found["high"], found["unit"], found["unit"]
    else:
        return None
    if " and " in found[0] and not text[: found.start()].endswith("between "):
        return None
    mod = _mod(text, found) or "EQUAL_OR_LESS"
    if mod in ("EQUAL_OR_MORE", "MORE_THAN"):
        return TimexDuration(_value([(low, low_unit)]), mod)
    return TimexDuration(_value([(high, unit)]), mod)


def _counted(text: str) -> TimexDuration | None:
    found = _AMOUNT.search(text)
    # "A second" is nearly always an ordinal in news.
    while found and re.match(r"an? second", found[0]):
        found = _AMOUNT.search(text, found.end())
    if not found:
        return None
    parts, end = [(found["count"], found["unit"])], found
    while part := _NEXT_PART.match(text, end.end()):
        parts.append((part["count"], part["unit"]))
        end = part
    mod = _mod(text, found, end) or ("EQUAL_OR_MORE" if found["open"] else None)
    return TimexDuration(_value(parts), mod)


def _vague(text: str) -> TimexDuration | None:
    found = _INDEFINITE.search(text)
    return TimexDuration(_unknown(found["unit"]), _mod(text, found)) if found else None


def _ordinal(text: str) -> TimexDuration | None:
    found = _ORDINAL.search(text)
    if not found:
        return None
    return TimexDuration(_value([(found["count"], found["unit"])]), "EQUAL_OR_LESS")


def _bare(text: str) -> TimexDuration | None:
    if found := _BARE_ONE.search(text):
        return TimexDuration(_value([("1", found[found.lastindex or 0])]), _mod(text, found))
    if found := _BARE_MANY.search(text):
        return TimexDuration(_unknown(found["unit"]), _mod(text, found))
    return None


def _mod(text: str, first: re.Match[str], last: re.Match[str] | None = None) -> str | None:
    """What the words right before ``first`` and right after ``last`` say of the length."""
    before, end = text[: first.start()].rstrip(), (last or first).end()
    for mod, words in _MODS_BEFORE:
        if words.search(before):
            return mod
    return next((mod for mod, words in _MODS_AFTER if words.match(text, end)), None)


def _value(parts: list[tuple[str, str]]) -> str:
    """ISO 8601 of counts with their units, largest first."""
    amounts: defaultdict[str, Fraction] = defaultdict(Fraction)
    for count, unit in parts:
        designator, size = _unit(unit)
        amounts[designator] += _number(count) * size
    for coarse, fine, size in _FINER:
        amount = amounts[coarse]
        if amount.denominator > 1 and (amount * size).denominator == 1:
            amounts[fine] += amounts.pop(coarse) * size
    # ISO 8601 lets weeks stand alone only.
    if amounts["W"] and any(amounts[other] for other in _ORDER if other != "W"):
        amounts["D"] += amounts.pop("W") * 7
    return _iso({name: _decimal(amount) for name, amount in amounts.items() if amount}) or "P0D"


def _unknown(unit: str) -> str:
    return _iso({_unit(unit)[0]: "X"})


def _iso(amounts: Mapping[str, str]) -> str:
    fields = [(name, amounts[name]) for name in _ORDER if name in amounts]
    date = "".join(amount + name for name, amount in fields if len(name) == 1)
    time = "".join(amount + name[1] for name, amount in fields if len(name) == 2)
    return f"P{date}" + (f"T{time}" if time else "") if fields else ""


def _unit(word: str) -> tuple[str, int]:
    return _UNITS[word] if word in _UNITS else _UNITS[word.removesuffix("s")]


def _number(word: str) -> Fraction:
    return Fraction(word) if word[0].isdecimal() else Fraction(1)


def _sum(whole: str, part: str) -> str:
    return _decimal(_number(whole) + Fraction(part))


def _decimal(number: Fraction) -> str:
    return str(number.numerator if number.denominator == 1 else float(number))


_EXTEND = r"(?:exten[ds]\w*|renew(?!able)\w*|prolong\w*|roll(?:ed|ing) over)"
_CHANCE = r"(?:possibilit(?:y|ies)|options?|right|provisions?|scope|prospect|chance)"
_EXTENDABLE = re.compile(
    r"\b(?:extend[ai]ble|extensible"
    r"|renewable(?! (?:energy|power|electricity|fuels?|sources?|projects?|resources?)))\b"
    rf"|\b(?:can|could|may|might|will) (?:\w+ )?be (?:\w+ )?{_EXTEND}"
    r"|\b(?:can|could|may|might) (?:\w+ )?(?:extend|renew|prolong) (?:it|them|the|this|its|for)\b"
    r"|\b(?:renews automatically|automatically renew(?:s|ed))\b"
    rf"|\b{_CHANCE} (?:of|for|to) (?:\w+ ){{0,3}}{_EXTEND}"
    rf"|\b(?:subject|open) to (?:\w+ ){{0,2}}{_EXTEND}",
    re.IGNORECASE,
)
_NOT_EXTENDABLE = re.compile(
    r"\bnon-?(?:renewable|extend[ai]ble)|\bnot (?:be )?(?:\w+ )?(?:renewable|extend[ai]ble)"
    rf"|\b(?:cannot|can['’]?t|(?:can|could|may|might|must|will|would|shall) not|won['’]?t)"
    rf" (?:\w+ )?(?:be (?:\w+ )?)?{_EXTEND}"
    rf"|\b(?:no|without|excludes?|excluding|rules? out) (?:an?y? |the )?{_CHANCE}"
    rf" (?:of|for|to) (?:\w+ ){{0,3}}{_EXTEND}",
    re.IGNORECASE,
)


def is_extendable(sentence: str) -> bool:
    """Whether ``sentence``, a duration's, says that it can be extended; False if it says not."""
    return bool(_EXTENDABLE.search(sentence)) and not _NOT_EXTENDABLE.search(sentence)


def state_code(name: str) -> str | None:
    """ISO 3166-1 alpha-3 of a state named by name, adjective, people or seat of government.

    Case is free except in abbreviations: "US" is a state, "us" is not. None for what several
    states share ("Congo", "Korea") and for Brussels, which mostly means the EU; "Georgia" and
    "Washington" are read as states. Kosovo is XKX, as the EU writes it.
    """
    bare = re.sub(r"^the\s+", "", name.strip().replace("’", "'"), flags=re.IGNORECASE)
    bare = re.sub(r"(?:'s|(?<=s)')$", "", bare)
    short = re.sub(r"^(?:republic|kingdom|government) of (?:the )?", "", bare, flags=re.IGNORECASE)
    codes = _codes()
    return codes.get(bare) or codes.get(_fold(bare)) or codes.get(_fold(short))


def state_name(code: str) -> str:
    """The short English name that newspapers use for an alpha-3 code; KeyError if not listed."""
    return _names()[code]


@cache
def _codes() -> Mapping[str, str]:
    """Form -> code: abbreviations as they are, all else folded."""
    return {
        form if form.isupper() else _fold(form): row[0]
        for row in _rows()
        for form in "; ".join(filter(None, row[1:])).split("; ")
    }


@cache
def _names() -> Mapping[str, str]:
    return {code: name for code, name, *_ in _rows()}


def _rows() -> list[list[str]]:
    table = resources.files("extractor").joinpath("data/states.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in table.splitlines()[1:]]


def _fold(text: str) -> str:
    """Case and accents removed."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
