import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from tfcompress.errors import ArgumentError, OutputError


def printed(comparison, width):
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(comparison)
    return stream.getvalue()


def test_rows_by_name(comparison):
    assert comparison["shipped"].bytes == 20_000
    with pytest.raises(ArgumentError, match=r"Expected one of .*Received: name='none'"):
        comparison["none"]


def test_text_is_whole_without_a_terminal(comparison, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = str(comparison).splitlines()
    (line,) = [line for line in lines if line.lstrip().startswith("distilled + pruned")]
    for number in ("98.10 %", "97.10 %", "96.10 %", "20,250", "80.0 %", "81,000"):
        assert number in line
    assert "41x smaller" in str(comparison)
    assert "no int8 dot products" in lines[-1]
    assert "1,234 samples" in lines[-1]
    assert "…" not in str(comparison)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_terminals_of_any_width_show_all(comparison, width):
    text = printed(comparison, width)
    assert all(len(line) <= width for line in text.splitlines())
    for number in ("97.22 %", "96.22 %", "820,000", "410,000", "0.0101 ms"):
        assert number in text
    assert text.count("41x smaller") == 2
    assert "…" not in text


def test_narrow_terminals_get_two_tables(comparison):
    assert printed(comparison, 160).count("shipped") == 1
    assert printed(comparison, 100).count("shipped") == 1
    assert printed(comparison, 80).count("shipped") == 2
    for line in printed(comparison, 80).splitlines():
        assert not ("macro" in line and "parameters" in line)


def test_markup_in_names_is_text(hostile):
    assert "[bold]" in str(hostile)
    assert "[bold]" in printed(hostile, 200)


def test_markdown(comparison):
    lines = comparison.to_markdown().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 4
    assert {line.count("|") for line in table} == {11}
    assert "| shipped | 98.00 % |" in table[-1]
    assert "20,000 (41x smaller)" in table[-1]
    assert "| 820,000 |" in table[2]


def test_markdown_escapes_names(hostile):
    line = hostile.to_markdown().splitlines()[2]
    assert "\\<script\\>" in line
    assert line.count("|") - line.count("\\|") == 11


def test_json_holds_every_number(comparison, tmp_path):
    text = comparison.to_json(tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text() == text
    values = json.loads(text)
    assert values["reference"] == "teacher"
    assert values["samples"] == 1234
    assert values["versions"]["ai-edge-litert"] == "2.3.0"
    assert values["rows"][3] == {
        "name": "shipped",
        "accuracy": 0.98,
        "macro_recall": 0.97,
        "macro_f1": 0.96,
        "quality": {"accuracy": 0.98, "macro_recall": 0.97, "macro_f1": 0.96},
        "parameters": 5000,
        "sparsity": 0.8,
        "bytes": 20_000,
        "gzip_bytes": 10_000,
        "latency_ms": 0.0101,
        "agreement": 0.98,
        "intervals": {},
        "target": "",
        "made": "target cpu_int8",
    }
    assert values["pareto"] == ["teacher", "distilled + pruned", "shipped"]


def test_json_holds_what_a_page_shows(detailed):
    values = json.loads(detailed.to_json())
    assert values["layers"]["teacher"][0] == {
        "name": "stem",
        "bytes": 16,
        "parameters": 4,
        "zeros": 0,
        "multiply_adds": 36,
    }
    for name, matrix in detailed.details.confusion_matrices.items():
        read = np.zeros((10, 10))
        for label, chosen, count in values["confusion_matrices"][name]:
            read[label, chosen] = count
        np.testing.assert_array_equal(read, matrix.toarray())
    assert values["changes"]["count"] == 40
    assert values["changes"]["shown"][1] == {
        "index": 17,
        "before": "3",
        "after": "1",
        "label": "3",
        "words": "x: 64: 1 2 3 4 5 6 …",
    }


def test_metrics_that_were_not_measured(regression):
    with pytest.raises(ArgumentError, match=r"metrics=\['accuracy'\].*row 'large'"):
        _ = regression["large"].accuracy
    values = json.loads(regression.to_json())
    assert "accuracy" not in values["rows"][0]
    assert values["rows"][0]["quality"]["mae"] == 0.21


def test_pareto_front(comparison, regression):
    assert comparison.metric == "accuracy"
    assert comparison.pareto == ("teacher", "distilled + pruned", "shipped")
    assert regression.metric == "mae"
    assert regression.pareto == ("large", "small")


def test_folder_that_is_not_there(comparison, tmp_path):
    path = tmp_path / "none" / "file"
    with pytest.raises(OutputError, match="Cannot write"):
        comparison.to_json(path.with_suffix(".json"))
    with pytest.raises(OutputError, match="Cannot write"):
        comparison.to_html(path.with_suffix(".html"))
    with pytest.raises(OutputError, match="Cannot write"):
        comparison.plot(path.with_suffix(".png"))


def test_agreement_of_several_outputs(comparison):
    assert "mean over the outputs" not in comparison.describe()
    rows = [
        dataclasses.replace(row, quality={"a/accuracy": 0.9, "b/mae": 0.1})
        for row in comparison.rows
    ]
    several = dataclasses.replace(comparison, rows=tuple(rows))
    said = "Agreement is the mean over the outputs that name classes."
    assert said in several.describe()
