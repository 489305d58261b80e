"""YAML of a recipe as nodes that know their lines, read strictly and safely.

Aliases, tags, second documents and keys that come twice are refused, so a small file is
a small recipe and nothing in it is lost.
"""

import re
from typing import Any

import yaml

from tfcompress.pipeline.recipe_faults import Fault, FaultFound

_CHARACTERS = 200_000
_DEPTH = 20
_INTEGER = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS = 300
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{
        spelled: value
        for word, value in (
            ("true", True),
            ("yes", True),
            ("on", True),
            ("false", False),
            ("no", False),
            ("off", False),
        )
        for spelled in (word, word.title(), word.upper())
    },
}


class _Loader(yaml.SafeLoader):
    """Composes nodes, without what a recipe has no use for."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise FaultFound(
                event.start_mark,
                "aliases are not used in recipes; write the value out. "
                f"Received: *{event.anchor}",
            )
        if event.tag is not None:
            raise FaultFound(
                event.start_mark,
                "tags are not used in recipes; write plain values. "
                f"Received: {event.tag}",
            )
        if self._depth == _DEPTH:
            raise FaultFound(event.start_mark, f"nested more than {_DEPTH} deep")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def compose(text: str) -> yaml.Node:
    """Returns the node at the top of a recipe.

    Args:
        text: The YAML.

    Raises:
        FaultFound: If the text is no YAML, empty, or holds what recipes do not use.
    """
    start = yaml.Mark("", 0, 0, 0, None, None)
    if len(text) > _CHARACTERS:
        raise FaultFound(
            start,
            f"a recipe has {_CHARACTERS:,} characters at most. Received: {len(text):,}",
        )
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or start
        raise FaultFound(mark, _explain(error)) from None
    except yaml.reader.ReaderError as error:
        before = text[: int(error.position)]
        line = before.count("\n")
        column = len(before) - before.rfind("\n") - 1
        mark = yaml.Mark("", 0, line, column, None, None)
        raise FaultFound(
            mark,
            f"a character that YAML does not allow. Received: {_name(error.character)}",
        ) from None
    if node is None:
        raise FaultFound(
            start, "the recipe is empty; expected the key 'stages'. Received: nothing"
        )
    return node


def _name(character: Any) -> str:
    return f"U+{ord(character) if isinstance(character, str) else character:04X}"


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(part for part in (error.context, error.problem) if part)
    if "'\\t'" in problem:
        return "a tab, where YAML allows spaces alone: indent with spaces"
    return f"no valid YAML: {problem}"


def is_null(node: yaml.Node) -> bool:
    """Returns whether a node holds nothing."""
    return isinstance(node, yaml.ScalarNode) and plain(node) is None


def plain(node: yaml.Node) -> Any:
    """Returns a node as plain data.

    Numbers are those of YAML 1.2, so that `1e-4` is one and `2:4` is text; the words
    `yes`, `no`, `on` and `off` are true and false.
    """
    if isinstance(node, yaml.MappingNode):
        return {key: plain(value) for key, (_, value) in items(node).items()}
    if isinstance(node, yaml.SequenceNode):
        return [plain(each) for each in node.value]
    return node.value if node.style else read_word(node.value)


def read_word(word: str) -> Any:
    """Returns what a word without quotes is: a number, true, false, nothing or text."""
    if word in _WORDS:
        return _WORDS[word]
    if len(word) > _DIGITS:
        return word
    if _NOT_FINITE.fullmatch(word):
        return float(word.replace(".", ""))
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word


def items(node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Returns the nodes of keys and values by key, which is text as it stands."""
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            found.setdefault(key.value, (key, value))
    return found


def check_keys(node: yaml.Node) -> list[Fault]:
    """Returns a fault for each key, at any depth, that comes twice or is no text."""
    if isinstance(node, yaml.SequenceNode):
        return [fault for each in node.value for fault in check_keys(each)]
    if not isinstance(node, yaml.MappingNode):
        return []
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            faults.append(FaultFound(key.start_mark, "a key must be text").fault)
        elif key.value in lines:
            words = f"the key {key.value!r} comes twice; it is in line "
            message = f"{words}{lines[key.value]} too"
            faults.append(FaultFound(key.start_mark, message).fault)
        else:
            lines[key.value] = line
        faults += check_keys(value)
    return faults
