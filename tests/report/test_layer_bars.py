import re

from tests.report.page_reader import PageReader
from tfcompress.report import LayerCost
from tfcompress.report.layer_bars import pair_layers, write_bars

NAMES = ("teacher", "shipped")


def layer(name, size):
    return LayerCost(name, 4 * size, size, 0, 10 * size)


def test_layers_are_paired_by_name_in_the_order_of_the_first():
    before = [layer("a", 1), layer("b", 2), layer("c", 3)]
    after = [layer("c", 4), layer("d", 5), layer("a", 6)]
    assert pair_layers(before, after) == [
        ("a", before[0], after[2]),
        ("b", before[1], None),
        ("c", before[2], after[0]),
        ("d", None, after[1]),
    ]


def test_layers_of_keras_3_and_tf_keras_are_paired():
    three = [layer(f"{name}_1", 1) for name in ("block", "block_1", "inner_1/conv")]
    two = [layer(name, 2) for name in ("block", "block_1", "inner/conv", "new")]
    expected = [("block", 0), ("block_1", 1), ("inner/conv", 2)]
    assert pair_layers(three, two) == [
        *((name, three[place], two[place]) for name, place in expected),
        ("new", None, two[3]),
    ]
    assert pair_layers(two, three) == [
        *((name, two[place], three[place]) for name, place in expected),
        ("new", two[3], None),
    ]


def test_numbers_that_tell_layers_apart_stay():
    before = [layer(name, 1) for name in ("conv_1", "conv_2", "scores_1")]
    after = [layer("scores", 2)]
    assert pair_layers(before, after) == [
        ("conv_1", before[0], None),
        ("conv_2", before[1], None),
        ("scores", before[2], after[0]),
    ]


def test_bars_are_as_long_as_their_numbers_say():
    html = write_bars([layer("a", 100), layer("b", 50)], [layer("a", 25)], NAMES)
    widths = re.findall(r'class="(before|after)" style="width:([\d.]+)%"', html)
    assert widths == [
        *[("before", "100.0"), ("after", "25.0")] * 3,
        *[("before", "50.0")] * 3,
    ]
    page = PageReader(html)
    assert page.tables[0] == [
        ["layer", "bytes of weights", "parameters", "multiply-adds"],
        ["a", "400100", "10025", "1,000250"],
        ["b", "200none", "50none", "500none"],
    ]
    assert "teacher (outlined)  shipped (filled)" in page.text


def test_small_layers_stand_together_and_empty_ones_not_at_all():
    before = [LayerCost("flatten", 0, 0, 0, 0)]
    before += [layer(f"layer_{number}", number + 1) for number in range(25)]
    page = PageReader(write_bars(before, before[:3], NAMES))
    names = [row[0] for row in page.tables[0][1:]]
    assert names[:-1] == [f"layer_{number}" for number in range(25)][-20:]
    assert names[-1] == "5 smaller layers together"


def test_names_are_text():
    page = PageReader(write_bars([layer("<b>", 1)], [layer("<b>", 1)], ("<i>", "&")))
    assert page.tables[0][1][0] == "<b>"
    assert not {"b", "i"} & set(page.tags)
