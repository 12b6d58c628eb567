"""Entities: one per spelling within an article, and every place where the text names it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.entities import Entities
from extractor.names import fold, form, untitled
from extractor.schemas import Participant, Quote, occurrences

TEXT = (
    "French President Emmanuel Macron hosted Volodymyr Zelenskyy, Ukraine’s president, and Xi Jinping in Paris. "
    "The U.S. and American envoys of Donald J. Trump met Xi on Monday. Who won? Zelenskiy told the "
    "International Atomic Energy Agency (IAEA) and the WHO that the Ukrainian president would call Trump. "
    "German Chancellor Friedrich Merz and Polish Prime Minister Donald Tusk spoke; the prime minister left. "
    "British Prime Minister Keir Starmer stayed, and the prime minister smiled. The IAEA and the US agreed with the "
    "European Union, its coalition of the willing and Melania Smith. John Smith and Smith disagreed. The EU waited."
)


def quote(words: str, text: str = TEXT, number: int = 0) -> Quote:
    start = occurrences(words, text)[number]
    return Quote(text=words, start=start, end=start + len(words))


def participant(
    name: str, kind: str, title: str | None = None, body: str | None = None, text: str = TEXT
) -> Participant:
    return Participant(
        name=quote(name, text),
        kind=kind,
        title=quote(title, text) if title else None,
        represents=quote(body, text) if body else None,
    )


PARTICIPANTS = [
    participant("Trump", "person"),
    participant("Emmanuel Macron", "person", "President", "French"),
    participant("Zelenskiy", "person"),
    participant("Volodymyr Zelenskyy", "person"),
    participant("Xi Jinping", "person"),
    participant("Donald J. Trump", "person"),
    participant("Friedrich Merz", "person", "Chancellor", "German"),
    participant("Donald Tusk", "person", "Prime Minister", "Polish"),
    participant("Keir Starmer", "person", "Prime Minister", "British"),
    participant("Melania Smith", "person"),
    participant("John Smith", "person"),
    participant("U.S.", "state"),
    participant("International Atomic Energy Agency", "organisation"),
    participant("WHO", "organisation"),
    participant("European Union", "organisation"),
    participant("coalition of the willing", "group"),
]
ENTITIES = Entities(PARTICIPANTS, TEXT)


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        # states: by name, abbreviation, adjective alone, seat, government
        ("US", "United States"),
        ("the U.S.", "United States"),
        ("American", "United States"),
        ("Washington", "United States"),
        ("US government", "United States"),
        ("Germany’s", "Germany"),
        ("American soldiers", "american soldiers"),
        ("us", "us"),
        # persons: transliterations, accents, family names, titles
        ("Zelenskyy", "Volodymyr Zelenskyy"),
        ("Zelensky", "Volodymyr Zelenskyy"),
        ("Volodymyr Zelenskij", "Volodymyr Zelenskyy"),
        ("President Zelenskyi", "Volodymyr Zelenskyy"),
        ("Ukrainian President Volodymyr Zelensky", "Volodymyr Zelenskyy"),
        ("Macron’s", "Emmanuel Macron"),
        ("Mácron", "Emmanuel Macron"),
        ("Donald Trump", "Donald J. Trump"),
        ("President Donald Trump", "Donald J. Trump"),
        ("Xi", "Xi Jinping"),
        ("Donald", "donald"),
        ("Smith", "smith"),  # two of that name
        # organisations: acronyms, articles
        ("the International Atomic Energy Agency", "International Atomic Energy Agency"),
        ("the IAEA", "International Atomic Energy Agency"),
        ("E.U.", "European Union"),
        ("who", "who"),
        ("WHO", "WHO"),
        ("the so-called coalition of the willing", "coalition of the willing"),
        # offices, from the participants' titles and from the text beside their names
        ("the French leader", "Emmanuel Macron"),
        ("France’s president", "Emmanuel Macron"),
        ("the president of Ukraine", "Volodymyr Zelenskyy"),
        ("the Ukrainian president", "Volodymyr Zelenskyy"),
        ("the German chancellor", "Friedrich Merz"),
        ("the chancellor", "Friedrich Merz"),
        ("the Polish premier", "Donald Tusk"),
        ("the Danish prime minister", "danish prime minister"),
        ("the prime minister", "prime minister"),  # two of them, and a text alone has no place
        ("the vice president", "vice president"),
        ("they", "they"),
        ("—", "—"),
    ],
)
def test_spellings_share_a_key(spelling, key):
    assert ENTITIES.key(spelling) == key


def test_an_office_of_several_is_the_one_named_last():
    keys = [ENTITIES.key(quote("the prime minister", number=number)) for number in (0, 1)]
    assert keys == ["Donald Tusk", "Keir Starmer"]


@pytest.mark.parametrize(
    ("key", "spellings"),
    [
        ("United States", ["U.S.", "US"]),
        ("Volodymyr Zelenskyy", ["Volodymyr Zelenskyy", "Zelenskiy"]),
        ("Xi Jinping", ["Xi Jinping", "Xi"]),
        ("Donald J. Trump", ["Donald J. Trump", "Trump"]),
        ("International Atomic Energy Agency", ["International Atomic Energy Agency", "IAEA", "IAEA"]),
        ("European Union", ["European Union", "EU"]),
        ("WHO", ["WHO"]),
        ("coalition of the willing", ["coalition of the willing"]),
        ("John Smith", ["John Smith"]),
        ("nobody", []),
    ],
)
def test_mentions_are_all_places_that_name_an_entity(key, spellings):
    mentions = ENTITIES.mentions(key)
    assert [mention.text for mention in mentions] == spellings
    assert all(TEXT[mention.start : mention.end] == mention.text for mention in mentions)


@pytest.mark.parametrize(("key", "code"), [("United States", "USA"), ("US", None), ("European Union", None)])
def test_only_canonical_names_of_states_have_codes(key, code):
    assert ENTITIES.code(key) == code


def test_keys_of_nobody_are_unknown():
    assert ENTITIES.is_known("United States")
    assert not ENTITIES.is_known("Germany")
    assert ENTITIES.keys([quote("Merz"), None, quote("Friedrich Merz")]) == {"Friedrich Merz"}


def test_a_family_name_with_another_title_is_another_person():
    text = "First Lady Jill Biden came. President Biden did not."
    people = [participant("Jill Biden", "person", "First Lady", text=text)]
    people.append(
        Participant(name=quote("Biden", text, 1), kind="person", title=quote("President", text), represents=None)
    )
    entities = Entities(people, text)
    assert entities.key("Biden") == "Biden"
    assert [m.start for m in entities.mentions("Biden")] == [38]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zelenskyy", "Zelenskiy"),
        ("Zelenskyy", "Zelens’kyj"),
        ("Sergei", "Sergey"),
        ("Dmitri", "Dmitry"),
        ("Romanoff", "Romanov"),
        ("Wałęsa", "Walesa"),
        ("Løkke", "Lokke"),
        ("U.N.", "UN"),
        ("Erdoğan", "Erdogan"),
    ],
)
def test_spellings_fold_together(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("the European Union", ("european", "union")),
        ("Ukraine’s", ("ukraine",)),
        ("Jean-Noël Barrot", ("jean", "noel", "barrot")),
        ("the", ("the",)),
        ("", ()),
    ],
)
def test_the_form_of_a_name(name, expected):
    assert form(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Danish Prime Minister Mette Frederiksen", ("mette", "frederiksen")),
        ("Mette Frederiksen", ("mette", "frederiksen")),
        ("Chancellor", ("chancellor",)),
        ("President Joseph R. Biden, Jr.", ("joseph", "r", "biden")),
    ],
)
def test_titles_are_no_part_of_a_name(name, expected):
    assert untitled(name) == expected


@given(st.permutations(PARTICIPANTS))
def test_the_order_of_participants_does_not_matter(order):
    entities = Entities(order, TEXT)
    assert [entities.key(p.name) for p in PARTICIPANTS] == [ENTITIES.key(p.name) for p in PARTICIPANTS]
