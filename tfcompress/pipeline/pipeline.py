"""The whole way from a model to its file, stage by stage."""

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfcompress import recipes
from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import Seed, check_value
from tfcompress.pipeline.order import check_order
from tfcompress.pipeline.stage_names import check_sources, name_stages
from tfcompress.pipeline.stages import Stage

if TYPE_CHECKING:
    from tfcompress.pipeline.result import PipelineResult

FIELDS: dict[str, Any] = {
    "name": str,
    "description": str,
    "needs": tuple[str, ...],
    "seed": Seed,
}


class Pipeline:
    """Stages that take a model to the file that ships, each kept as soon as it is done.

    A pipeline holds plain values alone; nothing is loaded or trained until `run`.

    Args:
        stages: The stages in their order.
        name: What it is called in results. Defaults to `"pipeline"`.
        description: What it is for, in a sentence or two.
        needs: Kinds of layers of which the model must have one at least, such as
            `("LSTM", "GRU")`. Defaults to none.
        seed: Of everything that is drawn at random. Defaults to 0.

    Raises:
        ArgumentError: If a value has another type; if there is no stage, two have one
            name, one learns from a stage that has no model or does not come before it,
            or from what is neither a stage nor a model, or one would undo what one
            before it did.

    Example:
    ```python
    from tfcompress.pipeline import (
        Distillation, Evaluate, Export, Pipeline, PruneChannels, Quantize, Training
    )

    pipeline = Pipeline([
        PruneChannels(
            macs=0.5, training=Training(epochs=2), distillation=Distillation()
        ),
        Quantize(training=Training(epochs=1), distillation=Distillation()),
        Export(target="cpu_int8"),
        Evaluate(),
    ])
    result = pipeline.run(teacher, (x, y), (x, y), directory="run")
    print(result.comparison)
    ```
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        name: str = "pipeline",
        description: str = "",
        needs: Sequence[str] = (),
        seed: int = 0,
    ):
        listed = isinstance(stages, Sequence) and len(stages) > 0
        if not listed or not all(isinstance(stage, Stage) for stage in stages):
            raise ArgumentError(
                "stages must be one or more stages, such as [Quantize(), Export()]. "
                f"Received: stages={stages!r}"
            )
        self.stages: tuple[Stage, ...] = tuple(stages)
        self.name: str = check_value(name, FIELDS["name"], "name")
        self.description: str = check_value(
            description, FIELDS["description"], "description"
        )
        self.needs: tuple[str, ...] = check_value(needs, FIELDS["needs"], "needs")
        self.seed: int = check_value(seed, FIELDS["seed"], "seed")
        check_order(self.stages)
        self.names = name_stages(self.stages)
        for number in range(len(self.stages)):
            check_sources(self.stages, number)

    @classmethod
    def from_yaml(cls, path_or_text: str | os.PathLike[str]) -> "Pipeline":
        """Reads a recipe.

        Args:
            path_or_text: Path of a file, or YAML itself: text with a line break or a
                colon that does not end in `.yaml` or `.yml`.

        Returns:
            The pipeline.

        Raises:
            ArgumentError: If the file cannot be read, or is no recipe; names the line,
                what was expected there, and the nearest key.

        Example:
        ```python
        from tfcompress.pipeline import Pipeline

        pipeline = Pipeline.from_yaml("stages: [{export: {target: gpu}}, evaluate]")
        ```
        """
        from tfcompress.pipeline.recipe_file import read_recipe

        return read_recipe(path_or_text)

    @classmethod
    def from_recipe(cls, name: str) -> "Pipeline":
        """Reads a recipe that comes with tfcompress.

        Args:
            name: One of `tfcompress.recipes.names()`, such as `"balanced"`.

        Returns:
            The pipeline.

        Raises:
            ArgumentError: If there is no such recipe; the message has the nearest
                names.

        Example:
        ```python
        from tfcompress.pipeline import Pipeline

        print(Pipeline.from_recipe("balanced").description)
        ```
        """
        return cls.from_yaml(recipes.path(name))

    def to_yaml(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns the pipeline as YAML, from which `from_yaml` makes its equal.

        Args:
            path: Where to write it as well, or None.

        Returns:
            The text. Fields at their defaults are left out.

        Raises:
            ArgumentError: If a stage holds a model itself; give its file, or
                `"module:function"`.
            OutputError: If the file cannot be written.

        Example:
        ```python
        from tfcompress.pipeline import Export, Pipeline

        print(Pipeline([Export()]).to_yaml())
        ```
        """
        from tfcompress.pipeline.recipe_file import write_recipe

        return write_recipe(self, path)

    def run(
        self,
        model: Any,
        train: Any,
        validation: Any,
        *,
        test: Any = None,
        directory: str | os.PathLike[str],
        strategy: Any = None,
        callbacks: Sequence[Any] = (),
        verbose: int = 1,
    ) -> "PipelineResult":
        """Does every stage that the directory does not hold yet.

        Each finished stage stands whole in the directory, with what it was made from;
        of the one at work, the state after its last full epoch. After a kill the same
        call goes on from there, and ends in the weights of an undisturbed run where
        operations are deterministic: on a CPU, after
        `tf.config.experimental.enable_op_determinism()`. Where the model, the data or a
        stage is another, the stages that depend on it are done again; where the new one
        is of the same content, they are not. A second process in the same directory is
        refused. Before the first training a file is written for each device that lacks
        operations, so that a model it cannot run is found.

        Arrays are shuffled here, from the seed and the number of the epoch. A
        `tf.data.Dataset` comes in its own order. Where it was given no seeds, for
        `shuffle`, `sample_from_datasets` or functions such as `tf.image.random_crop` in
        `map`, they are drawn from the seed of the pipeline, so that these are drawn the
        same way again after a kill; such functions in a parallel `map` only with
        `tf.config.experimental.enable_op_determinism()`. Not so a `tf.random.Generator`
        and Keras layers in `map`, a random `map` inside a parallel `interleave`, Python
        functions, a shuffling before `cache`, and one without a seed with
        `reshuffle_each_iteration=False`, which is left as it is so that `skip` and
        `take` can split by it. What the callbacks hold is kept where it is numbers,
        text, arrays, or lists of them.

        Args:
            model: A built model of either Keras. It is not changed.
            train: Inputs and labels, in a form that `tfcompress.data.batches` accepts;
                or None where all stages are exports of a scheme that needs none.
            validation: The same, for the figures after each epoch.
            test: The same, for the stage `evaluate`. Defaults to `validation`.
            directory: Folder of this run: empty, missing, or of an earlier run.
            strategy: A `tf.distribute.Strategy` under which the stages train, or None.
                Of several workers the chief writes; all must see the directory.
            callbacks: Keras callbacks of every training.
            verbose: 1 for a line a stage on standard error, 0 for silence. Defaults to
                1.

        Returns:
            The `PipelineResult`. Where the last file lost more than 5 points of
            accuracy, of macro F1, or of R2 in hundredths, a warning says so.

        Raises:
            TFCompressError: If the model, the data or the directory cannot be used.
        """
        from tfcompress.pipeline.engine import run_pipeline

        result = run_pipeline(
            self,
            model,
            train,
            validation,
            test=test,
            directory=directory,
            strategy=strategy,
            callbacks=callbacks,
            verbose=verbose,
        )
        if result.loss is not None:
            warnings.warn(result.loss, stacklevel=2)
        return result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Pipeline({list(self.stages)!r}, name={self.name!r}, seed={self.seed})"
