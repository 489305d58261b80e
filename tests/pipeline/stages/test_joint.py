"""What may be done in one fit."""

import pytest

from tfcompress.errors import ArgumentError
from tfcompress.pipeline import ClusterWeights, Joint, PruneWeights, Quantize


@pytest.mark.parametrize(
    "twice",
    [
        [PruneWeights(sparsity=0.5, training=None), PruneWeights(training=None)],
        [Quantize(training=None), Quantize(weight_bits=4, training=None)],
    ],
)
def test_two_of_a_kind_are_refused(twice):
    message = f"Received: {twice[0].kind} 2 times in techniques="
    with pytest.raises(ArgumentError, match=message):
        Joint(techniques=tuple(twice))


def test_clusters_beside_weights_that_become_zero_are_refused():
    techniques = (ClusterWeights(training=None), PruneWeights(training=None))
    with pytest.raises(ArgumentError, match="stages behind each other"):
        Joint(techniques=techniques)


@pytest.mark.parametrize("kind", [PruneWeights, ClusterWeights])
def test_one_of_each_is_taken(kind):
    techniques = (kind(training=None), Quantize(training=None))
    assert Joint(techniques=techniques).techniques == techniques
