import collections.abc
import dataclasses
import inspect
import re
import string
import types
import typing
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tfcompress import recipes
from tfcompress.cli.options import number
from tfcompress.errors import ArgumentError, OutputError
from tfcompress.pipeline import (
    Distil,
    Distillation,
    Evaluate,
    Export,
    FineTune,
    Joint,
    Pipeline,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    Training,
    TrainTeacher,
    fields,
    recipe_file,
)
from tfcompress.pipeline.fields import ModelSource, Range
from tfcompress.pipeline.stages import KINDS

TECHNIQUES = st.sampled_from([PruneWeights, Quantize])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)


def numbers(kind, allowed: Range):
    if kind is int:
        return st.integers(allowed.low, allowed.high)
    return st.floats(
        allowed.low,
        allowed.high,
        exclude_min=allowed.low_open,
        exclude_max=allowed.high_open,
        allow_infinity=False,
        allow_nan=False,
    )


def values(hint):
    """What an annotation allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint == ModelSource:
        return TEXT.filter(bool)
    if origin is Annotated:
        return numbers(arguments[0], arguments[1])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is collections.abc.Mapping:
        return st.dictionaries(TEXT, values(arguments[1]), max_size=3)
    if dataclasses.is_dataclass(hint):
        return configurations(hint)
    if hint is Any:
        return PLAIN
    kinds = {str: TEXT, bool: st.booleans(), int: st.integers(), type(None): st.none()}
    return kinds[hint]


@st.composite
def configurations(draw, kind, **given_values):
    hints = typing.get_type_hints(kind, include_extras=True)
    chosen = dict(given_values)
    for field in dataclasses.fields(kind):
        if field.name in chosen or draw(st.booleans()):
            continue
        chosen[field.name] = draw(values(hints[field.name]))
    if chosen.get("name") is not None:
        chosen["name"] = draw(st.text(string.ascii_letters, min_size=1))
    if kind is PruneChannels and "ratio" not in given_values:
        goals = ("ratio", "macs", "bytes", "latency_ms")
        chosen = {name: value for name, value in chosen.items() if name not in goals}
        chosen[draw(st.sampled_from(goals))] = 0.25
    try:
        return kind(**chosen)
    except ArgumentError:
        assume(False)


@st.composite
def stages(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    if kind != "joint":
        return draw(configurations(KINDS[kind]))
    parts = [
        draw(configurations(part, training=None, distillation=None))
        for part in draw(
            st.lists(st.sampled_from([PruneWeights, Quantize]), min_size=1)
        )
    ]
    return draw(configurations(Joint, techniques=tuple(parts)))


@example(FineTune(), "two\nlines", "\x85 \u2028 \ufeff", ["yes", "1e-4", "~"], 1)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    stages(),
    TEXT,
    TEXT,
    st.lists(TEXT, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_every_pipeline_comes_back_as_it_was(stage, name, description, needs, seed):
    before = [Export(name="before")] if stage.kind == "evaluate" else []
    try:
        pipeline = Pipeline(
            [*before, stage],
            name=name,
            description=description,
            needs=needs,
            seed=seed,
        )
    except ArgumentError:
        assume(False)
    text = pipeline.to_yaml()
    again = Pipeline.from_yaml(text)
    assert again == pipeline
    assert again.to_yaml() == text


WHOLE = """
name: all of them
description: Every stage and every kind of value.
needs: [Conv2D, "1"]
seed: 7
stages:
  - train_teacher:
      name: teacher
      training: {epochs: 30, patience: 5, optimizer: sgd, metrics: [accuracy, "yes"]}
  - distil:
      student: networks.py:small
      training:
        optimizer:
          class_name: AdamW
          config: {weight_decay: 1e-4, amsgrad: yes, betas: [0.9, .99]}
        warmup: 1
      distillation:
        teacher: [teacher, "networks.py:large"]
        cached: true
        loss: logits
  - prune_channels:
      macs: 1e6
      importance: l2
      ignored: [stem*, head]
  - prune_layers: {blocks: 2, training: null}
  - joint:
      techniques:
        - prune_weights: {structure: 2:4, layers: {dense*: 0.5, 12: null}}
        - quantize: {layers: {conv: 4}}
      training: {epochs: 3}
      distillation: {}
  - export
  - export: {name: small, target: microcontroller, sparse: off}
  - evaluate:
      confidence: 0.95
