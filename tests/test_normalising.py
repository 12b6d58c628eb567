"""Durations, extensions and states: tables of what newspapers write and what it normalises to."""

import re
from importlib import resources

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.normalising import (
    TimexDuration,
    is_extendable,
    normalise_duration,
    state_code,
    state_name,
)

# surface form | value | mod; a line with a form alone names no length of time.
DURATIONS = """
15 years | P15Y
15-year | P15Y
a 15-year term | P15Y
the 15-year security guarantee | P15Y
four-year | P4Y
four-year war | P4Y
a four year war | P4Y
one year | P1Y
a year | P1Y
a full year | P1Y
one full year | P1Y
another year | P1Y
one more year | P1Y
a further year | P1Y
an entire year | P1Y
a year's extension | P1Y
two years' notice | P2Y
two years’ notice | P2Y
five-year-long | P5Y
49 years | P49Y
99-year lease | P99Y
a hundred years | P100Y
one hundred years | P100Y
fourteen months | P14M
18 months | P18M
twenty-four months | P24M
six-month | P6M
a further six months | P6M
further 12 months | P12M
an additional three months | P3M
a month | P1M
30 days | P30D
90 days | P90D
another 90 days | P90D
one hundred and twenty days | P120D
2,000 days | P2000D
a thousand days | P1000D
10 working days | P10D
five consecutive days | P5D
the four-day | P4D
a day | P1D
two weeks | P2W
two more weeks | P2W
three-week | P3W
a single week | P1W
a fortnight | P2W
two fortnights | P4W
72 hours | PT72H
72-hour | PT72H
seventy-two-hour | PT72H
48-hour truce | PT48H
an hour | PT1H
24 hrs | PT24H
15 minutes | PT15M
90-minute | PT90M
30-second | PT30S
ninety-second | PT90S
45 seconds | PT45S
Twenty-Five Years | P25Y
FIVE YEARS | P5Y
twenty-five-year | P25Y
two hundred and fifty-year | P250Y
for a period of ten years | P10Y
for five years | P5Y
the next 10 days | P10D
the last three months | P3M
over the past two years | P2Y
the first six months | P6M
the past decade | P10Y
the past year | P1Y
the coming month | P1M
five‑year | P5Y
five–year | P5Y
a renewable 20-year term | P20Y
five (5) years | P5Y
a decade | P10Y
two decades | P20Y
three decades | P30Y
six decades | P60Y
ten decades | P100Y
decade-long | P10Y
the decade-long | P10Y
decade-old | P10Y
a century | P100Y
two centuries | P200Y
century-old | P100Y
two millennia | P2000Y
half a century | P50Y
half-century | P50Y
a half-century | P50Y
half a decade | P5Y
half a year | P6M
half a day | PT12H
half an hour | PT30M
half-hour | PT30M
a half hour | PT30M
a quarter of a century | P25Y
quarter of a century | P25Y
a quarter-century | P25Y
quarter of an hour | PT15M
three quarters of a century | P75Y
three-quarters of an hour | PT45M
half a dozen years | P6Y
a dozen years | P12Y
two dozen years | P24Y
half a month | P0.5M
a decade and a half | P15Y
a century and a half | P150Y
a year and a half | P18M
one year and a half | P18M
one and a half years | P18M
two and a half years | P30M
two-and-a-half-year | P30M
three and a quarter years | P39M
two and a half decades | P25Y
one-and-a-half-hour | PT90M
an hour and a half | PT90M
a day and a half | PT36H
a week and a half | P1.5W
a month and a half | P1.5M
1.5 years | P18M
2.5 decades | P25Y
1.3 years | P1.3Y
1½ years | P18M
2 1/2 years | P30M
½ hour | PT30M
one year and six months | P1Y6M
a year and three months | P1Y3M
three years, two months and five days | P3Y2M5D
2 hours and 30 minutes | PT2H30M
1 hour 15 minutes | PT1H15M
two weeks and three days | P17D
one day and 12 hours | P1DT12H
year-long | P1Y
yearlong | P1Y
month-long | P1M
monthlong | P1M
week-long | P1W
weeklong | P1W
day-long | P1D
hour-long | PT1H
years-long | PXY
yearslong | PXY
months-long | PXM
decades-long | PXY
decades-old | PXY
centuries-old | PXY
several years | PXY
a few years | PXY
a few more years | PXY
few years | PXY
many years | PXY
some years | PXY
a couple of years | P2Y | APPROX
the next couple of weeks | P2W | APPROX
the year | P1Y
the whole fiscal year | P1Y
the past week | P1W
past decade | P10Y
the weekend | P2D
the first hours | PTXH
the next three quarters | P9M
recent quarters | PXM
numerous years | PXY
multi-year | PXY
multiyear | PXY
multi-decade | PXY
multiple years | PXY
several months | PXM
several more weeks | PXW
a few days | PXD
several hours | PTXH
a few minutes | PTXM
dozens of years | PXY
hundreds of days | PXD
years | PXY
for years | PXY
years of talks | PXY
in recent years | PXY
the coming months | PXM
decades | PXY
several decades | PXY
centuries | PXY
weeks | PXW
minutes | PTXM
decade | P10Y
forty nights | P40D
a trial year | P1Y
over a year and a half | P18M | MORE_THAN
early in the 30-day period | P30D | START
two half-hour calls | PT30M
several years after a 90-day truce | P90D
2 ½ years | P30M
after the handover five years of peace | P5Y
five six-month terms | P6M
not exceeding 30 days | P30D | EQUAL_OR_LESS
as many as 60 days | P60D | EQUAL_OR_LESS
a two- or three-year deal | P3Y | EQUAL_OR_LESS
more than half of the year
a six-month-old ceasefire
the six-year, renewable term | P6Y
for 4 years and 11 months | P4Y11M
more than a dozen years | P12Y | MORE_THAN
nearly two and a half decades | P25Y | LESS_THAN
one to two and a half years | P30M | EQUAL_OR_LESS
anything from three to five years | P5Y | EQUAL_OR_LESS
some two dozen months | P24M | APPROX
half-a-dozen weeks | P6W
two hours, four minutes and eleven seconds | PT2H4M11S
up to 50 years | P50Y | EQUAL_OR_LESS
up to nine months | P9M | EQUAL_OR_LESS
up to 99 years | P99Y | EQUAL_OR_LESS
up to half a century | P50Y | EQUAL_OR_LESS
for up to a further 12 months | P12M | EQUAL_OR_LESS
a maximum of 30 days | P30D | EQUAL_OR_LESS
no more than 60 days | P60D | EQUAL_OR_LESS
not more than two years | P2Y | EQUAL_OR_LESS
no longer than six weeks | P6W | EQUAL_OR_LESS
at most three years | P3Y | EQUAL_OR_LESS
as long as 90 days | P90D | EQUAL_OR_LESS
within 30 days | P30D | EQUAL_OR_LESS
within weeks | PXW | EQUAL_OR_LESS
within a month | P1M | EQUAL_OR_LESS
three years or less | P3Y | EQUAL_OR_LESS
90 days at most | P90D | EQUAL_OR_LESS
in its fourth year | P4Y | EQUAL_OR_LESS
fourth year | P4Y | EQUAL_OR_LESS
its second week | P2W | EQUAL_OR_LESS
28th year | P28Y | EQUAL_OR_LESS
its third decade | P30Y | EQUAL_OR_LESS
the twenty-first day | P21D | EQUAL_OR_LESS
at least ten days | P10D | EQUAL_OR_MORE
at least 70 days | P70D | EQUAL_OR_MORE
for at least the next five years | P5Y | EQUAL_OR_MORE
at least a decade | P10Y | EQUAL_OR_MORE
at least several years | PXY | EQUAL_OR_MORE
a minimum of 15 years | P15Y | EQUAL_OR_MORE
not less than 20 years | P20Y | EQUAL_OR_MORE
no fewer than 30 days | P30D | EQUAL_OR_MORE
five years or more | P5Y | EQUAL_OR_MORE
three or more years | P3Y | EQUAL_OR_MORE
20-plus years | P20Y | EQUAL_OR_MORE
20+ years | P20Y | EQUAL_OR_MORE
10 years or longer | P10Y | EQUAL_OR_MORE
more than two years | P2Y | MORE_THAN
more than six decades | P60Y | MORE_THAN
over six years | P6Y | MORE_THAN
over a hundred years | P100Y | MORE_THAN
over a two-year period | P2Y
over the next five years | P5Y
well over a year | P1Y | MORE_THAN
just over two weeks | P2W | MORE_THAN
more than a decade and a half | P15Y | MORE_THAN
longer than 30 days | P30D | MORE_THAN
in excess of 10 years | P10Y | MORE_THAN
upwards of 20 years | P20Y | MORE_THAN
less than a year | P1Y | LESS_THAN
under two hours | PT2H | LESS_THAN
fewer than 90 days | P90D | LESS_THAN
just under three weeks | P3W | LESS_THAN
nearly two years | P2Y | LESS_THAN
nearly four-year | P4Y | LESS_THAN
almost a century | P100Y | LESS_THAN
about 15 years | P15Y | APPROX
around 18 months | P18M | APPROX
some 15 years | P15Y | APPROX
roughly half a century | P50Y | APPROX
approximately 72 hours | PT72H | APPROX
an estimated 10 years | P10Y | APPROX
close to five years | P5Y | APPROX
five years or so | P5Y | APPROX
a week or so | P1W | APPROX
the start of the 15-year term | P15Y | START
midway through its four-year term | P4Y | MID
the end of the 60-day window | P60D | END
two to three years | P3Y | EQUAL_OR_LESS
two or three weeks | P3W | EQUAL_OR_LESS
2-3 years | P3Y | EQUAL_OR_LESS
10–15 years | P15Y | EQUAL_OR_LESS
30 to 90 days | P90D | EQUAL_OR_LESS
between two and three years | P3Y | EQUAL_OR_LESS
five-to-ten-year | P10Y | EQUAL_OR_LESS
six months to a year | P1Y | EQUAL_OR_LESS
a year or two | P2Y | EQUAL_OR_LESS
about two to three years | P3Y | APPROX
at least two or three years | P2Y | EQUAL_OR_MORE
a ceasefire
2026
January
15 August
1 January 2026
the year 2026
Monday
the 1990s
the 21st century
twenty-first century
last year
next month
this week
last year's summit
the day
the new year
the end of the year
every week
every two weeks
each year
twice a year
three times a day
$5 billion a year
40 hours a week
per day
day-to-day
two years ago
three days later
a twelve-year-old
75 years old
aged 15
overnight
indefinitely
annual
long-term
a second meeting
15 soldiers
the second round

"""


