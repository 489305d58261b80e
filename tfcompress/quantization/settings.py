"""How many bits each layer gets, as the user chose."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.names import matches, nearest
from tfcompress.quantization.kernel_grid import check_bits

_ACTIVATION_BITS = (8, 16)
PRESERVABLE = ("sparsity", "clusters")


def check_activation_bits(bits: Any) -> int:
    """Returns a number of bits that activations can have.

    Raises:
        ArgumentError: If it is neither 8 nor 16.
    """
    if not isinstance(bits, int) or bits not in _ACTIVATION_BITS:
        raise ArgumentError(
            "activation_bits must be 8, or 16 for int16 activations; TFLite has no "
            f"kernels for others. Received: activation_bits={bits!r}"
        )
    return int(bits)


def check_layers(layers: Any) -> dict[str, int]:
    """Returns the bits of single layers, by name or pattern.

    Raises:
        ArgumentError: If it is no mapping of text to bits.
    """
    if layers is None:
        return {}
    if not isinstance(layers, Mapping) or not all(isinstance(k, str) for k in layers):
        raise ArgumentError(
            "layers is a mapping from names or patterns of layers to the bits of their "
            f'weights, such as {{"dense*": 4}}. Received: layers={layers!r}'
        )
    return {key: check_bits(bits) for key, bits in layers.items()}


def check_share(name: str, value: Any) -> float:
    """Returns a share of the training.

    Raises:
        ArgumentError: If it is not a number from 0 to 1.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ArgumentError(
            f"{name} is a share of the training, from 0 to 1. "
            f"Received: {name}={value!r}"
        )
    return float(value)


def check_optional_share(name: str, value: Any) -> float | None:
    """Returns a share of the training, or None, which is never.

    Raises:
        ArgumentError: If it is neither None nor a number from 0 to 1.
    """
    return None if value is None else check_share(name, value)


def bits_of_layers(
    names: Mapping[str, str],
    origins: Collection[str],
    choices: Mapping[str, int],
    default: int,
) -> dict[str, int]:
    """Returns how many bits the weights of each layer get.

    Args:
        names: The layers with kernels, of the model that was taken apart, and what they
            were called before they had ranges.
        origins: All layers of the user's model. A choice for one that was taken apart
            holds for its parts.
        choices: Bits by name or pattern; a name goes before a pattern, an earlier
            pattern before a later one.
        default: The bits of all other layers.

    Raises:
        ArgumentError: If a choice names no layer with weights to round.
    """
    known = {name: _known_as(own, origins) for name, own in names.items()}
    for key in choices:
        if not any(_matches(key, terms) for terms in known.values()):
            users = list(dict.fromkeys(terms[-1] for terms in known.values()))
            raise ArgumentError(
                "layers names no layer with weights to round: the nearest are "
                f"{nearest(key, users)}. Received: layers={[key]}"
            )
    bits = {}
    for name, terms in known.items():
        exact = [term for term in terms if term in choices]
        keys = exact + [key for key in choices if _matches(key, terms)]
        bits[name] = choices[keys[0]] if keys else default
    return bits


def _known_as(own: str, origins: Collection[str]) -> tuple[str, str]:
    """Returns the name of a layer, and that of the layer it was part of."""
    if own in origins:
        return own, own
    wholes = [origin for origin in origins if own.startswith(f"{origin}_")]
    return own, max(wholes, key=len, default=own)


def _matches(key: str, terms: Iterable[str]) -> bool:
    return any(matches(term, key) for term in terms)
