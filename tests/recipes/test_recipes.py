import subprocess
import sys

import pytest

from tfcompress import recipes
from tfcompress.errors import ArgumentError
from tfcompress.pipeline import FittingStage, Pipeline

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


@pytest.mark.parametrize("name", sorted(GOALS))
def test_each_is_a_pipeline_that_exports_and_evaluates(name):
    pipeline = Pipeline.from_recipe(name)
    assert pipeline.name == name
    assert pipeline.description
    assert [stage.kind for stage in pipeline.stages[-2:]] == ["export", "evaluate"]


def test_what_each_is_for_decides_how():
    kinds = {
        name: [stage.kind for stage in Pipeline.from_recipe(name).stages]
        for name in GOALS
    }
    assert kinds["no_training"] == ["export", "evaluate"]
    assert "quantize" not in kinds["gpu"]
    targets = {
        name: next(
            stage.target
            for stage in Pipeline.from_recipe(name).stages
            if stage.kind == "export"
        )
        for name in ("gpu", "microcontroller")
    }
    assert targets == {"gpu": "gpu", "microcontroller": "microcontroller"}


@pytest.mark.parametrize("name", sorted(GOALS - {"no_training"}))
def test_what_trains_is_taught_by_the_original(name):
    for stage in Pipeline.from_recipe(name).stages:
        if isinstance(stage, FittingStage):
            assert stage.training is not None
            assert stage.distillation.teacher in (None, "original")
