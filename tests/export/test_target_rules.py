"""Files and their targets: what passes, what fails, and what the error says."""

import dataclasses
import json
import warnings

import flatbuffers
import keras
import numpy as np
import pytest
import tf_keras
from ai_edge_litert import schema_py_generated as schema

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, ExportError
from tfcompress.export import OperationRule, check_target, find_target
from tfcompress.export.signature import read_signature
from tfcompress.export.target_rules import check_named, check_signature

_FLOAT32 = schema.TensorType.FLOAT32
_INT8 = schema.TensorType.INT8
_DEVICES = ["edgetpu", "gpu", "microcontroller", "npu_int8", "npu_int16"]


# What a whole export does -----------------------------------------------------------


def _build(module, name):
    """Builds a network that no device runs wholly; `name` says where it fails."""
    layers = module.layers
    inputs = layers.Input((6, 6, 6, 1) if name == "volumes" else (8, 8, 4), name="x")
    if name == "volumes":
        x = layers.Conv3D(2, 3, name="depth")(inputs)
    elif name == "gelu":
        x = layers.Conv2D(4, 3, activation="gelu", name="smooth")(inputs)
    elif name == "normalization":
        x = layers.LayerNormalization(name="center")(inputs)
    x = layers.Flatten(name="flat")(x)
    return module.Model(inputs, layers.Dense(3, name="scores")(x), name="failing")


def _inputs(model, count=12):
    shape = tuple(model.inputs[0].shape)[1:]
    return np.random.default_rng(0).random((count, *shape)).astype(np.float32)


