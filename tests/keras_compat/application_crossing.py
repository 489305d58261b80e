"""Crosses one application there and back, and prints what it found as JSON.

Usage: python application_crossing.py KERAS NAME SIZE
"""

import json
import sys
import time
from typing import Any

import numpy as np


def run(home: str, name: str, size: int) -> dict[str, object]:
    from tfcompress import keras_compat

    module = keras_compat.modules.module(home)
    model = getattr(module.applications, name)(
        weights=None,
        input_shape=(size, size, 3),
        classes=10,
        classifier_activation=None,
    )
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if "moving_mean" in weight.name:
            weight.assign(generator.uniform(-0.1, 0.1, weight.shape))
        elif "moving" in weight.name or "gamma" in weight.name:
            weight.assign(generator.uniform(0.9, 1.1, weight.shape))
    begin = time.perf_counter()
    module.models.clone_model(model)
    cloned = time.perf_counter()
    other = "tf_keras" if home == "keras" else "keras"
    there = keras_compat.build(keras_compat.read(model), keras=other)
    crossed = time.perf_counter()
    back = keras_compat.build(keras_compat.read(there), keras=home)
    x = generator.uniform(0, 255, (2, size, size, 3)).astype("float32")
    outputs = [np.asarray(m(x, training=False)) for m in (model, there, back)]
    return {
        "there": _difference(outputs[0], outputs[1]),
        "back": _difference(outputs[0], outputs[2]),
        "weights_there": _bytes(model) == _bytes(there),
        "weights_back": _bytes(model) == _bytes(back),
        "names_there": _is_within(model, there),
        "names_back": _is_within(model, back),
        "clone_seconds": cloned - begin,
        "cross_seconds": crossed - cloned,
    }


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max() / np.abs(first).max())


def _is_within(model: Any, other: Any) -> bool:
    """Whether the other model has all these layers, in this order."""
    names = iter(layer.name for layer in other.layers)
    wanted = [layer.name.replace("/", "_") for layer in model.layers]
    return all(any(name.replace("/", "_") == want for name in names) for want in wanted)


def _bytes(model: Any) -> list[bytes]:
    return sorted(np.asarray(weight).tobytes() for weight in model.weights)


if __name__ == "__main__":
    found = run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(json.dumps(found) + "\n")
