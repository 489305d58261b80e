"""Ways to damage a `.tflite` file, each decided by a seed."""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

WHOLE = [-(2**31), -2, -1, 0, 1, 2, 3, 7, 255, 4096, 2**20, 2**31 - 1]


def damage(content, seed):
    """Returns a damaged copy of a file, and the name of the way it was damaged."""
    generator = np.random.default_rng(seed)
    way = WAYS[generator.integers(len(WAYS))]
    return way(content, generator), way.__name__


def flip_bits(content, generator):
    """Flips a bit here and there."""
    data = bytearray(content)
    for place in generator.integers(len(data), size=generator.integers(1, 9)):
        data[place] ^= 1 << generator.integers(8)
    return bytes(data)


def overwrite_run(content, generator):
    """Overwrites bytes that stand together."""
    data = bytearray(content)
    start = generator.integers(len(data))
    stop = min(len(data), start + generator.integers(1, 65))
    filler = generator.integers(3)
    for place in range(start, stop):
        data[place] = (0, 255, generator.integers(256))[filler]
    return bytes(data)


def truncate(content, generator):
    """Leaves the end out."""
    return content[: generator.integers(1, len(content))]


def shift_rest(content, generator):
    """Takes bytes out of the middle, or puts some in."""
    start = int(generator.integers(len(content)))
    count = int(generator.integers(1, 9))
    if generator.integers(2):
        return content[:start] + content[start + count :]
    return content[:start] + generator.bytes(count) + content[start:]


