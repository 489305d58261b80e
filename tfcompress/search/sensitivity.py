"""How much each part of a model can be pruned, measured without training."""

import json
import os
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.measurement.quality.fitting import check_fits
from tfcompress.measurement.quality.metric import Metric, find_metric
from tfcompress.pruning import ChannelPruning, MagnitudePruning
from tfcompress.pruning.structured import StructuredPruning
from tfcompress.search.channel_parts import ChannelParts
from tfcompress.search.fingerprints import (
    fingerprint_data,
    fingerprint_function,
    fingerprint_graph,
)
from tfcompress.search.measurement_cache import MeasurementCache
from tfcompress.search.parts import Parts
from tfcompress.search.sensitivity_result import Sensitivity, SensitivityRow
from tfcompress.search.weight_parts import WeightParts

# Arguments of techniques that do not change what a ratio of one part is.
_HOW_MUCH = (
    *("ratio", "macs", "bytes", "latency_ms", "sparsity"),
    *("schedule", "steps", "scope"),
)
_TECHNIQUES = {"channel": ChannelPruning, "weight": MagnitudePruning}


def sensitivity(
    model: Any,
    data: Any,
    *,
    technique: Any = "channel",
    ratios: Sequence[float] = (0.25, 0.5, 0.75),
    metric: str | Metric = "accuracy",
    cache: str | os.PathLike[str] | None = None,
) -> Sensitivity:
    """Measures what a model loses when one part of it alone is pruned.

    Each layer, or each group of channels, is pruned by each ratio while the rest stays
    whole, without training. The result prints itself as a table, draws itself, and
    spreads ratios over the parts so that a budget is met. Li et al., "Pruning Filters
    for Efficient ConvNets", 2017, https://arxiv.org/abs/1608.08710, section 3.2.

    Args:
        model: A built functional or Sequential model of Keras 3 or tf_keras. It is not
            changed.
        data: What to measure on, in a form that `tfcompress.data.batches` accepts:
            inputs and labels, or inputs alone for `metric="agreement"`. Some hundred
            samples that the model was not trained on tell parts apart. It is read
            once for each measurement.
        technique: `"channel"` for groups of channels, `"weight"` for layers; or
            `ChannelPruning`, `HeadPruning` or `MagnitudePruning`, a class or an object
            whose settings, such as `importance` and `ignored`, are used, but for how
            much it prunes.
        ratios: Shares in (0, 1) of the channels or weights that go.
        metric: What is measured: the name of a metric of `measurement.evaluate`, such
            as `"accuracy"`, `"mean_iou"` or, of one of several outputs, `"age/mae"`; of
            errors the negative is measured, so that the larger is the better;
            `"agreement"` with the whole model, which needs no labels; or a function
            that takes a model and the data and returns a number, the larger the
            better.
        cache: A file in which measurements are kept, as lines of JSON. A search that
            was interrupted goes on where it was, and one with more ratios measures the
            new ones alone. Measurements of another model, other data, another metric
            or other settings in it are not used. A function counts as the same if its
            name, its code and its defaults are; what else it refers to is not
            compared, so give another file where that has changed.

    Returns:
        The `Sensitivity`.

    Raises:
        ArgumentError: If an argument is outside what is allowed, if `cache` is a file
            of another kind, or if it is given though the importance of the technique
            holds data.
        ModelError: If the model cannot be used, or no part of it can be pruned.
        DataError: If the data does not fit the model or the metric.
        OutputError: If `cache` cannot be written.

    Example:
    ```python
    result = tfc.search.sensitivity(model, (x, y), technique="channel")
    print(result)
    result.plot("sensitivity.png")

    allocation = result.allocate(macs=0.7)
    print(allocation)
    ```
    """
    settings = _find_technique(technique)
    ratios = _check_ratios(ratios)
    name, measure = find_metric(metric, model)
    fingerprint = {}
    if cache is not None:
        named = isinstance(metric, str)
        described = name if named else fingerprint_function(metric)
        fingerprint = {"technique": _describe(settings, cache), "metric": described}
    parts: Parts
    if isinstance(settings, MagnitudePruning):
        parts = WeightParts(model, settings)
    else:
        parts = ChannelParts(model, settings)
    parts.check()
    if isinstance(metric, str):
        check_fits(parts.model, data)
    if cache is not None:
        fingerprint["model"] = fingerprint_graph(parts.graph)
        fingerprint["data"] = fingerprint_data(data)
    known = MeasurementCache(cache, fingerprint)

    def quality(part: str, ratio: float) -> float:
        found = known.get(part, ratio)
        if found is None:
            if part:
                with parts.pruned(part, ratio) as pruned:
                    found = measure(pruned, data)
            else:
                found = measure(parts.model, data)
            known.add(part, ratio, found)
        return found

    whole = quality("", 0.0)
    rows = []
    for part in parts.names:
        for ratio in ratios:
            found = quality(part, ratio)
            saved = {
                counted: parts.cost({}, counted) - parts.cost({part: ratio}, counted)
                for counted in parts.counted
            }
            rows.append(SensitivityRow(part, ratio, found, whole - found, saved))
    return Sensitivity(tuple(rows), whole, name, parts)


def _find_technique(technique: Any) -> MagnitudePruning | StructuredPruning:
    named = isinstance(technique, str) and technique in _TECHNIQUES
    found = _TECHNIQUES[technique] if named else technique
    kinds = (MagnitudePruning, StructuredPruning)
    if isinstance(found, type) and issubclass(found, kinds):
        found = found(0.5)  # type: ignore[call-arg]
    if isinstance(found, kinds):
        return found
    raise ArgumentError(
        'technique must be "channel", "weight", or ChannelPruning, HeadPruning or '
        f"MagnitudePruning, a class or an object. Received: technique={technique!r}"
    )


def _describe(technique: Any, cache: Any) -> str:
    """Returns the settings of a technique on which measurements depend.

    Raises:
        ArgumentError: If they are not all plain data.
    """
    try:
        config = technique.get_config()
    except ArgumentError as error:
        raise ArgumentError(
            "A cache tells techniques apart by their settings, so it cannot be used "
            "with an importance that holds data, or with functions among the "
            "settings; leave cache out. Received: "
            f"cache={os.fspath(cache)!r} and technique {type(technique).__name__}"
        ) from error
    config = {key: value for key, value in config.items() if key not in _HOW_MUCH}
    return json.dumps({"class": type(technique).__name__, **config}, sort_keys=True)


def _check_ratios(ratios: Iterable[float]) -> list[float]:
    given = list(ratios) if isinstance(ratios, Iterable) else [ratios]
    numbers = [isinstance(r, Real) and not isinstance(r, bool) for r in given]
    if not given or not all(numbers) or not all(0 < ratio < 1 for ratio in given):
        raise ArgumentError(
            f"ratios must be numbers between 0 and 1. Received: ratios={ratios!r}"
        )
    return sorted({float(ratio) for ratio in given})
