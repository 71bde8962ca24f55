"""Writes FOCUS cost exports for the demo's agents: the month of a given moment so far, and the month before.

Standard library only, so that the demo can write them for the day on which it is loaded. As a script it writes
samples/signals/focus/ and focus-trial/ for 20 November 2026:

    python samples/make_focus.py
"""

import csv
import datetime as dt
import json
import random
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STORY_DAY = dt.datetime(2026, 11, 20, 18, 0, tzinfo=dt.UTC)
CENT = Decimal("0.01")

# Column names and their order are those of the specification's columns in each version.
COLUMNS_1_0 = (  # noqa: SIM905
    "AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd "
    "BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd "
    "ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName "
    "CommitmentDiscountStatus CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost "
    "ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity "
    "PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory "
    "ServiceName SkuId SkuPriceId SubAccountId SubAccountName Tags"
).split()
COLUMNS_1_2 = [*COLUMNS_1_0, "BillingAccountType", "InvoiceId", "PricingCurrency", "ServiceSubcategory", "SkuMeter",
               "SkuPriceDetails", "SubAccountType"]  # fmt: skip
COLUMNS_1_3 = [name for name in COLUMNS_1_2 if name not in ("ProviderName", "PublisherName")] + [
    "ServiceProviderName", "HostProviderName", "ContractApplied", "AllocatedMethodId", "AllocatedResourceId",
]  # fmt: skip
COLUMNS = {"1.0": COLUMNS_1_0, "1.2": COLUMNS_1_2, "1.3": COLUMNS_1_3}
PROVIDERS = {"anthropic": "Anthropic", "openai": "OpenAI", "self-hosted": "Microsoft Azure"}
MIXED = "adviser-meeting-notes"
"""One agent is billed in two currencies, so that its total is unknown."""

METERS = (
    ("Input Tokens", Decimal("0.44"), Decimal("2.80")),
    ("Cached Input Tokens", Decimal("0.03"), Decimal("0.28")),
    ("Output Tokens", Decimal("0.53"), Decimal("14.00")),
)
"""What is metered: its share of the cost of tokens, and its price per million as agreed."""

SHARED_KEY = {slug: {"api_key_id": "key-care-01"} for slug in ("complaints-router", "hr-policy-answers")}
"""Two agents use one key, which an X-ray says."""
UNREGISTERED = (
    ("Anthropic", "EUR", "4.912000", "Model inference", "proj-pilots",
     {"agent": "contract-summariser", "team": "Business Lending", "cost_centre": "4711", "env": "prod"}),
    ("OpenAI", "USD", "1.377000", "Model inference", "proj-pilots",
     {"app": "branch-queue-bot", "owner": "tariq.aziz@halden.example", "env": "prod"}),
    ("Anthropic", "EUR", "0.884000", "Model inference", "proj-pilots", {"api_key_id": "key-7f31-notebook"}),
)  # fmt: skip
"""What runs and nobody registered: provider, currency, cost a day, service, account, tags."""


def month_start(moment: dt.datetime) -> dt.datetime:
    """The first moment of the month."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(first: dt.datetime) -> dt.datetime:
    """The first moment of the month after the one that begins with `first`."""
    return month_start(first + dt.timedelta(days=32))


def _row(first: dt.datetime, start: dt.datetime, end: dt.datetime, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "BillingAccountId": "halden-bank-ai",
        "BillingAccountName": "Halden Bank, AI services",
        "BillingAccountType": "Organisation",
        "BillingPeriodStart": first,
        "BillingPeriodEnd": next_month(first),
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "PricingCategory": "Standard",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "SubAccountType": "Project",
        "Tags": {},
        **values,
    }
    row.setdefault("EffectiveCost", row["BilledCost"])
    for name in ("ListCost", "ContractedCost"):
        row.setdefault(name, row["BilledCost"])
    row.setdefault("PricingCurrency", row["BillingCurrency"])
    provider = row.pop("provider")
    for name in ("ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceProviderName", "HostProviderName"):
        row.setdefault(name, provider)
    return row


def _usage(agent: dict[str, Any], first: dt.datetime, until: dt.datetime) -> list[dict[str, Any]]:
    """A row a day and meter, together over a whole month about the agent's `monthly_spend`; less at weekends."""
    pin = agent["models"][0]
    days = (next_month(first) - first).days
    weights = [
        (0.35 if (first + dt.timedelta(days=n)).weekday() > 4 else 1)
        * random.Random(f"{agent['slug']} {first:%Y-%m} {n}").uniform(0.8, 1.2)
        for n in range(days)
    ]
    total = Decimal(agent["monthly_spend"])
    rows = []
    for n in range(days):
        start = first + dt.timedelta(days=n)
        end = min(start + dt.timedelta(days=1), until)
        if end <= start:
            break
        share = Decimal(str(round(weights[n] / sum(weights) * ((end - start) / dt.timedelta(days=1)), 8)))
        cost = (total * share).quantize(Decimal("0.000001"))
        currency = "USD" if agent["slug"] == MIXED and n % 3 == 0 else agent["budget"]["currency"]
        left = cost
        for meter, part, price in METERS:
            billed = left if meter == METERS[-1][0] else (cost * part).quantize(Decimal("0.000001"))
            left -= billed
            tokens = int(billed * 1_000_000 / price)
            rows.append(_row(
                first, start, end,
                provider=PROVIDERS[pin["provider"]],
                BilledCost=billed,
                BillingCurrency=currency,
                ChargeDescription=f"{pin['model_id']}, {meter.lower()}",
                ConsumedQuantity=tokens,
                ConsumedUnit="Tokens",
                PricingQuantity=tokens,
                PricingUnit="Tokens",
                ServiceName="Model inference",
                SkuId=f"{pin['model_id']}-{pin['snapshot']}",
                SkuMeter=meter,
                ResourceId=f"projects/{agent['slug']}",
                ResourceName=agent["slug"],
                ResourceType="Project",
                SubAccountId=f"proj-{agent['slug']}",
                SubAccountName=agent["team"],
                Tags={"agent": agent["slug"], "team": agent["team"], "env": "prod", **SHARED_KEY.get(agent["slug"], {})},
            ))  # fmt: skip
    return rows


