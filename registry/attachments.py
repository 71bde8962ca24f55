"""Attaching files to a packet's sections. A file is kept by its digest, given back as it came, and never run."""

import datetime as dt
import re
import unicodedata
from hashlib import sha256

from django.db import IntegrityError, transaction

from accounts.models import Person
from registry.actions import section_saved, to_fill
from registry.models import Attachment, Packet, StoredFile
from work import clock
from work.acts import Conflict, Invalid

LARGEST, LARGEST_IN_ALL, MOST = 10_000_000, 50_000_000, 20
"""Bytes of one file, bytes of a packet's files, and files a section."""
KINDS = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "txt": ("text/plain", ()),
    "md": ("text/markdown", ()),
    "csv": ("text/csv", ()),
    "json": ("application/json", ()),
    "jsonl": ("application/jsonl", ()),
    "yaml": ("application/yaml", ()),
    "yml": ("application/yaml", ()),
}
"""What may be attached: by its ending, and by how its bytes begin. What has no such beginning must be UTF-8 text."""


def clean_name(name: str) -> str:
    """The file's name without folders. Raises Invalid for one that hides what it is or that no system could keep."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2]).strip()
    hidden = [letter for letter in last if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    if hidden:
        raise Invalid("The file's name holds characters that cannot be seen. Rename it.")
    if not last or last.startswith(".") or re.search(r'[<>:"|?*]', last):
        raise Invalid("Give the file a plain name, for example test-report.pdf.")
    if len(last) > 120:
        raise Invalid("The file's name is longer than 120 characters. Shorten it.")
    return last


def kind_of(name: str, body: bytes) -> str:
    """The media type of a file. Raises Invalid where its ending is not taken, or its bytes are something else."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in KINDS:
        raise Invalid(f"{name}: only {', '.join(sorted(KINDS))} files can be attached.")
    kind, starts = KINDS[ending]
    if starts:
        if not body.startswith(starts):
            raise Invalid(f"{name} is called {ending}, but its content is something else.")
        return kind
    try:
        if "\0" in body.decode("utf-8-sig"):
            raise ValueError
    except ValueError as error:
        raise Invalid(f"{name} is not UTF-8 text. Save it as UTF-8.") from error
    return kind


@transaction.atomic
def attach(
    *,
    packet: Packet,
    number: int,
    name: str,
    body: bytes,
    by: Person,
    covers_from: dt.date | None = None,
    covers_to: dt.date | None = None,
) -> Attachment:
    """Attach a file to section `number` of an open packet. It changes the section's digest, as any edit does.

    Raises Denied, Conflict for a closed packet or a name that is taken, Invalid for what cannot be attached.
    """
    name = clean_name(name)
    if not body:
        raise Invalid(f"{name} is empty.")
    if len(body) > LARGEST:
        raise Invalid(f"{name} is larger than {LARGEST // 1_000_000} MB. Attach a shorter extract, or link to it.")
    kind = kind_of(name, body)
    if covers_from and covers_to and covers_from > covers_to:
        raise Invalid("What it covers ends before it begins. Swap the two dates.")
    if covers_to and covers_to > clock.now().date():
        raise Invalid("What it covers ends in the future; evidence is of days that have passed.")
    packet = to_fill(packet, by)
    there = list(packet.attachments.select_related("file").defer("file__body"))
    if sum(one.section == number for one in there) >= MOST:
        raise Invalid(f"A section holds at most {MOST} files. Remove one first.")
    if sum(one.file.size for one in there) + len(body) > LARGEST_IN_ALL:
        raise Invalid(f"A packet's files come to at most {LARGEST_IN_ALL // 1_000_000} MB. Remove one first.")
    digest = sha256(body).hexdigest()
    StoredFile.objects.bulk_create([StoredFile(sha256=digest, body=body, size=len(body))], ignore_conflicts=True)
    file = StoredFile.objects.select_for_update().defer("body").filter(pk=digest).first()
    if file is None:
        raise Conflict("Somebody removed the same file at this moment. Attach it again.")
    try:
        with transaction.atomic():
            row = Attachment.objects.create(
                packet=packet, section=number, name=name, kind=kind, file=file, covers_from=covers_from,
                covers_to=covers_to, added_by=by, added_at=clock.now(),
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict(f"Section {number} has a file {name} already. Rename yours, or remove that one.") from error
    section_saved(packet, number, by)
    return row


@transaction.atomic
def detach(*, attachment: Attachment, by: Person) -> None:
    """Remove a file from an open packet. Revisions that were submitted with it keep it; else its bytes go, too."""
    packet = to_fill(attachment.packet, by)
    number, digest = attachment.section, attachment.file_id
    attachment.delete()
    # Locked, so that nobody attaches the same bytes while they go.
    file = StoredFile.objects.select_for_update().defer("body").get(pk=digest)
    if not file.kept and not file.attachments.exists():
        file.delete()
    section_saved(packet, number, by)


def attached_name(packet: Packet, digest: str) -> str:
    """What a packet calls the file of this digest, now or in a revision; "" where it never had it."""
    now = packet.attachments.filter(file=digest).values_list("name", flat=True).first()
    if now:
        return str(now)
    for revision in packet.revisions.order_by("-number"):
        for part in revision.content["sections"].values():
            for one in part.get("attachments", ()):
                if one["sha256"] == digest:
                    return str(one["name"])
    return ""
