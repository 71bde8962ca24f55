"""Statistics that the gate uses, exact and rounded down."""

from decimal import ROUND_FLOOR, Decimal, localcontext

Z_95 = Decimal("1.959963984540054235524594430520551527956")
"""The 97.5% quantile of the standard normal distribution: 95% between its two sides."""


def wilson_lower_bp(passed: int, total: int) -> int:
    """The lower end of the Wilson score interval at 95% for `passed` of `total`, in basis points, rounded down.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22 (1927), 209 to 212: with p = passed / total, n = total and z the normal quantile,
    (p + z²/2n − z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n). Raises ValueError unless 0 ≤ passed ≤ total and total > 0.
    """
    if not 0 <= passed <= total or total <= 0:
        raise ValueError(f"{passed} passed of {total} is no proportion")
    if passed == 0:
        return 0
    with localcontext() as context:
        context.prec = 50
        n, z2 = Decimal(total), Z_95 * Z_95
        p = Decimal(passed) / n
        spread = Z_95 * (p * (1 - p) / n + z2 / (4 * n * n)).sqrt()
        bound = (p + z2 / (2 * n) - spread) / (1 + z2 / n)
        return int((bound * 10_000).to_integral_value(ROUND_FLOOR))


def rate_bp(passed: int, total: int) -> int:
    """`passed` of `total` in basis points, rounded down. Raises ValueError for no cases."""
    if total <= 0:
        raise ValueError("no cases")
    return passed * 10_000 // total
