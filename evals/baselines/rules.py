"""A rule-based extractor: one afternoon's honest work with verbs, names and regular expressions.

Each sentence gives at most one commitment for each verb of the lexicon in it: the name before the verb
acts, the words after it are the action, up to a connective or the end of the clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...article import Article
from ...names import state_named
from ...normalising import normalise_duration
from ...passages import sentences
from ...schemas import Commitment, Dispute, Duration, Extraction, Participant, Provenance, Quote, Source

_WORD = r"(?:[A-Z][\w’'\-]*\w|[A-Z]\.(?:[A-Z]\.)+|[A-Z])"
_NAME = rf"{_WORD}(?:(?: (?:of|for|the|al|de|von|van|and the))?[ \-]{_WORD})*"
_TITLE = (
    r"(?:(?:Prime|Foreign|Defen[cs]e|Finance|Interior|Deputy|Vice) )*"
    r"(?:Minister|President|Chancellor|Secretary(?: of State| General|-General)?|Ambassador|General|Commissioner|"
    r"Senator|Envoy|Judge|King|Spokes(?:man|woman|person)|Director|Chairman|Governor|Mr\.|Ms\.|MR\.|MS\.)"
)
_STATUS = (
    (
        "refused",
        r"(?:will|would|shall|could) (?:not|never)|won['’]t|ruled out|rejected|refuse[sd]? to|declined to|rules out",
    ),
    ("dropped", r"(?:dropped|abandoned|withdrew|scrapped) (?=(?:the|its|a|their) )"),
    (
        "requested",
        r"urge[sd]|ask(?:s|ed)|called on|calls? (?:on|upon)|wants?|demand(?:s|ed)? that|request(?:s|ed)?|must|should",
    ),
    (
        "offered",
        r"(?:is|are|was|were|stands?) (?:ready|willing|prepared) to|could|offer(?:s|ed) to|would be willing to|may",
    ),
    ("proposed", r"would|propos(?:es|ed) (?:to )?|(?:is|are) considering|plans? for"),
    ("signed", r"(?:have |has )?agreed (?:to|on)|shall|undertook to|(?:is|are) obliged to"),
    (
        "pledged",
        r"will|pledged(?: to)?|promised(?: to)?|vowed to|commit(?:s|ted)? to|(?:is|are) committed to|plan(?:s|ned) to|"
        r"intends? to|announced|(?:is|are) to",
    ),
)
_TRIGGER = re.compile("|".join(rf"(?P<{name}>\b(?:{words})\b)" for name, words in _STATUS))
_SUBJECT = re.compile(rf"(?:the |The )?{_NAME}(?:(?:, | and |, and )(?:the )?{_NAME})*")
_AND = re.compile(r", and |, | and ")
_CONDITION = re.compile(
    r"\b(?:once|if|unless|provided|in the event of|subject to|as long as|in exchange for|until|after)\b[^,.;]+"
)
_ACTION_END = re.compile(
    r"[,.;:—”\"]|\b(?:by|on|in) (?:\d|[A-Z][a-z]+day|January|March|June|July|the end)|\b(?:said|says)\b"
)
_SPEAKER = re.compile(rf"(?P<one>{_NAME})(?:, [^,]+,)? (?:said|says|told|announced|pledged|warned|urged|added)|"
                      rf"(?:said|according to) (?P<other>{_NAME})")  # fmt: skip
_BENEFICIARY = re.compile(rf"\b(?:to|for) (?P<who>(?:the )?{_NAME})")
_NUMBER = r"(?:\d[\d,.]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|several|many|a few)"
_UNIT = r"(?:hour|day|week|month|year|decade)"
_DURATION = re.compile(
    rf"(?:(?:up to|at least|more than|nearly|about|over) )?(?:{_NUMBER}[ -](?!million)(?:and a half )?{_UNIT}s?\b|"
    rf"\b(?:decades|half a century))",
    re.IGNORECASE,
)
_DISPUTE = re.compile(
    r"\b(?:disput\w*|disagree\w*|rejects?|rejected|opposes?|opposed|unresolved|differ) (?:over |on |with |about |to )?"
    r"(?P<issue>(?:the )?[^,.;]+)"
)
_CATEGORY = (
    ("monitoring", r"monitor|observ|inspect|verif"),
    ("military", r"troop|forces?\b|military|weapon|missile|soldier|defen[cs]e|brigade"),
    ("finance", r"\$|€|£|million|billion|loan|grant|fund|debt|bond"),
    ("humanitarian", r"refugee|humanitarian|relief|corridor"),
    ("aid", r"\baid\b|assist|suppl|vaccine|doses|train"),
    ("legal", r"court|law|sanction|prisoner|prosecut|treaty"),
    ("economy", r"tariff|trade|energy|wage|export|import|industr|price"),
    ("territory", r"border|territor|withdraw|land\b"),
    ("diplomacy", r"talks|meet|dialogue|cooperat|consult|negotiat|partner"),
)
_ORGANISATION = re.compile(
    r"Union|Nations|Council|Bank|Ministry|Parliament|Court|Party|Agency|Committee|Organi[sz]ation|Fund|NATO|EU|UN|Congress"
)
_GROUP = re.compile(r"Forces|Army|rebels|Hamas|Taliban|Coalition|Movement|Front")
_NO_NAME = re.compile(
    r"(?:The|This|That|These|It|He|She|They|We|I|In|On|At|An?|And|But|If|As|For|By|After|January|February|March|April|"
    r"May|June|July|August|September|October|November|December|[A-Z][a-z]+day)\b"
)


def extract(article: Article) -> Extraction:
    """Extract by rules; the same for the same text."""
    text = article.text
    spans = sentences(text)
    return extraction(
        article,
        {
            "commitments": [one for span in spans for one in _commitments(text, *span)],
            "participants": list(_participants(text)),
            "durations": list(_durations(text)),
            "disputes": [one for span in spans for one in _disputes(text, *span)],
        },
    )


def extraction(article: Article, records: Mapping[str, Any]) -> Extraction:
    """Return records as the extraction of a baseline."""
    provenance = Provenance(
        model="baseline", model_sha256=None, prompt_sha256="", schema_sha256="", versions={}, seed=0, window=0
    )
    source = Source(id=article.id, sha256=article.sha256)
    return Extraction(article=source, **records, complete=True, provenance=provenance)


def _commitments(text: str, start: int, end: int) -> Iterator[Commitment]:
    taken = start
    for trigger in _TRIGGER.finditer(text, start, end):
        if trigger.start() < taken:
            continue
        subject = _last(_SUBJECT, text, taken, trigger.start())
        if trigger.lastgroup == "requested":
            asked = _SUBJECT.match(text, trigger.end() + 1, end)
            speaker, subject = (_names(text, subject)[0] if subject else None), asked or subject
            begin = asked.end() if asked else trigger.end()
        else:
            speaker, begin = _speaker(text, start, end), trigger.end()
        while text.startswith((" ", "to "), begin):
            begin = text.index(" ", begin) + 1
        condition = _CONDITION.search(text, begin, end)
        stop = _ACTION_END.search(text, begin, condition.start() if condition else end)
        action = _quote(text, begin, stop.start() if stop else condition.start() if condition else end)
        if subject is None or action is None or len(action.text.split()) < 2:
            continue
        taken = action.end
        beneficiary = _BENEFICIARY.search(text, action.start, action.end)
        duration = _DURATION.search(text, action.start, end)
        yield Commitment.model_validate(
            {
                "actors": _names(text, subject),
                "action": action,
                "beneficiary": _quote(text, *beneficiary.span("who")) if beneficiary else None,
                "condition": _quote(text, *condition.span()) if condition else None,
                "duration": _quote(text, *duration.span()) if duration else None,
                "speaker": speaker,
                "status": trigger.lastgroup,
                "category": next((name for name, words in _CATEGORY if re.search(words, action.text)), "other"),
            }
        )


def _participants(text: str) -> Iterator[Participant]:
    full: dict[str, re.Match[str]] = {}
    for found in re.finditer(rf"(?:(?P<title>{_TITLE}) )?(?P<name>{_NAME})", text):
        name = found["name"]
        if _NO_NAME.match(name) or not re.search("[a-z]|[A-Z]{2}", name):
            continue
        key = state_named(name) or name.split()[-1]
        if key not in full or (len(name) > len(full[key]["name"]) and not state_named(name)):
            full[key] = found
    for found in full.values():
        name = found["name"]
        state = state_named(name)
        if not (state or found["title"] or " " in name or name.isupper()):
            continue
        kind = (
            "state" if state
            else "person" if found["title"]
            else "organisation" if _ORGANISATION.search(name)
            else "group" if _GROUP.search(name)
            else "person"
        )  # fmt: skip
        title = _quote(text, *found.span("title")) if found["title"] else None
        quote = _quote(text, *found.span("name"))
        if quote:
            yield Participant.model_validate({"name": quote, "kind": kind, "title": title, "represents": None})


def _durations(text: str) -> Iterator[Duration]:
    for found in _DURATION.finditer(text):
        quote = _quote(text, *found.span())
        if quote is None:
            continue
        value = normalise_duration(quote.text)
        after = re.compile(r"[ -](?:old|ago)\b").match(text, found.end())
        noun = re.compile(r"(?:-\w+)? (\w+)").match(text, found.end())
        if not after:
            yield Duration.model_validate(
                {
                    "text": quote,
                    "applies_to": _quote(text, *noun.span(1)) if noun and "-" in quote.text else None,
                    "modality": "elapsed",
                    "value": value.value if value else None,
                    "mod": value.mod if value else None,
                }
            )


def _disputes(text: str, start: int, end: int) -> Iterator[Dispute]:
    found = _DISPUTE.search(text, start, end)
    parties = [_quote(text, *m.span()) for m in re.compile(_NAME).finditer(text, start, end)] if found else []
    sides = [party for party in parties if party and not _NO_NAME.match(party.text)][:2]
    issue = _quote(text, *found.span("issue")) if found else None
    if issue and len(sides) == 2:
        yield Dispute(parties=sides, issue=issue, stances=[], state="open")


def _speaker(text: str, start: int, end: int) -> Quote | None:
    found = _SPEAKER.search(text, start, end)
    return _quote(text, *found.span(found.lastgroup or 0)) if found else None


def _names(text: str, found: re.Match[str]) -> list[Quote]:
    cuts = [found.start(), *(place for cut in _AND.finditer(text, *found.span()) for place in cut.span()), found.end()]
    pairs = zip(cuts[::2], cuts[1::2], strict=True)
    return [quote for start, end in pairs if (quote := _quote(text, start, end))]


def _last(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    found = [m for m in pattern.finditer(text, start, end) if m[0].startswith("The ") or not _NO_NAME.match(m[0])]
    return found[-1] if found else None


def _quote(text: str, start: int, end: int) -> Quote | None:
    words = text[start:end]
    start += len(words) - len(words.lstrip())
    words = words.strip()
    return Quote(text=words, start=start, end=start + len(words)) if words else None
