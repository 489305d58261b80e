"""What each layer of a model loses when it alone is quantized."""

from typing import Any

from tfcompress.data import first
from tfcompress.measurement.quality.metric import Metric, find_metric
from tfcompress.measurement.quality.prediction import predict
from tfcompress.quantization.analysis_result import Analysis, LayerAnalysis
from tfcompress.quantization.aware_training import QuantizationAwareTraining
from tfcompress.quantization.calibration import calibrate
from tfcompress.quantization.kernel_grid import check_bits
from tfcompress.quantization.layer_outputs import read_inputs
from tfcompress.quantization.layer_switches import LayerSwitches


def analyze(
    model: Any,
    data: Any,
    *,
    bits: int = 8,
    activation_bits: int = 8,
    metric: str | Metric | None = None,
    method: str = "min_max",
    samples: int = 256,
) -> Analysis:
    """Measures what a model loses when one layer of it alone is quantized.

    Each layer with weights to round is rounded as a file rounds it, all others staying
    float: its weights, what it gives, and both. Of what the layer gives, behind the
    batch normalization and the ReLU that a file folds into it, the ratio of signal to
    quantization noise is measured, and of the whole model the loss. The layers that
    hurt first come first: those of the greatest loss, and among equal ones those that
    put the outputs of the model off most. Leave the worst in float, or give them more
    bits, with `layers` of `post_training`. Nagel et al., "A White Paper on Neural
    Network Quantization", 2021, https://arxiv.org/abs/2106.08295, section 3.7.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        data: Inputs, and labels where there are any, in a form that
            `tfcompress.data.batches` accepts. Some hundred samples that the model was
            not trained on tell layers apart. It is read once for each layer.
        bits: Bits of the weights, from 2 to 8. Defaults to 8.
        activation_bits: Bits of what layers give, 8 or 16. Defaults to 8.
        metric: What the loss is a loss of: the name of a metric of
            `measurement.evaluate`, such as `"accuracy"` or `"mean_iou"`, of errors
            their negative; `"agreement"` with the float model, which needs no labels;
            or a function that takes a model of tf_keras and the data and returns a
            number, the larger the better. Defaults to None: accuracy for a classifier
            and data with labels, agreement without labels, and for other models and
            labels none.
        method: How ranges of activations are chosen, as in `calibrate`.
        samples: How many samples of `data` are used at the most for ranges and ratios.
            The metric is measured on all. Defaults to 256.

    Returns:
        The `Analysis`, which prints itself as a table and draws itself.

    Raises:
        ArgumentError: If an argument is outside what is allowed.
        ModelError: If the model cannot be used, is quantization-aware or being pruned,
            or has no layer with weights to round.
        DataError: If the data is empty, not finite, does not fit the model, or has no
            labels for a metric that needs them.

    Example:
    ```python
    result = tfc.quantization.analyze(model, (x, y), bits=4)
    print(result)
    result.plot("analysis.png")

    worst = result.rows[0].name
    tfc.quantization.post_training(
        model, representative_data=x, layers={worst: "float16"}
    )
    ```
    """
    aware = QuantizationAwareTraining(check_bits(bits), activation_bits, preserve=())
    if metric is not None:
        find_metric(metric, model)
    rounded = aware.apply(model)
    inputs = read_inputs(model, data, samples=samples)
    if metric is None:
        metric = _usual_metric(model, data)
    switches = LayerSwitches(rounded)
    calibrate(rounded, data, method=method, samples=samples)
    name, measure = (None, None) if metric is None else find_metric(metric, model)
    baseline = None if measure is None else measure(rounded, data)
    rows = []
    for layer in switches.names:
        noise = switches.measure(layer, inputs)
        quality = loss = None
        if measure is not None and baseline is not None:
            with switches.rounding(layer):
                quality = measure(rounded, data)
            loss = baseline - quality
        rows.append(LayerAnalysis(layer, *noise, quality=quality, loss=loss))
    rows.sort(key=lambda row: (-(row.loss or 0.0), row.output_sqnr))
    return Analysis(tuple(rows), bits, activation_bits, name, baseline)


def _usual_metric(model: Any, data: Any) -> str | None:
    """Returns the metric that suits a model and data, or None."""
    output = model.outputs[0]
    if len(model.outputs) != 1 or len(output.shape) != 2:
        return None
    kind = predict(model, first(data)).kind
    return {None: "agreement", "classes": "accuracy"}.get(kind)
