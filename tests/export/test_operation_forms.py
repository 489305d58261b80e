"""Forms of operations, shapes and types that devices take, in files made by hand."""

import dataclasses

import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.export.one_operation import INT8, file_of, options_of, tensor
from tfcompress.errors import ExportError
from tfcompress.export import OperationRule, check_target, find_target
from tfcompress.export.target_rules import check_named


def _target(*operations, **fields):
    plain = find_target("cpu_float32")
    return dataclasses.replace(plain, name="device", operations=operations, **fields)


_PICTURE = tensor((1, 4, 4, 2))
_KERNEL = tensor((2, 1, 1, 2), constant=True)
_SUMS = [tensor((1, 4, 1)), tensor((1, 1, 3))], [tensor((1, 4, 3))]


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
            ("MEAN", [_PICTURE, tensor((2,))], [tensor((1, 2))], {}),
            "a computed input 1, but a constant",
        ),
        (
            {"options": {"shrinkAxisMask": [0]}},
            (
                "STRIDED_SLICE",
                [_PICTURE],
                [_PICTURE],
                {"options": options_of("StridedSliceOptionsT", shrinkAxisMask=2)},
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
    content = file_of(kind, inputs, outputs, **more)
    target = _target(OperationRule(kind, **rule))
    with pytest.raises(ExportError, match=f"'layer' .{kind}.: it does not take .*"):
        check_target(content, target)
    with pytest.raises(ExportError, match=message):
        check_target(content, target)
    assert check_target(content, _target(kind)) == ()


def test_operations_that_give_nothing_are_named_after_what_they_take():
    file = file_of("ASSIGN_VARIABLE", [_PICTURE], [])
    with pytest.raises(ExportError, match="layer 'layer' .ASSIGN_VARIABLE"):
        check_target(file, _target("RELU"))


def test_weights_of_few_bits():
    kernel = tensor((3, 4), schema.TensorType.INT4, constant=True, scales=1)
    inputs = [tensor((1, 4), INT8, scales=1), kernel]
    file = file_of("FULLY_CONNECTED", inputs, [tensor((1, 3), INT8, scales=1)])
    with pytest.raises(ExportError, match="weights of int4, but int8 .train it with 8"):
        check_target(file, find_target("microcontroller"))


def test_slices_of_many_axes_on_a_microcontroller():
    parts = [tensor((1, 2, 2, 2, 2), INT8, scales=1)] * 2
    with pytest.raises(ExportError, match="STRIDED_SLICE.: .* input of 5 axes"):
        check_target(
            file_of("STRIDED_SLICE", parts[:1], parts[1:]),
            find_target("microcontroller"),
        )


@pytest.mark.parametrize(
    ("target", "advice"),
    [("npu_int8", "unroll=True"), ("edgetpu", "convolutions over")],
)
def test_recurrent_layers_where_there_are_no_loops(target, advice):
    steps = tensor((1, 4, 2), INT8, scales=1)
    with pytest.raises(ExportError, match=f"WHILE.: it has no such .*{advice}"):
        check_target(file_of("WHILE", [steps], [steps]), find_target(target))


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ({"ranks": (4,), "types": ("float32",)}, "RELU", [_PICTURE]),
        ({"version": 1, "inputs": 2}, "ADD", [_PICTURE, _PICTURE]),
        ({"largest_elements": 32}, "SOFTMAX", [_PICTURE]),
        ({"one_way_broadcast": True}, "MUL", [_PICTURE, tensor((1, 1, 1, 2))]),
        ({"constant_inputs": (1,)}, "MEAN", [_PICTURE, tensor((2,), constant=True)]),
        ({"weights": ("float32",)}, "CONV_2D", [_PICTURE, _KERNEL]),
    ],
)
def test_forms_that_are_taken(rule, kind, inputs):
    content = file_of(kind, inputs, [_PICTURE])
    assert check_target(content, _target(OperationRule(kind, **rule))) == ()


@pytest.mark.parametrize(
    ("fields", "part", "message"),
    [
        ({"static_shapes": True}, tensor((1, 4), open_axes=[0]), "shape not known"),
        ({"largest_rank": 3}, _PICTURE, "a tensor of 4 axes .it takes 3"),
        ({"largest_inner_axes": 2}, _PICTURE, "only the last 2 sizes"),
        ({"batch": 1}, tensor((3, 4)), "a batch of 3 .export with batch=1"),
    ],
)
def test_shapes_that_a_device_does_not_take(fields, part, message):
    content = file_of("RELU", [part], [part])
    with pytest.raises(ExportError, match=message):
        check_target(content, _target("RELU", **fields))
    assert check_target(content, _target("RELU")) == ()


def test_unpacked_constants_are_no_tensors_of_the_device():
    packed = tensor((2, 2, 2, 2, 2), schema.TensorType.FLOAT16, constant=True)
    content = file_of("DEQUANTIZE", [packed], [tensor((2, 2, 2, 2, 2))])
    assert check_target(content, _target("DEQUANTIZE", largest_rank=4)) == ()


def test_types_at_the_door():
    quantized = tensor((1, 4), INT8, scales=1)
    tokens = tensor((1, 4), schema.TensorType.INT32)
    file = file_of("GATHER", [tensor((9, 4), INT8, constant=True), tokens], [quantized])
    assert check_target(file, find_target("microcontroller")) == ()
    with pytest.raises(ExportError, match="output .*int8 in the place of uint8"):
        check_target(file, find_target("edgetpu"))


def test_scales_of_dense_kernels():
    kernel = tensor((3, 4), INT8, constant=True, scales=3)
    inputs = [tensor((1, 4), INT8, scales=1), kernel]
    file = file_of("FULLY_CONNECTED", inputs, [tensor((1, 3), INT8, scales=1)])
    with pytest.raises(ExportError, match="a scale for each channel"):
        check_target(file, find_target("microcontroller"))
    assert check_target(file, find_target("npu_int8")) == ()


def test_odd_channels_are_told():
    kernel = tensor((6, 1, 1, 2), constant=True)
    content = file_of("CONV_2D", [_PICTURE, kernel], [tensor((1, 4, 4, 6))])
    (note,) = check_target(content, _target("CONV_2D", channel_multiple=4))
    assert "4 channels at a time" in note
    assert note.endswith("Others: layer (6).")
    assert check_target(content, _target("CONV_2D", channel_multiple=3)) == ()


def test_names_are_those_of_the_file_where_no_others_are_known():
    content = file_of("RELU", [_PICTURE], [_PICTURE])

    def fail():
        raise ExportError("no second file")

    with pytest.raises(ExportError, match="layer 'layer' .RELU.: it has no such"):
        check_named(content, _target("ADD"), fail)
    assert check_named(content, _target("RELU"), fail) == ()


def test_advice_stays_advice_where_the_second_file_is_another_one():
    kernel = tensor((6, 1, 1, 2), constant=True)
    content = file_of("CONV_2D", [_PICTURE, kernel], [tensor((1, 4, 4, 6))])
    target = _target("CONV_2D", channel_multiple=4)
    notes = check_target(content, target)
    assert check_named(content, target, lambda: file_of("RELU", [], [])) == notes
    assert len(notes) == 1
