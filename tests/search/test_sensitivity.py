import io
import json

import keras
import numpy as np
import pytest
from rich.console import Console

import tfcompress as tfc
from tests.graph import block_models, channel_models
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError
from tfcompress.graph import find_groups, remove_channels
from tfcompress.keras_compat import build, read
from tfcompress.search.parts import Parts

RATIOS = (0.25, 0.5, 0.75)


def accuracy(model, data):
    scores = np.asarray(model(data[0], training=False))
    return float(np.mean(scores.argmax(axis=1) == data[1]))


def with_kernel(model, name, kernel):
    """A copy of a model with another kernel in one layer."""
    graph = read(model)
    layer = graph.layers[name].with_weights({"kernel": kernel})
    changed = type(graph)(
        **{**vars(graph), "layers": {**graph.layers, name: layer}},
    )
    return build(changed, keras="keras")


def smallest_to_zero(kernel, ratio):
    flat = kernel.ravel().copy()
    flat[np.argsort(np.abs(flat))[: round(kernel.size * ratio)]] = 0
    return flat.reshape(kernel.shape)


@pytest.fixture(scope="module")
def classifier():
    """Random weights, where their numbers and the Keras do not matter."""
    keras.utils.set_random_seed(0)
    return build_classifier(keras)


@pytest.fixture(scope="module")
def by_weight(trained, digits):
    return tfc.search.sensitivity(trained, digits[1], technique="weight")


def test_layers_lose_what_they_lose_with_their_smallest_weights_zero(
    by_weight, trained, digits
):
    assert [(row.name, row.ratio) for row in by_weight.rows] == [
        (name, ratio) for name in ("conv1", "conv2", "logits") for ratio in RATIOS
    ]
    whole = accuracy(trained, digits[1])
    assert by_weight.baseline == pytest.approx(whole)
    for row in by_weight.rows:
        kernel = np.asarray(trained.get_layer(row.name).kernel)
        pruned = smallest_to_zero(kernel, row.ratio)
        found = accuracy(with_kernel(trained, row.name, pruned), digits[1])
        assert row.quality == pytest.approx(found)
        assert row.loss == pytest.approx(whole - found)
        assert row.saved == {"weights": round(kernel.size * row.ratio)}


