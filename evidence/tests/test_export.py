"""Exporting one agent: what the bundle holds, who may, and that other people's tools verify it."""

import io
import json
import re
import shutil
import subprocess
import threading
import zipfile

import pytest
from django.db import connection, transaction

from approvals.actions import decide
from evidence import actions, keys, verify
from evidence import bundle as bundle_module
from evidence.actions import export_agent
from evidence.bundle import finish, gather
from evidence.container import Draft
from evidence.tests.conftest import filed
from ledger.canonical import dumps
from ledger.models import LedgerEntry
from registry.actions import start_packet
from releases.actions import ask_to_resume, promote, resume, suspend
from work.acts import Denied, Invalid


def export(agent, by):
    with export_agent(agent, by=by).file as file:
        return file.read()


def opened(bundle):
    return zipfile.ZipFile(io.BytesIO(bundle))


def check(bundle):
    return verify.verify(io.BytesIO(bundle), keys.public_pem())


def test_the_portals_bundle_verifies(bank):
    result = check(export(bank.agent, bank.auditor))
    assert result["exit"] == 0, result["checks"]


def test_it_holds_the_exact_bytes(bank):
    bundle, revision = opened(export(bank.agent, bank.auditor)), bank.packet.current
    assert bundle.read("packets/1-r1/document.json") == bytes(revision.document)
    for sign_off in bank.packet.sign_offs.all():
        assert bundle.read(f"signoffs/{sign_off.pk}.json") == bytes(sign_off.statement)
    for decision in bank.packet.decisions.all():
        assert bundle.read(f"decisions/{decision.pk}.input.json") == bytes(decision.input)
        assert bundle.read(f"decisions/{decision.pk}.output.json") == bytes(decision.output)
    lines = bundle.read("ledger/entries.jsonl").splitlines()
    rows = LedgerEntry.objects.filter(stream__in=[bank.packet.stream, f"agent:{bank.agent.pk}"]).order_by("id")
    assert lines[:-1] == [bytes(row.payload) for row in rows]


def test_the_export_is_in_the_ledger_and_in_itself(bank):
    export_ = export_agent(bank.agent, by=bank.auditor)
    last = opened(export_.file.read()).read("ledger/entries.jsonl").splitlines()[-1]
    assert last == bytes(export_.entry.payload)
    assert export_.entry.kind == "export.created" and export_.entry.stream == "system"
    assert export_.entry.record["actor"]["id"] == str(bank.auditor.pk)


def test_a_later_bundle_continues_an_earlier_one(bank):
    first = opened(export(bank.agent, bank.auditor)).read("ledger/entries.jsonl").splitlines()[:-1]
    filed(bank.agent, "2.0.0", {"author": bank.author, "owner": bank.owner, "approver": bank.approver})
    later = export(bank.agent, bank.auditor)
    assert opened(later).read("ledger/entries.jsonl").splitlines()[: len(first)] == first
    assert check(later)["exit"] == 0


def test_the_same_export_gives_the_same_bytes(bank):
    entry = export_agent(bank.agent, by=bank.auditor).entry
    sealed = []
    for _ in range(2):
        out = io.BytesIO()
        with Draft() as draft:
            finish(draft, gather(draft, bank.agent, bank.auditor), entry, bank.auditor, out)
        sealed.append(out.getvalue())
    assert sealed[0] == sealed[1] and check(sealed[0])["exit"] == 0


def test_sign_ins_and_other_peoples_affairs_stay_out(bank):
    streams = {
        json.loads(line)["stream"] for line in opened(export(bank.agent, bank.auditor)).read(verify.LEDGER).splitlines()
    }
    assert streams == {bank.packet.stream, f"agent:{bank.agent.pk}", "system"}
    assert b"@bank.example" not in export(bank.agent, bank.auditor)


@pytest.mark.parametrize("who", ["owner", "author", "approver", "auditor", "admin"])
def test_those_who_may(bank, who):
    assert check(export(bank.agent, getattr(bank, who)))["exit"] == 0


@pytest.mark.parametrize("who", ["stranger", "finance"])
def test_those_who_may_not(bank, who):
    count = LedgerEntry.objects.filter(kind="export.created").count()
    with pytest.raises(Denied, match="auditors"):
        export_agent(bank.agent, by=getattr(bank, who))
    assert LedgerEntry.objects.filter(kind="export.created").count() == count


def test_somebody_who_was_deactivated_may_not(bank):
    bank.author.is_active = False
    with pytest.raises(Denied):
        export_agent(bank.agent, by=bank.author)


def test_what_an_approver_may_not_see_is_withheld_and_said(bank):
    start_packet(agent=bank.agent, version="3.0.0", by=bank.author)
    bundle = export(bank.agent, bank.approver)
    result = check(bundle)
    assert result["exit"] == 2 and "withheld from the person who exported: 1" in result["notes"][0]
    assert "Incomplete" in opened(bundle).read("README.html").decode()


