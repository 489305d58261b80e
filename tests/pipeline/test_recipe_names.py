"""Names that recipes have of things elsewhere, found to be none before a run."""

import keras
import pytest
import tf_keras

from tfcompress.measurement.metrics import QUALITY_METRICS
from tfcompress.pipeline import known_names
from tfcompress.pipeline.recipe_faults import RecipeError
from tfcompress.pipeline.recipe_file import check_recipe
from tfcompress.pipeline.recipe_names import find_unknown_names
from tfcompress.pipeline.recipe_nodes import compose

WRONG = """needs: [LTSM, GRU]
stages:
- fine_tune: {training: {optimizer: adamm}}
- fine_tune: {training: {optimizer: {class_name: AdamX}}}
- fine_tune: {training: {loss: mze, metrics: [accuracy, acuracy]}}
- fine_tune: {distillation: {teacher: [original, gone.keras]}}
- distil: {student: "gone.py:small"}
- export: {target: gone.toml}
- evaluate: {metrics: [acc]}
"""
MESSAGES = [
    "line 1, column 9: unknown kind of layer 'LTSM'; did you mean 'LSTM'?",
    "line 3, column 37: unknown optimizer 'adamm'; did you mean 'adam'",
    "line 4, column 50: unknown optimizer 'AdamX'; did you mean 'adam'",
    "line 5, column 32: unknown loss 'mze'; did you mean 'mse'",
    "line 5, column 57: unknown metric 'acuracy'; did you mean 'accuracy'",
    "line 6, column 50: There is no such file or folder",
    "line 7, column 21: There is no such file or folder",
    "line 8, column 20: Expected the path of a TOML file",
    "line 9, column 24: unknown metric 'acc'; expected one such as 'accuracy'",
]
RIGHT = """needs: [LSTM, LayerOfMine]
stages:
- fine_tune: {training: {optimizer: ADAM, loss: mine>Loss, metrics: [acc, AUC]}}
- fine_tune: {training: {optimizer: {class_name: Muon}, loss: logcosh}}
- distil: {student: "networks:small", distillation: {teacher: there.keras}}
- export: {target: gpu}
- evaluate: {metrics: [top_3_accuracy, confusion_matrix, rmse]}
"""


def test_each_name_that_is_none_is_a_fault_with_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text(WRONG)
    with pytest.raises(RecipeError) as caught:
        check_recipe(path)
    for fault, message in zip(caught.value.faults, MESSAGES, strict=True):
        assert fault.startswith(f"{path}, {message}")


def test_names_are_looked_for_beside_other_faults(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(WRONG + "sed: 3\n")
    with pytest.raises(RecipeError) as caught:
        check_recipe(path)
    assert len(caught.value.faults) > len(MESSAGES)
    path.write_text("stages: [export")
    with pytest.raises(RecipeError, match="no valid YAML"):
        check_recipe(path)


def test_names_that_are_there_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.keras").touch()
    (tmp_path / "recipe.yaml").write_text(RIGHT)
    assert len(check_recipe(tmp_path / "recipe.yaml").stages) == 5


@pytest.mark.parametrize("text", ["[]", "stages: 3", "stages: [{joint: [a]}, [b]]"])
def test_other_forms_are_left_to_the_reader(text):
    assert find_unknown_names(compose(text)) == []


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_all_classes_of_both_kerases_are_known(library):
    for module, base, known in (
        (library.optimizers, "Optimizer", known_names.OPTIMIZERS),
        (library.layers, "Layer", known_names.LAYERS),
    ):
        kind = getattr(module, base)
        classes = {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, kind)
        }
        assert classes - {base, "LossScaleOptimizer"} <= {*known}


@pytest.mark.parametrize("library", [keras, tf_keras])
@pytest.mark.parametrize("names", ["losses", "metrics"])
def test_all_that_both_kerases_find_by_name_is_known(library, names):
    module = getattr(library, names)
    own = {"get", "serialize", "deserialize", "Loss", "Metric"}
    for name in [one for one in dir(module) if not one.startswith("_")]:
        try:
            found = module.get(name)
        except (ValueError, TypeError):
            continue
        if callable(found) and name not in own:
            assert name in getattr(known_names, names.upper())


@pytest.mark.parametrize("names", ["losses", "metrics"])
def test_known_names_are_names_of_a_keras(names):
    for name in getattr(known_names, names.upper()):
        found = []
        for library in (keras, tf_keras):
            try:
                found.append(getattr(library, names).get(name))
            except (ValueError, TypeError):
                continue
        assert found, name


def test_what_we_measure_is_known():
    assert {*known_names.MEASURED} == {*QUALITY_METRICS, "confusion_matrix"}
