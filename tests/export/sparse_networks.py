"""Small networks in the style of MobileNet, and zeros by magnitude."""

import numpy as np


def build_mobile(
    module, *, width=16, size=32, padding="even", head="dense", inside=None
):
    """A stem, three depthwise blocks with a residual, pooling, a head.

    With `padding="even"` all is padded as XNNPACK's sparse kernels want it; with
    "same" as Keras does by default. `inside` is put before the last convolution.
    """
    layers = module.layers
    module.utils.set_random_seed(0)

    def strided(layer, x, **options):
        if padding == "same":
            return layer(padding="same", **options)(x)
        return layer(padding="valid", **options)(layers.ZeroPadding2D(1)(x))

    inputs = x = module.Input((size, size, 3))
    stem = dict(filters=width, kernel_size=3, strides=2, name="stem", use_bias=False)
    x = layers.BatchNormalization()(strided(layers.Conv2D, x, **stem))
    x = layers.ReLU(6.0)(x)
    for number, stride in enumerate((2, 1, 2)):
        before = x
        options = dict(kernel_size=3, use_bias=False, name=f"depthwise{number}")
        if stride == 2:
            x = strided(layers.DepthwiseConv2D, x, strides=2, **options)
        else:
            x = layers.DepthwiseConv2D(padding="same", **options)(x)
        x = layers.Conv2D(width, 1, name=f"pointwise{number}")(layers.ReLU(6.0)(x))
        x = layers.Add()([x, before]) if stride == 1 else x
    if inside is not None:
        x = inside(x)
    x = layers.Conv2D(2 * width, 1, activation="relu", name="last")(x)
    if head == "map":
        return module.Model(inputs, x)
    if head == "convolution":
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Conv2D(8, 1, name="head_convolution")(x)
        return module.Model(inputs, layers.Flatten()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return module.Model(inputs, layers.Dense(8, name="scores")(x))


def prune_pointwise(model, sparsity):
    """Sets the smallest weights of each 1x1 convolution to zero, in place."""
    for layer in model.layers:
        if type(layer).__name__ == "Conv2D" and layer.kernel_size == (1, 1):
            kernel, *others = layer.get_weights()
            layer.set_weights([keep_largest(kernel, sparsity), *others])


def keep_largest(kernel, sparsity):
    """Zeros for the smallest share of weights."""
    limit = np.quantile(np.abs(kernel), sparsity)
    return np.where(np.abs(kernel) > limit, kernel, 0.0).astype(kernel.dtype)


def keep_largest_blocks(kernel, sparsity, height):
    """Zeros in blocks of so many inputs for one output."""
    sums = np.abs(kernel).reshape(-1, height, kernel.shape[1]).sum(1)
    kept = np.repeat(sums > np.quantile(sums, sparsity), height, axis=0)
    return (kernel * kept).astype(kernel.dtype)


def keep_two_of_four(kernel):
    """Zeros for the smaller two of each four inputs of an output."""
    groups = kernel.reshape(-1, 4, kernel.shape[1]).copy()
    smaller = np.argsort(np.abs(groups), axis=1)[:, :2]
    np.put_along_axis(groups, smaller, 0.0, axis=1)
    return groups.reshape(kernel.shape)
