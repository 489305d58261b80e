"""Does a phone run the pruned model with sparse kernels? If not, why not."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from tfcompress import graph as graph_module
from tfcompress import keras_compat
from tfcompress.export.conversion.conversion import convert
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.sparse.sparse_nodes import SparseNode, read_nodes
from tfcompress.export.sparse.sparse_rules import Rule, check_rules
from tfcompress.export.targets import find_target

_ADVICE = {
    Rule.STEM: (
        "Begin with ZeroPadding2D(1) and a Conv2D of 3x3, stride 2 and padding='valid' "
        "on 3 channels, and train it so: another padding moves what it looks at."
    ),
    Rule.DEPTHWISE: (
        "Use a DepthwiseConv2D of 3x3 or 5x5 with stride 1 and padding='same', or "
        "stride 2 after ZeroPadding2D(1) or (2) with padding='valid', and train it so."
    ),
    Rule.CONVOLUTION: (
        "Behind the stem use 1x1 convolutions of stride 1, without groups, and "
        "depthwise ones."
    ),
    Rule.OPERATION: (
        "Between stem and pooling use sums, products and element-wise activations "
        "such as ReLU, ReLU6, hard_swish, swish, gelu and sigmoid alone."
    ),
    Rule.POOLING: "End in GlobalAveragePooling2D and a Dense layer.",
    Rule.HEAD: (
        "Use GlobalAveragePooling2D(keepdims=False), and Dense in the place of 1x1 "
        "convolutions behind it. As it is, a file in sparse encoding does not load on "
        "phones."
    ),
    Rule.BRANCH: (
        "Let every layer between stem and pooling give its output to others there "
        "alone, and only once to each."
    ),
    Rule.ZEROS: (
        "Prune the kernels of 1x1 convolutions until more than two thirds of all their "
        "weights together are zero; 80 % is usual."
    ),
}
_REWRITTEN = "Rewritten in `model`, exactly."


@dataclasses.dataclass(frozen=True)
class SparseFailure:
    """One of XNNPACK's rules, and where it is broken.

    Attributes:
        rule: `"stem"`, `"depthwise"`, `"convolution"`, `"operation"`, `"pooling"`,
            `"head"`, `"branch"` or `"zeros"`.
        layer: Name of the layer; empty where it is the network as a whole.
        problem: What is wrong.
        advice: What to do.
        rewritten: Whether the rewritten model keeps the rule.
    """

    rule: str
    layer: str
    problem: str
    advice: str
    rewritten: bool

    def __str__(self) -> str:
        where = f"layer {self.layer!r}" if self.layer else "the network"
        advice = _REWRITTEN if self.rewritten else self.advice
        return f"{self.rule}: {where}: {self.problem}. {advice}"


@dataclasses.dataclass(frozen=True)
class SparseReadiness:
    """Whether XNNPACK runs a model with its sparse kernels. It prints itself.

    Attributes:
        failures: The rules that are broken, and where.
        sparsity: Share of zeros among the weights of the 1x1 convolutions that count.
        model: A model that computes the same and breaks fewer rules; the given model
            itself where nothing can be rewritten.
    """

    failures: tuple[SparseFailure, ...]
    sparsity: float
    model: Any = dataclasses.field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether the given model breaks no rule."""
        return not self.failures

    @property
    def remaining(self) -> tuple[SparseFailure, ...]:
        """The failures that `model` has still."""
        return tuple(failure for failure in self.failures if not failure.rewritten)

    def __str__(self) -> str:
        if self.ready:
            return (
                "Ready for XNNPACK's sparse kernels: "
                f"{self.sparsity:.1%} of the weights of 1x1 convolutions are zero. "
                "Export with sparse=True to a float target."
            )
        count = len(self.failures)
        failures = f"{count} failure{'s' if count > 1 else ''}"
        left = len(self.remaining)
        lines = [f"Not ready for XNNPACK's sparse kernels: {failures}, {left} to do."]
        return "\n".join([*lines, *(f"- {failure}" for failure in self.failures)])


