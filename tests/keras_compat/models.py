"""Small models of many kinds, each as a function of the Keras to build it in."""

import keras


def sequential(module):
    layers = module.layers
    return module.Sequential(
        [
            module.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, activation="hard_sigmoid"),
            layers.SeparableConv2D(5, 3, activation="swish"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", kernel_constraint="max_norm"),
        ],
        name="chain",
    )


def built_late(module):
    model = module.Sequential([module.layers.Dense(4), module.layers.Dense(2)])
    model.build((None, 3))
    return model


def convolutions(module):
    layers = module.layers
    inputs = module.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, groups=2, padding="same", dilation_rate=2)(inputs)
    x = layers.LeakyReLU()(layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x))
    x = layers.GroupNormalization(2)(layers.UpSampling2D(interpolation="bilinear")(x))
    x = layers.PReLU(shared_axes=[1, 2])(layers.ZeroPadding2D(1)(x))
    x = layers.AveragePooling2D(3)(layers.ELU(0.5)(x))
    return module.Model(inputs, layers.GlobalMaxPooling2D()(x))


def convolutions_1d(module):
    layers = module.layers
    inputs = module.Input((12, 3))
    x = layers.Conv1D(4, 3, padding="causal")(inputs)
    x = layers.SeparableConv1D(6, 3, activation="gelu")(x)
    x = layers.Conv1DTranspose(3, 2)(layers.DepthwiseConv1D(3)(x))
    x = layers.UnitNormalization()(layers.MaxPooling1D()(x))
    return module.Model(inputs, layers.GlobalAveragePooling1D()(x))


def convolutions_3d(module):
    layers = module.layers
    inputs = module.Input((6, 6, 6, 2))
    x = layers.Conv3D(3, 3, activation="elu")(inputs)
    x = layers.Conv3DTranspose(2, 2)(layers.MaxPooling3D()(x))
    return module.Model(inputs, layers.Flatten()(x))


def recurrent(module):
    layers = module.layers
    inputs = module.Input((6, 3))
    x = layers.LSTM(4, return_sequences=True, dropout=0.5)(inputs)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)(x)
    return module.Model(inputs, layers.SimpleRNN(3)(x))


def images_over_time(module):
    layers = module.layers
    inputs = module.Input((3, 6, 6, 2))
    inner = [layers.Input((6, 6, 2)), layers.Conv2D(4, 3, name="convolution")]
    x = layers.TimeDistributed(module.Sequential([*inner, layers.Flatten()]))(inputs)
    return module.Model(inputs, layers.GRU(3)(x))


def convolutional_recurrent(module):
    inputs = module.Input((4, 8, 8, 2))
    return module.Model(inputs, module.layers.ConvLSTM2D(3, 3)(inputs))


def encoder_decoder(module):
    layers = module.layers
    encoded, decoded = module.Input((5, 3)), module.Input((4, 3))
    _, hidden, carry = layers.LSTM(4, return_state=True)(encoded)
    sequence = layers.LSTM(4, return_sequences=True)(
        decoded, initial_state=[hidden, carry]
    )
    return module.Model([encoded, decoded], layers.Dense(2)(sequence))


def masked(module):
    layers = module.layers
    tokens = module.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(5, 8, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.LayerNormalization()(layers.Dropout(0.3)(x))
    return module.Model(tokens, layers.GRU(3)(x))


def transformer(module):
    layers = module.layers
    tokens = module.Input((6,), dtype="int32")
    context = module.Input((4, 8))
    x = layers.Embedding(5, 8)(tokens)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)])
    cross = layers.MultiHeadAttention(2, 4, value_dim=3)(x, context)
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, cross]))
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")(x)
    return module.Model([tokens, context], layers.Softmax()(x))


def attention(module):
    layers = module.layers
    query, value = module.Input((4, 3)), module.Input((5, 3))
    first = layers.Attention(use_scale=True)([query, value])
    second = layers.AdditiveAttention()([query, value])
    return module.Model([query, value], layers.Average()([first, second]))


def structured(module):
    layers = module.layers
    left = module.Input((4,), name="left")
    right = module.Input((4,), name="right")
    shared = layers.Dense(3, name="shared")
    return module.Model(
        {"left": left, "right": right},
        {
            "near": layers.Subtract()([shared(left), shared(right)]),
            "far": layers.Dot(1)([shared(left), shared(right)]),
        },
        name="structured",
    )


def nested(module):
    layers = module.layers
    augment = module.Sequential(
        [module.Input((8, 8, 3)), layers.RandomFlip(), layers.Rescaling(1 / 3)],
        name="augment",
    )
    inner = module.Input((8, 8, 3))
    features = module.Model(
        inner, layers.ReLU(6.0)(layers.Conv2D(3, 3, name="conv")(inner)), name="inner"
    )
    outer = module.Input((8, 8, 3))
    middle = module.Model(outer, features(augment(outer)), name="middle")
    first, second = module.Input((8, 8, 3)), module.Input((8, 8, 3))
    features.trainable = False
    joined = layers.Concatenate()([middle(first), middle(second), features(first)])
    return module.Model([first, second], [joined, layers.Flatten()(joined)])


def preprocessing(module):
    layers = module.layers
    inputs = module.Input((8, 8, 3))
    x = layers.Resizing(6, 6)(inputs)
    x = layers.CenterCrop(5, 5)(layers.RandomRotation(0.1)(x))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    return module.Model(inputs, layers.RandomContrast(0.2)(x))