def test_model_stays_as_it_is_and_so_does_the_copy_that_is_measured(trained, digits):
    before = [np.asarray(weight).copy() for weight in trained.weights]
    seen = []

    def metric(model, data):
        seen.append(np.asarray(model.get_layer("conv2").kernel))
        return accuracy(model, data)

    result = tfc.search.sensitivity(
        trained, digits[1], technique="weight", metric=metric, ratios=[0.5]
    )
    assert [np.count_nonzero(kernel == 0) for kernel in seen] == [0, 0, 288, 0]
    for old, new in zip(before, trained.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    assert result.metric.endswith("metric")
    np.testing.assert_array_equal(result.parts.model.get_layer("conv2").kernel, seen[0])


def test_budget_of_weights_is_met_at_the_least_loss(by_weight, trained, digits):
    import itertools

    allocation = by_weight.allocate(weights=0.4)
    kernels = {n: trained.get_layer(n).kernel.shape for n in by_weight.parts.names}
    sizes = {name: int(np.prod(shape)) for name, shape in kernels.items()}
    rows = {(row.name, row.ratio): row.loss for row in by_weight.rows}
    rows.update({(name, 0.0): 0.0 for name in sizes})
    best = min(
        sum(rows[item] for item in zip(sizes, choice, strict=True))
        for choice in itertools.product((0.0, *RATIOS), repeat=3)
        if sum(
            size - round(size * ratio)
            for size, ratio in zip(sizes.values(), choice, strict=True)
        )
        <= 0.4 * sum(sizes.values())
    )
    assert allocation.loss == pytest.approx(best)
    assert allocation.before == sum(sizes.values())
    assert allocation.after <= 0.4 * allocation.before

    pruning = tfc.pruning.MagnitudePruning(
        layers=allocation, schedule=tfc.schedules.Constant(0.5)
    )
    pruned = pruning.apply(trained)
    pruned.compile("sgd", loss="sparse_categorical_crossentropy")
    pruned.fit(*digits[0], verbose=0, callbacks=pruning.callbacks())
    small = pruning.finalize(pruned)
    left = tfc.measurement.count_weights(small)
    assert left.kernel_parameters - left.zeros == allocation.after


def local_cuts(graph, ratio, round_to=8):
    """Channels of the least L1 norm of each group of one producer, by hand."""
    found = {}
    for group in find_groups(graph):
        if group.frozen or len(group.producers) != 1:
            continue
        kernel = graph.layers[group.producers[0]].weight("kernel")
        order = np.argsort(np.abs(kernel).reshape(-1, group.width).sum(axis=0))
        blocks = range(0, group.width - round_to + 1, round_to)
        wanted = ratio * group.width
        count = min(reversed(blocks), key=lambda n: abs(n - wanted))
        found[group] = order[:count].tolist()
    return found


@pytest.fixture(scope="module")
def chain():
    """Three convolutions in a row, and numbers in all their weights."""
    x = keras.Input((8, 8, 1))
    y = keras.layers.Conv2D(32, 3, strides=2, activation="relu", name="one")(x)
    y = keras.layers.BatchNormalization(name="norm")(y)
    y = keras.layers.Conv2D(24, 1, activation="sigmoid", name="two")(y)
    y = keras.layers.GlobalAveragePooling2D()(y)
    return channel_models.model(x, keras.layers.Dense(10, name="scores")(y))


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_channels_lose_what_the_smaller_model_loses(chain, digits, library):
    model = build(read(chain), keras=library)

    def metric(model, data):
        return float(np.mean(np.abs(np.asarray(model(data[0][:50])))))

    result = tfc.search.sensitivity(
        model, digits[1], technique=tfc.pruning.ChannelPruning, metric=metric
    )
    assert result.parts.names == ("one", "two")
    graph = read(model)
    whole = tfc.measurement.summary(model)
    for ratio in RATIOS:
        for group, channels in local_cuts(graph, ratio).items():
            small = build(remove_channels(graph, {group: channels}), keras=library)
            (row,) = [r for r in result[group.name] if r.ratio == ratio]
            assert row.quality == pytest.approx(metric(small, digits[1]), rel=1e-4)
            left = tfc.measurement.summary(small)
            assert row.saved == {
                "multiply-adds": whole.multiply_adds - left.multiply_adds,
                "weights": whole.parameters - left.parameters,
            }


@pytest.mark.parametrize("name", ["attention", "recurrent", "normalized", "scored"])
def test_every_kind_of_group_is_measured_as_if_it_were_gone(name):
    """Heads, their widths, recurrent units, means over channels, products."""
    model = getattr(channel_models, name)()
    shape = model.inputs[0].shape[1:]
    x = np.random.default_rng(0).integers(0, 7, (4, *shape))
    x = x.astype(model.inputs[0].dtype)

    def metric(model, data):
        return float(np.sum(np.asarray(model(data)) * np.arange(1, 3)))

    settings = tfc.pruning.ChannelPruning(0.5, round_to=1)
    result = tfc.search.sensitivity(model, x, technique=settings, metric=metric)
    assert result.rows
    for row in result.rows:
        own = tfc.pruning.ChannelPruning({row.name: row.ratio}, round_to=1)
        small = own.apply(model)
        assert row.quality == pytest.approx(metric(small, x), rel=1e-3, abs=1e-4)
        if row.ratio > 0.3:
            assert sum(row.saved.values()) > 0


def test_heads_of_attention(digits):
    keras.utils.clear_session()
    model = block_models.transformer()
    x = np.random.default_rng(0).integers(0, 7, (20, 5)).astype("int32")
    result = tfc.search.sensitivity(
        model,
        x,
        technique=tfc.pruning.HeadPruning(0.5),
        metric=lambda model, data: float(np.mean(np.asarray(model(data)))),
        ratios=[0.5],
    )
    assert result.parts.names == ("attention1:heads", "attention2:heads")


def test_budget_of_multiply_adds_is_that_of_the_smaller_model(chain, digits):
    result = tfc.search.sensitivity(chain, digits[1][0], metric="agreement")
    for share in (0.8, 0.5, 0.3):
        allocation = result.allocate(macs=share)
        graph = read(chain)
        removals = {
            group: cuts[group]
            for ratio in RATIOS
            for cuts in [local_cuts(graph, ratio)]
            for group in cuts
            if allocation[group.name] == ratio
        }
        groups = {group.name: group for group in find_groups(graph)}
        removals = {groups[group.name]: cut for group, cut in removals.items()}
        small = build(remove_channels(graph, removals), keras="keras")
        left = tfc.measurement.summary(small).multiply_adds
        assert allocation.after == left <= share * allocation.before
    assert result.allocate(weights=0.5).counted == "weights"
    whole = result.parts.cost({}, "multiply-adds")
    assert result.allocate(macs=whole - 1).after < whole
    with pytest.raises(ArgumentError, match=r"every part at 0.75 it comes to [\d,]+$"):
        result.allocate(macs=10)


def test_models_within_the_model(either_keras, digits):
    either_keras.utils.set_random_seed(0)  # A weight that starts as zero saves nothing.
    layers = either_keras.layers
    inner = either_keras.Sequential(
        [layers.Input((64,)), layers.Dense(16, activation="relu", name="hidden")],
        name="backbone",
    )
    x = layers.Input((8, 8, 1))
    y = layers.Dense(10, name="hidden")(inner(layers.Flatten()(x)))
    model = either_keras.Model(x, y)
    result = tfc.search.sensitivity(model, digits[1], technique="weight", ratios=[0.5])
    assert len(result.parts.names) == 2
    saved = {row.name: row.saved["weights"] for row in result.rows}
    assert sorted(saved.values()) == [80, 512]
    for name, count in saved.items():
        # The technique finds the layer by the name that the search gave it.
        pruning = tfc.pruning.MagnitudePruning(0.5, layers={name: None})
        pruning.apply(model)
        assert len(pruning.account.applied) == 1
        (layer,) = result.parts.changed(name, 0.5)
        kernel = layer.weight("kernel")
        assert kernel.size == 2 * count == 2 * np.count_nonzero(kernel == 0)
    channels = tfc.search.sensitivity(model, digits[1], ratios=[0.5])
    assert len(channels.rows) == 1


def test_settings_of_the_technique_are_used(classifier, digits):
    ignoring = tfc.pruning.MagnitudePruning(0.5, ignored=["logits"])
    result = tfc.search.sensitivity(
        classifier, digits[1], technique=ignoring, ratios=[0.5]
    )
    assert result.parts.names == ("conv1", "conv2")
    assert result.parts.skipped["logits"] == "ignored by choice"


@pytest.mark.parametrize("metric", ["accuracy", "macro_recall", "macro_f1"])
def test_metrics(classifier, digits, metric):
    result = tfc.search.sensitivity(
        classifier, digits[1], technique="weight", metric=metric, ratios=[0.5]
    )
    quality = tfc.measurement.evaluate(classifier, digits[1])
    assert result.baseline == pytest.approx(getattr(quality, metric))


# The cache.


class Interrupted:
    """A metric that counts its calls and stops the search at one of them."""

    def __init__(self, stop=None):
        self.calls, self.stop = 0, stop

    def __call__(self, model, data):
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        return accuracy(model, data)


def test_an_interrupted_search_goes_on(classifier, digits, tmp_path):
    arguments = {"technique": "weight", "cache": tmp_path / "cache.jsonl"}
    metric = Interrupted(stop=5)
    with pytest.raises(KeyboardInterrupt):
        tfc.search.sensitivity(classifier, digits[1], metric=metric, **arguments)
    metric = Interrupted()
    result = tfc.search.sensitivity(classifier, digits[1], metric=metric, **arguments)
    assert metric.calls == 10 - 4
    whole = tfc.search.sensitivity(classifier, digits[1], technique="weight")
    assert [r.quality for r in result.rows] == pytest.approx(
        [r.quality for r in whole.rows]
    )
    metric = Interrupted()
    again = tfc.search.sensitivity(classifier, digits[1], metric=metric, **arguments)
    assert metric.calls == 0
    assert again.rows == result.rows
    metric = Interrupted()
    more = tfc.search.sensitivity(
        classifier, digits[1], metric=metric, ratios=(0.25, 0.9), **arguments
    )
    assert metric.calls == 3
    assert more.ratios == (0.25, 0.9)


def test_measurements_of_other_models_and_data_are_not_used(
    classifier, digits, tmp_path
):
    cache = tmp_path / "cache.jsonl"

    def calls(model, data, **arguments):
        metric = Interrupted()
        arguments = {"technique": "weight", "ratios": [0.5], **arguments}
        tfc.search.sensitivity(model, data, metric=metric, cache=cache, **arguments)
        return metric.calls

    (x, y), graph = digits[1], read(classifier)
    assert calls(classifier, (x, y)) == 4
    assert calls(build(graph, keras="keras"), (x, y)) == 0
    order = np.random.default_rng(0).permutation(len(x))
    assert calls(classifier, (x[order], y[order])) == 0
    assert calls(classifier, (x, (y + 1) % 10)) == 4
    changed = build(graph, keras="keras")
    changed.get_layer("conv1").kernel.assign(2 * changed.get_layer("conv1").kernel)
    assert calls(changed, (x, y)) == 4
    blocks = tfc.pruning.MagnitudePruning(0.7, structure=(4, 1))
    assert calls(classifier, (x, y), technique=blocks) == 2
    other = tfc.pruning.MagnitudePruning(0.7)
    assert calls(classifier, (x, y), technique=other) == 0


def test_functions_of_one_name_do_not_share_measurements(classifier, digits, tmp_path):
    arguments = {"technique": "weight", "ratios": [0.5], "cache": tmp_path / "cache"}
    metrics = [lambda model, data: 0.25, lambda model, data: 0.75]
    for metric, number in zip(metrics, (0.25, 0.75), strict=True):
        result = tfc.search.sensitivity(
            classifier, digits[1], metric=metric, **arguments
        )
        assert result.baseline == number


def test_a_cache_with_an_importance_that_holds_data(classifier, digits, tmp_path):
    technique = tfc.pruning.ChannelPruning(
        0.5, importance=tfc.pruning.importance.Taylor(digits[1], "mse")
    )
    with pytest.raises(ArgumentError, match="leave cache out. Received: cache='"):
        tfc.search.sensitivity(
            classifier, digits[1], technique=technique, cache=tmp_path / "cache"
        )


# How it shows itself.


def test_it_prints_itself(by_weight):
    text = str(by_weight)
    row = by_weight["conv2"][1]
    assert f"{row.quality:.4f}" in text
    assert f"{by_weight.baseline:.4f} for the whole model" in text
    assert "conv1" in text
    console = Console(file=io.StringIO(), width=100)
    console.print(by_weight)
    assert "logits" in console.file.getvalue()
    values = json.loads(by_weight.to_json())
    assert len(values["rows"]) == 9
    assert values["rows"][4]["quality"] == row.quality


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_it_draws_itself(by_weight, tmp_path, kind, start):
    path = tmp_path / f"plot.{kind}"
    by_weight.plot(path)
    content = path.read_bytes()
    assert content.startswith(start)
    by_weight.plot(path)
    assert path.read_bytes() == content


def test_other_pictures(by_weight, tmp_path):
    with pytest.raises(ArgumentError, match=r"\.png.*Received: path='.*plot\.txt'"):
        by_weight.plot(tmp_path / "plot.txt")
    with pytest.raises(ArgumentError, match="Received: name='conv3'"):
        by_weight["conv3"]


# Bad input.


@pytest.mark.parametrize("ratios", [[], [0.0], [1.0], [0.5, -0.1], ["half"], [True]])
def test_ratios_out_of_range(classifier, digits, ratios):
    with pytest.raises(ArgumentError, match=r"between 0 and 1. Received: ratios="):
        tfc.search.sensitivity(classifier, digits[1], ratios=ratios)


@pytest.mark.parametrize(
    "technique",
    ["channels", None, tfc.pruning.LayerPruning, tfc.pruning.ThresholdPruning, 3],
)
def test_other_techniques(classifier, digits, technique):
    with pytest.raises(ArgumentError, match='must be "channel", "weight"'):
        tfc.search.sensitivity(classifier, digits[1], technique=technique)


def test_other_metrics(classifier, digits):
    with pytest.raises(ArgumentError, match="Received: metric='speed'"):
        tfc.search.sensitivity(classifier, digits[1], metric="speed")
    for value in (float("nan"), "good", [1.0, 2.0]):
        with pytest.raises(DataError, match="one finite number"):
            tfc.search.sensitivity(
                classifier,
                digits[1],
                technique="weight",
                metric=lambda model, data, value=value: value,
            )


def test_labels_are_needed_for_accuracy(classifier, digits):
    with pytest.raises(DataError, match="Labels are needed"):
        tfc.search.sensitivity(classifier, digits[1][0], technique="weight")


@pytest.mark.parametrize("metric", ["accuracy", "agreement"])
@pytest.mark.parametrize("shape", [(7, 8, 1), (8,), (8, 8, 3)])
def test_data_of_another_shape(classifier, metric, shape):
    data = np.zeros((5, *shape), "float32"), np.zeros(5, int)
    wanted = r"of shapes \[\(None, 8, 8, 1\)\]. Received: x of shapes \[\(5, "
    with pytest.raises(DataError, match=wanted):
        tfc.search.sensitivity(classifier, data, technique="weight", metric=metric)


def test_data_without_the_axis_of_one_channel(classifier, digits):
    """Keras adds it."""
    x, y = digits[1]
    arguments = {"technique": "weight", "ratios": [0.5]}
    one = tfc.search.sensitivity(classifier, (x[..., 0], y), **arguments)
    assert one.rows == tfc.search.sensitivity(classifier, (x, y), **arguments).rows


def test_structures_of_one_sparsity(classifier, digits):
    with pytest.raises(ArgumentError, match="Received: structure='2:4'"):
        tfc.search.sensitivity(
            classifier,
            digits[1],
            technique=tfc.pruning.MagnitudePruning(structure="2:4"),
        )


def test_models_of_which_nothing_can_be_pruned(digits):
    small = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    small.add(keras.layers.Dense(10))
    with pytest.raises(ModelError, match="No group of channels of the model"):
        tfc.search.sensitivity(small, digits[1])
    with pytest.raises(ModelError, match="no MultiHeadAttention whose heads can go"):
        tfc.search.sensitivity(small, digits[1], technique=tfc.pruning.HeadPruning)
    with pytest.raises(ModelError, match="must be a Keras 3 or tf_keras model"):
        tfc.search.sensitivity("model", digits[1])


def test_caches_that_cannot_be(classifier, digits, tmp_path):
    with pytest.raises(OutputError, match="a folder that exists"):
        tfc.search.sensitivity(
            classifier, digits[1], technique="weight", cache=tmp_path / "no" / "cache"
        )


@pytest.mark.parametrize("weights", [0.0, 1.5, -1, "half", True])
def test_budgets_out_of_range(by_weight, weights):
    with pytest.raises(ArgumentError, match="Received: weights="):
        by_weight.allocate(weights=weights)


def test_budgets_that_are_none(by_weight):
    with pytest.raises(ArgumentError, match="Give one budget"):
        by_weight.allocate()
    with pytest.raises(ArgumentError, match="Give one budget"):
        by_weight.allocate(macs=0.5, weights=0.5)
    with pytest.raises(ArgumentError, match="save no multiply-adds"):
        by_weight.allocate(macs=0.5)
    with pytest.raises(ArgumentError, match="it comes to"):
        by_weight.allocate(weights=0.2)


def test_parts_are_put_back_when_a_metric_fails(classifier, digits):
    parts: list[Parts] = []

    def metric(model, data):
        parts.append(model)
        if len(parts) == 2:
            raise RuntimeError("no more")
        return 0.5

    with pytest.raises(RuntimeError, match="no more"):
        tfc.search.sensitivity(classifier, digits[1], technique="weight", metric=metric)
    np.testing.assert_array_equal(
        parts[1].get_layer("conv1").kernel, classifier.get_layer("conv1").kernel
    )
