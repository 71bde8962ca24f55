"""Files of a packet's sections: what is taken, who sees them, what they change, and that frozen ones stay."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from registry import actions, attachments
from registry.models import Attachment, StoredFile
from registry.sections import section
from web.errors import Conflict, Denied, Invalid

PDF = b"%PDF-1.7 report"


@pytest.fixture
def draft(world):
    return world.draft(version="7.0.0")


@pytest.fixture
def attach(world, draft):
    def run(name="report.pdf", body=PDF, number=7, by=None, **values):
        return attachments.attach(packet=draft, number=number, name=name, body=body, by=by or world.author, **values)

    return run


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.pdf", PDF), ("b.PNG", b"\x89PNG\r\n\x1a\n.."), ("c.jpg", b"\xff\xd8\xff.."), ("d.csv", b"a;b"),
     ("C:\\fakepath\\e.txt", "Größe".encode()), ("../../f.md", b"# x"), ("g.json", b"{}")],
)  # fmt: skip
def test_what_is_what_it_is_called_is_taken(attach, name, body):
    row = attach(name, body)
    assert "/" not in row.name and "\\" not in row.name and bytes(row.file.body) == body


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a.exe", b"MZ", "only csv, jpeg"),
        ("a.svg", b"<svg/>", "only csv, jpeg"),
        ("a.html", b"<script>", "only csv, jpeg"),
        ("pdf", PDF, "only csv, jpeg"),
        ("a.pdf", b"MZ", "its content is something else"),
        ("a.txt", b"\xff\xfe", "not UTF-8 text"),
        ("a.txt", b"a\0b", "not UTF-8 text"),
        ("a.pdf", b"", "is empty"),
        ("a.pdf", PDF + b" " * 10_000_000, "larger than 10 MB"),
        ("invoice\u202efdp.exe", PDF, "cannot be seen"),
        ("a\r\nb.pdf", PDF, "cannot be seen"),
        (".pdf", PDF, "a plain name"),
        ("a<b>.pdf", PDF, "a plain name"),
        ("x" * 200 + ".pdf", PDF, "longer than 120"),
    ],
)
def test_what_is_not_is_refused_with_the_reason(attach, name, body, words):
    with pytest.raises(Invalid, match=words):
        attach(name, body)
    assert not StoredFile.objects.exists()


def test_a_file_changes_its_sections_digest_and_no_others(world, draft, attach):
    before = {number: section(number).document(draft) for number in range(1, 11)}
    row = attach(covers_from=dt.date(2026, 1, 1), covers_to=dt.date(2026, 3, 31))
    after = {number: section(number).document(draft) for number in range(1, 11)}
    assert [number for number in before if before[number] != after[number]] == [7]
    (said,) = after[7]["attachments"]
    assert (said["sha256"], said["covers_to"]) == (row.file_id, "2026-03-31") and said["received"]


def test_who_attaches_has_contributed(world, draft, attach):
    attach(by=world.member)
    assert draft.contributions.filter(person=world.member).exists()
    assert draft.section_states.get(number=7).saved_by == world.member


def test_what_it_covers_is_in_order_and_past(attach):
    with pytest.raises(Invalid, match="Swap the two dates"):
        attach(covers_from=dt.date(2026, 2, 2), covers_to=dt.date(2026, 1, 1))
    with pytest.raises(Invalid, match="in the future"):
        attach(covers_to=dt.date(2999, 1, 1))


def test_one_name_a_section_and_twenty_files(world, draft, attach):
    attach()
    with pytest.raises(Conflict, match="has a file report.pdf already"):
        attach()
    for i in range(19):
        attach(f"{i}.pdf")
    with pytest.raises(Invalid, match="at most 20 files"):
        attach("more.pdf")
    assert StoredFile.objects.count() == 1  # the same bytes are kept once


def test_who_works_elsewhere_attaches_nothing(world, attach):
    with pytest.raises(Denied):
        attach(by=world.outsider)


def test_a_removed_file_leaves_nothing_behind(world, draft, attach):
    attachments.detach(attachment=attach(), by=world.author)
    assert not StoredFile.objects.exists() and "attachments" not in section(7).document(draft)


def test_what_was_submitted_stays_and_can_be_had_though_removed_since(world, draft, attach, client):
    row = attach()
    world.submit(draft)
    draft.refresh_from_db()
    with pytest.raises(Conflict, match="in review"):
        attachments.detach(attachment=row, by=world.author)
    actions.move(draft, "changes_requested", by=world.person("risk"))
    attachments.detach(attachment=Attachment.objects.get(pk=row.pk), by=world.author)
    client.force_login(world.auditor)
    response = client.get(reverse("attachment_file", args=[draft.pk, row.file_id]))
    assert response.content == PDF and response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Content-Disposition"].startswith("attachment;") and response["X-Content-Type-Options"] == "nosniff"


def test_the_database_keeps_the_bytes(world, draft, attach):
    row = attach()
    world.submit(draft)
    for act in (
        lambda: StoredFile.objects.filter(pk=row.file_id).update(body=b"other"),
        lambda: StoredFile.objects.filter(pk=row.file_id).update(kept=False),
        lambda: (Attachment.objects.all().delete(), StoredFile.objects.all().delete()),
        lambda: StoredFile.objects.create(sha256="0" * 64, body=b"x", size=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.parametrize(("who", "status"), [("member", 200), ("auditor", 200), ("outsider", 404), ("security", 404)])
def test_a_drafts_file_is_the_teams_and_the_auditors(world, draft, attach, client, who, status):
    row = attach()
    client.force_login(world.person(who))
    assert client.get(reverse("attachment_file", args=[draft.pk, row.file_id])).status_code == status


def test_a_digest_opens_no_other_packets_file(world, draft, attach, client):
    row = attach()
    other = world.draft(version="8.0.0")
    client.force_login(world.member)
    assert client.get(reverse("attachment_file", args=[other.pk, row.file_id])).status_code == 404


def test_a_browser_attaches_and_removes(world, draft, client):
    client.force_login(world.member)
    file = SimpleUploadedFile("r.pdf", PDF)
    client.post(reverse("attachment_new", args=[draft.pk, 7]), {"file": file, "covers_to": "2026-01-31"})
    page = client.get(reverse("packet_section", args=[draft.pk, 7])).content.decode()
    assert "r.pdf" in page and "covers 31 Jan 2026" in page
    client.post(reverse("attachment_remove", args=[draft.attachments.get().pk]))
    assert not draft.attachments.exists()


def test_why_a_file_is_refused_is_said_beside_it_with_what_was_typed(world, draft, client):
    client.force_login(world.member)
    values = {"file": SimpleUploadedFile("r.pdf", PDF), "covers_from": "2026-02-01", "covers_to": "2026-01-31"}
    answer = client.post(reverse("attachment_new", args=[draft.pk, 7]), values)
    page = answer.content.decode()
    assert answer.status_code == 422 and '<details class="entry" id="attach-a-file" open>' in page
    assert "What it covers ends before it begins." in page and 'value="2026-02-01"' in page
    assert not draft.attachments.exists()


def test_a_new_packet_starts_with_the_files_of_the_approved_one(world):
    first = world.draft(version="7.0.0")
    attachments.attach(packet=first, number=7, name="r.pdf", body=PDF, by=world.author)
    world.submit(first)
    world.sign_all(world.fresh(first))
    second = actions.start_packet(agent=world.agent, version="7.1.0", by=world.author)
    assert [row.name for row in second.attachments.all()] == ["r.pdf"]