def _cells(line: str) -> tuple[str, str | None, str | None]:
    form, value, mod, *_ = [*(cell.strip() for cell in line.split("|")), None, None]
    assert form
    return form, value, mod


@pytest.mark.parametrize(("form", "value", "mod"), [_cells(line) for line in DURATIONS.strip().splitlines()])
def test_duration(form: str, value: str | None, mod: str | None) -> None:
    expected = TimexDuration(value, mod) if value else None
    assert normalise_duration(form) == expected


ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["-", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# a busy machine is no failure
untimed = settings(deadline=None)
UNITS = {"year": "P{}Y", "month": "P{}M", "week": "P{}W", "day": "P{}D", "hour": "PT{}H"}


def spelled(number: int) -> str:
    """British spelling of 1 to 999."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    rest = f" and {spelled(number % 100)}" if number % 100 else ""
    return f"{ONES[number // 100]} hundred{rest}"


@untimed
@given(st.integers(1, 999), st.sampled_from(sorted(UNITS)))
def test_digits_and_words_agree(number: int, unit: str) -> None:
    expected = TimexDuration(UNITS[unit].format(number), None)
    plural = unit if number == 1 else f"{unit}s"
    for form in (f"{number} {plural}", f"{spelled(number)} {plural}", f"{spelled(number)}-{unit}"):
        assert normalise_duration(form) == expected


@untimed
@given(st.integers(1, 200), st.sampled_from(["up to ", "for up to another "]))
def test_a_bound_changes_the_mod_only(number: int, bound: str) -> None:
    found = normalise_duration(f"{bound}{number} years")
    assert found == TimexDuration(f"P{number}Y", "EQUAL_OR_LESS")


TIMEX = re.compile(
    r"P(?=.)((\d+(\.\d+)?|X)[YMWD])*(T((\d+(\.\d+)?|X)[HMS])+)?",
    re.ASCII,
)
MODS = {None, "EQUAL_OR_LESS", "EQUAL_OR_MORE", "LESS_THAN", "MORE_THAN", "APPROX"}
WORDS = [
    "a",
    "an",
    "the",
    "half",
    "quarter",
    "of",
    "and",
    "to",
    "or",
    "two",
    "3",
    "ninety",
    "hundred",
    "dozen",
    "second",
    "fourth",
    "several",
    "up",
    "more",
    "than",
    "at",
    "least",
    "about",
    "between",
    "year",
    "years",
    "month-long",
    "weeks",
    "day",
    "hours",
    "seconds",
    "decade",
    "centuries",
    "15-year",
    "1/2",
    "½",
    "-",
    ",",
    "every",
    "ago",
    "past",
    "99999999999999",
    "0",
    "0.5",
    "1.25",
]


@untimed
@given(st.text() | st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_any_text_gives_a_well_formed_value(text: str) -> None:
    found = normalise_duration(text)
    assert found is None or (TIMEX.fullmatch(found.value) and found.mod in MODS)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("a renewable 20-year term", True),
        ("for 15 years, with a possibility of extension", True),
        ("for 15 years with the possibility of extending it", True),
        ("15 years, with an option to extend", True),
        ("a 90-day truce that can be extended", True),
        ("The term may be further extended by mutual consent.", True),
        ("an extendable six-month mandate", True),
        ("a ten-year deal, extendible twice", True),
        ("five years, subject to renewal", True),
        ("The truce could be prolonged.", True),
        ("The parties may extend the agreement.", True),
        ("The pact renews automatically after ten years.", True),
        ("The parties may not extend the agreement.", False),
        ("Kyiv asked for the truce to be extended.", False),
        ("It will be renewed automatically every five years.", True),
        ("five years and open to extension", True),
        ("a non-renewable 15-year term", False),
        ("a nonrenewable term", False),
        ("a single term that is not renewable", False),
        ("The deadline cannot be extended.", False),
        ("a term that can't be renewed", False),
        ("The truce may not be extended.", False),
        ("15 years, with no possibility of extension", False),
        ("15 years without the option to renew", False),
        ("a 15-year plan for renewable energy", False),
        ("a 15-year term", False),
        ("He extended his hand for ten seconds.", False),
        ("", False),
    ],
)
def test_extendable(sentence: str, expected: bool) -> None:
    assert is_extendable(sentence) is expected


# code: forms that name the state or its government
STATES = """
USA: US, U.S., U.S, the US, USA, U.S.A., America, American, Americans, United States
USA: the United States of America, Washington, the White House, White House, the Pentagon, THE US
USA: united states, US's, America’s
GBR: UK, U.K., the UK, Britain, British, Great Britain, United Kingdom, London, Downing Street
RUS: Russia, Russian, Russians, Moscow, the Kremlin, Kremlin, Russian Federation, RUSSIA, Russia's
UKR: Ukraine, Ukrainian, Ukrainians, Kyiv, Kiev, the Ukraine
FRA: France, French, Paris, the Elysée, Élysée
DEU: Germany, German, Germans, Berlin
CHN: China, Chinese, Beijing, PRC, People's Republic of China, People’s Republic of China
JPN: Japan, Japanese, Tokyo
KOR: South Korea, South Korean, ROK, Seoul, Republic of Korea
PRK: North Korea, North Korean, DPRK, Pyongyang
IRN: Iran, Iranian, Tehran, Islamic Republic of Iran
SYR: Syria, Syrian, Damascus
ISR: Israel, Israeli, Israelis
PSE: Palestine, Palestinian, Palestinians, State of Palestine
TUR: Turkey, Türkiye, Turkiye, Turkish, Turks, Ankara
ARE: UAE, United Arab Emirates, the Emirates, Emirati, Abu Dhabi
SAU: Saudi Arabia, Saudi, Saudis, Riyadh
COD: DR Congo, DRC, Democratic Republic of the Congo, Kinshasa
COG: Republic of the Congo, Congo-Brazzaville, Brazzaville
CZE: Czechia, Czech Republic, Czech, Prague
CIV: Ivory Coast, Côte d'Ivoire, Cote d’Ivoire, Ivorian
TWN: Taiwan, Taiwanese, Taipei
XKX: Kosovo, Kosovar, Pristina
MMR: Burma, Myanmar, Burmese
NLD: Netherlands, the Netherlands, Dutch, The Hague
DNK: Denmark, Danish, Danes, Copenhagen
POL: Poland, Polish, Poles, Warsaw
GEO: Georgia, Georgian, Tbilisi
JOR: Jordan, Jordanian, Amman
IND: India, Indian, New Delhi, Delhi
PAK: Pakistan, Pakistani, Islamabad
EGY: Egypt, Egyptian, Cairo
QAT: Qatar, Qatari, Doha
AUS: Australia, Australian, Canberra
CAN: Canada, Canadian, Ottawa
ITA: Italy, Italian, Rome
ESP: Spain, Spanish, Madrid
HUN: Hungary, Hungarian, Budapest
BLR: Belarus, Belarusian, Minsk
MDA: Moldova, Moldovan, the Republic of Moldova
TJK: the Republic of Tajikistan
NLD: Kingdom of the Netherlands
GBR: the government of the United Kingdom
MKD: North Macedonia, Macedonia
SWZ: Eswatini, Swaziland
CPV: Cape Verde, Cabo Verde
TLS: Timor-Leste, East Timor
VAT: Holy See, the Vatican
DOM: Dominican Republic
DMA: Dominica
NER: Niger, Nigerien
NGA: Nigeria, Nigerian
SSD: South Sudan, South Sudanese
SDN: Sudan, Sudanese, Khartoum
GIN: Guinea
GNB: Guinea-Bissau
ZAF: South Africa, South African, Pretoria
NZL: New Zealand, Wellington
GRL: Greenland
HKG: Hong Kong
"""

NOT_STATES = [
    "us", "Us", "it", "NATO", "the European Union", "EU", "Brussels", "Congo", "Congolese", "Korea",
    "Donald Trump", "Scotland", "Europe", "", "the", "Hamas", "in", "Western", "uk-based",
]  # fmt: skip


def _state_forms() -> list[tuple[str, str]]:
    lines = (line.split(": ") for line in STATES.strip().splitlines())
    return [(form, code) for code, forms in lines for form in forms.split(", ")]


@pytest.mark.parametrize(("form", "code"), _state_forms())
def test_state_code(form: str, code: str) -> None:
    assert state_code(form) == code


@pytest.mark.parametrize("form", NOT_STATES)
def test_no_state(form: str) -> None:
    assert state_code(form) is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("USA", "United States"),
        ("RUS", "Russia"),
        ("KOR", "South Korea"),
        ("IRN", "Iran"),
        ("SYR", "Syria"),
        ("TZA", "Tanzania"),
        ("GBR", "United Kingdom"),
        ("COD", "DR Congo"),
        ("XKX", "Kosovo"),
    ],
)
def test_state_name(code: str, name: str) -> None:
    assert state_name(code) == name


def test_unknown_code_is_an_error() -> None:
    with pytest.raises(KeyError, match="XYZ"):
        state_name("XYZ")


def _listed_codes() -> list[str]:
    table = resources.files("extractor").joinpath("data/states.tsv").read_text(encoding="utf-8")
    return [line.split("\t")[0] for line in table.splitlines()[1:]]


def test_every_listed_code_is_iso_3166_and_its_name_leads_back() -> None:
    # Kosovo has no ISO code; XKX is what the EU, the IMF and the World Bank use.
    iso = {country.alpha_3 for country in pycountry.countries} | {"XKX"}
    codes = _listed_codes()
    assert len(codes) == len(set(codes)) >= 197
    for code in codes:
        assert code in iso
        assert state_code(state_name(code)) == code


def test_no_iso_short_name_means_another_state() -> None:
    for country in pycountry.countries:
        for name in (country.name, getattr(country, "common_name", country.name)):
            assert state_code(name) in (None, country.alpha_3)
