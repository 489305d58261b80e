"""The rules that XNNPACK's sparse kernels ask of a network, looked at one by one."""

import dataclasses
import enum
from collections.abc import Sequence

from tfcompress.export.sparse.channels_first import enough_zeros
from tfcompress.export.sparse.sparse_nodes import Layout, SparseNode


class Rule(enum.StrEnum):
    """What XNNPACK asks of a network before it uses its sparse kernels."""

    STEM = "stem"
    DEPTHWISE = "depthwise"
    CONVOLUTION = "convolution"
    OPERATION = "operation"
    POOLING = "pooling"
    HEAD = "head"
    BRANCH = "branch"
    ZEROS = "zeros"


@dataclasses.dataclass(frozen=True)
class Finding:
    """A rule that is broken.

    Attributes:
        rule: The rule.
        node: The node that breaks it, or None where it is the network as a whole.
        problem: How.
    """

    rule: Rule
    node: SparseNode | None
    problem: str


def check_rules(
    nodes: Sequence[SparseNode], outputs: Sequence[int]
) -> tuple[list[Finding], float]:
    """Checks a network against all rules, however many it breaks.

    The part that is to run with sparse kernels lies between the first convolution, the
    stem, and the last pooling over height and width.

    Args:
        nodes: The operations, in the order in which they run.
        outputs: Tensors that the file returns.

    Returns:
        What is broken, in the order of the network, and the share of zeros among the
        weights of 1x1 convolutions in this part.
    """
    kinds = {node.kind for node in nodes if node.kernel == (1, 1)}
    if "CONV_2D" not in kinds:
        problem = "it has no 1x1 convolution, and only those have sparse kernels"
        return [Finding(Rule.CONVOLUTION, None, problem)], 0.0
    part = _Part(nodes, outputs)
    found = [*part.check_nodes(), *part.check_ways_out()]
    weights = sum(nodes[index].weights for index in part.inner)
    zeros = sum(nodes[index].zeros for index in part.inner)
    sparsity = zeros / weights if weights else 0.0
    if not enough_zeros(zeros, weights):
        problem = f"{sparsity:.1%} of the weights of 1x1 convolutions are zero"
        found.append(Finding(Rule.ZEROS, None, problem))
    return found, sparsity


class _Part:
    """The part of a network from its stems to its poolings."""

    def __init__(self, nodes: Sequence[SparseNode], outputs: Sequence[int]) -> None:
        self.nodes = nodes
        self.outputs = outputs
        self.producers = {
            tensor: index for index, node in enumerate(nodes) for tensor in node.outputs
        }
        pools = ("MEAN", "SUM", "DEPTH_TO_SPACE")
        self.exits = [
            index
            for index, node in enumerate(nodes)
            if node.layout & Layout.EXIT and node.kind in pools
        ]
        convolutions = [
            index for index, node in enumerate(nodes) if node.kind == "CONV_2D"
        ]
        self.stems: set[int] = set()
        self.inner = self._walk_back(self.exits or convolutions[-1:])

    def _walk_back(self, ends: list[int]) -> list[int]:
        """Returns the nodes before these, up to the stems."""
        behind = self._behind_convolutions()
        inner: set[int] = set()
        waiting = list(ends)
        while waiting:
            index = waiting.pop()
            node = self.nodes[index]
            if index in inner or index in self.stems:
                continue
            first = node.kind == "CONV_2D" and node.kernel != (1, 1)
            if node.layout & Layout.ENTRY or (first and index not in behind):
                self.stems.add(index)
                continue
            inner.add(index)
            waiting += [self.producers[t] for t in node.inputs if t in self.producers]
        return sorted(inner)

    def _behind_convolutions(self) -> set[int]:
        """Returns the nodes with a convolution somewhere before them."""
        behind: set[int] = set()
        for index, node in enumerate(self.nodes):
            for tensor in node.inputs:
                before = self.producers.get(tensor)
                if before is not None and (
                    before in behind or "CONV_2D" in self.nodes[before].kind
                ):
                    behind.add(index)
        return behind

    def check_nodes(self) -> list[Finding]:
        """Checks every node of the part by itself."""
        found = []
        for index in sorted([*self.stems, *self.inner]):
            node = self.nodes[index]
            if index in self.stems:
                if not node.layout & Layout.ENTRY:
                    found.append(Finding(Rule.STEM, node, node.problem))
                continue
            if any(tensor not in self.producers for tensor in node.inputs):
                problem = "it takes the input of the network, with no stem before it"
                found.append(Finding(Rule.STEM, node, problem))
            if not node.layout:
                rules = {
                    "CONV_2D": Rule.CONVOLUTION,
                    "DEPTHWISE_CONV_2D": Rule.DEPTHWISE,
                }
                rule = rules.get(node.kind, Rule.OPERATION)
                found.append(Finding(rule, node, node.problem))
            if len(set(node.inputs)) < len(node.inputs):
                problem = "it takes the same data twice"
                found.append(Finding(Rule.BRANCH, node, problem))
        return found

    def check_ways_out(self) -> list[Finding]:
        """Checks that data leaves the part through pooling alone."""
        found = []
        if not self.exits:
            problem = "it does not end in an average over height and width"
            found.append(Finding(Rule.POOLING, None, problem))
        taken = {tensor for index in self.inner for tensor in self.nodes[index].inputs}
        for tensor in taken.intersection(self.outputs):
            node = self.nodes[self.producers[tensor]]
            found.append(Finding(Rule.BRANCH, node, "the model returns what it gives"))
        inside = {*self.inner, *self.stems}
        for index, node in enumerate(self.nodes):
            before = {self.producers.get(tensor) for tensor in node.inputs} & inside
            if index in inside or not before:
                continue
            carries = node.layout & Layout.INSIDE and not node.layout & Layout.EXIT
            if carries and before <= set(self.exits):
                problem = f"{node.kind} stands behind the pooling on data of four axes"
                found.append(Finding(Rule.HEAD, node, problem))
            elif carries or taken.intersection(node.inputs):
                problem = "it takes data out of the part before the pooling"
                found.append(Finding(Rule.BRANCH, node, problem))
        return found
