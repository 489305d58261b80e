import re
import textwrap
from pathlib import Path

import keras
import pytest

from tests.distillation.programs.conftest import build_tiny, compile_model
from tfcompress.distillation import programs, sequence_level

FILES = [
    *sorted(Path(programs.__file__).parent.glob("*.py")),
    Path(sequence_level.__file__),
]
FENCE = re.compile(r"^ *```python\n(.*?)```", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(textwrap.dedent(code), path, id=f"{path.stem}-{number}")
    for path in FILES
    for number, code in enumerate(FENCE.findall(path.read_text()))
]


@pytest.mark.parametrize(("code", "path"), EXAMPLES)
def test_example_in_docstring_runs(
    code, path, small_teacher, blobs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    x, y = blobs[0][:32], blobs[1][:32]
    student, other = build_tiny(keras), build_tiny(keras, width=4)
    compile_model(student)
    names = {
        "__name__": "example",
        "teacher": small_teacher,
        "student": student,
        "model": student,
        "assistant": other,
        "other": other,
        "x": x,
        "y": y,
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    code = re.sub(r"(epochs=|Stage\()\d+", r"\g<1>1", code)  # shorter
    exec(compile(code, str(path), "exec"), names)
