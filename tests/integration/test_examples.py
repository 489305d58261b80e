"""Each example runs from its data to its table, as a script and as a notebook."""

import ast
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
ROWS = {
    "image_classification": [("original", 85, 100), ("export", 80, 100)],
    "text_classification": [
        ("original", 75, 100),
        ("export", 75, 100),
        ("original", 75, 100),
        ("export", 75, 100),
    ],
    "keyword_spotting": [("original", 85, 100), ("export", 70, 100)],
    "regression": [("original", 0.9, 1), ("export", 0.9, 1)],
    "bring_your_model": [("brought", 80, 100), ("shipped", 70, 100)],
}
"""Rows of the tables in order, each with the least and the largest first figure."""


def make_notebook(name):
    """Returns the notebook of an example, as the script beside them makes it."""
    place = EXAMPLES / "make_notebooks.py"
    spec = importlib.util.spec_from_file_location("make_notebooks", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.NAMES) == set(ROWS)
    return module.make_notebook(EXAMPLES / f"{name}.py")


def check_tables(name, text):
    """Checks the rows of all tables in a text, and their first figures."""
    wanted = ROWS[name]
    kinds = "|".join({row for row, _, _ in wanted})
    found = re.findall(rf"^ ({kinds}) +(-?[\d.]+) ", text, re.MULTILINE)
    assert [row for row, _ in found] == [row for row, _, _ in wanted], text
    for (row, figure), (_, least, largest) in zip(found, wanted, strict=True):
        assert least <= float(figure) <= largest, (row, text)


@pytest.mark.parametrize("name", ROWS)
def test_script_is_python_of_two_hundred_lines(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")

    tree = ast.parse(text)

    assert len(text.splitlines()) <= 200
    assert f"python examples/{name}.py" in ast.get_docstring(tree)


@pytest.mark.parametrize("name", ROWS)
def test_notebook_is_what_the_script_makes(name):
    text = (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8")

    assert text == make_notebook(name), "run python examples/make_notebooks.py"
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown"
    assert re.match(r"# [A-Z].*[a-z]\n\n[A-Z]", notebook.cells[0].source)
    assert notebook.cells[1].source == "%pip install --quiet tfcompress"
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    script = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
    cells = ast.parse("\n".join(code[1:]))
    assert list(map(ast.dump, cells.body)) == list(map(ast.dump, script.body[1:]))


def run_example(name, directory):
    """Returns what an example prints, done quickly in a process of its own."""
    command = [sys.executable, EXAMPLES / f"{name}.py", "--quick"]
    run = subprocess.run(
        [*command, "--directory", directory],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory.parent,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_script_prints_its_tables(name, tmp_path):
    text = run_example(name, tmp_path / "kept")

    check_tables(name, text)
    assert os.listdir(tmp_path) == ["kept"]
    for path in re.findall(r"^Written to (.+)$", text, re.MULTILINE):
        assert pathlib.Path(path).stat().st_size > 0


@pytest.mark.slow
def test_script_goes_on_in_its_directory(tmp_path):
    first = run_example("regression", tmp_path / "kept")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.keras")}

    again = run_example("regression", tmp_path / "kept")

    assert again[again.index(" original") :] == first[first.index(" original") :]
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.keras")}
    assert len(kept) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": tmp_path}},
    )

    client.execute()

    printed = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    ]
    check_tables(name, "".join(printed))
