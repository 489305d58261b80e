"""Names in a recipe of what stands elsewhere: in Keras, in this package, in files.

Only `recipe check` looks for them, for a pipeline may be read before its files are
there, or where the user has registered a loss of their own.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from tfcompress.errors import TFCompressError
from tfcompress.names import nearest, suggest
from tfcompress.pipeline.known_names import (
    LAYERS,
    LOSSES,
    MEASURED,
    METRICS,
    OPTIMIZERS,
)
from tfcompress.pipeline.recipe_faults import Fault, FaultFound
from tfcompress.pipeline.recipe_nodes import items, plain
from tfcompress.sources.paths import check_model_path

_ANY = "*"
_TOP = re.compile(r"top_[1-9]\d*_accuracy")
_TYPING_ERROR = 0.75


def find_unknown_names(node: yaml.Node) -> list[Fault]:
    """Returns a fault for each name in a recipe that every run would refuse.

    Those of optimizers, losses and metrics, files of teachers, students and targets,
    from where the process stands, as a run takes them; and kinds of layers that are
    surely misspelled, for a model may have layers of its own.

    Args:
        node: The top of the recipe. What has another form than expected is left out.

    Example:
    ```python
    from tfcompress.pipeline.recipe_names import find_unknown_names
    from tfcompress.pipeline.recipe_nodes import compose

    node = compose("stages: [{fine_tune: {training: {loss: mze}}}]")
    (fault,) = find_unknown_names(node)
    assert "did you mean 'mse'" in fault.message
    ```
    """
    faults: list[Fault] = []
    for path, explain in _CHECKS:
        for found in _names_at(node, path):
            message = explain(plain(found))
            if message is not None:
                faults.append(FaultFound(found.start_mark, message).fault)
    return faults


def _names_at(node: yaml.Node, path: tuple[str, ...]) -> Iterator[yaml.Node]:
    """Yields the texts at a path of keys, of every entry where there is a list."""
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _names_at(each, path)
    elif not path:
        if isinstance(node, yaml.ScalarNode) and isinstance(plain(node), str):
            yield node
    elif isinstance(node, yaml.MappingNode):
        for key, (_, value) in items(node).items():
            if path[0] in (_ANY, key):
                yield from _names_at(value, path[1:])


def _explain_optimizer(name: str) -> str | None:
    known = {each.lower(): each for each in OPTIMIZERS}
    if name.lower() in known:
        return None
    return _unknown("optimizer", name, known)


def _explain_loss(name: str) -> str | None:
    return _of_keras("loss", name, LOSSES)


def _explain_metric(name: str) -> str | None:
    return _of_keras("metric", name, METRICS)


def _of_keras(what: str, name: str, known: tuple[str, ...]) -> str | None:
    """Explains a name, unless it is known or of a registered class, `mine>Loss`."""
    return None if name in known or ">" in name else _unknown(what, name, known)


def _explain_measure(name: str) -> str | None:
    known = name in MEASURED or _TOP.fullmatch(name)
    return None if known else _unknown("metric", name, MEASURED)


def _explain_layer(name: str) -> str | None:
    if name in LAYERS:
        return None
    known = {each.lower(): each for each in LAYERS}
    alike = difflib.get_close_matches(name.lower(), known, n=2, cutoff=_TYPING_ERROR)
    meant = [known[each] for each in alike if abs(len(each) - len(name)) <= 1]
    return _unknown("kind of layer", name, meant) if meant else None


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    advice = suggest(name, nearest(name, known)).replace("one of", "one such as")
    return f"unknown {what} {name!r}; {advice} Received: {name}"


def _explain_model(text: str) -> str | None:
    if ":" not in text and not text.endswith((".keras", ".h5")):
        return None  # The name of a stage, which the pipeline checks.
    file, colon, _ = text.rpartition(":")
    if colon and file.endswith(".py") and not Path(file).exists():
        return _said_by(check_model_path, file)
    return _said_by(check_model_path, text)


def _explain_target(text: str) -> str | None:
    if not text.endswith(".toml"):
        return None  # The stage knows the names.
    from tfcompress.export import find_target  # It loads NumPy.

    return _said_by(find_target, text)


def _said_by(check: Callable[[str], object], text: str) -> str | None:
    try:
        check(text)
    except TFCompressError as error:
        return str(error)
    return None


_CHECKS: tuple[tuple[tuple[str, ...], Callable[[str], str | None]], ...] = (
    (("needs",), _explain_layer),
    (("stages", _ANY, "training", "optimizer"), _explain_optimizer),
    (("stages", _ANY, "training", "optimizer", "class_name"), _explain_optimizer),
    (("stages", _ANY, "training", "loss"), _explain_loss),
    (("stages", _ANY, "training", "metrics"), _explain_metric),
    (("stages", "evaluate", "metrics"), _explain_measure),
    (("stages", "distil", "student"), _explain_model),
    (("stages", _ANY, "distillation", "teacher"), _explain_model),
    (("stages", "export", "target"), _explain_target),
)
