"""What a pipeline refuses when it is made, and how its stages are called."""

import itertools

import pytest

from tfcompress.errors import ArgumentError
from tfcompress.pipeline import (
    ClusterWeights,
    Distil,
    Distillation,
    Evaluate,
    Export,
    FineTune,
    Joint,
    Pipeline,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    TrainTeacher,
)
from tfcompress.pipeline.order import ORDER

JOINT = Joint(techniques=(PruneWeights(training=None), Quantize(training=None)))
CHANNELS = PruneChannels(ratio=0.5, training=None)


@pytest.mark.parametrize(
    ("stages", "later", "earlier"),
    [
        ([Quantize(), PruneWeights()], "prune_weights", "quantize"),
        (
            [Quantize(), Export(), PruneChannels(ratio=0.5)],
            "prune_channels",
            "quantize",
        ),
        ([Quantize(), FineTune()], "fine_tune", "quantize"),
        ([Quantize(), Quantize()], "quantize", "quantize"),
        ([JOINT, Distil()], "distil", "quantize"),
        ([PruneLayers(), Distil(student="small.keras")], "distil", "prune_layers"),
        ([PruneWeights(), PruneLayers()], "prune_layers", "prune_weights"),
        (
            [PruneWeights(structure="2:4"), FineTune(), PruneChannels(ratio=0.5)],
            "prune_channels",
            "prune_weights",
        ),
        (
            [PruneWeights(), Joint(techniques=(CHANNELS,))],
            "prune_channels",
            "prune_weights",
        ),
        (
            [ClusterWeights(), PruneChannels(ratio=0.5)],
            "prune_channels",
            "cluster_weights",
        ),
        ([ClusterWeights(), PruneLayers()], "prune_layers", "cluster_weights"),
        ([ClusterWeights(), PruneWeights()], "prune_weights", "cluster_weights"),
        ([ClusterWeights(), FineTune()], "fine_tune", "cluster_weights"),
        (
            [ClusterWeights(), Distil(student="small.keras")],
            "distil",
            "cluster_weights",
        ),
        ([ClusterWeights(), JOINT], "prune_weights", "cluster_weights"),
        (
            [JOINT, Joint(techniques=(CHANNELS,))],
            "prune_channels",
            "quantize",
        ),
        ([Quantize(), ClusterWeights()], "cluster_weights", "quantize"),
    ],
)
def test_order_that_undoes_a_stage_is_refused(stages, later, earlier):
    message = f"{later} must not come after {earlier}"
    with pytest.raises(ArgumentError, match=message) as caught:
        Pipeline(stages)
    assert f"The order that works: {ORDER}" in str(caught.value)
    assert str(caught.value).endswith(f"Received: {later} after {earlier}")


@pytest.mark.parametrize(
    "kinds", list(itertools.permutations([PruneWeights, Quantize, PruneLayers]))
)
def test_techniques_of_a_joint_come_in_any_order(kinds):
    joint = Joint(techniques=tuple(kind(training=None) for kind in kinds))
    assert Pipeline([joint]).stages == (joint,)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("orignal", "an earlier stage .*; did you mean 'original'\\?"),
        ("train_techer", "did you mean 'train_teacher'\\?"),
        (["original", "model.tflite"], "a .keras file, .*teacher='model.tflite'$"),
    ],
)
def test_a_teacher_that_is_neither_stage_nor_model_is_refused(teacher, message):
    learner = FineTune(distillation=Distillation(teacher=teacher))
    with pytest.raises(ArgumentError, match=message):
        Pipeline([TrainTeacher(), learner])


def test_a_student_that_is_no_model_is_refused():
    with pytest.raises(ArgumentError, match="student must be a .keras file"):
        Pipeline([Distil(student="small")])
    for source in ("small.keras", "networks.py:small", object()):
        taught = Distillation(teacher=source)
        assert Pipeline([Distil(student=source, distillation=taught)])


def test_evaluation_without_a_file_is_refused():
    with pytest.raises(ArgumentError, match="put an export before it"):
        Pipeline([FineTune(), Evaluate()])


@pytest.mark.parametrize("quantize", [Quantize(), JOINT])
def test_scheme_that_throws_the_trained_rounding_away_is_refused(quantize):
    message = "scheme='int8' after quantize"
    with pytest.raises(ArgumentError, match=message) as caught:
        Pipeline([quantize, Export(), Export(scheme="int8")])
    assert "leave the scheme out" in str(caught.value)
    before = Pipeline([Export(scheme="int8"), quantize, Export()])
    assert before.names[0] == "export"


def test_order_that_is_named_in_the_error_is_taken():
    kinds = ORDER.replace(" or fine_tune", "").split(", ")
    stages = [
        TrainTeacher(),
        PruneChannels(ratio=0.5),
        PruneLayers(),
        Distil(),
        PruneWeights(),
        ClusterWeights(),
        Quantize(),
        Export(),
        Evaluate(),
    ]
    assert [stage.kind for stage in stages] == kinds
    assert Pipeline(stages).names == tuple(kinds)


def test_stages_of_one_kind_have_numbers_that_no_name_takes():
    stages = [Export(), Export(name="export_2"), Export(), Export(name="phone")]
    assert Pipeline(stages).names == ("export", "export_2", "export_3", "phone")


@pytest.mark.parametrize("names", [("a", "a"), ("original", "b")])
def test_names_that_tell_no_stage_from_another_are_refused(names):
    with pytest.raises(ArgumentError, match="a name of its own"):
        Pipeline([FineTune(name=name) for name in names])


@pytest.mark.parametrize("stages", [[], ["quantize"], [Export(), None], Export()])
def test_what_is_no_stage_is_refused(stages):
    with pytest.raises(ArgumentError, match="must be one or more stages"):
        Pipeline(stages)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "0"])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(ArgumentError, match="seed must be a whole number"):
        Pipeline([Export()], seed=seed)


@pytest.mark.parametrize("teacher", ["late", "now", ["original", "late"]])
def test_teacher_must_come_before_the_stage_that_learns_from_it(teacher):
    stages = [
        FineTune(name="now", distillation=Distillation(teacher=teacher)),
        TrainTeacher(name="late"),
    ]
    with pytest.raises(ArgumentError, match="must come before it"):
        Pipeline(stages)


@pytest.mark.parametrize("stages", [(Export(), FineTune), (FineTune, Export())])
def test_a_stage_without_a_model_teaches_nobody(stages):
    taught = Distillation(teacher="export")
    stages = [s if isinstance(s, Export) else s(distillation=taught) for s in stages]
    with pytest.raises(ArgumentError, match="'export', which has no model"):
        Pipeline(stages)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"needs": "LSTM"}, "needs must be a list, each text. Received: needs='LSTM'"),
        ({"needs": [1]}, "needs must be a list"),
        ({"name": 3}, "name must be text"),
        ({"description": None}, "description must be text"),
    ],
)
def test_values_of_another_type_are_refused(values, message):
    with pytest.raises(ArgumentError, match=message):
        Pipeline([Export()], **values)


def test_pipelines_of_the_same_values_are_equal():
    assert Pipeline([Export()]) == Pipeline([Export()])
    assert Pipeline([Export()]) != Pipeline([Export()], seed=1)
    assert Pipeline([Export()]) != Pipeline([Export(strict=True)])


def test_teachers_are_one_or_more():
    with pytest.raises(ArgumentError, match="one teacher at least"):
        Distillation(teacher=[])
    assert Distillation(teacher="a").teachers == ("a",)
    assert Distillation(teacher=["a", "b"]).teachers == ("a", "b")
    assert Distillation().teachers == ()
