import pytest

from tfcompress.errors import ArgumentError
from tfcompress.pipeline import (
    Evaluate,
    Export,
    FineTune,
    Pipeline,
    PruneChannels,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.ladder import (
    build_ladder,
    fit_target,
    fit_training,
    is_trained,
    takes_more,
    without_training,
)


def ladder(target, *demands):
    return build_ladder(target, demands or {"max_bytes", "max_drop"})


def names(target, *demands):
    return [pipeline.name for pipeline in ladder(target, *demands)]


def kinds(pipeline):
    return [stage.kind for stage in pipeline.stages]


NARROWER = ["narrower_20", "narrower_30", "narrower_50", "narrower_70"]


def test_whole_numbers_from_the_cheapest_to_the_most_drastic():
    assert names("cpu_int8") == [
        "after_training",
        "taught",
        "taught_longer",
        *NARROWER,
        "four_bits",
        "four_bits_narrower_30",
        "four_bits_narrower_50",
        "four_bits_narrower_70",
    ]


def test_four_bits_only_where_they_gain():
    assert names("cpu_int8", "max_latency_ms")[-1] == NARROWER[-1]
    for target in ("microcontroller", "npu_int8", "edgetpu", "cpu_int16x8"):
        assert names(target)[-1] == NARROWER[-1]


def test_quality_alone_takes_no_channels():
    assert names("cpu_int8", "max_drop") == [
        "after_training",
        "taught",
        "taught_longer",
    ]


def test_any_cpu_has_files_in_float():
    quality = ["after_training", "weights_8_bits", "weights_8_bits_in_float", "float16"]
    taught = ["taught", "taught_longer"]
    assert names(None, "max_drop") == [*quality, *taught, "float32"]
    all_demands = names(None)
    assert all_demands[:10] == [*quality, *taught, *NARROWER]
    assert all_demands[10:14] == [f"{name}_in_float" for name in NARROWER]
    assert all_demands[-1] == "float32"
    trained = [is_trained(rung) for rung in ladder(None)[:-1]]
    assert trained == sorted(trained)
    exports = {rung.name: rung.stages[-1] for rung in ladder(None)}
    assert exports["after_training"] == Export(target="cpu_int8")
    assert exports["weights_8_bits"] == Export(scheme="dynamic_range")
    assert exports["float16"] == Export(target="cpu_float16")


def test_targets_in_float_have_nothing_rounded():
    assert names("gpu") == ["after_training", *NARROWER]
    assert {kind for rung in ladder("gpu") for kind in kinds(rung)} == {
        "prune_channels",
        "export",
    }


def test_sparse_files_have_zeros():
    assert names("cpu_sparse")[:4] == [
        "after_training",
        "zeros_70",
        "zeros_80",
        "zeros_90",
    ]
    assert kinds(ladder("cpu_sparse")[-1]) == [
        "prune_channels",
        "prune_weights",
        "export",
    ]


def test_each_ends_in_the_file_for_the_target():
    for rung in ladder("microcontroller"):
        assert rung.stages[-1] == Export(target="microcontroller")
        trained = [each for each in rung.stages[:-1]]
        assert all(stage.distillation is not None for stage in trained)


def test_steps_of_16_bits():
    (taught,) = [rung for rung in ladder("npu_int16") if rung.name == "taught"]
    assert taught.stages[0].activation_bits == 16


def fitted(training, target="cpu_int8"):
    return {rung.name: fit_training(rung, training) for rung in ladder(target)}


def test_trainings_are_in_proportion():
    rungs = fitted(Training(epochs=20, batch_size=8, learning_rate=0.02))
    assert rungs["taught"].stages[0].training.epochs == 6
    assert rungs["taught_longer"].stages[0].training.epochs == 20
    assert rungs["narrower_30"].stages[0].training.epochs == 20
    assert rungs["narrower_50"].stages[0].training.epochs == 40
    rounded = rungs["narrower_50"].stages[1].training
    assert rounded == Training(epochs=6, batch_size=8, learning_rate=0.002)
    assert fitted(Training(epochs=1))["taught"].stages[0].training.epochs == 1


def test_usual_trainings_are_those_of_the_ladder():
    for target in (None, "cpu_sparse", "npu_int16"):
        assert tuple(fitted(Training(), target).values()) == ladder(target)


def test_what_is_fitted_has_the_seed():
    assert fit_training(Pipeline([FineTune()], seed=1), Training(), seed=7).seed == 7


@pytest.mark.parametrize("target", [None, "cpu_int8", "cpu_sparse", "gpu"])
def test_rungs_with_one_beginning_fit_in_one_folder(target):
    """No stage of one stands where another stage of another does."""
    places = {}
    for rung in ladder(target):
        for place in enumerate(rung.names):
            stage = rung.stages[place[0]]
            known = places.setdefault((repr(rung.stages[0]), place), stage)
            assert known == stage
    first = [rung.stages[0] for rung in ladder(target) if is_trained(rung)]
    assert first.count(ladder(target)[-2].stages[0]) > 1 or target == "gpu"


def test_without_a_demand_the_recipe_balanced_is_the_first():
    rungs = build_ladder(None, ())
    assert [rung.name for rung in rungs] == [
        "balanced",
        "taught",
        "after_training",
        "weights_8_bits",
        "weights_8_bits_in_float",
        "float16",
        "float32",
    ]
    assert kinds(rungs[0]) == ["prune_channels", "quantize", "export"]
    assert [rung.name for rung in build_ladder("gpu", ())] == [
        "balanced",
        "after_training",
    ]


def test_targets_that_there_are_not():
    with pytest.raises(ArgumentError, match="cpu_int8"):
        build_ladder("cpu_int9", {"max_bytes"})


def test_what_takes_more_from_a_network():
    rungs = {rung.name: rung for rung in ladder(None)}
    narrower = rungs["narrower_50"]
    assert takes_more(narrower, rungs["narrower_20"])
    assert takes_more(rungs["four_bits"], rungs["taught"])
    assert takes_more(rungs["four_bits_narrower_50"], narrower)
    for name in ("taught", "narrower_50_in_float", "narrower_20_in_float", "float32"):
        assert not takes_more(rungs[name], narrower)
    for name in ("four_bits", "four_bits_narrower_30"):
        assert not takes_more(rungs[name], narrower)
    zeros = Pipeline([PruneWeights(sparsity=0.7)])
    assert takes_more(Pipeline([PruneWeights(sparsity=0.8)]), zeros)


def test_without_training_the_structure_stays():
    rung = ladder("cpu_int8")[-1]
    quick = without_training(rung)
    assert is_trained(rung)
    assert not is_trained(quick)
    assert kinds(quick) == kinds(rung)
    assert quick.stages[0].ratio == rung.stages[0].ratio
    assert quick.stages[1].weight_bits == 4


@pytest.fixture(scope="module")
def whole():
    return Pipeline(
        [
            PruneChannels(ratio=0.3, training=Training(epochs=10)),
            Quantize(training=Training(epochs=3)),
            Export(),
            Evaluate(),
        ],
        name="whole",
        needs=("Dense",),
        seed=3,
    )


def test_fits_another_target(whole):
    fitted = fit_target(whole, "gpu")
    assert kinds(fitted) == ["prune_channels", "export"]
    assert fitted.stages[1].target == "gpu"
    assert (fitted.name, fitted.needs, fitted.seed) == ("whole", ("Dense",), 3)
    assert fit_target(whole, "npu_int16").stages[1].activation_bits == 16
