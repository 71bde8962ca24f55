import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.statistics import rate_bp, wilson_lower_bp


@pytest.mark.parametrize(
    ("passed", "total", "bound"),
    # First four: Newcombe, Statistics in Medicine 17 (1998), table I, method 3, cut where he rounds.
    [
        (81, 263, 2552),
        (15, 148, 623),
        (0, 20, 0),
        (1, 29, 61),
        (10, 10, 7224),
        (50, 100, 4038),
        (100, 100, 9630),
        (1, 1, 2065),
    ],
)
def test_it_agrees_with_published_values(passed, total, bound):
    assert wilson_lower_bp(passed, total) == bound


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_never_above_the_rate_and_grows_with_passes(case):
    passed, total = case
    assert 0 <= wilson_lower_bp(passed, total) <= rate_bp(passed, total) <= 10_000
    if passed < total:
        assert wilson_lower_bp(passed, total) <= wilson_lower_bp(passed + 1, total)


@pytest.mark.parametrize(("passed", "total"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_proportion_is_refused(passed, total):
    with pytest.raises(ValueError, match="no proportion"):
        wilson_lower_bp(passed, total)
