"""Layer pruning: whole residual blocks that matter little go."""

import dataclasses
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, NothingToPruneError
from tfcompress.graph import Block, Graph, find_blocks, remove_blocks
from tfcompress.measurement.quality.fitting import check_fits
from tfcompress.pruning.block_importance import MEASURES, GatedModel
from tfcompress.pruning.structured import check_prunable, match_names, read_plain
from tfcompress.technique import Account, Technique


@dataclasses.dataclass(frozen=True)
class LayerAccount(Account):
    """Which blocks were removed and which stayed, with what was measured.

    A block has the name of the addition in which it ends.

    Attributes:
        applied: Names of the blocks that were removed, in the order of their removal.
        skipped: Names of the blocks that stayed, and why.
        notes: For each removed block what was measured and which layers went with it.
        importance: For each block what was measured last with it left out: at its
            removal, or beside those removed before.
    """

    importance: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"removed {name}: {self.notes[name]}" for name in self.applied]
        lines += [f"kept {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


class LayerPruning(Technique):
    """Removes whole residual blocks, those whose absence is felt least.

    A block is what stands between a tensor and the addition `x + f(x)`: a block of a
    residual network, the attention or the dense layers of a transformer. Each is left
    out in turn, the model is run on data, and the block that changes its answers least
    is removed; then the others are measured again. The smaller model computes what the
    model computes with these branches multiplied by zero. Train it on afterwards. Veit
    et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
    2016, https://arxiv.org/abs/1605.06431; Men et al., "ShortGPT", 2024,
    https://arxiv.org/abs/2403.03853.

    Args:
        blocks: How many blocks to remove: a whole number from 1 up, or a share in
            (0, 1) of those that can be removed, rounded, one at least. A block that
            went within another is not counted.
        data: Inputs to measure on, or inputs and labels, in a form that
            `tfcompress.data.batches` accepts; some hundred samples are enough. It is
            read once for every block removed. It is not part of `get_config`.
        importance: What is measured when a block is left out. `"distance"` is the
            squared distance of the outputs from those of the whole model, as a share
            of their squares, for models of any kind; `"divergence"` the
            Kullback-Leibler divergence, in nats, of the class probabilities from those
            of the whole model, the better guide for classifiers; `"loss"` the rise of
            the cross-entropy with the labels.
        ignored: Names of blocks that stay, or of layers whose blocks stay, or patterns
            of them, such as `"stage1_*"`.

    Attributes:
        account: A `LayerAccount`.

    Raises:
        ArgumentError: If an argument is outside what is allowed.

    Example:
    ```python
    import numpy as np
    import keras
    import tfcompress as tfc

    x = keras.Input((8,))
    y = keras.layers.Dense(4)(x)
    for number in range(4):
        z = keras.layers.Dense(4, activation="relu")(y)
        y = keras.layers.Add(name=f"block{number}")([y, z])
    model = keras.Model(x, keras.layers.Dense(2)(y))

    pruning = tfc.pruning.LayerPruning(2, data=np.random.rand(32, 8))
    small = pruning.apply(model)
    print(pruning.account)
    ```
    """

    def __init__(
        self,
        blocks: float,
        *,
        data: Any = None,
        importance: str = "distance",
        ignored: Sequence[str] = (),
    ):
        self.blocks = _check_blocks(blocks)
        if importance not in MEASURES:
            raise ArgumentError(
                f"importance must be one of {sorted(MEASURES)}. Received: "
                f"importance={importance!r}"
            )
        if isinstance(ignored, str):
            raise ArgumentError(
                f"ignored must be a list of names. Received: ignored={ignored!r}"
            )
        self.data = data
        self.importance = importance
        self.ignored = tuple(ignored)

    def apply(self, model: Any) -> Any:
        """Returns a smaller model, ready to be used or trained on.

        Args:
            model: A built functional or Sequential model of either Keras. It is not
                changed. Models inside it are dissolved into their layers.

        Returns:
            A plain model of the same Keras, with weights of its own, the same names
            and without the blocks.

        Raises:
            ModelError: If the model is subclassed, not built, or still being pruned or
                made quantization-aware, or if it has no block that can be removed.
            ArgumentError: If it has fewer than asked for, if a name in `ignored`
                matches nothing, or if no data was given.
            DataError: If the data does not fit the model.
        """
        check_prunable(model)
        keras = keras_compat.origin_of(model)
        graph = read_plain(model, keras)
        found = find_blocks(graph)
        names = [*graph.layers, *(block.name for block in found)]
        ignored = set(match_names(self.ignored, list(dict.fromkeys(names))))
        reasons = {block.name: _reason_to_keep(block, ignored) for block in found}
        free = [block for block in found if reasons[block.name] is None]
        count = self._count(graph, reasons, len(free))
        if self.data is None:
            raise ArgumentError(
                "Importance is measured on data; pass it as LayerPruning(..., data=x), "
                "or LayerPruning.from_config({**config, 'data': x}). Received: "
                "data=None"
            )
        check_fits(model, self.data)
        removed: list[str] = []
        importance: dict[str, float] = {}
        gated = GatedModel(graph, free, keras=keras)
        while len(removed) < count and (left := _left(graph, removed, free)):
            measured = gated.measure(removed, left, self.data, self.importance)
            importance.update(measured)
            removed.append(min(left, key=measured.__getitem__))
        self.account = self._report(graph, found, reasons, removed, importance)
        return keras_compat.build(remove_blocks(graph, removed), keras=keras)

    def finalize(self, model: Any) -> Any:
        """Returns a copy of the model, which is a plain one already.

        Args:
            model: What `apply` returned, trained or not.

        Returns:
            A model of the same Keras with weights of its own.

        Raises:
            ModelError: If it is not a functional or Sequential model.
        """
        check_prunable(model)
        graph = keras_compat.read(model)
        return keras_compat.build(graph, keras=keras_compat.origin_of(model))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, without the data."""
        return {
            "blocks": self.blocks,
            "importance": self.importance,
            "ignored": list(self.ignored),
        }

    def _count(self, graph: Graph, reasons: Mapping[str, str | None], free: int) -> int:
        """Returns how many blocks to remove."""
        if not free:
            listed = "; ".join(f"{name}: {why}" for name, why in reasons.items())
            raise NothingToPruneError(
                "The model has no residual block that can be removed. Received: model "
                f"{graph.name!r} with {listed or 'no addition of two tensors'}"
            )
        count = self.blocks
        if isinstance(count, float):
            count = max(1, round(count * free))
        if count > free:
            raise ArgumentError(
                f"{graph.name!r} has {free} blocks that can be removed. Received: "
                f"blocks={self.blocks}"
            )
        return int(count)

    def _report(
        self,
        graph: Graph,
        found: Sequence[Block],
        reasons: Mapping[str, str | None],
        removed: Sequence[str],
        importance: Mapping[str, float],
    ) -> LayerAccount:
        left = {block.name for block in find_blocks(remove_blocks(graph, removed))}
        layers = {block.name: ", ".join(block.layers) for block in found}
        notes = {
            name: f"importance {importance[name]:.4g}; it held {layers[name]}"
            for name in removed
        }
        skipped = {
            block.name: reasons[block.name]
            or f"more important: {importance[block.name]:.4g}"
            for block in found
            if block.name in left
        }
        return LayerAccount(tuple(removed), skipped, notes, dict(importance))


def _reason_to_keep(block: Block, ignored: set[str]) -> str | None:
    if block.frozen:
        return block.reason
    return "ignored by choice" if ignored & {block.name, *block.layers} else None


def _check_blocks(blocks: Any) -> int | float:
    whole = isinstance(blocks, Integral) and not isinstance(blocks, bool)
    if whole and int(blocks) > 0:
        return int(blocks)
    share = isinstance(blocks, Real) and not isinstance(blocks, Integral)
    if share and 0 < float(blocks) < 1:
        return float(blocks)
    raise ArgumentError(
        "blocks must be a whole number from 1 up, or a share in (0, 1) of the blocks "
        f"that can be removed. Received: blocks={blocks!r}"
    )


def _left(graph: Graph, removed: Sequence[str], free: Sequence[Block]) -> list[str]:
    """Returns the blocks that can be removed still; some went with those around."""
    there = {node.name for node in remove_blocks(graph, removed).nodes}
    return [block.name for block in free if block.name in there]
