"""Reading: real files and real bytes of every kind, good and bad; what fails names the place and the remedy."""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.article import Article, expand, read
from extractor.errors import InputError

SEEDS = Path(__file__).parent.parent / "seeds"
Write = Callable[[str, str | bytes], str]
TEXT = "France’s president pledged troops — “if a ceasefire holds”, he said in Zürich.\n"
PAGE = """<!DOCTYPE html><html><head><title>Talks go on - Example News</title>{charset}
<meta property="og:site_name" content="Example News"/>
<meta property="article:published_time" content="2026-01-06T10:00:00Z"/></head>
<body><nav>Home | World</nav><article><h1>Talks go on</h1>
<p>France pledged to send troops to Türkiye if a ceasefire holds, officials in İstanbul said on Tuesday.</p>
<p>The force is to stay for up to 15 years, and parliaments have to agree before it leaves.</p>
</article><footer>Copyright</footer></body></html>"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


@pytest.fixture
def give_stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


@pytest.fixture
def powerless() -> Iterator[None]:
    """Root may read everything: become nobody for the length of a test."""
    if os.name != "posix":
        pytest.skip("permissions as on POSIX")
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def read_one(source: str, **options: int) -> Article:
    found = list(read(source, **options))
    assert len(found) == 1
    assert isinstance(found[0], Article), found[0]
    return found[0]


def read_error(source: str, **options: int) -> InputError:
    found = list(read(source, **options))
    assert len(found) == 1
    assert isinstance(found[0], InputError)
    assert found[0].hint
    return found[0]


# The article itself


def test_an_article_is_named_by_its_hash() -> None:
    article = Article(TEXT)
    assert article.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert article.id == article.sha256[:16]
    assert (article.title, article.source, article.published) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": ""}, "empty"),
        ({"text": " \n\u00a0"}, "empty"),
        ({"text": "a \ud83d b"}, r"the text holds half of a surrogate pair, '\\ud83d', at character 2"),
        ({"text": "a", "title": "\udc00"}, "the title holds half of a surrogate pair"),
    ],
)
def test_no_article_of(fields: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Article(**fields)
    assert caught.value.hint


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_text_is_never_altered(text: str) -> None:
    assert Article.from_text(text).text == text
    assert Article.from_markdown(text).text == text


# Metadata


@pytest.mark.parametrize(
    ("text", "title", "published"),
    [
        ("date 2026-01-06\nHelp is weighed.\n\nIt may change.", None, "2026-01-06"),
        (" date 2026-01-01 European leaders aim to agree.\n\nThey met.", None, "2026-01-01"),
        ("Date: Tuesday, 6 January 2026\n\nHelp is weighed.", None, "2026-01-06"),
        ("date Tuesday, 6 January 2026 European leaders aim to agree.", None, "2026-01-06"),
        ("date January 6, 2026\r\nHelp is weighed.", None, "2026-01-06"),
        ("date Jan. 6th, 2026\nHelp is weighed.", None, "2026-01-06"),
        ("date 6.1.2026\nHelp is weighed.", None, "2026"),  # June or January: only the year is sure
        ("date 25/12/2026\nHelp is weighed.", None, "2026-12-25"),
        ("date January 2026\nHelp is weighed.", None, "2026-01"),
        ("date 6 January\nHelp is weighed.", None, None),
        ("date 2026-99-99\nHelp is weighed.", None, None),
        ("Date palms are grown here.\nThey need water.", None, None),
        ("date 2026-01-06\n\nTalks to Go On\n\nPARIS — They met.", "Talks to Go On", "2026-01-06"),
        ("Talks to Go On\r\n\r\nPARIS — They met.", "Talks to Go On", None),
        ("Will Kyiv Agree?\n\nPARIS — They met.", "Will Kyiv Agree?", None),
        ("They met in Paris.\n\nThey will meet again.", None, None),
        ("He said: “We will.”\n\nHe left.", None, None),
        ("Talks to Go On\nPARIS — They met.", None, None),
        ("Talks to Go On\n\n", None, None),
        ("word " * 40 + "\n\nThey met.", None, None),
    ],
)
def test_metadata_of_text(text: str, title: str | None, published: str | None) -> None:
    article = Article.from_text(text)
    assert (article.text, article.title, article.published) == (text, title, published)


def test_metadata_of_markdown(write: Write) -> None:
    text = "date 2026-01-06\n\nBy Ann Lee\n\n# Talks to *Go On* #\n\nThey met.\n\n# Later\n"
    article = read_one(write("a.md", text))
    assert (article.text, article.title, article.published) == (text, "Talks to *Go On*", "2026-01-06")


def test_markdown_without_heading_is_read_as_text(write: Write) -> None:
    assert read_one(write("a.md", "Talks to Go On\n\nThey met.")).title == "Talks to Go On"


@pytest.mark.parametrize("ending", [".html", ".htm", ".HTML", ".page"])
def test_html(write: Write, ending: str) -> None:
    article = read_one(write(f"a{ending}", PAGE.format(charset="")))
    assert (article.id, article.title) == ("a", "Talks go on")
    assert (article.source, article.published) == ("Example News", "2026-01-06")
    assert "France pledged to send troops to Türkiye" in article.text
    assert "Copyright" not in article.text
    assert "<p>" not in article.text


def test_html_of_a_declared_encoding(write: Write) -> None:
    page = PAGE.format(charset='<meta charset="windows-1254">').encode("cp1254")
    assert "officials in İstanbul said" in read_one(write("a.html", page)).text


@pytest.mark.parametrize("page", ["<html><body></body></html>", "<html>", "<!doctype html><script>a()</script>"])
def test_html_without_an_article(write: Write, page: str) -> None:
    assert "no article was found in the HTML" in str(read_error(write("a.html", page)))


# JSON and JSONL


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "They met."}, Article("They met.", "file")),
        ({"body": "They met.", "id": 7}, Article("They met.", "7")),
        ({"content": "They met.", "id": " a/b "}, Article("They met.", "a/b")),
        ({"text": "They met.", "id": None, "title": "", "n": {}}, Article("They met.", "file")),
        (
            {
                "text": " They met. ",
                "title": "Talks",
                "source": "News",
                "url": "http://a",
                "published": "2026-01-06T23:00Z",
            },
            Article(" They met. ", "file", "Talks", "News", "2026-01-06"),
        ),
        (
            {"text": "They met.", "url": "http://a", "date": "Tue, 06 Jan 2026 10:00:00 GMT"},
            Article("They met.", "file", source="http://a", published="2026-01-06"),
        ),
        ({"text": "They met.", "date": "last week"}, Article("They met.", "file")),
        ({"text": "They met.", "date": "99999999999999999999"}, Article("They met.", "file")),
    ],
)
def test_json_fields(write: Write, fields: dict[str, object], expected: Article) -> None:
    assert read_one(write("file.json", json.dumps(fields, indent=1))) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"article": {"text": "They met."}, "n": 1}', r'no text; its fields: "article", "n"'),
        ('{"text": ["They met."]}', 'no text; its fields: "text"'),
        ("{}", "its fields: none"),
        ('"They met."', "is a str, not an object"),
        ("[]", "the JSON list is empty"),
        ('{"text": ""}', "the article is empty"),
        ('{"text": "a \\ud83d b"}', "half of a surrogate pair"),
        ('{"text": "They met."\n "n": 1}', "invalid JSON at line 2, column 2: Expecting ',' delimiter"),
        ("[" * 100_000, "invalid JSON"),
        ("1" * 5000, "invalid JSON"),
    ],
)
def test_bad_json(write: Write, content: str, message: str) -> None:
    source = write("file.json", content)
    assert str(read_error(source)).startswith(source)
    assert message in str(read_error(source))


def test_a_json_list_goes_on_after_a_bad_item(write: Write) -> None:
    source = write("file.json", json.dumps([{"text": "One."}, 2, {"text": "Three.", "id": "three"}]))
    first, bad, last = read(source)
    assert (first, last) == (Article("One.", "file:1"), Article("Three.", "three"))
    assert str(bad) == f"{source}, item 2: the JSON value is a int, not an object"


def test_jsonl_goes_on_after_bad_lines(write: Write) -> None:
    lines = [
        codecs.BOM_UTF8 + b'{"text": "One."}\r\n',
        b"\n",
        b'{"text": "torn\n',
        b'{"text": "' + b"x" * 300 + b'"}\n',
        '{"text": "Zürich’s."}\n'.encode("cp1252"),
        b'{"n": "\xe2\x82\xac", "text": "\xff"}\n',
        b'{"text": "' + b"y" * 188 + b'"}\n',
        b'{"text": "Last."}',
    ]
    source = write("file.jsonl", b"".join(lines))
    found = list(read(source, max_bytes=200))
    articles = {article.id: article.text for article in found if isinstance(article, Article)}
    assert articles == {"file:1": "One.", "file:5": "Zürich’s.", "file:7": "y" * 188, "file:8": "Last."}
    errors = [str(error).removeprefix(f"{source}, ") for error in found if isinstance(error, InputError)]
    assert [error.split(":")[0] for error in errors] == ["line 3", "line 4", "line 6"]
    assert "invalid JSON at column 10: Unterminated string" in errors[0]
    assert "too long; the limit is" in errors[1]
    assert errors[2].startswith("line 6: broken UTF-8")


def test_a_jsonl_file_may_be_larger_than_an_article(write: Write) -> None:
    source = write("file.jsonl", '{"text": "They met."}\n' * 1000)
    assert len([item for item in read(source, max_bytes=100) if isinstance(item, Article)]) == 1000


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_jsonl_file(write: Write, content: bytes) -> None:
    assert "the file is empty" in str(read_error(write("file.jsonl", content)))


def test_a_utf16_jsonl_file_is_refused_once(write: Write) -> None:
    source = write("file.jsonl", ('{"text": "They met."}\n' * 3).encode("utf-16"))
    assert "NUL bytes" in str(read_error(source))


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(write: Write, encoding: str) -> None:
    assert read_one(write("a.txt", TEXT.encode(encoding))).text == TEXT


@pytest.mark.parametrize("mark", [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_BE, "utf-32-be")])
def test_big_endian(write: Write, mark: tuple[bytes, str]) -> None:
    assert read_one(write("a.txt", mark[0] + TEXT.encode(mark[1]))).text == TEXT


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "café"),
        ("cp1252", "The price is £5."),
        (
            "cp1252",
            "Ukraine’s allies would stay for 15 years, he said. " + "They met and agreed on nothing else. " * 30,
        ),
        ("cp1252", "Les alliés de l’Ukraine ont déclaré qu’ils étaient prêts à envoyer des forces où c’était utile."),
        ("cp1252", "El presidente dijo que España enviará tropas después del alto el fuego; “mañana” será otro día."),
        ("cp1254", "Türkiye Cumhurbaşkanı Erdoğan görüşmelerin İstanbul’da yapılacağını söyledi. Ateşkes şart."),
        ("cp1250", "Zełenski powiedział, że Ukraina będzie broniła się również w przyszłości. Źródła są pewne."),
        ("cp1251", "Россия заявила, что не согласится на прекращение огня. " * 3),
        ("koi8-r", "Россия заявила, что не согласится на прекращение огня. " * 3),
        ("shift_jis", "日本政府は停戦を支持すると発表した。" * 3),
        ("gb18030", "双方签署了协议，法国将派兵。" * 5),
    ],
)
def test_legacy_encodings(write: Write, encoding: str, text: str) -> None:
    assert read_one(write("a.txt", text.encode(encoding))).text == text


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.txt")), ids=lambda path: path.stem)
def test_the_seeds_in_windows_1252(write: Write, path: Path) -> None:
    content = path.read_text("utf-8").replace("'", "’").encode("cp1252", errors="ignore")
    assert read_one(write("a.txt", content)).text == content.decode("cp1252")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_are_kept(write: Write, newline: str) -> None:
    text = newline.join(["One.", "", "Two.", ""])
    assert read_one(write("a.txt", text)).text == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\t", "the file is empty"),
        (codecs.BOM_UTF8, "the file is empty"),
        (b"They\0 met.", "binary data, not text: it holds NUL bytes"),
        ("They met.".encode("utf-16-le"), "binary data"),
        (b"%PDF-1.7 and so on", "this is a PDF document, not text"),
        (b"PK\x03\x04...", "a zip archive or an Office document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"{\\rtf1 They met.}", "an RTF document"),
        (codecs.BOM_UTF16_LE + b"T\0h\0\0\xd8x\0", "broken UTF-16"),
        (TEXT.encode() * 3 + b"\xe2\x80 cut", "broken UTF-8 at byte"),
        (bytes(range(128, 256)) * 3, "the encoding cannot be told"),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".md", ".html", ".json"])
def test_files_that_are_no_text(write: Write, ending: str, content: bytes, message: str) -> None:
    source = write(f"a{ending}", content)
    assert str(read_error(source)).startswith(f"{source}: ")
    assert message in str(read_error(source))


# Limits and files


def test_a_large_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(20 * 2**20)
        file.write(b"They met. ")
    error = read_error(str(path))
    assert str(error) == f"{path}: the file has 20 MiB; the limit is 5 MiB an article"


def test_the_limit_is_inclusive(write: Write) -> None:
    assert read_one(write("a.txt", "x" * 100), max_bytes=100).text == "x" * 100
    assert "the file" in str(read_error(write("b.txt", "x" * 101), max_bytes=100))
    assert "the file" in str(read_error(write("c.txt", "x\n" * 51), max_bytes=100))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "No such file" in str(read_error(str(tmp_path / "none.txt")))
    assert "directory" in str(read_error(str(tmp_path)))


def test_the_seeds_are_read_as_they_stand() -> None:
    files = expand([str(SEEDS)])
    assert len(files) == 10
    for file in files:
        article = read_one(file)
        assert article.text == Path(file).read_bytes().decode()
        assert article.id == Path(file).stem
        assert bool(article.published) == article.text.startswith("date ")


# Standard input


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"date 2026-01-06\nThey met.", [("They met.", "2026-01-06")]),
        (b'{"text": "One."}\n{"text": "Two."}\n', [("One.", None), ("Two.", None)]),
        (b'{\n "text": "One."\n}\n', [("One.", None)]),
        (b'[{"text": "One."}, {"text": "Two."}]', [("One.", None), ("Two.", None)]),
        (PAGE.format(charset="").encode(), [("France pledged", "2026-01-06")]),
        (b"[Reuters] They met.", [("They met.", None)]),
        (b"{{ 7*7 }} They met.", [("They met.", None)]),
    ],
)
def test_standard_input(
    give_stdin: Callable[[bytes], None], content: bytes, expected: list[tuple[str, str | None]]
) -> None:
    give_stdin(content)
    articles = [item for item in read("-") if isinstance(item, Article)]
    assert [article.published for article in articles] == [published for _, published in expected]
    assert all(words in article.text for article, (words, _) in zip(articles, expected, strict=True))
    assert len({article.id for article in articles}) == len(articles)


def test_bad_standard_input(give_stdin: Callable[[bytes], None]) -> None:
    give_stdin(b"")
    assert str(read_error("-")) == "standard input: the file is empty"
    give_stdin(b"x" * 101)
    assert str(read_error("-", max_bytes=100)).startswith("standard input: the file is too long")


# Inputs


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for name in ["b.txt", "a.MD", "c.html", "deep/d.jsonl", "deep/e.json", "deep/f.htm"]:
        write(name, "They met.")
    for name in ["notes.log", "image.png", ".hidden.txt", ".git/g.txt", "a[1].txt.bak", "empty/h.log"]:
        write(name, "They met.")
    return tmp_path


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["."], ["a.MD", "b.txt", "c.html", "deep/d.jsonl", "deep/e.json", "deep/f.htm"]),
        (["deep", "b.txt"], ["deep/d.jsonl", "deep/e.json", "deep/f.htm", "b.txt"]),
        (["*.txt", "deep/*"], ["b.txt", "deep/d.jsonl", "deep/e.json", "deep/f.htm"]),
        (["**/*.json*"], ["deep/d.jsonl", "deep/e.json"]),
        (["notes.log"], ["notes.log"]),
        (["a[1].txt.bak"], ["a[1].txt.bak"]),  # a file of that name, no glob
        (["b.txt", "./b.txt", "*.txt", "deep/../b.txt"], ["b.txt"]),
        (["-", "b.txt", "-"], ["-", "b.txt"]),
        ([], []),
    ],
)
def test_expand(folder: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str], expected: list[str]) -> None:
    monkeypatch.chdir(folder)
    assert [os.path.normpath(name) for name in expand(inputs)] == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.txt", "none.txt: no such file or folder"),
        ("b.txt/c.txt", "no such file or folder"),
        ("*.pdf", "nothing matches"),
        ("empty", "empty: no article in this folder"),
        ("x" * 300, "name too long"),
    ],
)
def test_expand_refuses(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=f"(?i){message.replace('*', '.')}") as caught:
        expand(["b.txt", name])
    assert caught.value.hint


def test_a_link_to_a_file_is_the_file(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "b.txt")
    assert expand([str(folder / "b.txt"), str(folder / "link.txt")]) == [str(folder / "b.txt")]


@pytest.mark.usefixtures("powerless")
def test_what_may_not_be_read_is_an_error() -> None:
    with tempfile.TemporaryDirectory() as name:  # below /tmp, since pytest's own folders are closed to others
        closed, secret = Path(name, "closed"), Path(name, "secret.txt")
        closed.mkdir(mode=0)
        secret.write_text("They met.")
        secret.chmod(0)
        for path in (name, str(closed / "a.txt")):
            with pytest.raises(InputError, match=r"closed.*: Permission denied"):
                expand([path])
        assert str(read_error(str(secret))) == f"{secret}: Permission denied"
