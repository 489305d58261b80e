import html.parser
import re

import pytest

from tfcompress.errors import ArgumentError


class Reader(html.parser.HTMLParser):
    """Collects the tags, the attributes and the visible text; checks the nesting."""

    EMPTY = frozenset({"meta", "path", "use", "rect"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend(attributes)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


@pytest.fixture
def page(comparison, tmp_path):
    path = tmp_path / "report.html"
    notes = {"teacher": "Trained for <3> epochs.", "shipped": "full integer"}
    comparison.to_html(path, title="Digits & more", notes=notes)
    return path.read_text("utf-8")


def test_page_is_whole(page):
    reader = Reader(page)
    assert not reader.open
    text = " ".join(reader.text)
    for words in (
        "Digits & more",
        "shipped against teacher: file 41x smaller, run 50x faster",
        "98.00 % against 99.00 %",
        "Trained for <3> epochs.",
        "full integer",
        "no int8 dot products",
        "tfcompress 0.1.0, ai-edge-litert 2.3.0",
        "0.0101 ms",
    ):
        assert words in text
    assert reader.tags.count("svg") == 1
    assert reader.tags.count("tr") == 1 + 4


def test_page_loads_nothing(page):
    reader = Reader(page)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    loading = {"src", "href", "xlink:href", "action"}
    targets = [value for name, value in reader.attributes if name in loading]
    assert all(value.startswith("#") for value in targets)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", page))
    assert "default-src 'none'" in page


def test_page_fits_a_phone(page):
    assert 'name="viewport" content="width=device-width,initial-scale=1"' in page
    assert "@media (max-width" in page
    assert page.count('data-title="accuracy"') == 4


def test_page_escapes_names_title_and_notes(hostile, tmp_path):
    path = tmp_path / "report.html"
    name = hostile.rows[0].name
    hostile.to_html(path, title=name, notes={name: name})
    reader = Reader(path.read_text("utf-8"))
    assert "script" not in reader.tags
    assert " ".join(reader.text).count(name) >= 3
    assert "script" not in Reader(hostile._repr_html_()).tags


def test_notes_must_belong_to_rows(comparison, tmp_path):
    with pytest.raises(ArgumentError, match="Received: name='none'"):
        comparison.to_html(tmp_path / "report.html", notes={"none": "x"})
    assert not list(tmp_path.iterdir())


def test_equal_comparisons_give_equal_pages(comparison, tmp_path):
    for name in ("a.html", "b.html"):
        comparison.to_html(tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_table_for_notebooks(comparison):
    reader = Reader(comparison._repr_html_())
    assert not reader.open
    assert reader.tags.count("tr") == 1 + 4
    assert "41x smaller" in reader.text