def swap_words(content, generator):
    """Swaps two words of four bytes among the tables, where the offsets are."""
    words = np.frombuffer(content[: len(content) // 4 * 4], np.uint32).copy()
    likely = np.flatnonzero((words > 0) & (words < len(content)))
    first, second = generator.choice(likely, 2)
    words[[first, second]] = words[[second, first]]
    return words.tobytes() + content[len(content) // 4 * 4 :]


def change_word(content, generator):
    """Changes a small word of four bytes: an offset, a size, an index."""
    words = np.frombuffer(content[: len(content) // 4 * 4], np.uint32).copy()
    likely = np.flatnonzero(words < len(content))
    words[generator.choice(likely)] = generator.integers(2 * len(content))
    return words.tobytes() + content[len(content) // 4 * 4 :]


def change_fields(content, generator):
    """Changes one to three fields of a file that stays well formed."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for _ in range(generator.integers(1, 4)):
        change = CHANGES[generator.integers(len(CHANGES))]
        graph = _one(generator, model.subgraphs)
        change(model, graph, generator)
    try:
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    except Exception:  # what cannot be written is no file
        return change_fields(content, generator)


def change_fields_again(content, generator):
    """Does `change_fields`, which finds the most, once more often."""
    return change_fields(content, generator)


def _one(generator, things):
    return things[generator.integers(len(things))]


def _any_number(generator):
    return int(_one(generator, WHOLE))


def _tensor(graph, generator):
    return _one(generator, graph.tensors)


def _operator(graph, generator):
    return _one(generator, graph.operators)


def _change_size(model, graph, generator):
    tensor = _tensor(graph, generator)
    if tensor.shape is not None and len(tensor.shape):
        sizes = [int(size) for size in tensor.shape]
        sizes[generator.integers(len(sizes))] = _any_number(generator)
        tensor.shape = sizes


def _change_rank(model, graph, generator):
    tensor = _tensor(graph, generator)
    sizes = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    tensor.shape = [*sizes, 1] if generator.integers(2) else sizes[:-1]


def _change_type(model, graph, generator):
    _tensor(graph, generator).type = int(generator.integers(-1, 20))


def _change_buffer(model, graph, generator):
    tensor = _tensor(graph, generator)
    tensor.buffer = int(generator.integers(0, len(model.buffers) + 2))


def _change_data(model, graph, generator):
    buffer = model.buffers[_tensor(graph, generator).buffer]
    if buffer.data is not None and len(buffer.data):
        data = np.array(buffer.data, np.uint8)
        if generator.integers(2):
            data = data[: generator.integers(len(data))]
        else:
            data[:] = generator.integers(256, size=len(data))
        buffer.data = data


def _change_operand(model, graph, generator):
    operator = _operator(graph, generator)
    side = "inputs" if generator.integers(4) else "outputs"
    places = [] if getattr(operator, side) is None else list(getattr(operator, side))
    if places:
        places[generator.integers(len(places))] = int(
            generator.integers(-2, len(graph.tensors) + 2)
        )
    setattr(operator, side, [int(place) for place in places])


def _drop_operand(model, graph, generator):
    operator = _operator(graph, generator)
    side = "inputs" if generator.integers(2) else "outputs"
    places = getattr(operator, side)
    setattr(operator, side, [] if places is None else [int(p) for p in places[:-1]])


def _change_operation(model, graph, generator):
    operator = _operator(graph, generator)
    if generator.integers(2):
        operator.opcodeIndex = int(generator.integers(len(model.operatorCodes) + 2))
    else:
        code = model.operatorCodes[operator.opcodeIndex % len(model.operatorCodes)]
        code.builtinCode = int(generator.integers(0, 209))
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def _change_options(model, graph, generator):
    options = _operator(graph, generator).builtinOptions
    fields = [name for name, value in vars(options or object).items() if _whole(value)]
    if options is not None and fields:
        setattr(options, _one(generator, fields), _small(generator))


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _small(generator):
    return int(generator.choice([-1, 0, 1, 2, 3, 5, 100, 127]))


def _drop_options(model, graph, generator):
    operator = _operator(graph, generator)
    operator.builtinOptions, operator.builtinOptionsType = None, 0


def _change_scale(model, graph, generator):
    quantization = _tensor(graph, generator).quantization
    if quantization is None or quantization.scale is None:
        return
    scale = [float(value) for value in quantization.scale]
    if scale and generator.integers(2):
        scale[0] = float(_one(generator, [0.0, -1.0, np.nan, np.inf, 1e30, 1e-30]))
        quantization.scale = scale
    else:
        quantization.scale = scale[:-1] if generator.integers(2) else [*scale, 1.0]


def _change_zero_point(model, graph, generator):
    quantization = _tensor(graph, generator).quantization
    if quantization is not None:
        quantization.zeroPoint = [_any_number(generator)] * int(generator.integers(3))
        quantization.quantizedDimension = int(generator.integers(-1, 6))


def _change_sparsity(model, graph, generator):
    sparse = [tensor for tensor in graph.tensors if tensor.sparsity is not None]
    if not sparse:
        return
    sparsity = _one(generator, sparse).sparsity
    axis = _one(generator, sparsity.dimMetadata)
    which = generator.integers(4)
    if which == 0:
        sparsity.traversalOrder = [_any_number(generator)]
    elif which == 1:
        axis.denseSize = _any_number(generator)
    elif which == 2:
        axis.format = 1 - axis.format
    elif axis.arrayIndices is not None:
        values = np.array(axis.arrayIndices.values)
        values[generator.integers(len(values))] = generator.integers(256)
        axis.arrayIndices.values = values


def _change_graph(model, graph, generator):
    side = "inputs" if generator.integers(2) else "outputs"
    count = int(generator.integers(0, 4))
    places = generator.integers(-1, len(graph.tensors) + 2, size=count)
    setattr(graph, side, [int(place) for place in places])


def _change_called_graph(model, graph, generator):
    for operator in graph.operators:
        if isinstance(operator.builtinOptions, schema.WhileOptionsT):
            operator.builtinOptions.condSubgraphIndex = int(generator.integers(-1, 4))
            operator.builtinOptions.bodySubgraphIndex = int(generator.integers(-1, 4))


def _change_signature(model, graph, generator):
    for signature in model.signatureDefs or []:
        for entry in [*signature.inputs, *signature.outputs]:
            if generator.integers(2):
                entry.tensorIndex = int(generator.integers(len(graph.tensors) + 3))
            elif generator.integers(2):
                entry.name = None
        signature.subgraphIndex = int(generator.integers(3))


def _swap_operators(model, graph, generator):
    operators = graph.operators
    first, second = generator.integers(len(operators), size=2)
    operators[first], operators[second] = operators[second], operators[first]


def _repeat_operator(model, graph, generator):
    graph.operators.append(copy.deepcopy(_operator(graph, generator)))


def _drop_name(model, graph, generator):
    _tensor(graph, generator).name = None


def _change_variable(model, graph, generator):
    tensor = _tensor(graph, generator)
    tensor.isVariable = not tensor.isVariable


WAYS = [
    flip_bits,
    overwrite_run,
    truncate,
    shift_rest,
    swap_words,
    change_word,
    change_fields,
    change_fields_again,
]
CHANGES = [
    _change_size,
    _change_rank,
    _change_type,
    _change_buffer,
    _change_data,
    _change_operand,
    _drop_operand,
    _change_operation,
    _change_options,
    _drop_options,
    _change_scale,
    _change_zero_point,
    _change_sparsity,
    _change_graph,
    _change_called_graph,
    _change_signature,
    _swap_operators,
    _repeat_operator,
    _drop_name,
    _change_variable,
]
