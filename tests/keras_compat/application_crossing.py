"""Crosses one application there and back, and prints what it found as JSON.

Usage: python application_crossing.py KERAS NAME SIZE
"""

import json
import sys
import time

import numpy as np


def run(home: str, name: str, size: int) -> dict[str, object]:
    from tfcompress import keras_compat

    module = keras_compat.modules.module(home)
    model = getattr(module.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if "moving" in weight.name or "gamma" in weight.name:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
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
        "ordered_back": all(
            np.array_equal(a, b) for a, b in zip(model.get_weights(), back.get_weights(), strict=True)
        ),
        "names": {layer.name for layer in model.layers}
        <= {layer.name for layer in there.layers},
        "names_back": [layer.name for layer in model.layers]
        == [layer.name for layer in back.layers],
        "clone_seconds": cloned - begin,
        "cross_seconds": crossed - cloned,
    }


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max() / np.abs(first).max())


def _bytes(model: object) -> list[bytes]:
    return sorted(np.asarray(weight).tobytes() for weight in model.weights)  # type: ignore[attr-defined]


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
