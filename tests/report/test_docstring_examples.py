"""The examples in docstrings run."""

import importlib
import re
import textwrap
from pathlib import Path

import keras
import pytest

import tfcompress as tfc
from tests.models import build_classifier

ROOT = Path(tfc.report.__file__).parent
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(path.stem, textwrap.dedent(code), id=f"{path.stem}-{number}")
    for path in sorted(ROOT.rglob("*.py"))
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.fixture(scope="module")
def teacher():
    return build_classifier(keras, width=32)


@pytest.fixture(scope="module")
def content(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("examples") / "small.tflite"
    tfc.export.to_tflite(teacher, path, target="cpu_float32")
    return path.read_bytes()


@pytest.fixture(scope="module")
def distiller(teacher):
    student = build_classifier(keras, width=4)
    distiller = tfc.Distiller(
        teacher, student, tfc.distillation.LogitsDistillation(temperature=4)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("adam", loss=loss)
    return distiller


@pytest.mark.parametrize(("module", "code"), EXAMPLES)
def test_example_in_docstring_runs(
    module,
    code,
    teacher,
    content,
    distiller,
    digits,
    comparison,
    tmp_path,
    monkeypatch,
):
    monkeypatch.chdir(tmp_path)
    Path("small.tflite").write_bytes(content)
    x, y = (part[:100] for part in digits[1])
    layers = [tfc.report.LayerCost("stem", 4, 1, 0, 9)]
    names = {
        **vars(importlib.import_module(f"tfcompress.report.{module}")),
        **{"tfc": tfc, "teacher": teacher, "model": teacher},
        **{"x": x, "y": y, "images": x, "labels": y, "x_test": x, "y_test": y},
        **{"test": (x, y), "comparison": comparison, "distiller": distiller},
        **{"before": layers, "after": layers},
    }
    exec(compile(code, "example", "exec"), names)
