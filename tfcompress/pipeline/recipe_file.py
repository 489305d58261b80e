"""Recipes: pipelines as YAML files, read and written exactly."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tfcompress import recipes
from tfcompress.errors import ArgumentError
from tfcompress.files import write_atomically
from tfcompress.names import nearest
from tfcompress.pipeline.pipeline import FIELDS, Pipeline
from tfcompress.pipeline.recipe_faults import FaultFound, RecipeError
from tfcompress.pipeline.recipe_nodes import compose, read_word
from tfcompress.pipeline.recipe_reader import Reader
from tfcompress.pipeline.stages import Stage

_BYTES = 800_000
_WIDTH = 88
_LAST = ("training", "distillation")


def read_recipe(path_or_text: str | os.PathLike[str]) -> Pipeline:
    """Reads a recipe.

    Args:
        path_or_text: Path of a file, or YAML itself: text with a line break or a colon
            that does not end in `.yaml` or `.yml`.

    Returns:
        The pipeline.

    Raises:
        RecipeError: If it cannot be read; names the line and what was expected there.

    Example:
    ```python
    from tfcompress.pipeline.recipe_file import read_recipe

    pipeline = read_recipe("stages: [{export: {target: cpu_int8}}, evaluate]")
    ```
    """
    source, text = _find(path_or_text)
    reader = Reader()
    pipeline = reader.read(text)
    if pipeline is None:
        raise RecipeError([fault.of(source) for fault in reader.faults])
    return pipeline


def check_recipe(path: Path) -> Pipeline:
    """Reads a recipe, and looks for all that it names too.

    Args:
        path: Path of a file.

    Returns:
        The pipeline.

    Raises:
        RecipeError: If it cannot be read, or names an optimizer, a loss, a metric or a
            file that there is not; its faults have the line of each.

    Example:
    ```python
    from tfcompress import recipes
    from tfcompress.pipeline.recipe_file import check_recipe

    assert check_recipe(recipes.path("balanced")).name == "balanced"
    ```
    """
    from tfcompress.pipeline.recipe_names import find_unknown_names

    source, text = _find(path)
    reader = Reader()
    pipeline = reader.read(text)
    faults = list(reader.faults)
    with contextlib.suppress(FaultFound):  # The reader has told of it.
        faults += find_unknown_names(compose(text))
    if pipeline is None or faults:
        faults.sort(key=lambda fault: (fault.line, fault.column))
        raise RecipeError([fault.of(source) for fault in faults])
    return pipeline


def write_recipe(pipeline: Pipeline, path: str | os.PathLike[str] | None = None) -> str:
    """Returns a pipeline as YAML, from which `read_recipe` makes its equal.

    Args:
        pipeline: The pipeline. Fields at their defaults are left out.
        path: Where to write it as well, or None.

    Raises:
        ArgumentError: If a stage holds a model or another object that is no plain
            value.
        OutputError: If the file cannot be written.

    Example:
    ```python
    from tfcompress.pipeline import Export, Pipeline
    from tfcompress.pipeline.recipe_file import write_recipe

    print(write_recipe(Pipeline([Export()])))
    ```
    """
    text = yaml.dump(
        to_plain(pipeline),
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=_WIDTH,
    )
    if path is not None:
        write_atomically(path, text)
    return text


def to_plain(pipeline: Pipeline) -> dict[str, Any]:
    """Returns a pipeline as plain data, as its recipe holds it.

    Raises:
        ArgumentError: If a stage holds what is no plain value.
    """
    default = Pipeline(pipeline.stages)
    values = {
        key: _to_plain(getattr(pipeline, key), key)
        for key in FIELDS
        if getattr(pipeline, key) != getattr(default, key)
    }
    return {**values, "stages": [_stage_to_plain(s) for s in pipeline.stages]}


def _find(given: Any) -> tuple[str, str]:
    """Returns the name of the file, empty where there is none, and the text."""
    if isinstance(given, str):
        is_path = given.endswith((".yaml", ".yml")) and "\n" not in given
        if not is_path and (not given or "\n" in given or ":" in given):
            return "", given
    elif not isinstance(given, os.PathLike):
        raise ArgumentError(
            "Expected the path of a recipe, or its YAML. "
            f"Received: {type(given).__name__}"
        )
    try:
        with open(given, "rb") as file:
            content = file.read(_BYTES + 1)
    except (OSError, ValueError) as error:
        forms = ", or its YAML" if isinstance(given, str) else ""
        raise RecipeError(
            [
                f"Expected the path of a recipe that can be read{forms}. "
                f"Received: {os.fspath(given)!r} "
                f"({getattr(error, 'strerror', None) or error}); {_name_others(given)}"
            ]
        ) from None
    if len(content) > _BYTES:
        raise RecipeError([f"{given}: a recipe has {_BYTES:,} bytes at most"])
    try:
        return str(given), content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RecipeError(
            [f"{given}, line {line}: a recipe is UTF-8. Received: {error.reason}"]
        ) from None


def _name_others(given: str | os.PathLike[str]) -> str:
    """Says which recipes there are, beside a path at which there is none."""
    path, beside = Path(given), []
    with contextlib.suppress(OSError, ValueError):
        beside = sorted(each.name for each in path.parent.glob("[!.]*.y*ml"))
    near = f"beside it are {', '.join(nearest(path.name, beside))}; " if beside else ""
    return f"{near}the recipes by name are {', '.join(recipes.names())}"


class _Writer(yaml.SafeDumper):
    """Writes text in quotes wherever a recipe would take it for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(writer: _Writer, text: str) -> yaml.ScalarNode:
    is_text = isinstance(read_word(text), str)
    style = None if is_text and text.isprintable() else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _represent_text)


def _stage_to_plain(stage: Stage, *, joined: bool = False) -> dict[str, Any]:
    values = _fields_to_plain(stage)
    if joined:
        values.pop("training", None)
    return {stage.kind: values}


def _fields_to_plain(configuration: Any) -> dict[str, Any]:
    """Returns the fields that are not at their defaults, how it trains last."""
    fields = sorted(dataclasses.fields(configuration), key=lambda f: f.name in _LAST)
    return {
        field.name: _to_plain(getattr(configuration, field.name), field.name)
        for field in fields
        if getattr(configuration, field.name) != field.default
    }


def _to_plain(value: Any, name: str) -> Any:
    """Returns a value as YAML has it."""
    if isinstance(value, Stage):
        return _stage_to_plain(value, joined=True)
    if dataclasses.is_dataclass(value):
        return _fields_to_plain(value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _to_plain(each, name) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_to_plain(each, name) for each in value]
    if value is None or type(value) in (str, bool, int, float):
        return value
    raise ArgumentError(
        f"{name} cannot be written to YAML: give a model as the path of its file or as "
        "'module:function', and all else as text, numbers, lists and mappings. "
        f"Received: {name} of type {type(value).__name__}"
    )
