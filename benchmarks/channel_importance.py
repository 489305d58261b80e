"""Which importance leaves the better network when channels go.

Small networks are trained shortly, each from several seeds: residual, plain and
depthwise convolutions on CIFAR-10 of 16 by 16 points, whose groups of channels go
through batch normalization; convolutions with it and Dense layers without on the digits
of scikit-learn; a transformer without any on SST-2. `ChannelPruning` takes a share of
the channels of each by several importances, batch normalization is recalibrated, and
what is left is trained shortly again. Figures are the accuracy on test data after the
cut and after that training, and the share of multiply-adds that is left.

`scale or l2` is the scale of batch normalization where every layer that makes the
channels of a group has one behind it, and L2 elsewhere.

Run it with `python benchmarks/channel_importance.py --data FOLDER --directory
runs/importance --output runs/importance.jsonl`, where the folder holds
`cifar10_jpeg.npz`, `sst2_train.tsv` and `sst2_test.tsv`. Each network of a seed is done
in a process of its own; what is in `--output` is not done again. With `--file
runs/pruning/dense.keras`, the network that `benchmarks/pruning.py` trains for longer is
cut in the same ways, and not trained again.
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf

import tfcompress as tfc
from tfcompress.graph import ChannelGroup, Graph
from tfcompress.graph.folding import foldable_layer
from tfcompress.pruning.importance import L2, BatchNormScale, Importance

RATIOS = (0.3, 0.5)
ROUND_TO = 4
TRAIN, TEST, SAMPLES = 6000, 3000, 1024
BATCH, RATE = 64, 3e-3
WORDS, LENGTH = 4000, 32
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
Data = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def main() -> None:
    """Measures what `--output` does not hold yet, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--directory", type=Path, required=True, help="for networks")
    parser.add_argument("--output", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--file", type=Path, help="a network that is cut alone")
    parser.add_argument("--child", nargs=2, metavar=("NETWORK", "SEED"))
    arguments = parser.parse_args()
    if arguments.file:
        print(table(list(cut_file(arguments.file, arguments.data))))
        return
    if arguments.child:
        measure(arguments, arguments.child[0], int(arguments.child[1]))
        return
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for network in arguments.networks:
            command = [sys.executable, *sys.argv, "--child", network, str(seed)]
            subprocess.run(command, check=True)
    print(table(read_results(arguments.output)))


def read_results(path: Path) -> list[dict[str, Any]]:
    """Returns the lines of a file of JSON lines."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def table(results: Sequence[dict[str, Any]]) -> str:
    """Returns means over the seeds, and standard deviations, in percent."""
    groups: dict[Any, dict[str, list[Any]]] = collections.defaultdict(dict)
    for result in results:
        key = result["network"], result["ratio"]
        groups[key].setdefault(result["importance"], []).append(result)
    lines = ["| network | ratio | seeds | | " + " | ".join(NAMES) + " |"]
    lines.append("|---|---:|---:|---|" + "---:|" * len(NAMES))
    for (network, ratio), found in groups.items():
        for figure in ("cut", "trained", "multiply-adds"):
            values = [[each.get(figure) for each in found[name]] for name in NAMES]
            if None in values[0]:
                continue
            start = f"| {network} | {ratio} | {len(values[0])} | {figure} | "
            lines.append(start + " | ".join(map(spread, values)) + " |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """Returns the mean of shares and their standard deviation, in percent."""
    percent = [100 * value for value in values]
    mean = f"{statistics.mean(percent):.1f}"
    return f"{mean} ± {statistics.stdev(percent):.1f}" if len(values) > 1 else mean


def cut_file(path: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Yields what a network for CIFAR-10 says without some channels, not trained on."""
    whole = keras.models.load_model(path, compile=False)
    train, test = read_cifar(folder, whole.input_shape[1])
    yield from cut(whole, train, test, {"network": path.stem})


def measure(arguments: argparse.Namespace, network: str, seed: int) -> None:
    """Adds the figures of a network and seed to `--output`, unless it has them."""
    done = read_results(arguments.output)
    if any((each["network"], each["seed"]) == (network, seed) for each in done):
        return
    build, read, epochs, tuning = NETWORKS[network]
    train, test = read(arguments.data)
    path = arguments.directory / f"{network}_{seed}.keras"
    if not path.exists():
        keras.utils.set_random_seed(seed)
        fit(build(), train, epochs, RATE).save(path)
    whole = keras.models.load_model(path, compile=False)
    results = list(cut(whole, train, test, {"network": network, "seed": seed}, tuning))
    with arguments.output.open("a") as file:
        file.writelines(json.dumps(result) + "\n" for result in results)


def cut(
    whole: keras.Model, train: Any, test: Any, start: dict[str, Any], tuning: int = 0
) -> Iterator[dict[str, Any]]:
    """Yields the figures of a network for each ratio and importance.

    Args:
        whole: The network.
        train: Data to recalibrate on, and to train on.
        test: Data to measure on.
        start: How the figures begin.
        tuning: Epochs to train what is left.
    """
    multiply_adds = tfc.measurement.summary(whole).multiply_adds
    for ratio in RATIOS:
        known: dict[bytes, dict[str, float]] = {}
        for name, importance in NAMES.items():
            small = tfc.pruning.ChannelPruning(
                ratio, importance=importance, round_to=ROUND_TO
            ).apply(whole)
            key = b"".join(weight.tobytes() for weight in small.get_weights())
            if key not in known:
                share = tfc.measurement.summary(small).multiply_adds / multiply_adds
                small = recalibrate(small, train[0][:SAMPLES])
                known[key] = {"cut": count_right(small, test), "multiply-adds": share}
                if tuning:
                    keras.utils.set_random_seed(start["seed"])
                    fit(small, train, tuning, RATE / 3)
                    known[key]["trained"] = count_right(small, test)
            yield {**start, "ratio": ratio, "importance": name, **known[key]}


class ScaleOrL2(Importance):
    """Scale of batch normalization where every maker of a group has one, else L2."""

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[Any]:
        """Scores each channel: see `Importance.score`."""
        folded = (foldable_layer(graph, layer) for layer in graph.layers.values())
        normalized = {layer.name for layer in folded if layer is not None}
        scales, lengths = (
            kind.score(graph, groups, keras=keras) for kind in (BatchNormScale(), L2())
        )
        return [
            length if scale is None or not normalized >= set(group.producers) else scale
            for group, scale, length in zip(groups, scales, lengths, strict=True)
        ]


def recalibrate(model: keras.Model, x: np.ndarray) -> keras.Model:
    """Returns a network with new statistics, if it has batch normalization."""
    normalization = keras.layers.BatchNormalization
    if not any(isinstance(layer, normalization) for layer in model.layers):
        return model
    return tfc.pruning.recalibrate_batch_norm(model, x)


def fit(model: keras.Model, train: Any, epochs: int, rate: float) -> keras.Model:
    """Trains a network in place while the learning rate falls, and returns it."""
    falling = keras.optimizers.schedules.CosineDecay(
        rate, epochs * -(-len(train[1]) // BATCH)
    )
    model.compile(keras.optimizers.Adam(falling), LOSS, jit_compile=False)
    model.fit(*train, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def count_right(model: keras.Model, test: Any) -> float:
    """Returns the share of test samples whose class a network says."""
    said = model.predict(test[0], batch_size=500, verbose=0)
    return float((said.argmax(-1) == test[1]).mean())


def read_cifar(folder: Path, size: int = 16) -> Data:
    """Returns images of this height and width, and their classes."""
    file = np.load(folder / "cifar10_jpeg.npz")

    def part(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        joined, offset = file[f"jpeg_{name}"], file[f"offset_{name}"]
        images = [
            tf.io.decode_jpeg(joined[offset[i] : offset[i + 1]].tobytes()).numpy()
            for i in range(count)
        ]
        x = np.stack(images).astype("float32")
        x = x.reshape(count, size, 32 // size, size, 32 // size, 3)
        return x.mean((2, 4)) / 127.5 - 1.0, file[f"y_{name}"][:count].astype("int32")

    return part("train", TRAIN), part("test", TEST)


def read_digits(_: Path) -> Data:
    """Returns the digits of scikit-learn, each fifth one for the test."""
    digits = sklearn.datasets.load_digits()
    x = digits.images[..., None].astype("float32") / 16
    y = digits.target.astype("int32")
    held = np.arange(len(x)) % 5 == 0
    return (x[~held], y[~held]), (x[held], y[held])


def read_sentences(folder: Path) -> Data:
    """Returns the numbers of the words of each sentence, 0 behind its end."""

    def read(name: str) -> tuple[list[list[str]], np.ndarray]:
        text = (folder / f"sst2_{name}.tsv").read_text().splitlines()
        pairs = [line.rsplit("\t", 1) for line in text if line[-2:] in ("\t0", "\t1")]
        labels = np.array([int(label) for _, label in pairs], "int32")
        return [sentence.split()[:LENGTH] for sentence, _ in pairs], labels

    train, test = read("train"), read("test")
    counted = collections.Counter(word for words in train[0] for word in words)
    known = {word: i + 2 for i, (word, _) in enumerate(counted.most_common(WORDS - 2))}

    def numbers(sentences: list[list[str]]) -> np.ndarray:
        found = np.zeros((len(sentences), LENGTH), "int32")
        for row, words in zip(found, sentences, strict=True):
            row[: len(words)] = [known.get(word, 1) for word in words]
        return found

    return (numbers(train[0]), train[1]), (numbers(test[0]), test[1])


def build_residual() -> keras.Model:
    """Builds MLPerf-Tiny's ResNet-8: two writers of a sum have no normalization."""
    inputs = keras.Input((16, 16, 3))
    x = normalized(inputs, 16)
    for width, strides in ((16, 1), (32, 2), (64, 2)):
        branch = normalized(x, width, strides=strides)
        branch = keras.layers.Conv2D(width, 3, padding="same")(branch)
        branch = keras.layers.BatchNormalization(momentum=0.9)(branch)
        if strides > 1:
            x = keras.layers.Conv2D(width, 1, strides=strides)(x)
        x = keras.layers.ReLU()(keras.layers.Add()([x, branch]))
    return classifier(inputs, x)


def build_plain() -> keras.Model:
    """Builds a row of convolutions."""
    x = inputs = keras.Input((16, 16, 3))
    for width, strides in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
        x = normalized(x, width, strides=strides)
    return classifier(inputs, x)


def build_depthwise() -> keras.Model:
    """Builds a small MobileNet."""
    inputs = keras.Input((16, 16, 3))
    x = normalized(inputs, 24)
    for width, strides in ((48, 1), (96, 2), (96, 1), (128, 2)):
        x = keras.layers.DepthwiseConv2D(3, strides=strides, padding="same")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
        x = normalized(x, width, size=1)
    return classifier(inputs, x)


def build_mixed() -> keras.Model:
    """Builds convolutions with batch normalization, and Dense layers without."""
    inputs = keras.Input((8, 8, 1))
    x = normalized(normalized(inputs, 16), 16, strides=2)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(48, activation="relu")(x)
    x = keras.layers.Dense(32, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def build_transformer() -> keras.Model:
    """Builds two blocks of attention, with layer normalization."""
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 32)(inputs)
    for _ in range(2):
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.MultiHeadAttention(4, 8)(y, y)
        x = keras.layers.Add()([x, keras.layers.Dropout(0.2)(y)])
        y = keras.layers.LayerNormalization()(x)
        y = keras.layers.Dense(64, activation="gelu")(y)
        x = keras.layers.Add()([x, keras.layers.Dense(32)(y)])
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(0.3)(x)))


def normalized(x: Any, width: int, *, strides: int = 1, size: int = 3) -> Any:
    """Applies a convolution, batch normalization and ReLU."""
    x = keras.layers.Conv2D(width, size, strides=strides, padding="same")(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


def classifier(inputs: Any, x: Any) -> keras.Model:
    """Returns a network that ends in the mean over places, and ten logits."""
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x))


Network = tuple[Callable[[], keras.Model], Callable[[Path], Data], int, int]
NETWORKS: dict[str, Network] = {
    "residual": (build_residual, read_cifar, 6, 1),
    "plain": (build_plain, read_cifar, 6, 1),
    "depthwise": (build_depthwise, read_cifar, 6, 1),
    "mixed": (build_mixed, read_digits, 20, 2),
    "transformer": (build_transformer, read_sentences, 4, 1),
}
NAMES: dict[str, Any] = {
    "l2": "l2",
    "scale or l2": ScaleOrL2(),
    "path norm": "path_norm",
}


if __name__ == "__main__":
    main()
