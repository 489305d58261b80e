"""The graphs of a file that its operations call."""

from collections.abc import Iterator
from typing import Any


def called_graphs(operator: Any) -> Iterator[tuple[Any, str]]:
    """Yields the places where an operation names the number of another graph.

    Args:
        operator: An operation, an `OperatorT` of LiteRT's schema: of `WHILE` and `IF`
            the condition and the bodies, of `CALL` and `CALL_ONCE` what is called.

    Yields:
        The options, and the name of their field that holds the number.

    Example:
    ```python
    from ai_edge_litert import schema_py_generated as schema
    from tfcompress.measurement.files.called_graphs import called_graphs

    operator = schema.OperatorT()
    operator.builtinOptions = schema.CallOptionsT(subgraph=3)
    assert [getattr(*place) for place in called_graphs(operator)] == [3]
    ```
    """
    for options in (operator.builtinOptions, operator.builtinOptions2):
        for field, value in vars(options).items() if options is not None else ():
            name = field.lower()
            names_graph = name == "subgraph" or name.endswith("subgraphindex")
            if names_graph and value >= 0:
                yield options, field
