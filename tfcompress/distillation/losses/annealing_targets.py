"""Annealing targets: the teacher's logits, small at first, whole in the end."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss
from tfcompress.distillation.losses.outputs import check_reduction, reduced
from tfcompress.distillation.losses.scheduled_arguments import as_share
from tfcompress.errors import ArgumentError
from tfcompress.schedules import Piecewise


def annealed_error(teacher_logits: Any, student_logits: Any, share: Any) -> Any:
    """Squared distance of the student's logits from a share of the teacher's.

    Σₖ (φ · tₖ − sₖ)², for the teacher's logits t and the student's logits s.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        share: φ, a number from 0 to 1, or a scalar tensor.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses.annealing_targets import annealed_error

    annealed_error([[2.0, 4.0]], [[0.0, 1.0]], 0.5)  # [2.0]
    ```
    """
    teacher_logits = tf.cast(tf.convert_to_tensor(teacher_logits), tf.float32)
    share = tf.cast(share, tf.float32)
    return soft_targets.squared_error(share * teacher_logits, student_logits)


class AnnealingDistillation(ClassLogitsLoss):
    """Asks for the teacher's logits step by step: a tenth of them, then two, then all.

    The first phase of Jafari and others, "Annealing Knowledge Distillation", 2021,
    https://arxiv.org/abs/2104.07163: Σₖ (φ · tₖ − sₖ)², with φ = 1 / n in the first of
    n equal stages of the training and 1 in the last. It helps where the student is much
    smaller than the teacher. The labels have no part in it: build the `Distiller` with
    `student_loss_weight=0`. The second phase is a `fit` of `distiller.student` on the
    labels alone.

    Args:
        stages: n, a whole number above 0. Defaults to 10.
        reduction: Over classes, `"sum"`, the default, or `"mean"`, as the authors' code
            has it.

    Raises:
        ArgumentError: If an argument is out of range.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.annealing_targets import AnnealingDistillation

    loss = AnnealingDistillation(stages=7)
    values = loss.compute_loss(tf.constant([[7.0, 0.0]]), tf.constant([[0.0, 0.0]]))
    ```
    """

    def __init__(self, stages: int = 10, *, reduction: str = "sum"):
        if isinstance(stages, bool) or not isinstance(stages, int) or stages < 1:
            raise ArgumentError(
                f"stages must be a whole number above 0. Received: stages={stages!r}"
            )
        self.stages = stages
        self.reduction = check_reduction(reduction)
        shares = [stage / stages for stage in range(1, stages + 1)]
        self._share = as_share(Piecewise(shares[:-1], shares), "share")

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output; see `annealed_error`."""
        values = annealed_error(teacher_logits, student_logits, self._share())
        return reduced(values, student_logits, self.reduction)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"stages": self.stages, "reduction": self.reduction}
