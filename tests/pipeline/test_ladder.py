import pytest

from tfcompress.export import find_target
from tfcompress.pipeline import (
    Evaluate,
    Export,
    Pipeline,
    PruneChannels,
    Quantize,
    Training,
)
from tfcompress.pipeline.ladder import (
    build_ladder,
    fit_pipeline,
    is_trained,
    limit_batches,
    without_training,
)


def ladder(target, *, epochs=10, smaller=True, fewer_bytes=True, seed=0):
    return build_ladder(
        target,
        find_target(target or "cpu_int8"),
        epochs=epochs,
        smaller=smaller,
        fewer_bytes=fewer_bytes,
        seed=seed,
    )


def names(*arguments, **options):
    return [pipeline.name for pipeline in ladder(*arguments, **options)]


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
    assert names("cpu_int8", fewer_bytes=False)[-1] == NARROWER[-1]
    for target in ("microcontroller", "npu_int8", "edgetpu", "cpu_int16x8"):
        assert names(target)[-1] == NARROWER[-1]


def test_quality_alone_takes_no_channels():
    assert names("cpu_int8", smaller=False) == [
        "after_training",
        "taught",
        "taught_longer",
    ]


def test_any_cpu_has_files_in_float():
    quality = ["after_training", "weights_8_bits", "weights_8_bits_in_float", "float16"]
    taught = ["taught", "taught_longer"]
    assert names(None, smaller=False) == [*quality, *taught, "float32"]
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


def test_epochs_are_in_proportion():
    by_name = {rung.name: rung for rung in ladder("cpu_int8", epochs=20)}
    assert by_name["taught"].stages[0].training.epochs == 6
    assert by_name["taught_longer"].stages[0].training.epochs == 20
    assert by_name["narrower_30"].stages[0].training.epochs == 20
    assert by_name["narrower_50"].stages[0].training.epochs == 40
    shortest = {rung.name: rung for rung in ladder("cpu_int8", epochs=1)}
    assert shortest["taught"].stages[0].training.epochs == 1


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
    fitted = fit_pipeline(whole, "gpu", find_target("gpu"), epochs=10)
    assert kinds(fitted) == ["prune_channels", "export"]
    assert fitted.stages[1].target == "gpu"
    assert (fitted.name, fitted.seed) == ("whole", 0)
    fitted = fit_pipeline(whole, "npu_int16", find_target("npu_int16"), epochs=10)
    assert fitted.stages[1].activation_bits == 16


def test_fits_another_length(whole):
    fitted = fit_pipeline(whole, "cpu_int8", find_target("cpu_int8"), epochs=1)
    assert [stage.training.epochs for stage in fitted.stages[:2]] == [1, 1]
    fitted = fit_pipeline(whole, "cpu_int8", find_target("cpu_int8"), epochs=40)
    assert [stage.training.epochs for stage in fitted.stages[:2]] == [40, 12]


def test_batches_are_no_larger_than_the_samples(whole):
    limited = limit_batches(whole, 20)
    assert [stage.training.batch_size for stage in limited.stages[:2]] == [20, 20]
    assert limit_batches(whole, 32) == limit_batches(whole, 1000) == whole


def test_each_has_the_seed(whole):
    rungs = ladder("cpu_sparse", seed=7) + ladder("cpu_int8", seed=7)
    assert {rung.seed for rung in rungs} == {7}
    device = find_target("gpu")
    assert fit_pipeline(whole, "gpu", device, epochs=1, seed=7).seed == 7
