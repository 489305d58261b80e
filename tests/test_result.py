import dataclasses
import io
import json

import pytest
from rich.console import Console
from rich.table import Table

from tfcompress.errors import OutputError
from tfcompress.result import Result


@dataclasses.dataclass(frozen=True)
class Weights(Result):
    rows: tuple[tuple[str, float], ...]

    def describe(self):
        return "Bytes of each."

    def _table(self):
        table = Table("layer", "bytes")
        for name, number in self.rows:
            table.add_row(name, f"{number:g}")
        return table


@pytest.fixture
def result():
    return Weights((("conv", 12.0), ("dense", float("inf"))))


def test_it_prints_its_table_and_what_it_says(result):
    lines = str(result).splitlines()
    assert "layer" in lines[1]
    assert "12" in lines[3]
    assert lines[-1] == "Bytes of each."
    stream = io.StringIO()
    Console(file=stream, width=60, force_jupyter=False).print(result)
    assert "conv" in stream.getvalue()
    assert "Bytes of each." in stream.getvalue()


def test_a_notebook_shows_it(result):
    shown = result._repr_mimebundle_([], [])
    assert "conv" in shown["text/html"]


def test_json_has_null_for_what_is_not_finite(result, tmp_path):
    path = tmp_path / "result.json"
    text = result.to_json(path)
    assert json.loads(text) == {"rows": [["conv", 12.0], ["dense", None]]}
    assert path.read_text() == text
    with pytest.raises(OutputError):
        result.to_json(tmp_path / "nowhere" / "result.json")