"""


def test_every_stage_is_read():
    expected = Pipeline(
        [
            TrainTeacher(
                name="teacher",
                training=Training(
                    epochs=30, patience=5, optimizer="sgd", metrics=("accuracy", "yes")
                ),
            ),
            Distil(
                student="networks.py:small",
                training=Training(
                    optimizer={
                        "class_name": "AdamW",
                        "config": {
                            "weight_decay": 1e-4,
                            "amsgrad": True,
                            "betas": [0.9, 0.99],
                        },
                    },
                    warmup=1.0,
                ),
                distillation=Distillation(
                    teacher=("teacher", "networks.py:large"), cached=True, loss="logits"
                ),
            ),
            PruneChannels(macs=1e6, importance="l2", ignored=("stem*", "head")),
            PruneLayers(blocks=2, training=None),
            Joint(
                techniques=(
                    PruneWeights(
                        structure="2:4",
                        layers={"dense*": 0.5, "12": None},
                        training=None,
                    ),
                    Quantize(layers={"conv": 4}, training=None),
                ),
                training=Training(epochs=3),
                distillation=Distillation(),
            ),
            Export(),
            Export(name="small", target="microcontroller", sparse=False),
            Evaluate(confidence=0.95),
        ],
        name="all of them",
        description="Every stage and every kind of value.",
        needs=("Conv2D", "1"),
        seed=7,
    )
    pipeline = Pipeline.from_yaml(WHOLE)
    assert pipeline == expected
    assert Pipeline.from_yaml(pipeline.to_yaml()) == expected


def test_defaults_are_left_out():
    written = Pipeline([FineTune(), Export()]).to_yaml()
    assert yaml.safe_load(written) == {"stages": [{"fine_tune": {}}, {"export": {}}]}


def test_a_training_in_a_recipe_has_the_defaults_of_python():
    (stage,) = Pipeline.from_yaml("stages: [quantize: {training: {epochs: 5}}]").stages
    assert stage == Quantize(training=Training(epochs=5))
    (stage,) = Pipeline.from_yaml("stages: [quantize]").stages
    assert stage == Quantize()


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_recipes(name, tmp_path):
    pipeline = Pipeline.from_recipe(name)
    assert pipeline.name == name
    pipeline.to_yaml(tmp_path / "again.yaml")
    assert Pipeline.from_yaml(tmp_path / "again.yaml") == pipeline
    assert Pipeline.from_yaml(str(tmp_path / "again.yaml")) == pipeline


def test_unknown_recipe():
    with pytest.raises(ArgumentError, match="balanced"):
        Pipeline.from_recipe("balansed")


def test_a_model_cannot_be_written(tmp_path):
    pipeline = Pipeline([Distil(student=object())])
    with pytest.raises(ArgumentError, match="student.*module:function"):
        pipeline.to_yaml(tmp_path / "recipe.yaml")
    assert not list(tmp_path.iterdir())
    odd = Pipeline([FineTune(training=Training(optimizer={"x": object()}))])
    with pytest.raises(ArgumentError, match="optimizer"):
        odd.to_yaml()


def test_a_path_of_a_model_is_text(tmp_path):
    stage = Distil(student=tmp_path / "student.keras")
    assert stage.student == str(tmp_path / "student.keras")


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(OutputError):
        Pipeline([Export()]).to_yaml(tmp_path / "none" / "recipe.yaml")


PLACES = [fields.check_fields, recipe_file.read_recipe, recipe_file.write_recipe]
PLACES += [Pipeline.from_yaml, Pipeline.from_recipe, Pipeline.to_yaml, number]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_examples_run(place, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(place), re.S)
    exec(compile(code, place.__name__, "exec"), {"__name__": "example"})


def refusal(text):
    with pytest.raises(ArgumentError) as refused:
        Pipeline.from_yaml(text)
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "stages:\n- prune_weights:\n    sparcity: 0.5",
            "line 3, column 5: unknown key 'sparcity' of prune_weights; did you mean "
            r"'sparsity'\? Received: sparcity=0.5",
        ),
        ("stage: [export]", "line 1, column 1: unknown key 'stage' of the recipe; did"),
        ("stages: [quantise]", "unknown stage 'quantise'"),
        ("stages: [{distill: {}}]", "did you mean 'distil'"),
        ("stages: [3]", "unknown stage '3'"),
        ("name: x", "needs the key 'stages'. Received: name"),
        ("stages:", "stages must be a list of stages"),
        ("stages: []", "stages must be a list of stages"),
        ("stages: export", "stages must be a list of stages"),
        ("stages: {export: {}}", "stages must be a list of stages"),
        ("stages: [null]", "must be one stage"),
        ("stages: [[export]]", "must be one stage"),
        ("stages:\n- prune_channels:\n  ratio: 1", "line 2, column 3.*indented below"),
        ("stages: [{quantize: 8}]", "quantize must have keys"),
        ("stages: [{quantize: [8]}]", "quantize must have keys"),
        ("stages: [{distil: {training: }}]", "training must have keys"),
        ("stages: [{fine_tune: {training: 3}}]", "training must have keys"),
        ("stages: [{fine_tune: {training: {epoch: 3}}}]", "'epoch' of training; did"),
        ("stages: [{fine_tune: {training: {epochs: 0}}}]", "number of 1 or more"),
        ("stages: [{fine_tune: {training: {epochs: 2.5}}}]", "Received: epochs=2.5"),
        ("stages: [{fine_tune: {training: {epochs: yes}}}]", "Received: epochs=True"),
        ("stages: [{fine_tune: {training: {epochs: '3'}}}]", "Received: epochs='3'"),
        ("stages: [{fine_tune: {training: {epochs: }}}]", "Received: epochs=None"),
        ("stages: [{fine_tune: {training: {warmup: .nan}}}]", "from 0 to 1"),
        ("stages: [{fine_tune: {training: {learning_rate: 1e999}}}]", "above 0"),
        ("stages: [{fine_tune: {training: {learning_rate: .inf}}}]", "above 0"),
        ("stages: [{fine_tune: {training: {learning_rate: -1}}}]", "above 0"),
        ("stages: [{fine_tune: {training: {schedule: cos}}}]", "'cosine', 'constant'"),
        ("stages: [{fine_tune: {training: {metrics: accuracy}}}]", "must be a list"),
        ("stages: [{fine_tune: {training: {optimizer: [adam]}}}]", "text or a mapping"),
        ("stages: [{fine_tune: {distillation: {teacher: 3}}}]", "a model, the path"),
        ("stages: [{fine_tune: {distillation: {cached: 1}}}]", "true or false"),
        ("stages: [{fine_tune: {name: 12}}]", "in quotes"),
        ("stages: [{fine_tune: {name: a/b}}]", "letters, digits"),
        ("stages: [{prune_weights: {sparsity: 1}}]", "from 0 to 1, without 1"),
        ("stages: [{prune_weights: {ignored: [a, 2]}}]", r"ignored\[1\] must be text"),
        ("stages: [{prune_weights: {layers: {a: 2}}}]", "from 0 to 1.*Received: a=2"),
        ("stages: [{prune_weights: {layers: [a]}}]", "layers must be a mapping"),
        ("stages: [{quantize: {weight_bits: 1}}]", "from 2 to 8"),
        ("stages: [{quantize: {activation_bits: 12}}]", "must be one of 8, 16"),
        ("stages: [{prune_weights: {structure: two}}]", "such as '2:4'.*'two'"),
        ("stages: [{prune_weights: {structure: 4:4}}]", "such as '2:4'.*'4:4'"),
        (
            "stages:\n- export\n- fine_tune: {distillation: {teacher: export}}",
            "line 3, column 3: .*'export', which has no model",
        ),
        (
            "stages:\n- distil: {distillation: {teacher: b}}\n- fine_tune: {name: b}",
            "line 2, column 3: .*must come before it",
        ),
        (f"seed: {'7' * 298}x\nstages: [export]", "seed must be a whole number"),
        ("stages: [{prune_channels: {}}]", "exactly one of ratio"),
        ("stages: [{prune_channels: {ratio: 0.5, macs: 0.5}}]", "exactly one of ratio"),
        ("stages: [{joint: {}}]", "techniques must be"),
        ("stages: [{joint: {techniques: [export]}}]", "unknown stage 'export' in tech"),
        (
            "stages: [{joint: {techniques: [{quantize: {training: {}}}]}}]",
            "no training",
        ),
        (
            "stages:\n- quantize\n- joint:\n    techniques:\n    - prune_layers\n",
            "line 5, column 7: prune_layers must not come after quantize",
        ),
        (
            "stages:\n- joint:\n    techniques:\n    - quantize\n    - quantize\n",
            "line 5, column 7: techniques must hold one of each kind",
        ),
        (
            "stages:\n- joint:\n    techniques:\n    - quantize: {training: {}}\n",
            "line 4, column 7: quantize inside joint must have no training",
        ),
        (
            "stages:\n- fine_tune: {distillation: {teacher: orignal}}",
            "line 2, column 3: .*did you mean 'original'",
        ),
        ("stages: [evaluate]", "put an export before it"),
        ("stages: [quantize, prune_weights]", "prune_weights must not come after"),
        ("stages:\n- {quantize: {name: a}}\n- {export: {name: a}}", "line 3, column 3"),
        (f"stages: [{'export, ' * 101}]", "stages must be 100 at most"),
        ("stages: [export]\nseed: -1", "line 2, column 7: seed must be"),
        ("stages: [export]\nseed: 4294967296", "seed must be"),
        ("stages: [export]\nname: 12", "name must be text, in quotes"),
        ("stages: [export]\nneeds: LSTM", "needs must be a list"),
        (
            "stages: [export]\nstages: [export]",
            "line 2, column 1: the key 'stages' com",
        ),
        ("stages: [{export: {name: a, name: b}}]", "'name' comes twice"),
        ("? [a]\n: b\nstages: [export]", "a key must be text"),
        ("- export: {}", "line 1, column 1: the recipe must have keys"),
        ("export: ", "unknown key 'export'"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("stages:\n\t- export", "line 2, column 1: a tab"),
        ("stages: [export", "line 1, column 16: no valid YAML"),
        ("stages: *a", "aliases are not used"),
        ("stages: &a [*a]", "aliases are not used"),
        ("stages: !!python/name:os.system []", "tags are not used"),
        ("stages: !!str export", "tags are not used"),
        ("name: a\n---\nstages: [export]", "no valid YAML"),
        ("stages: [export]\nname: \x00", "line 2, column 7: a character.*U\\+0000"),
        ("[" * 5000 + ":", "nested more than 20 deep"),
        ("name: " + "a" * 200_001, "at most"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text, message):
    with pytest.raises(ArgumentError, match=message):
        Pipeline.from_yaml(text if text.strip() == "" or ":" in text else text + "\n")
    assert refusal(text + "\n")


def test_a_small_file_cannot_become_a_large_recipe():
    lines = ["a: &a [x, x]"]
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{name}: &{name} [*{before}, *{before}, *{before}]")
    assert "aliases" in str(refusal("\n".join(lines)))


def test_all_that_is_wrong_is_found():
    error = refusal(
        "nam: x\n"
        "stages:\n"
        "- prune_weights: {sparcity: 0.5, scope: all}\n"
        "- quantise\n"
        "- export: {target: 3}\n"
    )
    places = [fault.split(":")[0] for fault in error.faults]
    assert places == [
        "line 1, column 1",
        "line 3, column 19",
        "line 3, column 41",
        "line 4, column 3",
        "line 5, column 20",
    ]
    assert "(and 4 more)" in str(error)


def test_the_file_is_named(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("stages:\n- exprt\n")
    with pytest.raises(ArgumentError, match=f"^{path}, line 2, column 3: unknown"):
        Pipeline.from_yaml(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"stages: [export]\nname: \xff", "line 2: a recipe is UTF-8"),
        ("stages: [export]".encode("utf-16"), "a recipe is UTF-8"),
        (b"", "empty"),
        (b"#" * 800_001, "bytes at most"),
    ],
)
def test_files_that_are_no_text(tmp_path, content, message):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=message):
        Pipeline.from_yaml(path)


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "recipe.yml"
    path.write_bytes(b"\xef\xbb\xbfstages: [export]\r\n")
    assert Pipeline.from_yaml(path).stages == (Export(),)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none.yaml", str(tmp_path / "none.yaml"), "none"):
        with pytest.raises(ArgumentError, match="Expected the path of a recipe"):
            Pipeline.from_yaml(path)
    for other in (3, None, b"stages: [export]", {"stages": ["export"]}):
        with pytest.raises(ArgumentError, match="Received: "):
            Pipeline.from_yaml(other)
