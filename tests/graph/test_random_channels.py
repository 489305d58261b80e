import keras
import numpy as np
import pytest

from benchmarks.masked_original import masked_original
from tests.graph.channel_models import randomize
from tests.keras_compat.comparison import outputs_of, sample_inputs
from tests.keras_compat.random_models import make_model
from tfcompress.graph import find_groups, flatten_models, remove_channels
from tfcompress.keras_compat import build, modules, read

SHAPES = [((8, 8, 4),), ((6, 3),), ((5,), (5,))]


def random_model(library, seed):
    """Ten random layers and a Dense at each end, with random numbers everywhere."""
    generator = np.random.default_rng(seed)
    plan = generator.integers(0, 1000, (10, 3)).tolist()
    shapes = SHAPES[seed % len(SHAPES)]
    module = modules.module(library)
    model = make_model(module, plan, shapes=shapes, structure=1)
    ends = [
        module.layers.Dense(2, name=f"end{i}")(y) for i, y in enumerate(model.outputs)
    ]
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    return randomize(module.Model(inputs, ends))


def check(library, seed):
    """Removes random channels of every free group; returns how many groups lost one."""
    model = random_model(library, seed)
    graph = flatten_models(read(model))
    generator = np.random.default_rng(seed)
    removed = {}
    for group in find_groups(graph):
        if not group.frozen and group.width > 1:
            count = generator.integers(1, group.width)
            removed[group] = generator.choice(group.width, count, replace=False)
    small = build(remove_channels(graph, removed), keras=library)
    original = build(masked_original(graph, removed), keras=library)
    inputs = sample_inputs(model)
    for one, other in zip(
        outputs_of(small, inputs), outputs_of(original, inputs), strict=True
    ):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max() + 1e-6, seed
    return len(removed)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_random_models_equal_the_masked_original(library):
    assert sum(check(library, seed) for seed in range(12)) > 12
    keras.backend.clear_session()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("start", range(100, 300, 20))
def test_many_random_models_equal_the_masked_original(library, start):
    assert sum(check(library, seed) for seed in range(start, start + 20)) > 20
    keras.backend.clear_session()
