"""The same bytes attached and removed at one instant, in real transactions."""

from registry import attachments
from registry.models import Attachment, StoredFile
from web.errors import Conflict

PDF = b"%PDF-1.7 report"


def test_attaching_while_the_same_bytes_are_removed_loses_nothing(committed_world, at_once):
    bank = committed_world
    draft, other = bank.draft(version="7.0.0"), bank.draft(version="8.0.0")
    for i in range(5):
        name = f"{i}.pdf"
        row = attachments.attach(packet=draft, number=7, name=name, body=PDF, by=bank.author)
        outcomes = at_once(
            lambda row=row: attachments.detach(attachment=row, by=bank.author),
            lambda name=name: attachments.attach(packet=other, number=7, name=name, body=PDF, by=bank.author),
        )
        assert all(one.error is None or isinstance(one.error, Conflict) for one in outcomes), outcomes
        assert not draft.attachments.exists()
        assert StoredFile.objects.exists() is Attachment.objects.exists()
