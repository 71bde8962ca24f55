"""Reads cost exports in FOCUS, the FinOps Open Cost and Usage Specification, versions 1.0 to 1.3, as CSV."""

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from signals.readers import ReadError

MAX_FIELD = 128 * 1024
MAX_DIGITS = 18  # before the point; the column is numeric(30, 12)
PLACES = Decimal("0.000000000001")
PERIODS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
MANDATORY = ("BilledCost", "EffectiveCost", "BillingCurrency", "ChargeCategory", "ServiceName", *PERIODS)
PROVIDER_COLUMNS = ("ServiceProviderName", "ProviderName")
"""1.3 renames ProviderName; a file may carry both while its maker moves over."""
CATEGORIES = frozenset({"Usage", "Purchase", "Tax", "Credit", "Adjustment"})
CLASSES = frozenset({"", "Correction"})
TEXTS = {
    "ServiceName": 200,
    "SubAccountId": 200,
    "SubAccountName": 200,
    "ResourceId": 500,
    "SkuId": 200,
    "ChargeDescription": 500,
    "ConsumedUnit": 100,
    "SkuMeter": 200,
}


class CostRow(NamedTuple):
    """One charge. Amounts are Decimal in `billing_currency`, times aware in UTC."""

    row: int
    row_sha256: str
    billed_cost: Decimal
    effective_cost: Decimal
    billing_currency: str
    charge_category: str
    charge_class: str
    charge_description: str
    charge_period_start: dt.datetime
    charge_period_end: dt.datetime
    billing_period_start: dt.datetime
    billing_period_end: dt.datetime
    provider_name: str
    service_name: str
    sub_account_id: str
    sub_account_name: str
    resource_id: str
    sku_id: str
    consumed_quantity: Decimal | None
    consumed_unit: str
    sku_meter: str
    tags: dict[str, Any]


@dataclass(frozen=True)
class Rejection:
    """A row that was left out: its number (the header is row 1), the column at fault, and why."""

    row: int
    column: str
    reason: str