def _export(model, path, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tfc.export.to_tflite(
            model, path, target=target, representative_data=_inputs(model), **options
        )


@pytest.fixture(scope="module")
def passing():
    keras.utils.set_random_seed(0)
    return build_classifier(keras, activation="softmax", name="passing")


@pytest.fixture(scope="module")
def artifacts(passing, tmp_path_factory):
    """The classifier, exported for each device, which shows that all take it."""
    folder = tmp_path_factory.mktemp("devices")
    return {
        name: _export(passing, folder / f"{name}.tflite", name) for name in _DEVICES
    }


@pytest.mark.parametrize(
    ("name", "door"),
    [
        ("edgetpu", np.uint8),
        ("gpu", np.float32),
        ("microcontroller", np.int8),
        ("npu_int8", np.int8),
        ("npu_int16", np.int16),
    ],
)
def test_each_device_takes_a_classifier(name, door, artifacts, passing):
    file = tfc.measurement.LiteRTModel(artifacts[name])
    assert file.input_details["image"].dtype == door
    assert file.output_details["logits"].dtype == door
    x = _inputs(passing)
    np.testing.assert_allclose(file.predict(x), passing.predict(x, verbose=0), atol=0.1)


def test_dense_kernels_have_one_scale_where_the_target_says_so(artifacts):
    for name in _DEVICES:
        model = schema.ModelT.InitFromPackedBuf(artifacts[name].path.read_bytes(), 0)
        shapes = {tuple(tensor.shape): tensor for tensor in model.subgraphs[0].tensors}
        if name != "gpu":
            single = find_target(name).per_tensor_dense
            assert len(shapes[10, 128].quantization.scale) == (1 if single else 10)
            assert len(shapes[8, 3, 3, 8].quantization.scale) == 8


@pytest.mark.parametrize("module", [keras, tf_keras])
@pytest.mark.parametrize(
    ("network", "target", "layer", "why"),
    [
        ("volumes", "gpu", "depth", "CONV_3D.: it has no such operation .use conv"),
        ("gelu", "microcontroller", "smooth", "GELU.: it has no such .*such as relu"),
    ],
)
def test_layers_that_a_device_lacks(module, network, target, layer, why, tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(ExportError, match=f"layer '{layer}'.*{why}") as caught:
        _export(_build(module, network), path, target)
    assert f"The target {target!r}" in str(caught.value)
    assert "scores" not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("target", ["edgetpu", "npu_int8"])
def test_what_computes_in_float_is_an_error_on_integer_devices(target, tmp_path):
    with pytest.raises(ExportError, match="layer 'center'.*computes in float"):
        _export(_build(keras, "normalization"), tmp_path / "model.tflite", target)


def test_a_cpu_takes_the_same_with_a_note(tmp_path):
    model = _build(keras, "normalization")
    artifact = _export(model, tmp_path / "model.tflite", "cpu_int8")
    assert any("in float" in note for note in artifact.notes)


def test_sparse_kernels_of_a_cpu(tmp_path):
    model = build_classifier(keras, name="sparse")
    kernels = [weight for weight in model.weights if weight.shape == (3, 3, 8, 8)]
    for weight in kernels:
        weight.assign(np.where(np.arange(8) % 4, 0.0, weight.numpy()))
    artifact = _export(model, tmp_path / "model.tflite", "cpu_sparse")
    assert artifact.operations["DENSIFY float32"] == len(kernels)


@pytest.mark.parametrize(
    "target",
    [name for name in tfc.export.TARGETS if name.startswith("cpu_")],
)
def test_what_tflite_lacks_is_an_error_on_every_cpu(target, tmp_path):
    inputs = keras.Input((4,), name="x")
    outputs = keras.ops.erfinv(keras.layers.Dense(4, activation="tanh")(inputs))
    with pytest.raises(ExportError, match="built-in"):
        _export(keras.Model(inputs, outputs), tmp_path / "model.tflite", target)
    assert not list(tmp_path.iterdir())


def test_a_target_of_ones_own_is_checked_as_any(passing, tmp_path):
    rules = [r for r in find_target("gpu").operations if r.name != "MAX_POOL_2D"]
    mine = dataclasses.replace(find_target("gpu"), name="mine", operations=rules)
    with pytest.raises(ExportError, match="'mine'.*layer 'pool.*MAX_POOL_2D"):
        _export(passing, tmp_path / "model.tflite", mine)


# Before the conversion --------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "batch", "message"),
    [
        ("gpu", 4, "runs 1 sample at a time.*batch=4"),
        ("gpu", None, "runs 1 sample at a time.*batch=None"),
        ("microcontroller", None, "every shape before it runs.*batch=None"),
    ],
)
def test_batches_that_a_device_does_not_run(target, batch, message, passing):
    with pytest.raises(ArgumentError, match=message):
        check_signature(read_signature(passing, batch), find_target(target))


def test_sizes_that_a_device_does_not_know():
    inputs = keras.Input((None, 8, 3), name="picture")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    signature = read_signature(model, 1)
    check_signature(signature, find_target("cpu_float32"))
    with pytest.raises(ArgumentError, match="inputs of fixed sizes.*'picture'"):
        check_signature(signature, find_target("npu_int8"))


def test_batches_that_devices_run(passing):
    check_signature(read_signature(passing, None), find_target("cpu_int8"))
    check_signature(read_signature(passing, 4), find_target("microcontroller"))
    check_signature(read_signature(passing, 1), find_target("gpu"))


# Files of one operation, made by hand -----------------------------------------------


def _tensor(shape, kind=_FLOAT32, *, constant=False, scales=0, open_axes=()):
    return {
        "shape": shape,
        "type": kind,
        "constant": constant,
        "scales": scales,
        "open_axes": open_axes,
    }


def _file(kind, inputs, outputs, *, version=1, options=None):
    """Writes a file of one operation whose layer is called `layer`."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    graph.tensors, graph.inputs, graph.outputs = [], [], []
    for number, item in enumerate([*inputs, *outputs]):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name = f"model/layer/part{number}".encode()
        tensor.shape, tensor.type = list(item["shape"]), item["type"]
        if item["open_axes"]:
            axes = enumerate(item["shape"])
            signature = [-1 if n in item["open_axes"] else size for n, size in axes]
            tensor.shapeSignature = signature
        if item["scales"]:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [0.5] * item["scales"]
            tensor.quantization.zeroPoint = [0] * item["scales"]
        if item["constant"]:
            buffer.data = np.ones(4 * int(np.prod(item["shape"], dtype=int)), np.uint8)
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
        if not item["constant"]:
            side = graph.inputs if number < len(inputs) else graph.outputs
            side.append(number)
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = list(range(len(inputs)))
    operator.outputs = list(range(len(inputs), len(inputs) + len(outputs)))
    if options is not None:
        operator.builtinOptions = options
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
    graph.operators = [operator]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _options(kind, **values):
    options = getattr(schema, kind)()
    for name, value in values.items():
        setattr(options, name, value)
    return options


def _target(*operations, **fields):
    plain = find_target("cpu_float32")
    return dataclasses.replace(plain, name="device", operations=operations, **fields)


_PICTURE = _tensor((1, 4, 4, 2))
_KERNEL = _tensor((2, 1, 1, 2), constant=True)
_SUMS = [_tensor((1, 4, 1)), _tensor((1, 1, 3))], [_tensor((1, 4, 3))]


@pytest.mark.parametrize(
    ("rule", "operation", "message"),
    [
        (
            {"version": 1},
            ("RELU", [_PICTURE], [_PICTURE], {"version": 2}),
            "version 2 of the operation, but 1",
        ),
        (
            {"inputs": 3},
            ("ADD", [_PICTURE, _PICTURE], [_PICTURE], {}),
            "2 inputs, but 3",
        ),
        (
            {"ranks": (2, 3)},
            ("RELU", [_PICTURE], [_PICTURE], {}),
            "an input of 4 axes, but 2 or 3",
        ),
        (
            {"types": ("int8",)},
            ("RELU", [_PICTURE], [_PICTURE], {}),
            "an input of float32, but int8",
        ),
        (
            {"weights": ("int8",)},
            ("CONV_2D", [_PICTURE, _KERNEL], [_PICTURE], {}),
            "weights of float32, but int8",
        ),
        (
            {"constant_inputs": (1,)},
            ("MEAN", [_PICTURE, _tensor((2,))], [_tensor((1, 2))], {}),
            "a computed input 1, but a constant",
        ),
        (
            {"options": {"shrinkAxisMask": [0]}},
            (
                "STRIDED_SLICE",
                [_PICTURE],
                [_PICTURE],
                {"options": _options("StridedSliceOptionsT", shrinkAxisMask=2)},
            ),
            "shrinkAxisMask=2, but 0",
        ),
        (
            {"largest_elements": 31},
            ("SOFTMAX", [_PICTURE], [_PICTURE], {}),
            "an input of more than 31 elements",
        ),
        (
            {"one_way_broadcast": True},
            ("MUL", *_SUMS, {}),
            "two inputs, each of them larger than the other in an axis",
        ),
    ],
)
def test_forms_of_operations(rule, operation, message):
    kind, inputs, outputs, more = operation
    content = _file(kind, inputs, outputs, **more)
    target = _target(OperationRule(kind, **rule))
    with pytest.raises(ExportError, match=f"'layer' .{kind}.: it does not take .*"):
        check_target(content, target)
    with pytest.raises(ExportError, match=message):
        check_target(content, target)
    assert check_target(content, _target(kind)) == ()


def test_operations_that_give_nothing_are_named_after_what_they_take():
    file = _file("ASSIGN_VARIABLE", [_PICTURE], [])
    with pytest.raises(ExportError, match="layer 'layer' .ASSIGN_VARIABLE"):
        check_target(file, _target("RELU"))


@pytest.mark.parametrize("module", [keras, tf_keras])
def test_bytes_at_the_door_of_a_cpu(module, tmp_path):
    model = build_classifier(module, name="bytes")
    target = dataclasses.replace(find_target("cpu_int8"), inputs_and_outputs="uint8")
    artifact = _export(model, tmp_path / "model.tflite", target)
    file = tfc.measurement.LiteRTModel(artifact)
    assert file.input_details["image"].dtype == np.uint8
    x = _inputs(model)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(artifact.predict(x), expected, atol=0.1)


def test_weights_of_few_bits():
    kernel = _tensor((3, 4), schema.TensorType.INT4, constant=True, scales=1)
    inputs = [_tensor((1, 4), _INT8, scales=1), kernel]
    file = _file("FULLY_CONNECTED", inputs, [_tensor((1, 3), _INT8, scales=1)])
    with pytest.raises(ExportError, match="weights of int4, but int8 .train it with 8"):
        check_target(file, find_target("microcontroller"))


@pytest.mark.parametrize(
    ("target", "advice"),
    [("npu_int8", "unroll=True"), ("edgetpu", "convolutions over")],
)
def test_recurrent_layers_where_there_are_no_loops(target, advice):
    steps = _tensor((1, 4, 2), _INT8, scales=1)
    with pytest.raises(ExportError, match=f"WHILE.: it has no such .*{advice}"):
        check_target(_file("WHILE", [steps], [steps]), find_target(target))


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ({"ranks": (4,), "types": ("float32",)}, "RELU", [_PICTURE]),
        ({"version": 1, "inputs": 2}, "ADD", [_PICTURE, _PICTURE]),
        ({"largest_elements": 32}, "SOFTMAX", [_PICTURE]),
        ({"one_way_broadcast": True}, "MUL", [_PICTURE, _tensor((1, 1, 1, 2))]),
        ({"constant_inputs": (1,)}, "MEAN", [_PICTURE, _tensor((2,), constant=True)]),
        ({"weights": ("float32",)}, "CONV_2D", [_PICTURE, _KERNEL]),
    ],
)
def test_forms_that_are_taken(rule, kind, inputs):
    content = _file(kind, inputs, [_PICTURE])
    assert check_target(content, _target(OperationRule(kind, **rule))) == ()


@pytest.mark.parametrize(
    ("fields", "tensor", "message"),
    [
        ({"static_shapes": True}, _tensor((1, 4), open_axes=[0]), "shape not known"),
        ({"largest_rank": 3}, _PICTURE, "a tensor of 4 axes .it takes 3"),
        ({"largest_inner_axes": 2}, _PICTURE, "only the last 2 sizes"),
        ({"batch": 1}, _tensor((3, 4)), "a batch of 3 .export with batch=1"),
    ],
)
def test_shapes_that_a_device_does_not_take(fields, tensor, message):
    content = _file("RELU", [tensor], [tensor])
    with pytest.raises(ExportError, match=message):
        check_target(content, _target("RELU", **fields))
    assert check_target(content, _target("RELU")) == ()


def test_unpacked_constants_are_no_tensors_of_the_device():
    packed = _tensor((2, 2, 2, 2, 2), schema.TensorType.FLOAT16, constant=True)
    content = _file("DEQUANTIZE", [packed], [_tensor((2, 2, 2, 2, 2))])
    assert check_target(content, _target("DEQUANTIZE", largest_rank=4)) == ()


def test_types_at_the_door():
    quantized = _tensor((1, 4), _INT8, scales=1)
    tokens = _tensor((1, 4), schema.TensorType.INT32)
    file = _file("GATHER", [_tensor((9, 4), _INT8, constant=True), tokens], [quantized])
    assert check_target(file, find_target("microcontroller")) == ()
    with pytest.raises(ExportError, match="output .*int8 in the place of uint8"):
        check_target(file, find_target("edgetpu"))


def test_scales_of_dense_kernels():
    kernel = _tensor((3, 4), _INT8, constant=True, scales=3)
    inputs = [_tensor((1, 4), _INT8, scales=1), kernel]
    file = _file("FULLY_CONNECTED", inputs, [_tensor((1, 3), _INT8, scales=1)])
    with pytest.raises(ExportError, match="a scale for each channel"):
        check_target(file, find_target("microcontroller"))
    assert check_target(file, find_target("npu_int8")) == ()


def test_odd_channels_are_told():
    kernel = _tensor((6, 1, 1, 2), constant=True)
    content = _file("CONV_2D", [_PICTURE, kernel], [_tensor((1, 4, 4, 6))])
    (note,) = check_target(content, _target("CONV_2D", channel_multiple=4))
    assert "4 channels at a time" in note
    assert note.endswith("Others: layer (6).")
    assert check_target(content, _target("CONV_2D", channel_multiple=3)) == ()


def test_layers_are_called_by_their_names_in_the_model(tmp_path):
    layers = keras.layers
    inputs = keras.Input((8, 8, 4), name="x")
    # Scopes of Keras 3 would call the first one "smooth_1".
    x = layers.Activation("gelu", name="smooth")(layers.Conv2D(4, 3)(inputs))
    outputs = layers.Conv2D(4, 3, name="smooth_1")(x)
    with pytest.raises(ExportError, match=r"Received: layer 'smooth' \(GELU\)"):
        _export(keras.Model(inputs, outputs), tmp_path / "m.tflite", "microcontroller")


def test_names_are_those_of_the_file_where_no_others_are_known():
    content = _file("RELU", [_PICTURE], [_PICTURE])

    def fail():
        raise ExportError("no second file")

    with pytest.raises(ExportError, match="layer 'layer' .RELU.: it has no such"):
        check_named(content, _target("ADD"), fail)
    assert check_named(content, _target("RELU"), fail) == ()


def test_advice_stays_advice_where_the_second_file_is_another_one():
    kernel = _tensor((6, 1, 1, 2), constant=True)
    content = _file("CONV_2D", [_PICTURE, kernel], [_tensor((1, 4, 4, 6))])
    target = _target("CONV_2D", channel_multiple=4)
    notes = check_target(content, target)
    assert check_named(content, target, lambda: _file("RELU", [], [])) == notes
    assert len(notes) == 1


def test_all_faults_of_a_file_are_named_once(artifacts):
    content = artifacts["npu_int8"].path.read_bytes()
    target = dataclasses.replace(find_target("npu_int8"), operations=["RESHAPE"])
    with pytest.raises(ExportError) as caught:
        check_target(content, target)
    for layer in ("conv1", "conv2", "add", "pool", "logits"):
        assert f"'{layer}" in str(caught.value)
    assert str(caught.value).count("MAX_POOL_2D") == 1


def test_a_target_is_part_of_the_account(artifacts):
    account = json.loads(artifacts["gpu"].path.with_suffix(".tflite.json").read_text())
    assert "gpu" in json.dumps(account["target"])
