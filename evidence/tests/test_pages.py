"""The pages of evidence and of the ledger: what they show, to whom, and how many queries they make."""

import hashlib
import io
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evidence import keys, verify
from evidence.bundle import VERIFIER
from evidence.reading import PAGE, visible_entries
from ledger.models import LedgerEntry
from registry.actions import register_agent


@pytest.fixture
def see(client):
    def get(person, name, *args, **query):
        client.force_login(person)
        return client.get(reverse(name, args=args), query)

    return get


def test_the_evidence_page_offers_the_download_and_its_digests(bank, see):
    page = see(bank.auditor, "evidence_list").content.decode()
    assert reverse("evidence_export", args=["loan-helper"]) in page and "Download evidence" in page
    assert keys.fingerprint() in page
    assert hashlib.sha256(VERIFIER.read_bytes()).hexdigest() in page


def test_somebody_without_agents_is_told_what_will_be_here(bank, see):
    page = see(bank.stranger, "evidence_list").content.decode()
    assert "Loan helper" not in page and "None is yours yet" in page


def test_agents_are_searched_by_name(bank, see):
    assert "Loan helper" in see(bank.auditor, "evidence_list", q="loan").content.decode()
    assert "No agent that you may export" in see(bank.auditor, "evidence_list", q="<b>").content.decode()


def test_the_download_is_a_bundle_that_verifies(bank, client):
    client.force_login(bank.auditor)
    response = client.post(reverse("evidence_export", args=["loan-helper"]))
    assert response["Content-Type"] == "application/zip" and "no-store" in response["Cache-Control"]
    assert response["Content-Disposition"].startswith('attachment; filename="evidence-loan-helper-')
    body = b"".join(response.streaming_content)
    assert verify.verify(io.BytesIO(body), keys.public_pem())["exit"] == 0
    assert "Auditor Bank" in client.get(reverse("evidence_list")).content.decode()


def test_a_link_does_not_export(bank, see):
    assert see(bank.auditor, "evidence_export", "loan-helper").status_code == 405


def test_who_may_not_export_is_told_why(bank, client):
    client.force_login(bank.stranger)
    response = client.post(reverse("evidence_export", args=["loan-helper"]))
    assert response.status_code == 403 and "Ask the owner or an auditor" in response.content.decode()


def test_recent_exports_are_ones_own_unless_one_sees_all(bank, client):
    for person in (bank.owner, bank.auditor):
        client.force_login(person)
        b"".join(client.post(reverse("evidence_export", args=["loan-helper"])).streaming_content)
    client.force_login(bank.owner)
    assert "Auditor Bank" not in client.get(reverse("evidence_list")).content.decode()


def test_the_verifier_and_the_public_key_need_no_account(db, client):
    assert client.get("/verify.py").content == VERIFIER.read_bytes()
    key = client.get("/evidence/key.pem").content
    assert key == keys.public_pem() and b"PRIVATE" not in key


@pytest.mark.parametrize("name", ["evidence_list", "ledger_list"])
def test_strangers_sign_in_first(db, client, name):
    assert client.get(reverse(name)).status_code == 302


def test_the_ledger_names_people_and_says_what_they_did(bank, see):
    page = see(bank.auditor, "ledger_list").content.decode()
    assert "Approver Bank" in page and "signed as risk: approve" in page and "Loan helper 1.0.0" in page


def test_who_sees_which_entries(bank):
    assert visible_entries(bank.auditor).count() == LedgerEntry.objects.count()
    own = {f"agent:{bank.agent.pk}", bank.packet.stream}
    for person, streams in (
        (bank.owner, {*own, f"user:{bank.owner.pk}"}),
        (bank.approver, {*own, f"user:{bank.approver.pk}"}),
        (bank.finance, {f"user:{bank.finance.pk}"}),
        (bank.stranger, {f"user:{bank.stranger.pk}"}),
    ):
        assert set(visible_entries(person).values_list("stream", flat=True)) == streams, person


def test_an_entry_that_is_not_ones_to_see_is_not_there(bank, see):
    entry = LedgerEntry.objects.filter(stream=bank.packet.stream).last()
    assert see(bank.owner, "ledger_entry", entry.pk).status_code == 200
    for name in ("ledger_entry", "ledger_entry_raw"):
        assert see(bank.stranger, name, entry.pk).status_code == 404


def test_an_entrys_bytes_are_exact_and_hash_to_its_hash(bank, see):
    entry = LedgerEntry.objects.filter(stream=bank.packet.stream).order_by("id")[1]
    raw = see(bank.auditor, "ledger_entry_raw", entry.pk).content
    assert hashlib.sha256(b"\0" + raw).digest() == bytes(entry.leaf_hash)
    page = see(bank.auditor, "ledger_entry", entry.pk).content.decode()
    assert bytes(entry.leaf_hash).hex() in page and bytes(entry.prev_hash).hex() in page and "Hash holds" in page


def test_the_url_filters(bank, see):
    def streams(**query):
        return {line.entry.stream for line in see(bank.auditor, "ledger_list", **query).context["lines"]}

    assert streams(agent="loan-helper") == {f"agent:{bank.agent.pk}", bank.packet.stream}
    assert streams(stream=bank.packet.stream) == {bank.packet.stream}
    assert streams(kind="gate.decided") == {bank.packet.stream}
    assert streams(kind="gate.decided", agent="no-such-agent") == set()
    assert streams(before="' OR 1=1") and streams(before="9" * 40)


def test_pages_go_through_every_entry_once(bank, see):
    for i in range(PAGE):
        register_agent(name=f"Agent {i}", summary="It.", team=bank.team, owner=bank.owner, by=bank.author)
    seen, query = [], {}
    for _ in itertools.count():
        context = see(bank.auditor, "ledger_list", **query).context
        seen += [line.entry.pk for line in context["lines"]]
        if not context["older"]:
            break
        query = {"before": seen[-1]}
    assert seen == list(LedgerEntry.objects.order_by("-id").values_list("pk", flat=True))


@pytest.mark.parametrize("name", ["ledger_list", "evidence_list"])
@pytest.mark.parametrize("who", ["auditor", "owner"])
def test_the_number_of_queries_does_not_grow(bank, client, name, who, django_assert_max_num_queries):
    client.force_login(getattr(bank, who))
    client.get(reverse(name))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse(name))
    for i in range(PAGE):
        register_agent(name=f"Agent {i}", summary="It.", team=bank.team, owner=bank.owner, by=bank.author)
    with django_assert_max_num_queries(len(few)):
        client.get(reverse(name))


def test_what_people_typed_is_escaped(bank, see):
    bank.owner.name = "<script>alert(1)</script>"
    bank.owner.save()
    assert "<script>alert" not in see(bank.auditor, "ledger_list").content.decode()
    assert "<script>alert" not in see(bank.auditor, "evidence_list").content.decode()
