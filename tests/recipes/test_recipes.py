import subprocess
import sys

import pytest

from tfcompress import recipes
from tfcompress.errors import ArgumentError

GOALS = {
    "smallest",
    "fastest_cpu",
    "balanced",
    "microcontroller",
    "gpu",
    "no_training",
    "transformer",
    "recurrent",
}


def test_there_is_one_for_each_goal():
    assert set(recipes.names()) == GOALS
    assert list(recipes.names()) == sorted(GOALS)


@pytest.mark.parametrize("name", sorted(GOALS))
def test_each_is_a_file_that_names_itself(name):
    path = recipes.path(name)
    assert path.name == f"{name}.yaml"
    assert path.read_text().startswith(f"name: {name}\n")


def test_nearest_names():
    with pytest.raises(ArgumentError, match="balanced.*Received: name='balansed'"):
        recipes.path("balansed")
    with pytest.raises(ArgumentError, match="Received: name='../recipes/balanced'"):
        recipes.path("../recipes/balanced")


def test_a_list_of_them_loads_nothing_heavy():
    code = (
        "import sys; from tfcompress import recipes; recipes.path(recipes.names()[0]); "
        "print({'tensorflow', 'keras', 'numpy', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