def test_too_many_streams_is_a_sentence(bank, monkeypatch):
    monkeypatch.setattr(actions, "MAX_STREAMS", 1)
    with pytest.raises(Invalid, match="one bundle holds"):
        export_agent(bank.agent, by=bank.auditor)


def test_too_many_bytes_is_a_sentence(bank, monkeypatch):
    monkeypatch.setattr("evidence.container.MAX_BYTES", 1000)
    with pytest.raises(Invalid, match="bytes"):
        export_agent(bank.agent, by=bank.auditor)


def test_the_readme_names_people_and_says_demo(bank, settings):
    settings.DEMO = True
    page = opened(export(bank.agent, bank.auditor)).read("README.html").decode()
    for words in ("Loan helper", "Owner Bank", "Approver Bank", "Demo.", "Signed, not witnessed", keys.fingerprint()):
        assert words in page
    settings.DEMO = False
    bundle = export(bank.agent, bank.auditor)
    assert "Demo." not in opened(bundle).read("README.html").decode()
    assert not any("demo" in note for note in check(bundle)["notes"])


def test_the_readmes_shell_commands_work(bank, tmp_path):
    """The real sha256sum and openssl, on the files as unpacked, with the commands as printed."""
    bundle = export(bank.agent, bank.auditor)
    opened(bundle).extractall(tmp_path / "unpacked")
    (tmp_path / "my evidence.pem").write_bytes(keys.public_pem())
    page = (tmp_path / "unpacked" / "README.html").read_text()
    commands = re.search(r'<code id="shell">(.*?)</code>', page, re.DOTALL)[1].replace("&quot;", '"').splitlines()
    assert len(commands) == 3

    def run(command):
        return subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path / "unpacked",
            env={"PATH": "/usr/bin:/bin", "KEY": str(tmp_path / "my evidence.pem")},
            capture_output=True,
            text=True,
        )

    sums, signature, fingerprint = map(run, commands)
    assert (sums.returncode, sums.stdout, sums.stderr) == (0, "", "")
    assert signature.returncode == 0 and "Signature Verified Successfully" in signature.stdout
    assert fingerprint.stdout.split()[0] == keys.fingerprint()
    (tmp_path / "unpacked" / "manifest.json").write_bytes(b"{}")
    assert run(commands[0]).returncode != 0
    with (tmp_path / "unpacked" / "SHA256SUMS").open("ab") as file:
        file.write(b"x")
    assert run(commands[1]).returncode != 0


def test_the_readmes_verify_command_works(bank, tmp_path):
    (tmp_path / "BUNDLE.zip").write_bytes(export(bank.agent, bank.auditor))
    (tmp_path / "evidence.pem").write_bytes(keys.public_pem())
    shutil.copy(verify.__file__, tmp_path)
    page = opened((tmp_path / "BUNDLE.zip").read_bytes()).read("README.html").decode()
    command = re.search(r'<code id="verify">(.*?)</code>', page)[1]
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_people_typed_is_escaped_in_the_readme(bank):
    bank.agent.name = "<script>alert(1)</script>"
    bank.agent.save()
    assert "<script>" not in opened(export(bank.agent, bank.auditor)).read("README.html").decode()


@pytest.mark.django_db(transaction=True)
def test_an_act_in_the_middle_of_an_export_does_not_tear_it(bank, monkeypatch):
    def act_elsewhere():
        with transaction.atomic():
            decide(bank.packet, "production", bank.owner)
        connection.close()

    def documents(draft, story):
        # The heads have been read; what is committed now must be in neither the ledger nor the files of this bundle.
        thread = threading.Thread(target=act_elsewhere)
        thread.start()
        thread.join()
        original(draft, story)

    original = bundle_module._documents
    monkeypatch.setattr(bundle_module, "_documents", documents)
    before = bank.packet.decisions.count()
    result = check(export(bank.agent, bank.auditor))
    assert result["exit"] == 0, result["checks"]
    assert (result["bundle"]["counts"]["decisions"], bank.packet.decisions.count()) == (before, before + 1)


def test_a_release_its_suspension_and_its_resumption(bank, monkeypatch):
    # What the rules say is not the point here, so they say yes; everything else is as it is.
    rule = {"id": "all", "title": "All", "mode": "blocking", "outcome": "pass", "reason": "Yes."}
    monkeypatch.setattr("approvals.gate.evaluate", lambda *_: dumps({"v": 1, "outcome": "pass", "rules": [rule]}))
    release = promote(packet=bank.packet, by=bank.owner)
    assert check(export(bank.agent, bank.auditor))["exit"] == 0
    suspend(agent=bank.agent, reason="Two wrong answers.", by=bank.owner)
    bundle = export(bank.agent, bank.auditor)
    assert check(bundle)["exit"] == 0
    told = json.loads(opened(bundle).read("releases.json"))
    assert (told[0]["state"], told[0]["reason"]) == ("suspended", "Two wrong answers.")
    resume(release=ask_to_resume(release=release, by=bank.owner), by=bank.admin)
    result = check(export(bank.agent, bank.auditor))
    assert result["exit"] == 0, result["checks"]
    assert result["bundle"]["counts"]["releases"] == 1
