"""The distiller: a Keras model that trains a student from a teacher."""

import functools
from typing import Any

import keras

from tfcompress import keras_compat
from tfcompress.distillation.step import DistillationStep
from tfcompress.errors import ArgumentError


@keras.saving.register_keras_serializable(package="tfcompress")
class Distiller(DistillationStep, keras_compat.AcceptsEitherKeras, keras.Model):
    """Trains a small student from a large teacher, under the ordinary `fit`.

    A `keras.Model` whose training step minimizes

        student_loss_weight · student_loss + (1 − student_loss_weight) · Σᵢ wᵢ · lossᵢ

    plus the student's own regularization, where `student_loss` is the loss given to
    `compile`, on the labels, and each lossᵢ compares student and teacher. Sample and
    class weights and the masks of sequences count in all of them. The teacher runs in
    inference mode outside the gradient tape, and is neither changed nor trained; the
    student runs once a step however many losses look at it. `distiller.student` is the
    result.

    Saved whole, as `.keras`, a distiller goes on where it was; the file holds the
    teacher. Weights and checkpoints of weights do not.

    The student may be of either Keras, plain, being pruned or quantization-aware. For a
    student of tf_keras the object returned is a `tf_keras.Model` with the same step,
    which `isinstance` takes for a `Distiller` too. Under `tf.distribute` strategies the
    step is that of one device on the same global batch. Keras 3 itself cannot `fit`
    under `MultiWorkerMirroredStrategy`: for several workers bring the student in
    tf_keras (`tfc.keras_compat.to_tf_keras`).

    Args:
        teacher: A built functional or Sequential model of either Keras, that ends in
            logits, softmax or sigmoid; a list of such, whose probabilities are averaged
            (`Ensemble`); a dict with one for each output (`OutputTeachers`); a function
            of the inputs that returns logits (`FunctionTeacher`); or another `Teacher`.
        student: A built functional or Sequential model of either Keras, that ends in
            logits and has outputs of the teacher's shapes.
        distillation_losses: A `DistillationLoss`, one of `keras.distillation`, or a
            list of them.
        distillation_loss_weights: A number or a `tfcompress.schedules.Schedule` for
            each loss. Defaults to 1 each.
        student_loss_weight: Share of the student's loss on the labels, from 0 to 1, or
            a schedule of it. Defaults to 0.5. At 0 labels are not needed, at 1 the
            teacher is never called.
        name: Name of the model. Defaults to `"distiller"`.
        **kwargs: As for `keras.Model`.

    Raises:
        ModelError: If a model is unbuilt, subclassed or not finite, if the outputs
            differ in shape, or if a loss needs logits and the student ends in softmax.
        ArgumentError: If a number is out of range or the weights do not match.

    Example:
    ```python
    distiller = tfc.Distiller(
        teacher, student, tfc.distillation.LogitsDistillation(temperature=4)
    )
    distiller.compile(
        "adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    distiller.fit(x, y, epochs=10)
    ```
    """

    def __new__(cls, teacher: Any, student: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns a distiller in the student's Keras."""
        keras_compat.keras()  # says so if Keras does not run on TensorFlow
        keras_compat.check_model(student, name="student")
        if keras_compat.is_tf_keras(student):
            if cls is not Distiller:
                raise ArgumentError(
                    "A subclass of Distiller is a model of Keras 3, and takes students "
                    "of Keras 3 alone. Received: a student of tf_keras, given to "
                    f"{cls.__name__}"
                )
            return _tf_keras_distiller()(teacher, student, *args, **kwargs)
        return super().__new__(cls)

    def _scale(self, loss: Any) -> Any:
        return self.optimizer.scale_loss(loss)

    def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
        weights = self.trainable_weights
        gradients = tape.gradient(scaled_loss, weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))

    def _compiled_loss(
        self, x: Any, y: Any, outputs: Any, sample_weight: Any, training: bool
    ) -> Any:
        return self.compute_loss(x, y, outputs, sample_weight, training)


@functools.cache
def _tf_keras_distiller() -> type:
    """Binds the same step to `tf_keras.Model`."""
    base: Any = keras_compat.tf_keras().Model
    loss_scaling = keras_compat.tf_keras().mixed_precision.LossScaleOptimizer

    class TFKerasDistiller(DistillationStep, keras_compat.AcceptsEitherKeras, base):
        """Trains a student that lives in tf_keras; see `Distiller`."""

        def _scale(self, loss: Any) -> Any:
            if isinstance(self.optimizer, loss_scaling):
                return self.optimizer.get_scaled_loss(loss)
            return loss

        def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
            weights = self.trainable_weights
            gradients = tape.gradient(scaled_loss, weights)
            if isinstance(self.optimizer, loss_scaling):
                gradients = self.optimizer.get_unscaled_gradients(gradients)
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))

        def _compiled_loss(
            self, x: Any, y: Any, outputs: Any, sample_weight: Any, training: bool
        ) -> Any:
            return self.compute_loss(x, y, outputs, sample_weight)

    TFKerasDistiller.__name__ = TFKerasDistiller.__qualname__ = "Distiller"
    return Distiller.register(TFKerasDistiller)
