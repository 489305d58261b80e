"""The private parts of Keras that we use are there, and mean what we think."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.keras_compat import internals, operation_names

MODULES = {"keras": keras, "tf_keras": tf_keras}


@pytest.mark.parametrize("name", MODULES)
def test_producer_names_layer_arguments_and_outputs(name):
    module = MODULES[name]
    inputs = module.Input((4,))
    layer = module.layers.Dense(3)
    layer(inputs)
    second = layer(inputs)
    call, index = internals.producer(second, name)
    assert call.layer is layer
    assert call.arguments[0] is inputs
    assert call.outputs[0] is second
    assert index == 0
    assert isinstance(inputs, internals.symbolic_class(name))


@pytest.mark.parametrize("name", MODULES)
def test_own_variables_leave_out_those_of_inner_layers(name):
    module = MODULES[name]
    layer = module.layers.Bidirectional(module.layers.LSTM(2))
    layer(module.Input((3, 4)))
    assert internals.own_variables(layer, name) == []
    inner = list(internals.sublayers(layer, name))
    assert [item.name for item in inner if item.weights] == [
        layer.forward_layer.name,
        layer.backward_layer.name,
    ]


@pytest.mark.parametrize("name", MODULES)
def test_functional_class_is_that_of_functional_models(name):
    module = MODULES[name]
    inputs = module.Input((4,))
    model = module.Model(inputs, module.layers.ReLU()(inputs))
    assert type(model) is internals.functional_class(name)
    assert not internals.overrides_call(model, name)
    assert not internals.overrides_call(module.Sequential([inputs]), name)


def test_masks_are_attached_to_symbolic_tensors():
    for module in MODULES.values():
        x = module.layers.Embedding(5, 2, mask_zero=True)(module.Input((3,)))
        assert internals.implicit_mask(x) is not None
        assert internals.implicit_mask(module.Input((3,))) is None


def test_counterparts_are_found_by_file_and_name():
    from keras.src.applications.convnext import LayerScale

    assert internals.counterpart(LayerScale).__module__.startswith("tf_keras")
    assert internals.counterpart(dict) is None


@pytest.mark.parametrize("name", MODULES)
def test_learning_rates_and_directions_are_found(name):
    optimizer = MODULES[name].optimizers.SGD(0.5)
    assert float(internals.learning_rate(optimizer).numpy()) == 0.5
    assert internals.metric_direction(tf_keras.metrics.MeanSquaredError()) == "down"
    assert internals.metric_direction(tf_keras.metrics.AUC()) == "up"


def test_most_operations_have_a_public_function():
    from keras.src.ops import image, linalg, math, nn, numpy
    from keras.src.ops.operation import Operation

    unnamed = [
        kind.__name__
        for module in (image, linalg, math, nn, numpy)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Operation)
        and kind.__module__ == module.__name__
        and operation_names.operation_name(kind) is None
    ]
    assert unnamed == ["SegmentReduction"]


def test_operations_are_called_with_what_they_were_made_with():
    x = keras.Input((2, 3))
    for result in (keras.ops.mean(x, axis=1), keras.ops.einsum("bij->bji", x)):
        operation = internals.producer(result, "keras")[0].layer
        name = operation_names.operation_name(type(operation))
        made = operation_names.operation_arguments(operation)
        value = np.arange(12.0).reshape(2, 2, 3)
        np.testing.assert_array_equal(
            operation_names.call(name, [value], made), operation(value)
        )