def sparse_ready(model: Any) -> SparseReadiness:
    """Checks a model against the rules of XNNPACK's sparse convolution kernels.

    On CPUs of phones XNNPACK runs 1x1 convolutions with many zeros faster than dense
    ones, 1.3 to 2.4 times in the paper below, but only in networks built for it, and
    from float files in sparse encoding. The model is converted, and the operations of
    the file are checked as XNNPACK checks them. What can be rewritten without changing
    the outputs is: a depthwise 3x3 convolution of stride 2 with `same` padding becomes
    one of 5x5 with two rows of padding on every side, or, on images of odd size, one
    of 3x3 with one row.

    Rewrite last, after training and pruning, for the larger kernels have weights more
    to train. The rewritten model has no models inside it.

    Paper: Elsen et al., Fast Sparse ConvNets, https://arxiv.org/abs/1911.09723. Rules:
    https://github.com/google/XNNPACK/blob/master/src/subgraph.c.

    Args:
        model: A built functional or Sequential model of either Keras, pruned or not.
            It is not changed.

    Returns:
        A `SparseReadiness`: what fails where and what to do, and the rewritten model in
        the same Keras.

    Raises:
        ModelError: If the model is subclassed, unbuilt or still being pruned.
        ExportError: If it cannot be converted.

    Example:
    ```python
    readiness = tfc.export.sparse_ready(model)
    print(readiness)
    if not readiness.remaining:
        tfc.export.to_tflite(
            readiness.model, "sparse.tflite", target="cpu_float32", sparse=True
        )
    ```
    """
    keras_compat.check_model(model)
    keras_compat.check_pruning_done(model)
    graph = graph_module.flatten_models(keras_compat.read(model))
    nodes, outputs, layers = _read_file(graph, model)
    findings, sparsity = check_rules(nodes, outputs)
    names = [layers.get(finding.node, "") for finding in findings]
    paddable = {
        name
        for finding, name in zip(findings, names, strict=True)
        if finding.node is not None and finding.node.paddable
    }
    even, changed = graph_module.pad_evenly(graph, names=paddable)
    failures = tuple(
        SparseFailure(
            rule=str(finding.rule),
            layer=name,
            problem=finding.problem,
            advice=_ADVICE[finding.rule],
            rewritten=finding.rule in (Rule.STEM, Rule.DEPTHWISE) and name in changed,
        )
        for finding, name in zip(findings, names, strict=True)
    )
    if changed:
        keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
        model = keras_compat.build(even, keras=keras, trusted=True)
    return SparseReadiness(failures, sparsity, model)


def _read_file(
    graph: graph_module.Graph, model: Any
) -> tuple[Sequence[SparseNode], Sequence[int], dict[SparseNode | None, str]]:
    """Converts a model, and says from which layer each operation comes.

    Layers get names that the converter does not change but by adding to them.
    """
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    names = list(graph.layers)
    marks = {name: f"at{number}mark" for number, name in enumerate(names)}
    renamed = graph_module.rename_layers(graph, marks)
    copy = keras_compat.in_float32(
        keras_compat.build(renamed, keras=keras, trusted=True)
    )
    content = convert(
        copy, read_signature(copy, 1), find_target("cpu_float32"), samples=None
    )
    nodes, outputs = read_nodes(content)
    layers: dict[SparseNode | None, str] = {}
    for node in nodes:
        convolves = "CONV" in node.kind
        for text in node.names:
            marked = re.findall(r"at(\d+)mark", text)
            found = [graph.layers[names[int(number)]] for number in marked]
            fitting = [layer for layer in found if ("Conv" in layer.kind) is convolves]
            if fitting:  # the last is the operation, what was fused to it comes first
                layers[node] = fitting[-1].name
                break
    return nodes, outputs, layers
