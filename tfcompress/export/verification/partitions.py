"""How much of a `.tflite` file XNNPACK runs."""

import collections
import dataclasses
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from tfcompress.errors import ModelError
from tfcompress.measurement import count_operation_multiply_adds
from tfcompress.measurement.files.called_graphs import called_graphs
from tfcompress.measurement.files.constant_tensors import find_unpacked
from tfcompress.measurement.files.operation_name import operation_name
from tfcompress.measurement.files.structure import parse_tflite, reading
from tfcompress.measurement.files.trial import check_runs


@dataclasses.dataclass(frozen=True)
class Partitions:
    """What LiteRT's default delegate, XNNPACK, takes of a file, on this machine.

    Attributes:
        count: In how many parts XNNPACK runs the file. One is best, for numbers are
            handed over between parts; with 0 LiteRT's own kernels run all of it.
        operations: Share of the operations inside these parts.
        multiply_adds: Share of the multiply-adds inside them; 0 in a file without any.
        outside: How many operations of each kind stay outside, such as
            `{"SOFTMAX": 1}`. Those in the bodies of loops count as outside, for LiteRT
            does not tell what becomes of them.
    """

    count: int
    operations: float
    multiply_adds: float
    outside: dict[str, int]


def find_partitions(content: bytes) -> Partitions:
    """Finds what XNNPACK takes of a file, by loading it.

    XNNPACK replaces what it has kernels for by nodes of kind `DELEGATE`; what an
    operation computes and no such node gives out stays outside. Operations on
    constants alone, which unpack weights when the file is loaded, do not count.

    Args:
        content: The bytes of a `.tflite` file. Of several graphs the first is looked
            at, and the loops in it.

    Returns:
        The parts.

    Raises:
        ModelError: If LiteRT cannot load the file, or if it is damaged.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.export.verification.partitions import find_partitions

    parts = find_partitions(Path("small.tflite").read_bytes())
    print(parts.count, parts.multiply_adds, parts.outside)
    ```
    """
    name = f"{len(content)} bytes"
    check_runs(content, name)
    try:
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"LiteRT cannot load the file. Received: {len(content)} bytes ({error})"
        ) from error
    file = parse_tflite(content, name)
    with reading(name):  # LiteRT cannot give names of tensors that are no text
        return _find(file, interpreter._get_ops_details())


def _find(file: Any, nodes: list[dict[str, Any]]) -> Partitions:
    parts = [node for node in nodes if node["op_name"] == "DELEGATE"]
    taken = _inside(file.subgraphs[0], parts)
    operations = {True: 0, False: 0}
    multiply_adds = {True: 0, False: 0}
    outside: collections.Counter[str] = collections.Counter()
    for number in _reached(file):
        subgraph = file.subgraphs[number]
        unpacked = find_unpacked(file, subgraph)
        for place, operator in enumerate(subgraph.operators or []):
            if unpacked.keys() & {*map(int, operator.outputs)}:
                continue
            inside = number == 0 and place in taken
            operations[inside] += 1
            multiply_adds[inside] += count_operation_multiply_adds(
                file, subgraph, operator
            )
            if not inside:
                outside[operation_name(file, operator)] += 1
    return Partitions(
        count=len(parts),
        operations=_share(operations),
        multiply_adds=_share(multiply_adds),
        outside=dict(sorted(outside.items())),
    )


def accelerated_share(content: bytes) -> float | None:
    """Returns the share of operations that XNNPACK takes, as `find_partitions` does.

    Args:
        content: The bytes of a `.tflite` file.

    Returns:
        From 0 to 1, or None for a file that LiteRT cannot load.
    """
    try:
        return find_partitions(content).operations
    except ModelError:
        return None


def _share(counts: dict[bool, int]) -> float:
    return counts[True] / max(sum(counts.values()), 1)


def _inside(subgraph: Any, parts: list[dict[str, Any]]) -> set[int]:
    """Returns the places of the operations between inputs and outputs of the parts."""
    makers = {
        int(index): place
        for place, operator in enumerate(subgraph.operators or [])
        for index in operator.outputs
    }
    found: set[int] = set()
    for part in parts:
        given = {int(index) for index in part["inputs"]}
        waiting = [int(index) for index in part["outputs"]]
        while waiting:
            place = makers.get(waiting.pop())
            if place is None or place in found:
                continue
            found.add(place)
            inputs = (int(index) for index in subgraph.operators[place].inputs)
            waiting += [index for index in inputs if index not in given]
    return found


def _reached(file: Any) -> list[int]:
    """Returns the numbers of the first graph and of those that it calls."""
    found = [0]
    for number in found:
        for operator in file.subgraphs[number].operators or []:
            for options, field in called_graphs(operator):
                called = getattr(options, field)
                if called not in found:
                    found.append(called)
    return found
