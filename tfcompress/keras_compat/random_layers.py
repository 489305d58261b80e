"""Random layers whose numbers are drawn from a seed that is known."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.membership import is_tf_keras

_WORD = 2**31 - 1
_FACTOR = 1_000_003


@contextlib.contextmanager
def seeded_random_layers(model: Any) -> Iterator[Callable[[int], None]]:
    """Lets random layers, such as Dropout, start from a seed, for the block.

    In Keras 3 the state of a random layer is a variable. In tf_keras it is hidden in
    operations, so for the block its layers draw from a `tf.random.Generator` each,
    which costs no new trace of the training step. Layers that call TensorFlow's random
    functions themselves are left alone.

    Args:
        model: A model of either Keras, before it is first trained.

    Yields:
        A function of a seed, from which all layers then start again.

    Example:
    ```python
    import keras
    import numpy as np

    from tfcompress.keras_compat.random_layers import seeded_random_layers

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5, seed=1)])
    with seeded_random_layers(model) as restart:
        restart(7)
        model(np.ones((2, 4), "float32"), training=True)
    ```
    """
    if not is_tf_keras(model):
        states = [v for v in model.variables if v.name == "seed_generator_state"]

        def restart_states(seed: int) -> None:
            for number, state in enumerate(states):
                state.assign([_mixed(seed, number), 0])

        yield restart_states
        return
    with _generators(model) as generators:

        def restart_generators(seed: int) -> None:
            for number, generator in enumerate(generators):
                generator.reset_from_seed(_mixed(seed, number))

        yield restart_generators


@contextlib.contextmanager
def _generators(model: Any) -> Iterator[list[Any]]:
    """Gives the random layers of a tf_keras model a generator each, for the block."""
    base = modules.tf_keras().__internal__.layers.BaseRandomLayer
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, base)]
    before = [vars(layer)["_random_generator"] for layer in layers]
    try:
        found = []
        for number, (layer, own) in enumerate(zip(layers, before, strict=True)):
            if own._rng_type == own.RNG_STATELESS:
                continue  # draws the same numbers each time, as was asked for
            stateful = type(own)(seed=number, rng_type=own.RNG_STATEFUL)
            stateful._maybe_init()
            vars(layer)["_random_generator"] = stateful
            found.append(stateful._generator)
        yield found
    finally:
        for layer, own in zip(layers, before, strict=True):
            vars(layer)["_random_generator"] = own


def _mixed(seed: int, number: int) -> int:
    return (seed + number * _FACTOR) % _WORD
