"""People, agents and folders that the tests of this room share, made by the same actions as anywhere."""

import csv
import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from backports.zstd import zipfile

from accounts import actions as people
from accounts.models import Person
from registry.actions import register_agent
from signals import actions
from work import clock

PASSWORD = "a long and honest password"
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
COLUMNS = [
    "BilledCost", "EffectiveCost", "BillingCurrency", "ChargeCategory", "ChargeClass", "ServiceName", "ProviderName",
    "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "SubAccountId", "Tags",
]  # fmt: skip


def make_bank() -> SimpleNamespace:
    """An admin, finance, an auditor, a member of the one team with one agent, and somebody else."""
    admin = people.bootstrap_admin(email="admin@bank.example", name="Petra Adler", password=PASSWORD)

    def person(word: str, role: str = "") -> Person:
        one = people.add_person(email=f"{word}@bank.example", name=word.title(), password=PASSWORD, by=admin)
        if role:
            people.grant_role(person=one, role=role, by=admin)
        return one

    bank = SimpleNamespace(
        admin=admin,
        finance=person("finance", "finance"),
        auditor=person("auditor", "auditor"),
        security=person("security", "security"),
        member=person("member"),
        stranger=person("stranger"),
    )
    bank.team = people.add_team(name="Lending", by=admin)
    people.join_team(person=bank.member, team=bank.team, by=admin)
    bank.member = Person.objects.get(pk=bank.member.pk)
    bank.agent = register_agent(
        name="Mortgage helper", summary="Answers.", team=bank.team, owner=bank.member, by=bank.member, slug="mortgage"
    )
    return bank


@pytest.fixture
def bank(db) -> SimpleNamespace:
    with clock.at(NOW - dt.timedelta(days=30)):
        return make_bank()


@pytest.fixture
def root(tmp_path: Path, settings) -> Path:
    """The folder for signals, with one folder a kind."""
    settings.SIGNALS_ROOT = tmp_path / "signals"
    for name in ("inspect", "focus"):
        (settings.SIGNALS_ROOT / name).mkdir(parents=True)
    return settings.SIGNALS_ROOT


@pytest.fixture
def evals(bank, root):
    return actions.add_source(name="Evals", kind="inspect", folder="inspect", by=bank.admin)


@pytest.fixture
def costs(bank, root):
    return actions.add_source(name="Costs", kind="focus", folder="focus", by=bank.admin)


def cost_row(**values) -> dict:
    return {
        "BilledCost": "1.50", "EffectiveCost": "1.50", "BillingCurrency": "EUR", "ChargeCategory": "Usage",
        "ServiceName": "Inference", "ProviderName": "Vendor",
        "BillingPeriodStart": "2026-11-01T00:00:00Z", "BillingPeriodEnd": "2026-12-01T00:00:00Z",
        "ChargePeriodStart": "2026-11-19T00:00:00Z", "ChargePeriodEnd": "2026-11-20T00:00:00Z",
        "Tags": '{"agent": "mortgage"}', **values,
    }  # fmt: skip


def write_costs(path: Path, rows: list[dict], columns: list[str] = COLUMNS, **how) -> Path:
    encoding = how.pop("encoding", "utf-8")
    with path.open("w", encoding=encoding, newline="") as file:
        out = csv.DictWriter(file, columns, extrasaction="ignore", **how)
        out.writeheader()
        out.writerows(rows)
    return path


def log_of(samples: list[dict], **header) -> dict:
    """An eval log as Inspect 0.3.285 writes it, as far as it is read."""
    metadata = {"portcullis_agent": "mortgage", "portcullis_version": "1.0", **header.pop("metadata", {})}
    eval_id = header.pop("eval_id", "eval-one")
    completed = header.pop("completed", "2026-11-20T09:00:00+00:00")
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": eval_id, "run_id": "r", "task": "suite", "model": "mockllm/model",
            "created": "2026-11-20T08:00:00+00:00", "metadata": metadata,
        },
        "stats": {"completed_at": completed},
        "samples": samples,
        **header,
    }  # fmt: skip


def sample(case: str, value: object = "C", epoch: int = 1, **more) -> dict:
    return {"id": case, "epoch": epoch, "scores": {"includes": {"value": value}}, "metadata": {}, **more}


def write_log(path: Path, log: dict, members: dict[str, bytes] | None = None, method: int = 93) -> Path:
    """Write `log` as .json, or as .eval with the members that Inspect writes."""
    if path.suffix == ".json":
        path.write_text(json.dumps(log))
        return path
    header = {key: value for key, value in log.items() if key != "samples"}
    with zipfile.ZipFile(path, "w", method) as archive:
        for one in log["samples"]:
            archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
        archive.writestr("summaries.json", json.dumps(log["samples"]))
        archive.writestr("header.json", json.dumps(header))
        for name, data in (members or {}).items():
            archive.writestr(name, data)
    return path
