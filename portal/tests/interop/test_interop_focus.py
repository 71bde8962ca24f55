"""Cost exports as the current focus-data-toolkit writes them for three providers are read whole."""

import csv
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import Sum

from signals import actions
from signals.models import CostLine
from signals.readers import ReadError
from signals.readers.focus import CostRow, read_costs

pytestmark = pytest.mark.interop
PROVIDERS, VERSIONS, ROWS = ("aws", "azure", "gcp"), ("1.2", "1.3"), 400
EXPORTS = [(provider, version) for provider in PROVIDERS for version in VERSIONS]


@pytest.fixture(scope="module")
def exports(program, tmp_path_factory):
    """(provider, version) → the folder that the toolkit wrote."""
    made = {}
    for provider, version in EXPORTS:
        folder = tmp_path_factory.mktemp(f"{provider}-{version}")
        given = ("--provider", provider, "--focus-version", version, "--rows", ROWS, "--seed", 7, "--out", folder)
        program("focus-toolkit", "generate", *given)
        made[provider, version] = folder
    return made


def cost_and_usage(folder):
    """The toolkit's cost and usage file; 1.3 puts other datasets beside it."""
    [path] = folder.glob("*cost_and_usage*.csv")
    return path


def totals(path):
    """Currency → the sum of EffectiveCost, as Python's csv reads it."""
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["BillingCurrency"]] = found.get(row["BillingCurrency"], 0) + Decimal(row["EffectiveCost"])
    return found


@pytest.mark.parametrize("export", EXPORTS, ids="-".join)
def test_no_row_is_rejected_and_no_cent_is_lost(exports, export):
    path = cost_and_usage(exports[export])
    rows = list(read_costs(path))
    assert [row for row in rows if not isinstance(row, CostRow)] == []
    assert len(rows) == ROWS
    ours = {}
    for row in rows:
        ours[row.billing_currency] = ours.get(row.billing_currency, 0) + row.effective_cost
    # We keep twelve places, the toolkit writes up to fifteen.
    assert ours == pytest.approx(totals(path), abs=ROWS * Decimal("1e-12"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_another_dataset_of_focus_is_refused_in_words(exports, provider):
    [path] = exports[provider, "1.3"].glob("*contract_commitment*.csv")
    with pytest.raises(ReadError, match="no FOCUS column .* Export costs in FOCUS"):
        list(read_costs(path))


def test_a_pull_keeps_every_charge_once(world, exports):
    watched = Path(settings.SIGNALS_ROOT) / "interop-focus"
    watched.mkdir(parents=True)
    try:
        paths = [cost_and_usage(folder) for folder in exports.values()]
        for path in paths:
            shutil.copy(path, watched)
        source = actions.add_source(name="Interop costs", kind="focus", folder="interop-focus", by=world.admin)
        pull = actions.pull(source=source)
        assert (pull.state, pull.rows_read, pull.rows_rejected) == ("done", ROWS * len(EXPORTS), 0)
        expected = {}
        for path in paths:
            for currency, amount in totals(path).items():
                expected[currency] = expected.get(currency, 0) + amount
        kept = CostLine.objects.filter(source=source).values_list("billing_currency").annotate(Sum("effective_cost"))
        # The same charge in two files counts once; these exports share none.
        assert dict(kept) == pytest.approx(expected, abs=Decimal("1e-9"))
        assert actions.pull(source=source).rows_new == 0
    finally:
        shutil.rmtree(watched)
