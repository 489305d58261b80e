"""Images, all of one size."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.sources.model_inputs import ModelInput

# Images that take more than this stay in their files until they are trained on.
MOST_BYTES = 2**31
BATCH_SIZE = 32
_CHANNELS = (1, 3, 4)


@dataclasses.dataclass(frozen=True)
class ImageLoader:
    """Reads images, all of one size.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1, 3 or 4.
        dtype: Of the pixels, from 0 to 255.
    """

    height: int
    width: int
    channels: int
    dtype: np.dtype

    @classmethod
    def for_inputs(
        cls, inputs: Sequence[ModelInput], content: bytes, name: str
    ) -> "ImageLoader":
        """Returns a loader for a model, with what it leaves open as in one image.

        Args:
            inputs: Of the model; none where there is no model.
            content: Of the image's file.
            name: Of the image, for the error.

        Raises:
            DataError: If the model takes no images, or the image cannot be read.
        """
        shape: tuple[int | None, ...] = (None, None, None)
        dtype = np.dtype(np.float32)
        if inputs:
            shape, dtype = inputs[0].shape[1:], inputs[0].dtype
            # A model of (height, width) takes one channel without an axis for it.
            shape = (*shape, 1) if len(shape) == 2 else shape
            if len(inputs) > 1 or len(shape) != 3 or shape[2] not in (*_CHANNELS, None):
                raise DataError(
                    "The data holds images, and the model must take them: one input of "
                    "shape (None, height, width, channels), of 1, 3 or 4 channels. "
                    f"Received: a model with inputs of {[i.shape for i in inputs]}"
                )
        own = _decode(content, 0, name).shape
        height, width, channels = (
            given or found for given, found in zip(shape, own, strict=True)
        )
        return cls(height, width, channels if channels in _CHANNELS else 3, dtype)

    def __call__(self, paths: np.ndarray, labels: np.ndarray) -> Any:
        """Returns pixels and labels as arrays, or a data set where they are too many.

        Raises:
            DataError: If an image cannot be read, with its name.
        """
        size = self.height * self.width * self.channels * self.dtype.itemsize
        if len(paths) * size > MOST_BYTES:
            return self._as_dataset(paths, labels)
        pixels = np.empty(
            (len(paths), self.height, self.width, self.channels), self.dtype
        )
        for number, path in enumerate(paths):
            pixels[number] = self.fit(read_image(path), path)
        return pixels, labels

    def fit(self, content: bytes, name: str) -> np.ndarray:
        """Returns the pixels of an image, brought to the size and channels.

        Args:
            content: Of the image's file.
            name: Of the image, for the error.

        Raises:
            DataError: If the image cannot be read.
        """
        import tensorflow as tf

        image = _decode(content, self.channels, name)
        if image.shape[:2] != (self.height, self.width):
            image = tf.image.resize(image, (self.height, self.width)).numpy()
        if self.dtype.kind in "iu":
            image = np.rint(image)
        return image.astype(self.dtype)

    def _as_dataset(self, paths: np.ndarray, labels: np.ndarray) -> Any:
        import tensorflow as tf

        # The folders come one after the other, and each batch shall hold all classes.
        order = np.random.default_rng(0).permutation(len(paths))
        shape = (self.height, self.width, self.channels)

        def read(path: Any, label: Any) -> Any:
            pixels = tf.numpy_function(
                lambda name: self.fit(read_image(name.decode()), name.decode()),
                [path],
                self.dtype,
            )
            return tf.ensure_shape(pixels, shape), label

        dataset = tf.data.Dataset.from_tensor_slices((paths[order], labels[order]))
        return dataset.map(read, num_parallel_calls=2).batch(BATCH_SIZE).prefetch(1)


def read_image(path: str) -> bytes:
    """Returns the content of an image file.

    Args:
        path: The file.

    Raises:
        DataError: If it cannot be read.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.sources.image_loader import read_image

    Path("dot.png").write_bytes(b"dot")
    assert read_image("dot.png") == b"dot"
    ```
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"The image cannot be read: {error.strerror}. Received: {path}"
        ) from error


def _decode(content: bytes, channels: int, name: str) -> np.ndarray:
    """Returns the pixels of an image; 0 channels are as many as it has."""
    import tensorflow as tf

    try:
        image = tf.io.decode_image(content, channels, expand_animations=False)
    except tf.errors.OpError as error:
        if channels:  # GIF has no grey, JPEG no transparency.
            return _with_channels(_decode(content, 0, name), channels)
        said = str(error).split("\n")[0].rpartition("} ")[2].split(" [Op:")[0]
        raise DataError(
            "The image cannot be read; remove it or save it again as JPEG or PNG "
            f"({said}). Received: {name}"
        ) from error
    return image.numpy()


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Returns an image with 1, 3 or 4 channels, made of those that it has."""
    import tensorflow as tf

    own = image.shape[2]
    colours = image[..., :1] if own < 3 else image[..., :3]
    if channels == 1:
        return colours if own < 3 else tf.image.rgb_to_grayscale(colours).numpy()
    colours = np.broadcast_to(colours, (*image.shape[:2], 3))
    if channels == 3:
        return colours
    seen = image[..., own - 1 :] if own in (2, 4) else np.full_like(image[..., :1], 255)
    return np.concatenate([colours, seen], axis=-1)
