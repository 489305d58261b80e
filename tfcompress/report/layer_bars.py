"""What each layer weighs and computes, before and after, as a part of a page."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from html import escape

SHOWN = 20
_NUMBER = re.compile(r"_\d+(?=/|$)")
_MEASURES = {
    "bytes": "bytes of weights",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds",
}


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What one layer of a file costs.

    Attributes:
        name: Name of the layer.
        bytes: Bytes that its weights take in the file.
        parameters: Numbers in its weights.
        zeros: Those of them in kernels that are zero.
        multiply_adds: Pairs of one multiplication and one addition for one sample.
    """

    name: str
    bytes: int
    parameters: int
    zeros: int
    multiply_adds: int


def pair_layers(
    before: Sequence[LayerCost], after: Sequence[LayerCost]
) -> list[tuple[str, LayerCost | None, LayerCost | None]]:
    """Pairs the layers of two files by their names.

    Keras 3 numbers the scopes in which layers work, so that a file of its has `stem_1`
    where one of tf_keras has `stem`. Where more layers pair so, those of one of the
    files go by their names without such a number.

    Args:
        before: Layers of one file.
        after: Layers of the other.

    Returns:
        Name, layer before and layer after; None where a file has no such layer. They
        stand in the order of the first file, then those that only the second has.

    Example:
    ```python
    for name, old, new in pair_layers(before, after):
        print(name, old and old.bytes, new and new.bytes)
    ```
    """
    old, new = max(
        (
            (_by_name(before), _by_name(after)),
            (_by_plain_name(before), _by_name(after)),
            (_by_name(before), _by_plain_name(after)),
        ),
        key=lambda named: len(named[0].keys() & named[1].keys()),
    )
    return [(name, old.get(name), new.get(name)) for name in {**old, **new}]


def _by_name(layers: Sequence[LayerCost]) -> dict[str, LayerCost]:
    return {layer.name: layer for layer in layers}


def _by_plain_name(layers: Sequence[LayerCost]) -> dict[str, LayerCost]:
    """Returns layers by their names without a last number, where one alone has it."""
    plain = [_NUMBER.sub("", layer.name) for layer in layers]
    return {
        name if plain.count(name) == 1 else layer.name: layer
        for name, layer in zip(plain, layers, strict=True)
    }


def write_bars(
    before: Sequence[LayerCost], after: Sequence[LayerCost], names: tuple[str, str]
) -> str:
    """Writes two bars for each layer and measure, one before and one after.

    The 20 largest layers are shown, in the order of the network; a line sums up the
    others. Bars of one measure have one scale.

    Args:
        before: Layers of the reference.
        after: Layers of the file that ships.
        names: Names of the two rows.

    Returns:
        HTML; names are escaped.
    """
    pairs = _with_weight(pair_layers(before, after))
    size = {name: _size(old) + _size(new) for name, old, new in pairs}
    largest = set(sorted(size, key=lambda name: -size[name])[:SHOWN])
    shown = [pair for pair in pairs if pair[0] in largest]
    rest = [pair for pair in pairs if pair[0] not in largest]
    if rest:
        title = f"{len(rest)} smaller layers together"
        olds = [old for _, old, _ in rest if old]
        news = [new for _, _, new in rest if new]
        shown.append((title, _sum(olds), _sum(news)))
    most = {
        measure: max(
            (getattr(layer, measure) for _, *both in shown for layer in both if layer),
            default=0,
        )
        for measure in _MEASURES
    }
    heads = "".join(f'<th scope="col">{title}</th>' for title in _MEASURES.values())
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{_fields(old, new, most)}</tr>'
        for name, old, new in shown
    )
    first, second = map(escape, names)
    return (
        f'<p class="small"><span class="key before"></span> {first} (outlined) '
        f'<span class="key after"></span> {second} (filled)</p>'
        '<table class="layers cards"><thead><tr><th scope="col">layer</th>'
        f"{heads}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _with_weight(
    pairs: Sequence[tuple[str, LayerCost | None, LayerCost | None]],
) -> list[tuple[str, LayerCost | None, LayerCost | None]]:
    return [
        pair
        for pair in pairs
        if any(layer and (layer.bytes or layer.multiply_adds) for layer in pair[1:])
    ]


def _size(layer: LayerCost | None) -> int:
    return layer.bytes if layer else 0


def _sum(layers: Sequence[LayerCost]) -> LayerCost | None:
    if not layers:
        return None
    return LayerCost(
        "",
        **{
            field: sum(getattr(layer, field) for layer in layers)
            for field in ("bytes", "parameters", "zeros", "multiply_adds")
        },
    )


def _fields(
    old: LayerCost | None, new: LayerCost | None, most: Mapping[str, int]
) -> str:
    fields = []
    for measure, title in _MEASURES.items():
        bars = "".join(
            _bar(getattr(layer, measure) if layer else None, most[measure], kind)
            for kind, layer in (("before", old), ("after", new))
        )
        fields.append(f'<td data-title="{title}"><div class="bars">{bars}</div></td>')
    return "".join(fields)


def _bar(value: int | None, most: int, kind: str) -> str:
    if value is None:
        return '<div class="bar"><span class="value">none</span></div>'
    width = 100 * value / most if most else 0.0
    return (
        f'<div class="bar"><span class="value">{value:,}</span><span class="track">'
        f'<span class="{kind}" style="width:{width:.1f}%"></span></span></div>'
    )
