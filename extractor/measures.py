"""Where a text names a length of time: the places, found by form, that the model is then asked about.

Lengths of time have a form that rules find more surely than a small model recalls; what lasts that
long, and whether it is agreed or past, takes reading, and stays with the model.
"""

from __future__ import annotations

import re

from .normalising import normalise_duration

_ONES = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_DIGITS = r"\d[\d,]*(?:\.\d+)?(?:[-–]\d+)?"
_NUMBER = rf"(?:(?:an? |one |two |three )?hundred|(?:{_ONES})(?:[ -](?:{_ONES}))?|{_DIGITS})(?: and a half)?"
_VAGUE = r"(?:several|a few|few|many|some|a couple of|a dozen|dozens of|hundreds of|multiple|countless)"
_UNIT = r"(?:seconds?|minutes?|hours?|days?|nights?|weeks?|fortnights?|months?|years?|decades?|century|centuries)"
_KIND = r"(?:(?:consecutive|full|more|additional|further|calendar|working|business|long|straight|whole|extra|other) )?"
_ABOUT = (
    r"(?:(?:up to|at least|at most|(?:no )?(?:more|less|fewer|longer) than|nearly|almost|about|around|roughly|"
    r"approximately|under|barely|(?:just|well) over|close to|(?:the )?better part of|minimum of|maximum of) )*"
)
_OR_SO = r"(?: or (?:more|so|longer|less))?\b"
_ANY = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w$€£.,]){_ABOUT}(?:between )?{_NUMBER}(?: (?:to|or|and) {_NUMBER})?[ -]{_KIND}{_UNIT}\b"
        rf"(?: and a half|(?:,| and) {_NUMBER} {_UNIT}\b)*{_OR_SO}",
        rf"(?<!\w){_ABOUT}{_VAGUE} {_KIND}{_UNIT}\b",
        rf"(?<!\w){_ABOUT}half an? {_UNIT}\b",
        r"(?:(?<= its )|(?<= his )|(?<= her )|(?<= the )|(?<= their ))"
        r"(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d+th) year\b",
        r"\b(?:past|coming) (?:hours|days|weeks?|months?|years?|decades?|century)(?: and (?:weeks|months|years))?\b",
        r"\b(?:next|last) (?:decade|century)\b|\b(?:days|weeks|months|years)(?: and (?:months|years))? ahead\b",
        r"\b(?:decades|centuries)\b|(?<=for )(?:years|months|weeks|days|hours)\b|"
        r"(?<=within )(?:hours|days|weeks|months)\b",
    )
]
# "A year" is mostly a rate or a date; a length only after words like these.
_ONE = re.compile(rf"(?<!\w){_ABOUT}an? {_KIND}{_UNIT}\b(?: and a half)?{_OR_SO}", re.IGNORECASE)
_LENGTH_FOLLOWS = re.compile(
    r"\b(?:for|within|in|after|over|than|nearly|almost|about|around|under|took|takes?|last(?:ing|ed|s)?|least|most|half|"
    r"spen[dt]|spending|only|just|to|another|barely)\s+(?:the )?$",
    re.IGNORECASE,
)
_NO_LENGTH_BEFORE = re.compile(
    r"(?:\b(?:every|each|per|age[ds]?(?: of)?|once|twice|times|of age)|%|percent|illion|thousand|tonn?e?s|barrels|\d|"
    r"hours|days|times)[ -]*$",
    re.IGNORECASE,
)
_NO_LENGTH_AFTER = re.compile(
    r"[ -](?:olds?|ago|earlier|later|hence|of age|anniversary|a (?:day|week|month|year))\b", re.IGNORECASE
)
_ONE_DAY = re.compile(r"one day|few nights|\d{4}\b", re.IGNORECASE)


def find_durations(text: str) -> list[tuple[int, int]]:
    """Return start and end of every length of time, in order and without overlap.

    Dates, ages, rates ("$5m a year") and repetitions ("every week") are none.
    """
    found: list[tuple[int, int]] = []
    for pattern in (*_ANY, _ONE):
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(first < end and start < last for first, last in found) and _is_length(text, match, pattern):
                found.append((start, end))
    return sorted(found)


def _is_length(text: str, match: re.Match[str], pattern: re.Pattern[str]) -> bool:
    start, end = match.span()
    if _NO_LENGTH_AFTER.match(text, end) or _NO_LENGTH_BEFORE.search(text, max(0, start - 25), start):
        return False
    if pattern is _ONE and not _LENGTH_FOLLOWS.search(text, max(0, start - 30), start) and match[0][:2].lower() == "a ":
        return False
    return not _ONE_DAY.fullmatch(match[0]) and normalise_duration(match[0]) is not None
