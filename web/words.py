"""Words for times, money and verdicts: one way of saying each, for pages, fragments and exports."""

import datetime as dt
from decimal import Decimal

GLYPHS = {"pass": "✓", "warn": "!", "fail": "✕", "hold": "◐", "wait": "○", "plain": ""}
"""A verdict's sign, always beside a word."""

SAID = {"pass": "good", "warn": "look at this", "fail": "failed", "hold": "under way", "wait": "not yet", "plain": ""}
"""A verdict in words, where a glyph stands alone on the screen and a screen reader needs more."""

VERDICTS = {
    "live": "pass",
    "approved": "pass",
    "approve": "pass",
    "pass": "pass",
    "passed": "pass",
    "passing": "pass",
    "ok": "pass",
    "read": "pass",
    "done": "pass",
    "success": "pass",
    "succeeded": "pass",
    "not_needed": "pass",
    "changes_requested": "warn",
    "request_changes": "warn",
    "write": "warn",
    "partial": "warn",
    "stale": "warn",
    "not_enough": "warn",
    "waived": "warn",
    "suspended": "fail",
    "vetoed": "fail",
    "veto": "fail",
    "fail": "fail",
    "failed": "fail",
    "blocked": "fail",
    "irreversible": "fail",
    "error": "fail",
    "errored": "fail",
    "in_review": "hold",
    "running": "hold",
    "pilot": "hold",
    "draft": "wait",
    "registered": "wait",
    "unknown": "wait",
    "queued": "wait",
    "waiting": "wait",
    "withdrawn": "wait",
    "superseded": "wait",
    "rolled_back": "wait",
}
"""How a state that some room knows looks. A state that is not listed looks like "not yet"."""

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "hour"), (86400 * 60, 86400, "day"))


def ago(moment: dt.datetime, now: dt.datetime) -> str:
    """How long before (or after) `now` `moment` is, roughly: "3 min ago", "in 2 days"; beyond 60 days the date."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 10:
        return "just now"
    for limit, unit, name in _STEPS:
        if size < limit:
            number = int(size // unit)
            if unit >= 3600 and number != 1:
                name += "s"
            return f"{number} {name} ago" if seconds > 0 else f"in {number} {name}"
    return day(moment)


def day(value: dt.date) -> str:
    """A date as "14 Jan 2027"."""
    return f"{value.day} {value:%b %Y}"


def exact(moment: dt.datetime) -> str:
    """A moment as "14 Jan 2027, 09:12:07 UTC"."""
    moment = moment.astimezone(dt.UTC)
    return f"{day(moment)}, {moment:%H:%M:%S} UTC"


def money(amount: int | Decimal, currency: str) -> str:
    """An amount with its currency, "€4,120.00". An int counts hundredths (cents), a Decimal whole units."""
    value = Decimal(amount) / 100 if isinstance(amount, int) else amount
    sign = "−" if value < 0 else ""
    number = f"{abs(value):,.2f}"
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number}\N{NO-BREAK SPACE}{currency}".rstrip()


def initials(name: str) -> str:
    """The first letters of the first and last word of a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
