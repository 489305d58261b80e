"""What the YAML of a recipe says, with the line of everything that is wrong."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from tfcompress.errors import ArgumentError
from tfcompress.names import suggest
from tfcompress.pipeline.fields import check_value, hints_of
from tfcompress.pipeline.order import check_order
from tfcompress.pipeline.pipeline import FIELDS, Pipeline
from tfcompress.pipeline.recipe_faults import Fault, FaultFound
from tfcompress.pipeline.recipe_nodes import (
    check_keys,
    compose,
    is_null,
    items,
    plain,
)
from tfcompress.pipeline.stage_names import check_sources, name_stages
from tfcompress.pipeline.stages import KINDS, Stage
from tfcompress.pipeline.stages.joint import TECHNIQUES, Joint, check_technique

_Nodes = dict[str, tuple[yaml.Node, yaml.Node]]
_TOP: dict[str, Any] = {**FIELDS, "stages": tuple[Stage, ...]}
_STAGES = 100
_SHOWN = 60
_FAULTY = object()


class Reader:
    """Reads a recipe, and goes on behind what is wrong.

    Attributes:
        faults: All that is wrong, in the order of the file.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def read(self, text: str) -> Pipeline | None:
        """Returns the pipeline; None where there are faults."""
        pipeline = self._attempt(self._read_top, text)
        self.faults.sort(key=lambda fault: (fault.line, fault.column))
        return None if self.faults else pipeline

    def _attempt(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Returns what the function does, or `_FAULTY` where it finds a fault."""
        try:
            return function(*arguments)
        except FaultFound as found:
            self.faults.append(found.fault)
            return _FAULTY

    def _read_top(self, text: str) -> Pipeline | None:
        node = compose(text)
        self.faults += check_keys(node)
        found = self._read_mapping(node, "the recipe", _TOP)
        if "stages" not in found:
            raise FaultFound(
                node.start_mark,
                "a recipe needs the key 'stages'. "
                f"Received: {', '.join(found) or 'no key that is known'}",
            )
        _, entries = found.pop("stages")
        values = self._read_fields(found, _TOP)
        stages = self._attempt(self._read_stages, entries, "stages")
        if self.faults:
            return None
        self._check_order(stages, entries.value)
        return None if self.faults else Pipeline(stages, **values)

    def _check_order(self, stages: Sequence[Stage], nodes: Sequence[yaml.Node]) -> None:
        """Finds the stages that must not come where they are, or learn from none."""
        fitting: list[Stage] = []
        for node, stage in zip(nodes, stages, strict=True):
            try:
                check_order([*fitting, stage])
                name_stages([*fitting, stage])
                fitting.append(stage)
            except ArgumentError as error:
                place = _place_of(stage, node, fitting)
                self.faults.append(FaultFound(place.start_mark, str(error)).fault)
        for number, node in enumerate([] if self.faults else nodes):
            try:
                check_sources(stages, number)
            except ArgumentError as error:
                self.faults.append(FaultFound(node.start_mark, str(error)).fault)

    def _read_stages(self, node: yaml.Node, name: str) -> tuple[Stage, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise FaultFound(
                node.start_mark,
                f"{name} must be a list of stages, such as '- quantize: {{}}'. "
                f"Received: {_show(node)}",
            )
        if len(node.value) > _STAGES:
            raise FaultFound(
                node.start_mark,
                f"{name} must be {_STAGES} at most. Received: {len(node.value)}",
            )
        return tuple(self._attempt(self._read_stage, each, name) for each in node.value)

    def _read_stage(self, node: yaml.Node, name: str) -> Stage:
        fields: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            ((place, fields),) = node.value
            kind = place.value
            fields = None if is_null(fields) else fields
        elif isinstance(node, yaml.ScalarNode) and not is_null(node):
            place, kind = node, node.value
        else:
            raise FaultFound(
                node.start_mark,
                f"an entry of {name} must be one stage, with its fields indented below "
                f"it. Received: {_show(node)}",
            )
        joined = name == "techniques"
        kinds = TECHNIQUES if joined else tuple(KINDS)
        if kind not in kinds:
            raise FaultFound(
                place.start_mark,
                f"unknown stage {kind!r} in {name}; {suggest(kind, kinds)} "
                f"Received: {kind}",
            )
        other = {"training": None} if joined else {}
        return self._read_fieldset(place, fields, KINDS[kind], kind, other)

    def _read_fieldset(
        self,
        place: yaml.Node,
        node: yaml.Node | None,
        kind: type,
        name: str,
        other: Mapping[str, Any],
    ) -> Any:
        """Returns a configuration.

        Args:
            place: Where its name stands.
            node: Its fields, or None.
            kind: Its class.
            name: What it is called.
            other: Defaults that are others here.
        """
        hints = hints_of(kind)
        before = len(self.faults)
        found = {} if node is None else self._read_mapping(node, name, hints)
        values = self._read_fields(found, hints)
        if len(self.faults) > before:
            return _FAULTY
        try:
            return kind(**{**other, **values})
        except ArgumentError as error:
            raise FaultFound(place.start_mark, str(error)) from None

    def _read_mapping(
        self, node: yaml.Node, name: str, hints: Mapping[str, Any]
    ) -> _Nodes:
        """Returns the keys and values of a mapping that are known."""
        if not isinstance(node, yaml.MappingNode):
            raise FaultFound(
                node.start_mark,
                f"{name} must have keys such as {', '.join(hints)}. "
                f"Received: {_show(node)}",
            )
        found = items(node)
        for key in [key for key in found if key not in hints]:
            place, value = found.pop(key)
            message = (
                f"unknown key {key!r} of {name}; {suggest(key, hints)} "
                f"Received: {key}={_show(value)}"
            )
            self.faults.append(FaultFound(place.start_mark, message).fault)
        return found

    def _read_fields(self, nodes: _Nodes, hints: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._attempt(self._read_value, node, hints[name], name)
            for name, (_, node) in nodes.items()
        }

    def _read_value(self, node: yaml.Node, hint: Any, name: str) -> Any:
        """Returns a value as its annotation wants it."""
        choices = _choices(hint)
        if is_null(node) and type(None) in choices:
            return None
        for each in choices:
            origin, arguments = typing.get_origin(each), typing.get_args(each)
            if isinstance(each, type) and dataclasses.is_dataclass(each):
                return self._read_fieldset(node, node, each, name, {})
            if origin is tuple and isinstance(node, yaml.SequenceNode):
                return self._read_list(node, arguments[0], name)
            if origin is Mapping and isinstance(node, yaml.MappingNode):
                found = items(node)
                return self._read_fields(found, dict.fromkeys(found, arguments[1]))
        value = plain(node)
        try:
            return check_value(value, hint, name)
        except ArgumentError as error:
            quotable = isinstance(node, yaml.ScalarNode) and str in choices
            advice = ", in quotes" if quotable and not is_null(node) else ""
            message = str(error).replace(". Received", f"{advice}. Received", 1)
            raise FaultFound(node.start_mark, message) from None

    def _read_list(self, node: yaml.SequenceNode, hint: Any, name: str) -> Any:
        if isinstance(hint, type) and issubclass(hint, Stage):
            stages = self._read_stages(node, name)
            before: list[Stage] = []
            for each, stage in zip(node.value, stages, strict=True):
                if stage is not _FAULTY:
                    joined = self._attempt(_join, each, stage, before)
                    before += [] if joined is _FAULTY else [stage]
            return stages
        return tuple(
            self._attempt(self._read_value, each, hint, f"{name}[{number}]")
            for number, each in enumerate(node.value)
        )


def _join(node: yaml.Node, stage: Stage, before: Sequence[Stage]) -> None:
    """Finds a technique that may not join those before it."""
    try:
        check_technique(stage, before)
    except ArgumentError as error:
        raise FaultFound(node.start_mark, str(error)) from None


def _place_of(stage: Stage, node: yaml.Node, before: Sequence[Stage]) -> yaml.Node:
    """Returns the node of a stage, or of the technique in it, that is out of order."""
    if not isinstance(stage, Joint):
        return node
    (_, fields), *_ = node.value
    nodes = items(fields)["techniques"][1].value
    for part, each in zip(stage.techniques, nodes, strict=True):
        try:
            check_order([*before, part])
        except ArgumentError:
            return each
    return node


def _choices(hint: Any) -> tuple[Any, ...]:
    """Returns the annotations of which any may hold."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _show(node: yaml.Node) -> str:
    """Returns what a node holds, shortened."""
    words = repr(plain(node))
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 3]}..."
