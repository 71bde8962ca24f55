import datetime as dt
import tracemalloc
from decimal import Decimal

import pytest

from samples import make_focus
from signals.readers import ReadError, focus
from signals.readers.focus import CostRow, Rejection, read_costs
from signals.tests.conftest import COLUMNS, NOW, cost_row, write_costs


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.3"])
def test_each_version_of_focus_gives_the_same_charge(tmp_path, version):
    first = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    row = make_focus._row(
        first,
        first,
        first + dt.timedelta(days=1),
        provider="Vendor",
        BillingCurrency="EUR",
        BilledCost=Decimal("3.141592"),
        ServiceName="Inference",
        Tags={"agent": "x"},
    )
    make_focus.write(tmp_path / "costs.csv", version, [row])
    [charge] = read_costs(tmp_path / "costs.csv")
    assert charge.provider_name == "Vendor" and charge.effective_cost == Decimal("3.141592")
    assert charge.tags == {"agent": "x"} and charge.charge_period_start == first
    make_focus.write(tmp_path / "other.csv", "1.0", [row])
    assert next(read_costs(tmp_path / "other.csv")).row_sha256 == charge.row_sha256


def test_the_demos_export_holds_credits_refunds_purchases_corrections_and_currencies(tmp_path):
    make_focus.make(tmp_path, NOW)
    rows = list(read_costs(tmp_path / "focus" / "ai-services-2026-11.csv"))
    assert all(isinstance(row, CostRow) for row in rows)
    assert {row.charge_category for row in rows} == {"Usage", "Credit", "Purchase", "Adjustment", "Tax"}
    assert {row.billing_currency for row in rows} == {"EUR", "USD", "GBP"}
    [purchase] = [row for row in rows if row.charge_category == "Purchase"]
    assert purchase.effective_cost == 0 and purchase.billed_cost == 1200
    assert any(row.charge_class == "Correction" and row.billed_cost < 0 for row in rows)
    assert not any(row.charge_period_start >= NOW for row in rows)


def test_a_byte_order_mark_and_semicolons_with_decimal_commas_are_understood(tmp_path):
    path = write_costs(
        tmp_path / "c.csv", [cost_row(BilledCost="1234,5", EffectiveCost="-0,25")], delimiter=";", encoding="utf-8-sig"
    )
    [row] = read_costs(path)
    assert (row.billed_cost, row.effective_cost) == (Decimal("1234.5"), Decimal("-0.25"))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BilledCost", "n/a"),
        ("BilledCost", ""),
        ("BilledCost", "NaN"),
        ("BilledCost", "1e30"),
        ("EffectiveCost", "1_000"),
        ("EffectiveCost", "Infinity"),
        ("BilledCost", "1,234.50"),
        ("BillingCurrency", "€"),
        ("BillingCurrency", "eur"),
        ("ChargeCategory", "usage"),
        ("ChargeClass", "Fix"),
        ("ChargePeriodStart", "01.11.2026"),
        ("ChargePeriodEnd", "2026-11-19T00:00:00Z"),
        ("Tags", "agent=x"),
        ("Tags", '["x"]'),
        ("Tags", '{"a": "\\u0000"}'),
        ("ServiceName", ""),
        ("ServiceName", "x" * 201),
    ],
)
def test_a_bad_value_rejects_its_row_with_number_column_and_reason(tmp_path, column, value):
    path = write_costs(tmp_path / "c.csv", [cost_row(), cost_row(**{column: value}), cost_row()])
    good, bad, other = read_costs(path)
    assert isinstance(good, CostRow) and isinstance(other, CostRow)
    assert isinstance(bad, Rejection) and (bad.row, bad.column) == (3, column) and bad.reason


def test_a_row_with_too_few_fields_is_rejected(tmp_path):
    path = write_costs(tmp_path / "c.csv", [cost_row()])
    path.write_text(path.read_text() + "1,2,3\n\n")
    assert [type(row) for row in read_costs(path)] == [CostRow, Rejection]


def test_missing_columns_refuse_the_whole_file_by_name(tmp_path):
    columns = [name for name in COLUMNS if name not in ("BillingCurrency", "ProviderName")]
    with pytest.raises(ReadError, match="BillingCurrency, ProviderName"):
        list(read_costs(write_costs(tmp_path / "c.csv", [cost_row()], columns)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"name;age\nx;1\n", "no FOCUS column"),
        (b"PK\x03\x04\x00\x00", "not text"),
        (b"BilledCost,\xff\xfe\n", "UTF-8"),
        (b"PAR1\x15\x04", "no FOCUS column"),
    ],
)
def test_a_file_that_is_no_export_says_what_it_should_be(tmp_path, content, words):
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(ReadError, match=words):
        list(read_costs(tmp_path / "c.csv"))


def test_a_column_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(ReadError, match="twice: BilledCost"):
        list(read_costs(write_costs(tmp_path / "c.csv", [cost_row()], [*COLUMNS, "BilledCost"])))


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path):
    path = write_costs(tmp_path / "c.csv", [cost_row()])
    path.write_text(path.read_text() + '"' + "x" * (focus.MAX_FIELD + 10))
    with pytest.raises(ReadError, match="never closed"):
        list(read_costs(path))


def test_number_format_and_column_order_do_not_make_a_charge_another_one(tmp_path):
    [one] = read_costs(write_costs(tmp_path / "a.csv", [cost_row(BilledCost="1.50", Tags='{"b": 1, "a": 2}')]))
    [other] = read_costs(
        write_costs(
            tmp_path / "b.csv",
            [
                cost_row(
                    BilledCost="1.5",
                    Tags='{"a":2,"b":1}',
                    InvoiceId="I-1",
                    ChargePeriodStart="2026-11-19T01:00:00+01:00",
                )
            ],
            ["InvoiceId", *COLUMNS[::-1]],
        )
    )
    assert one.row_sha256 == other.row_sha256


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = write_costs(tmp_path / "c.csv", [cost_row(SubAccountId=str(n)) for n in range(20_000)])
    tracemalloc.start()
    assert sum(1 for _ in read_costs(path)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000 < path.stat().st_size