class _Bad(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read_costs(path: Path) -> Iterator[CostRow | Rejection]:
    """The charges of the export at `path`, one at a time: the file is never held in memory.

    A row that cannot be read comes as a Rejection. Raises ReadError where the whole file cannot be: no FOCUS
    header, columns missing, not UTF-8, a field beyond MAX_FIELD characters.
    """
    csv.field_size_limit(MAX_FIELD)
    with path.open("r", encoding="utf-8-sig", newline="") as file:
        try:
            yield from _rows(file)
        except UnicodeDecodeError as error:
            raise ReadError(f"The file is not UTF-8 ({error.reason}). Save or export it as CSV in UTF-8.") from error
        except csv.Error as error:
            raise ReadError(
                f"The file is not CSV that can be read ({error}). A field may hold {MAX_FIELD:,} characters at most; "
                "a quote that is never closed looks the same. Export it again."
            ) from error


def _rows(file: io.TextIOWrapper) -> Iterator[CostRow | Rejection]:
    first = file.readline(MAX_FIELD)
    if not first.strip():
        raise ReadError("The file is empty. Export it again; a FOCUS export begins with a header row.")
    if "\x00" in first:
        raise ReadError("The file is not text. Put the CSV there, not a packed or Parquet file.")
    delimiter = max(",;\t|", key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    _check_header(header)
    place = {name: index for index, name in enumerate(header)}
    provider = next(name for name in PROVIDER_COLUMNS if name in place)
    parse = _Parser(place, provider, decimal_comma=delimiter == ";")
    for number, cells in enumerate(csv.reader(file, delimiter=delimiter, strict=True), start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            yield Rejection(number, "", f"has {len(cells)} fields where the header names {len(header)}")
            continue
        try:
            yield parse(number, cells)
        except _Bad as bad:
            yield Rejection(number, bad.column, bad.reason)


def _check_header(header: list[str]) -> None:
    if not {"BilledCost", "EffectiveCost", "ChargePeriodStart"} & set(header):
        raise ReadError(
            f"The first row names no FOCUS column (it begins {', '.join(header[:4])[:80]!r}). "
            "Export costs in FOCUS 1.0 to 1.3, with the header row first."
        )
    missing = [name for name in MANDATORY if name not in header]
    if not set(PROVIDER_COLUMNS) & set(header):
        missing.append("ProviderName (ServiceProviderName from 1.3 on)")
    if missing:
        raise ReadError(f"Columns are missing: {', '.join(missing)}. Include them in the export; FOCUS requires them.")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise ReadError(f"Columns appear twice: {', '.join(twice)}. It is not clear which one counts; export it again.")


class _Parser:
    """Turns the cells of one row into a CostRow; raises _Bad."""

    def __init__(self, place: dict[str, int], provider: str, *, decimal_comma: bool) -> None:
        self._place, self._provider, self._comma = place, provider, decimal_comma
        self._times: dict[str, dt.datetime] = {}

    def __call__(self, number: int, cells: list[str]) -> CostRow:
        if any("\x00" in cell for cell in cells):
            raise _Bad("", "holds a zero byte")
        get = {name: cells[index].strip() for name, index in self._place.items()}
        get = {name: "" if value.upper() == "NULL" else value for name, value in get.items()}
        currency, category, charge_class = get["BillingCurrency"], get["ChargeCategory"], get.get("ChargeClass", "")
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
            raise _Bad("BillingCurrency", f"{currency[:20]!r} is not a currency code of three capitals, such as EUR")
        if category not in CATEGORIES:
            raise _Bad("ChargeCategory", f"{category[:40]!r} is none of {', '.join(sorted(CATEGORIES))}")
        if charge_class not in CLASSES:
            raise _Bad("ChargeClass", f"{charge_class[:40]!r} is neither empty nor Correction")
        billing_start, billing_end, start, end = (self._time(get, name) for name in PERIODS)
        if end <= start:
            raise _Bad(
                "ChargePeriodEnd", f"{get['ChargePeriodEnd']} is not after the start, {get['ChargePeriodStart']}"
            )
        texts = {name: self._text(get, name, size) for name, size in TEXTS.items()}
        if not texts["ServiceName"]:
            raise _Bad("ServiceName", "is empty")
        quantity = get.get("ConsumedQuantity", "")
        values = (
            self._money(get, "BilledCost"),
            self._money(get, "EffectiveCost"),
            currency,
            category,
            charge_class,
            texts["ChargeDescription"],
            start,
            end,
            billing_start,
            billing_end,
            self._text(get, self._provider, 200),
            texts["ServiceName"],
            texts["SubAccountId"],
            texts["SubAccountName"],
            texts["ResourceId"],
            texts["SkuId"],
            self._money(get, "ConsumedQuantity") if quantity else None,
            texts["ConsumedUnit"],
        )
        tags = self._tags(get.get("Tags", ""))
        return CostRow(number, _digest((*values, tags)), *values, texts["SkuMeter"], tags)

    def _money(self, get: dict[str, str], column: str) -> Decimal:
        text = get[column]
        if not text:
            raise _Bad(column, "is empty")
        if self._comma and "," in text and "." not in text:
            text = text.replace(",", ".")  # where semicolons separate fields, commas are decimal signs
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise _Bad(column, f"{text[:40]!r} is not a number") from error
        if not value.is_finite() or "_" in text:
            raise _Bad(column, f"{text[:40]!r} is not a number")
        if value and value.adjusted() >= MAX_DIGITS:
            raise _Bad(column, f"{text[:40]!r} has more than {MAX_DIGITS} digits before the point")
        return value.quantize(PLACES) if value.as_tuple().exponent < -12 else value  # type: ignore[operator]

    def _time(self, get: dict[str, str], column: str) -> dt.datetime:
        text = get[column]
        moment = self._times.get(text)
        if moment is None:
            try:
                moment = dt.datetime.fromisoformat(text)
            except ValueError as error:
                raise _Bad(column, f"{text[:40]!r} is not a time such as 2026-11-01T00:00:00Z") from error
            # FOCUS times are UTC (ISO 8601 with Z); a time without zone is read as that.
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
            if len(self._times) < 10_000:
                self._times[text] = moment
        return moment

    def _text(self, get: dict[str, str], column: str, size: int) -> str:
        text = get.get(column, "")
        if len(text) > size:
            raise _Bad(column, f"is longer than {size} characters")
        return text

    def _tags(self, text: str) -> dict[str, Any]:
        if not text:
            return {}
        try:
            tags = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _Bad("Tags", "is not JSON") from error
        if not isinstance(tags, dict):
            raise _Bad("Tags", "is not a JSON object of keys and values")
        if "\\u0000" in text:
            raise _Bad("Tags", "holds a zero byte")
        return tags


def _digest(values: tuple[Any, ...]) -> str:
    """SHA-256 of what is kept of the row, written one way, so that column order and number format do not matter.

    Columns that an exporter fills in later (InvoiceId) or adds with a later version of FOCUS (SkuMeter) are not part of it:
    with them, the same charge in the next export would count a second time.
    """
    plain = [
        format(value.normalize(), "f")
        if isinstance(value, Decimal)
        else value.isoformat()
        if isinstance(value, dt.datetime)
        else json.dumps(value, sort_keys=True)
        if isinstance(value, dict)
        else ""
        if value is None
        else value
        for value in values
    ]
    return hashlib.sha256("\x1f".join(plain).encode()).hexdigest()