def _others(first: dt.datetime, until: dt.datetime) -> list[dict[str, Any]]:
    """What a real export holds beside usage: a credit, a refund, a purchase, a correction, tax, and shared costs."""
    day, end = dt.timedelta(days=1), min(next_month(first), until)
    whole = {"provider": "Anthropic", "BillingCurrency": "EUR", "ServiceName": "Model inference"}
    rows = [
        _row(first, first, first + day, **whole, BilledCost=Decimal("-45.00"), ChargeCategory="Credit",
             ChargeFrequency="One-Time", ChargeDescription="Credit for the outage of last month",
             Tags={"agent": "mortgage-enquiry"}),
        _row(first, first, next_month(first), **whole, BilledCost=Decimal("1200.00"), EffectiveCost=Decimal("0"),
             ChargeCategory="Purchase", ChargeFrequency="Recurring", ChargeDescription="Committed throughput, one month",
             CommitmentDiscountId="commit-2026", CommitmentDiscountCategory="Spend"),
        _row(first, first, first + day, **whole, BilledCost=Decimal("-18.40"), ChargeCategory="Adjustment",
             ChargeFrequency="One-Time", ChargeDescription="Refund of calls that failed",
             Tags={"agent": "card-dispute-triage"}),
        _row(first, first - day, first, **whole, BilledCost=Decimal("-6.12"), ChargeClass="Correction",
             ChargeDescription="Correction: tokens counted twice", Tags={"agent": "complaints-router"}),
        _row(first, first, first + day, **whole, BilledCost=Decimal("31.35"), ChargeCategory="Tax",
             ChargeFrequency="Recurring", ChargeDescription="Value added tax"),
    ]  # fmt: skip
    start = first
    while start + day <= end:
        rows.append(
            _row(first, start, start + day, provider="Microsoft Azure", BillingCurrency="EUR",
                 BilledCost=Decimal("7.318000"), ServiceName="Azure AI Search", ChargeDescription="Vector index, shared",
                 ServiceCategory="Databases", ServiceSubcategory="Vector", SubAccountId="shared-platform",
                 SubAccountName="Platform", ResourceId="/indexes/policies-2026-11", ConsumedQuantity=24,
                 ConsumedUnit="Hours", Tags={"env": "prod"})
        )  # fmt: skip
        rows += [
            _row(first, start, start + day, provider=provider, BillingCurrency=currency, BilledCost=Decimal(cost),
                 ServiceName=service, ChargeDescription="Tokens", SubAccountId=account, SubAccountName="Pilots",
                 ConsumedUnit="Tokens", Tags=tags)
            for provider, currency, cost, service, account, tags in UNREGISTERED
        ]  # fmt: skip
        start += day
    return rows


def _cell(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)


def write(path: Path, version: str, rows: list[dict[str, Any]]) -> None:
    """Write `rows` as a FOCUS CSV of `version`: 1.0, 1.2 or 1.3."""
    columns = COLUMNS[version]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)


def make(folder: Path, now: dt.datetime) -> None:
    """Write the exports as they would lie there at `now` (aware): `focus/` and `focus-trial/` below `folder`."""
    agents = json.loads((HERE / "agents.json").read_text(encoding="utf-8"))["agents"]
    this = month_start(now.astimezone(dt.UTC))
    last = month_start(this - dt.timedelta(days=1))
    (folder / "focus").mkdir(parents=True, exist_ok=True)
    (folder / "focus-trial").mkdir(parents=True, exist_ok=True)
    for first, version in ((last, "1.2"), (this, "1.3")):
        rows = [row for agent in agents for row in _usage(agent, first, now)] + _others(first, now)
        write(folder / "focus" / f"ai-services-{first:%Y-%m}.csv", version, rows)
    _trial(folder / "focus-trial" / "speech-trial.csv", last)


def _trial(path: Path, first: dt.datetime) -> None:
    """A small export in FOCUS 1.0 as a spreadsheet saved it: byte order mark, semicolons, and rows that cannot be read."""
    day = dt.timedelta(days=1)
    rows = [
        _row(first, first + n * day, first + (n + 1) * day, provider="Speech vendor", BillingCurrency="EUR",
             BilledCost=Decimal(12 + n) / 4, ServiceName="Speech to text", ChargeDescription="Minutes",
             SubAccountName="Trial")
        for n in range(12)
    ]  # fmt: skip
    cells = [[_cell(row.get(name, "")).replace(".", ",") if name.endswith("Cost") else _cell(row.get(name, ""))
              for name in COLUMNS_1_0] for row in rows]  # fmt: skip
    cells[3][COLUMNS_1_0.index("BilledCost")] = "n/a"
    cells[7][COLUMNS_1_0.index("ChargePeriodStart")] = "08.10.2026"
    cells[9][COLUMNS_1_0.index("BillingCurrency")] = "€"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(COLUMNS_1_0)
        out.writerows(cells)


if __name__ == "__main__":
    make(HERE / "signals", STORY_DAY)
    sys.exit(0)