def adapted(module):
    layer = module.layers.Normalization()
    layer.adapt(keras.ops.reshape(keras.ops.arange(24.0), (6, 4)).numpy())
    inputs = module.Input((4,))
    return module.Model(inputs, module.layers.Dense(2)(layer(inputs)))


def mixed_precision(module):
    layers = module.layers
    inputs = module.Input((8,))
    x = layers.Dense(6, activation="relu", dtype="mixed_float16")(inputs)
    x = layers.BatchNormalization(dtype="mixed_float16")(x)
    return module.Model(inputs, layers.Dense(3, dtype="float32")(x))


def initialized(module):
    layers = module.layers
    inputs = module.Input((4,))
    x = layers.Dense(
        6,
        kernel_initializer=module.initializers.VarianceScaling(2.0, "fan_out"),
        bias_initializer=module.initializers.Constant(0.3),
        kernel_regularizer=module.regularizers.L1L2(0.1, 0.2),
        activity_regularizer=module.regularizers.L2(0.01),
        bias_constraint=module.constraints.NonNeg(),
    )(inputs)
    x = layers.Dense(4, kernel_initializer="orthogonal")(x)
    return module.Model(inputs, x)


def regularizing(module):
    layers = module.layers
    inputs = module.Input((6, 6, 2))
    x = layers.GaussianNoise(0.2)(layers.SpatialDropout2D(0.1)(inputs))
    x = layers.ActivityRegularization(0.1)(layers.GaussianDropout(0.1)(x))
    x = layers.Permute((3, 1, 2))(layers.Cropping2D(1)(x))
    x = layers.RepeatVector(3)(layers.Reshape((-1,))(x))
    return module.Model(inputs, layers.Identity()(layers.AlphaDropout(0.1)(x)))


def explicit_masks(module):
    layers = module.layers
    inputs, keep = module.Input((6, 3)), module.Input((6,), dtype="bool")
    pairs = module.Input((6, 6), dtype="bool")
    x = layers.MultiHeadAttention(2, 3)(inputs, inputs, attention_mask=pairs)
    return module.Model([inputs, keep, pairs], layers.LSTM(3)(x, mask=keep))


def masks_through_layers(module):
    layers = module.layers
    inner = module.Input((6, 8))
    nested_model = module.Model(inner, layers.LSTM(3, return_sequences=True)(inner))
    tokens = module.Input((6,), dtype="int32")
    x = layers.Embedding(5, 8, mask_zero=True)(tokens)
    y = layers.TimeDistributed(layers.Dense(3))(x)
    z = layers.Concatenate()([y, layers.MultiHeadAttention(1, 2)(x, x)])
    outputs = [layers.GRU(2)(z), layers.GRU(3)(nested_model(x))]
    return module.Model(tokens, outputs)


def masking(module):
    inputs = module.Input((6, 3))
    x = module.layers.Masking(0.0)(inputs)
    x = module.layers.Bidirectional(module.layers.LSTM(3, return_sequences=True))(x)
    return module.Model(inputs, module.layers.GlobalAveragePooling1D()(x))


def bidirectional_states(module):
    layers = module.layers
    inputs, state = module.Input((4, 3)), module.Input((2,))
    wrapped = layers.Bidirectional(layers.GRU(2, return_state=True))
    outputs = wrapped(inputs, initial_state=[state, state])
    return module.Model([inputs, state], outputs)


def encoded(module):
    layers = module.layers
    whole = module.Input((3,), dtype="int32")
    real = module.Input((2,))
    return module.Model(
        [whole, real],
        [
            layers.CategoryEncoding(6, output_mode="multi_hot")(whole),
            layers.Hashing(4)(whole),
            layers.Discretization([0.0, 0.5])(real),
            layers.IntegerLookup(vocabulary=[1, 3, 4])(whole),
        ],
    )


def any_size(module):
    inputs = module.Input((None, None, 3), dtype="uint8")
    x = module.layers.Conv2D(3, 3)(module.layers.Rescaling(1 / 255)(inputs))
    return module.Model(inputs, module.layers.GlobalAveragePooling2D()(x))


def deep_structure(module):
    first, second = module.Input((4,), name="p"), module.Input((4,), name="q")
    inner = module.Model(
        {"p": first, "q": second},
        {"z": module.layers.Add()([first, second]), "y": [first, (second, first)]},
    )
    left, right = module.Input((4,)), module.Input((4,))
    outputs = inner({"p": left, "q": right})
    return module.Model(
        {"a": [left, right]}, {"o": [outputs["z"], tuple(outputs["y"])], "same": left}
    )


def activation_layers(module):
    layers = module.layers
    inputs = module.Input((6,))
    return module.Model(
        inputs, layers.Dense(6, activation=layers.LeakyReLU(0.1))(inputs)
    )


IN_BOTH = [
    sequential,
    built_late,
    convolutions,
    convolutions_1d,
    convolutions_3d,
    recurrent,
    convolutional_recurrent,
    images_over_time,
    encoder_decoder,
    masked,
    transformer,
    attention,
    structured,
    nested,
    preprocessing,
    adapted,
    mixed_precision,
    initialized,
    regularizing,
    explicit_masks,
    masks_through_layers,
    masking,
    bidirectional_states,
    encoded,
    any_size,
    deep_structure,
    activation_layers,
]
