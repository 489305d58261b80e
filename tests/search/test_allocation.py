import itertools

import numpy as np
import pytest

from tfcompress.search import allocation
from tfcompress.search.allocation import Allocation, Option, choose, spread

RATIOS = (0.25, 0.5, 0.75)
WHOLE = Option(0.0, 0, 0.0)


def table(seed, parts=5):
    """Savings and losses without any order, some losses below zero."""
    generator = np.random.default_rng(seed)
    return {
        f"part{number}": [
            WHOLE,
            *(
                Option(
                    ratio, int(generator.integers(1, 50)), generator.normal(2.0, 2.0)
                )
                for ratio in RATIOS
            ),
        ]
        for number in range(parts)
    }


def sums(chosen):
    return sum(o.saving for o in chosen), sum(o.loss for o in chosen)


def brute_force(options, needed):
    """The least loss of all choices that save enough."""
    every = map(sums, itertools.product(*options.values()))
    return min(loss for saving, loss in every if saving >= needed)


@pytest.mark.parametrize("seed", range(60))
def test_choice_is_the_best_of_all(seed):
    options = table(seed)
    most = sum(max(o.saving for o in given) for given in options.values())
    for needed in (0, most // 3, most // 2, most - 1, most):
        chosen = choose(options, needed)
        saving, loss = sums(chosen.values())
        assert list(chosen) == list(options)
        assert saving >= needed
        assert loss == pytest.approx(brute_force(options, needed))


def test_what_cannot_be_saved_is_saved_as_far_as_can_be():
    options = table(0)
    most = sum(max(o.saving for o in given) for given in options.values())
    assert sums(choose(options, most + 1).values())[0] == most


def test_rounding_of_savings_still_saves_enough(monkeypatch):
    monkeypatch.setattr(allocation, "_RESOLUTION", 30)
    for seed in range(30):
        options = table(seed, parts=6)
        most = sum(max(o.saving for o in given) for given in options.values())
        needed = most * 0.6
        saving, loss = sums(choose(options, needed).values())
        assert saving >= needed
        # Each of six parts may be counted a thirtieth of the need too small.
        assert loss <= brute_force(options, needed * 1.25) + 1e-9


def test_many_parts_take_no_time():
    generator = np.random.default_rng(0)
    options = {
        f"part{number}": [
            WHOLE,
            *(Option(r, int(r * size), r * generator.uniform()) for r in RATIOS),
        ]
        for number, size in enumerate(generator.integers(1000, 3_000_000, 150))
    }
    most = sum(given[-1].saving for given in options.values())
    saving, loss = sums(choose(options, 0.6 * most).values())
    assert saving >= 0.6 * most
    assert loss < 0.6 * sum(given[-1].loss for given in options.values())


def chain(seed, parts=5):
    """Layers in a row: what is left of two neighbours is multiplied."""
    generator = np.random.default_rng(seed)
    widths = generator.integers(4, 40, parts + 1)

    def cost(ratios):
        left = [widths[0]]
        left += [widths[n + 1] * (1 - ratios.get(f"part{n}", 0)) for n in range(parts)]
        left.append(3)
        pairs = itertools.pairwise(left)
        return int(sum(round(one * other) for one, other in pairs))

    options = {
        f"part{n}": [
            WHOLE,
            *(
                Option(
                    ratio,
                    cost({}) - cost({f"part{n}": ratio}),
                    abs(generator.normal(0.02 * ratio, 0.02)),
                )
                for ratio in RATIOS
            ),
        ]
        for n in range(parts)
    }
    return options, cost


def test_savings_that_are_multiplied():
    excess = []
    for seed in range(40):
        options, cost = chain(seed)
        budget = int(cost({}) * np.random.default_rng(seed).uniform(0.15, 0.9))
        every = [
            dict(zip(options, choice, strict=True))
            for choice in itertools.product(*options.values())
        ]
        within = [
            sums(choice.values())[1]
            for choice in every
            if cost({name: o.ratio for name, o in choice.items()}) <= budget
        ]
        chosen = spread(options, cost, budget)
        if not within:
            assert chosen is None
            continue
        assert cost({name: o.ratio for name, o in chosen.items()}) <= budget
        loss = sums(chosen.values())[1]
        excess.append(loss / min(within) - 1 if min(within) else 0.0)
    # Mostly the best of all 1024 choices, and near it otherwise.
    assert np.median(excess) < 1e-9
    assert max(excess) < 0.25


def test_savings_that_add_up_are_spread_at_least_loss():
    for seed in range(20):
        options = table(seed)
        savings = {
            (name, option.ratio): option.saving
            for name, given in options.items()
            for option in given
        }

        def cost(ratios, savings=savings):
            return 1000 - sum(savings[item] for item in ratios.items())

        for budget in (1000, 950, 900):
            _, loss = sums(spread(options, cost, budget).values())
            assert loss == pytest.approx(brute_force(options, 1000 - budget))
        assert spread(options, cost, 0) is None


def test_an_allocation_is_a_mapping_that_prints_itself():
    given = Allocation({"one": 0.5, "two": 0.0}, 0.01, "weights", 200, 120)
    assert dict(given) == {"one": 0.5, "two": 0.0}
    assert str(given).splitlines() == [
        "one: 0.5",
        "two: 0",
        "120 of 200 weights stay (60.0%); the losses measured one by one add up to "
        "0.01",
    ]
