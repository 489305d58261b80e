"""Makes the notebooks of the examples from their scripts.

Run it with `python examples/make_notebooks.py` after a script was changed. The scripts
are in jupytext's percent format: https://jupytext.readthedocs.io
"""

from pathlib import Path

import jupytext

HERE = Path(__file__).parent
NAMES = (
    "image_classification",
    "text_classification",
    "keyword_spotting",
    "regression",
    "bring_your_model",
)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def make_notebook(script: Path) -> str:
    """Returns the notebook of a script, always the same text for the same script."""
    notebook = jupytext.read(script)
    notebook.metadata["kernelspec"] = KERNEL
    title, text = notebook.cells[0].source.split("\n", 1)
    notebook.cells[0].source = f"# {title.rstrip('.')}\n{text}"
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return jupytext.writes(notebook, fmt="ipynb")


if __name__ == "__main__":
    for name in NAMES:
        text = make_notebook(HERE / f"{name}.py")
        (HERE / f"{name}.ipynb").write_text(text, encoding="utf-8")
