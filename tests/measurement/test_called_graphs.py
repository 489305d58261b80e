import pytest
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.called_graphs import called_graphs


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (schema.CallOptionsT(subgraph=3), [3]),
        (schema.CallOnceOptionsT(initSubgraphIndex=2), [2]),
        (schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=4), [1, 4]),
        (schema.ReshapeOptionsT(newShape=[7]), []),
        (None, []),
    ],
)
def test_graphs_that_an_operation_calls(options, numbers):
    operator = schema.OperatorT()
    operator.builtinOptions = options
    found = [getattr(*place) for place in called_graphs(operator)]
    assert sorted(found) == numbers


def test_graphs_in_the_newer_options():
    operator = schema.OperatorT()
    options = schema.StableHLOCompositeOptionsT(decompositionSubgraphIndex=5)
    operator.builtinOptions2 = options
    assert list(called_graphs(operator)) == [(options, "decompositionSubgraphIndex")]
