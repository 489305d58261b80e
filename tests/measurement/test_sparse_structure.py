import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.sparse_structure import check_sparsity


def axis(size=0, *, starts=None, places=None):
    if starts is None:
        return schema.DimensionMetadataT(
            format=schema.DimensionType.DENSE, denseSize=size
        )
    vectors = [schema.Uint8VectorT(values=np.array(v)) for v in (starts, places)]
    return schema.DimensionMetadataT(
        format=schema.DimensionType.SPARSE_CSR,
        arraySegments=vectors[0],
        arrayIndices=vectors[1],
    )


def constant(shape, order, axes, blocks=()):
    sparsity = schema.SparsityParametersT(
        traversalOrder=list(order), blockMap=list(blocks), dimMetadata=list(axes)
    )
    return schema.TensorT(shape=list(shape), sparsity=sparsity)


def rows(starts, places, order=(0, 1)):
    return constant((2, 3), order, [axis(2), axis(starts=starts, places=places)])


def test_counts_what_is_stored():
    # [[a, 0, b], [0, c, 0]]
    assert check_sparsity(rows([0, 2, 3], [0, 2, 1])) == 3
    assert check_sparsity(rows([0, 0, 0], [])) == 0


def test_blocks():
    # Two rows of two blocks of four; the first row has both, the second has one.
    axes = [axis(2), axis(starts=[0, 2, 3], places=[0, 1, 1]), axis(4)]
    assert check_sparsity(constant((2, 8), (0, 1, 2), axes, [1])) == 12
    with pytest.raises(ValueError, match="blocks of 4"):
        check_sparsity(constant((2, 9), (0, 1, 2), axes, [1]))


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (rows([0, 2, 3], [0, 3, 1]), "beyond 3"),
        (rows([0, 3, 2], [0, 2]), "segments"),
        (rows([0, 2], [0, 2]), "segments"),
        (rows([0, 2, 4], [0, 2, 1]), "segments"),
        (rows([1, 2, 3], [0, 2, 1]), "segments"),
        (rows([0, 2, 3], [0, 2, 1], order=(0,)), "order"),
        (rows([0, 2, 3], [0, 2, 1], order=(0, 7)), "order"),
        (constant((2, 3), (0, 1), [axis(9), axis(3)]), "size 9 of an axis of 2"),
        (constant((2, 3), (0, 1), [axis(2)]), "axes"),
        (constant((2, 3), (0, 1, 2), [axis(2), axis(3), axis(1)], [5]), "axes"),
    ],
)
def test_what_does_not_fit(tensor, words):
    with pytest.raises(ValueError, match=words):
        check_sparsity(tensor)
