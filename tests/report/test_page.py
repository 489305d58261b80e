import re

import pytest

from tests.report.page_reader import PageReader
from tfcompress.errors import ArgumentError
from tfcompress.report import SensitivityCurves


@pytest.fixture
def page(comparison, tmp_path):
    path = tmp_path / "report.html"
    notes = {"teacher": "Trained for <3> epochs.", "shipped": "full integer"}
    comparison.to_html(path, title="Digits & more", notes=notes)
    return path.read_text("utf-8")


def test_page_is_whole(page):
    reader = PageReader(page)
    for words in (
        "Digits & more",
        "shipped against teacher: file 41x smaller, run 50x faster",
        "98.00 % against 99.00 %",
        "Trained for <3> epochs.",
        "full integer",
        "target cpu_int8",
        "no int8 dot products",
        "tfcompress 0.1.0, ai-edge-litert 2.3.0",
        "0.0101 ms",
    ):
        assert words in reader.text
    assert reader.tags.count("svg") == 2
    assert len(reader.tables[0]) == 1 + 4
    assert reader.headings == [
        "Digits & more",
        "Cost and quality",
        "How each row was made",
        "How it was measured",
    ]


def test_pareto_front_is_named(page):
    text = PageReader(page).text
    for words in (
        "student alone: 81,000 bytes, 97.22 %, beaten by distilled + pruned",
        "shipped: 20,000 bytes, 98.00 %, on the Pareto front",
        "student alone: 0.0502 ms, 97.22 %, beaten by distilled + pruned",
    ):
        assert words in text


def test_page_loads_nothing(detailed, curves, tmp_path):
    path = tmp_path / "report.html"
    detailed.to_html(path, sensitivity=curves)
    page = path.read_text("utf-8")
    reader = PageReader(page)
    assert not {"script", "link", "iframe"} & set(reader.tags)
    loading = {"src", "href", "xlink:href", "action"}
    targets = [value for name, value in reader.attributes if name in loading]
    assert all(t.startswith(("#", "data:image/png;base64,")) for t in targets)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", page))
    assert "default-src 'none'" in page


def test_page_shows_what_was_seen(detailed, curves, tmp_path):
    path = tmp_path / "report.html"
    detailed.to_html(path, sensitivity=curves)
    reader = PageReader(path.read_text("utf-8"))
    assert reader.headings[1:6] == [
        "Cost and quality",
        "Layer by layer",
        "Confusion matrices",
        "Samples whose answer changed",
        "sample 0",
    ]
    assert "Sensitivity" in reader.headings
    assert "20 became wrong, 15 became right, 5 are wrong in both. " in reader.text
    assert "24 of them are shown" in reader.text
    assert reader.tags.count("img") == 23
    assert reader.values("alt")[:2] == ["sample 0", "sample 17"]
    assert reader.tags.count("svg") == 3
    table, layers, teacher, shipped = reader.tables
    assert [len(rows) for rows in (table, layers, teacher, shipped)] == [5, 4, 11, 11]
    assert layers[1] == ["stem", "16none", "4none", "36none"]
    assert layers[3] == ["logits", "246", "66", "5454"]


def test_tables_tell_what_their_heads_are_for(detailed, tmp_path):
    detailed.to_html(tmp_path / "report.html")
    reader = PageReader((tmp_path / "report.html").read_text("utf-8"))
    assert reader.tags.count("th") == len(reader.values("scope"))
    labels = [dict([pair])["role"] for pair in reader.attributes if pair[0] == "role"]
    assert labels.count("img") == reader.tags.count("svg")
    assert "Size and accuracy of each row, as listed below" in reader.values(
        "aria-label"
    )


def test_parts_that_lose_most_are_shown(comparison, tmp_path):
    lines = {f"layer_{n}": ((0.0, 1.0), (0.5, 1.0 - n / 100)) for n in range(40)}
    curves = SensitivityCurves("accuracy", lines)
    assert list(curves.worst(2).points) == ["layer_38", "layer_39"]
    comparison.to_html(tmp_path / "report.html", sensitivity=curves)
    reader = PageReader((tmp_path / "report.html").read_text("utf-8"))
    assert "The 24 of 40 that lose most." in reader.text
    assert "layer_16, layer_17" in reader.values("aria-label")[-1]


def test_sensitivity_of_another_kind(comparison, tmp_path):
    with pytest.raises(ArgumentError, match="Received: sensitivity={'a': 1}"):
        comparison.to_html(tmp_path / "report.html", sensitivity={"a": 1})
    with pytest.raises(ArgumentError, match="one part at least"):
        SensitivityCurves("accuracy", {})
    assert not list(tmp_path.iterdir())


def test_page_of_a_regression(regression, tmp_path):
    regression.to_html(tmp_path / "report.html")
    text = PageReader((tmp_path / "report.html").read_text("utf-8")).text
    assert "MAE 0.1235 against 0.21" in text
    assert "accuracy" not in text
    assert "large: 9,000 bytes, 0.21, on the Pareto front" in text
    assert "large: 0.500 ms, 0.21, beaten by small" in text


def test_page_fits_a_phone(page):
    assert 'name="viewport" content="width=device-width,initial-scale=1"' in page
    assert "@media (max-width" in page
    assert page.count('data-title="accuracy"') == 4


def test_page_escapes_names_title_and_notes(hostile, tmp_path):
    path = tmp_path / "report.html"
    name = hostile.rows[0].name
    hostile.to_html(path, title=name, notes={name: name})
    reader = PageReader(path.read_text("utf-8"))
    assert "script" not in reader.tags
    assert reader.text.count(name) >= 3
    assert "script" not in PageReader(hostile._repr_html_()).tags


def test_notes_must_belong_to_rows(comparison, tmp_path):
    with pytest.raises(ArgumentError, match="Received: name='none'"):
        comparison.to_html(tmp_path / "report.html", notes={"none": "x"})
    assert not list(tmp_path.iterdir())


def test_equal_comparisons_give_equal_pages(comparison, tmp_path):
    for name in ("a.html", "b.html"):
        comparison.to_html(tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_table_for_notebooks(comparison):
    reader = PageReader(comparison._repr_html_())
    assert reader.tags.count("tr") == 1 + 4
    assert "41x smaller" in reader.text
