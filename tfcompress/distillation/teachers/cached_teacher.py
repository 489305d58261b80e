"""A teacher that was run once, and whose word is read from files since."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from tfcompress.distillation.teachers.as_teacher import as_teacher
from tfcompress.distillation.teachers.fingerprint import fingerprint
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.distillation.teachers.teacher_cache import TeacherCache
from tfcompress.errors import DataError, ModelError, OutputError

# Starts the message of an error inside a graph, which TensorFlow wraps in its own.
MARK = "tfcompress: "


class CachedTeacher(Teacher):
    """Teaches what `cache_teacher` stored, at the cost of reading it.

    Samples are found by a fingerprint of their inputs, so that data may come in any
    order, in batches of any size and from any source, but must be that which was
    cached: augmented at random it is not found. The files are opened by memory map;
    only the fingerprints are loaded, eight bytes for each sample. A training step that
    reads them cannot be compiled with `jit_compile=True`.

    Args:
        directory: The folder that `cache_teacher` wrote.
        teacher: The teacher that made it, to answer for samples that are not stored
            where that is wanted, such as those of `validation_data`. Defaults to none.

    Raises:
        OutputError: If the folder holds no complete cache, or a file is damaged.
        ModelError: If `teacher` is not the one that made it.

    Example:
    ```python
    tfc.distillation.cache_teacher(teacher, (x, y), "cache")
    cached = tfc.distillation.CachedTeacher("cache", teacher=teacher)
    distiller = tfc.Distiller(cached, student, tfc.distillation.LogitsDistillation())
    ```
    """

    supports_jit = False

    def __init__(self, directory: str | os.PathLike[str], *, teacher: Any = None):
        self.directory = Path(directory)
        self._cache = TeacherCache(self.directory)
        manifest = self._cache.manifest
        if manifest["samples"] is None or len(self._cache) < manifest["samples"]:
            raise OutputError(
                "The cached teacher is not complete; call cache_teacher again with the "
                "same arguments, which goes on where it ended. Received: "
                f"directory={str(directory)!r} with {len(self._cache)} samples of "
                f"{manifest['samples'] or 'an unknown number'}"
            )
        self.teacher = None if teacher is None else as_teacher(teacher)
        if self.teacher is not None:
            check_made_by(self.teacher, manifest["teacher"], self.directory)

    def __len__(self) -> int:
        return len(self._cache)

    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns what is stored of a batch, in float32.

        Raises:
            DataError: If a sample is not stored. Inside a graph it is an
                `InvalidArgumentError` of TensorFlow with the same message.
        """
        tensors = self._read(fingerprint(x), self._wanted(layers))
        return self._pack(tensors, layers)

    def targets_of_new(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns what is stored of a batch, or what the live teacher says of it.

        The teacher is run where not all samples of the batch are stored. Without one
        this is `targets`.
        """
        if self.teacher is None:
            return self.targets(x, layers)
        teacher, wanted, ids = self.teacher, self._wanted(layers), fingerprint(x)
        is_stored = tf.numpy_function(self._holds, [ids], tf.bool, stateful=False)
        tensors = tf.cond(
            tf.reshape(is_stored, ()),
            lambda: self._read(ids, wanted),
            lambda: _run(teacher, x, layers),
        )
        return self._pack(tensors, layers)

    @property
    def models(self) -> tuple[Any, ...]:
        """The live teacher's models; none without it."""
        return () if self.teacher is None else self.teacher.models

    @property
    def gives_probabilities(self) -> bool:
        """Whether the teacher that was cached does."""
        return self._cache.manifest["gives_probabilities"]

    @property
    def output_shapes(self) -> Any:
        """Shapes of the outputs, with None for the batch."""
        outputs = self._cache.manifest["structure"]["outputs"]
        return tf.nest.map_structure(self._shape, outputs)

    def layer_shapes(self, layers: Sequence[str]) -> dict[str, tuple]:
        """Returns the shapes of the stored outputs of layers.

        Raises:
            ModelError: If one is not stored.
        """
        features = self._features(layers)
        return {name: self._shape(i) for name, i in features.items()}

    def get_config(self) -> dict[str, Any]:
        """Returns the folder; the live teacher is not a part of it."""
        return {"directory": str(self.directory)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Opens the folder."""
        return cls(**config)

    def _features(self, layers: Sequence[str]) -> dict[str, int]:
        stored = self._cache.manifest["structure"]["features"]
        missing = [name for name in layers if name not in stored]
        if missing:
            raise ModelError(
                f"The cached teacher holds the outputs of the layers {sorted(stored)}; "
                "to look at others cache it again with layers=... into another folder. "
                f"Received: layers {missing}"
            )
        return {name: stored[name] for name in dict.fromkeys(layers)}

    def _wanted(self, layers: Sequence[str]) -> list[int]:
        """Returns the numbers of the tensors to read."""
        outputs = tf.nest.flatten(self._cache.manifest["structure"]["outputs"])
        return outputs + list(self._features(layers).values())

    def _shape(self, i: int) -> tuple:
        return (None, *self._cache.records.shapes[i])

    @tf.autograph.experimental.do_not_convert
    def _read(self, ids: Any, wanted: list[int]) -> list[Any]:
        def read(numbers: Any) -> list[Any]:
            places = self._cache.find(numbers)
            if (places < 0).any():
                raise DataError(
                    f"{MARK}The teacher was not cached on samples of this batch. Cache "
                    "it on the same data; data that is augmented at random cannot be "
                    "cached: augment with a seed that is stored with the sample, or "
                    f"give the live teacher. Received: {int((places < 0).sum())} of "
                    f"{len(numbers)} samples that are not in {self.directory}"
                )
            return [self._cache.tensor(i, places) for i in wanted]

        tensors = tf.numpy_function(
            read, [ids], [tf.float32] * len(wanted), stateful=False
        )
        return [
            tf.ensure_shape(tensor, self._shape(i))
            for i, tensor in zip(wanted, tf.nest.flatten(tensors), strict=True)
        ]

    @tf.autograph.experimental.do_not_convert
    def _holds(self, ids: Any) -> Any:
        return (self._cache.find(ids) >= 0).all()

    def _pack(self, tensors: list[Any], layers: Sequence[str]) -> Targets:
        outputs = self._cache.manifest["structure"]["outputs"]
        count = len(tf.nest.flatten(outputs))
        names = dict.fromkeys(layers)
        return Targets(
            tf.nest.pack_sequence_as(outputs, tensors[:count]),
            dict(zip(names, tensors[count:], strict=True)),
        )


def _run(teacher: Teacher, x: Any, layers: Sequence[str]) -> list[Any]:
    """Returns what a live teacher says, in the order and the dtype of what is read."""
    outputs, features = teacher.targets(x, layers)
    values = [features[name] for name in dict.fromkeys(layers)]
    return [tf.cast(tensor, tf.float32) for tensor in tf.nest.flatten(outputs) + values]


def check_made_by(teacher: Teacher, made_by: str | None, directory: Path) -> None:
    """Raises an error if a cache was made by another teacher.

    Args:
        teacher: The live teacher.
        made_by: Hash of the weights of the teacher that made it, None of a function.
        directory: The cache's folder, for the message.

    Raises:
        ModelError: If the weights differ.
    """
    found = teacher.hash()
    if found != made_by:
        raise ModelError(
            "This teacher is not the one that was cached: their weights differ. Give "
            "that one, or cache this one into another folder. Received: a teacher of "
            f"weights {str(found)[:12]}, {directory} made by {str(made_by)[:12]}"
        )
