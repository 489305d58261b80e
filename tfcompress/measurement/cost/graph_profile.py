"""What a Keras model costs, layer by layer."""

from tfcompress.graph import Graph, Node, Tensor
from tfcompress.graph.graph import tensors
from tfcompress.measurement.cost.distribution import distribution, join
from tfcompress.measurement.cost.effective_multiply_adds import (
    count_effective_multiply_adds,
)
from tfcompress.measurement.cost.energy import estimate_energy
from tfcompress.measurement.cost.liveness import alive_bytes
from tfcompress.measurement.cost.profile_result import LayerProfile, Profile
from tfcompress.measurement.cost.summary import (
    describe_calls,
    output_bytes,
    summarize_graph,
)
from tfcompress.measurement.cost.weights import is_kernel


def profile_graph(graph: Graph) -> Profile:
    """Does what `profile` does, of a model as plain data.

    Args:
        graph: A graph without models inside it, whose nodes know their shapes.

    Returns:
        The `Profile`.
    """
    summary = summarize_graph(graph)
    calls = describe_calls(graph)
    sizes = {
        Tensor(node.name, index): size
        for node, call in zip(graph.nodes, calls, strict=True)
        for index, size in enumerate(output_bytes(node, call))
    }
    computed = [
        (node, call, row)
        for node, call, row in zip(graph.nodes, calls, summary.layers, strict=True)
        if graph.layer_of(node).kind != "InputLayer"
    ]
    steps = [(node.inputs(), _given(node)) for node, _, _ in computed]
    alive = alive_bytes(steps, sizes, set(tensors(graph.outputs)))
    rows = []
    seen: set[str] = set()
    for (node, call, row), bytes_alive in zip(computed, alive, strict=True):
        layer = graph.layer_of(node)
        weights = () if node.layer in seen else layer.weights
        seen.add(node.layer)
        values = join(
            [distribution(w.value) for w in weights if is_kernel(w.path, w.value)]
        )
        flowing = sum(sizes[tensor] for tensor in {*node.inputs(), *_given(node)})
        rows.append(
            LayerProfile(
                name=row.name,
                kind=row.kind,
                parameters=row.parameters,
                kernel_parameters=row.kernel_parameters,
                zeros=row.zeros,
                unique_values=values.unique_values,
                entropy_bits=values.entropy_bits,
                multiply_adds=row.multiply_adds,
                effective_multiply_adds=count_effective_multiply_adds(layer, call),
                activation_bytes=row.activation_bytes,
                alive_bytes=bytes_alive,
                energy=estimate_energy(
                    multiply_adds=row.multiply_adds,
                    dtype=node.outputs[0].dtype if node.outputs else "float32",
                    weight_bytes=sum(weight.value.nbytes for weight in weights),
                    activation_bytes=flowing,
                ),
            )
        )
    notes: tuple[str, ...] = ()
    if summary.uncounted:
        names = ", ".join(summary.uncounted)
        notes = (f"Multiply-adds not known, and counted as 0: {names}.",)
    return Profile(graph.name, tuple(rows), notes)


def _given(node: Node) -> list[Tensor]:
    return [Tensor(node.name, index) for index in range(len(node.outputs))]
