"""Files of a packet's sections: attaching, giving back, removing."""

from urllib.parse import quote
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import attachments
from registry.models import Attachment, StoredFile
from registry.views.packets import visible_packet
from web.errors import Invalid
from web.views import acting


class AttachmentForm(forms.Form):
    """One file, and of which days it is evidence."""

    file = forms.FileField(label="File", max_length=400)
    covers_from = forms.DateField(label="Covers from", required=False)
    covers_to = forms.DateField(label="Covers to", required=False)


@require_POST
@acting("packet_section")
def attachment_new(request: Request, pk: UUID, number: int) -> HttpResponse:
    """Attach a file to a section."""
    packet = visible_packet(request, pk)
    if not 1 <= number <= 10:
        raise Http404("There are ten sections.")
    form = AttachmentForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Invalid(*(f"{form.fields[name].label}: {text}" for name, texts in form.errors.items() for text in texts))
    file = form.cleaned_data.pop("file")
    body = file.read(attachments.LARGEST + 1)
    row = attachments.attach(
        packet=packet, number=number, name=file.name, body=body, by=request.user, **form.cleaned_data
    )
    messages.success(request, f"{row.name} is attached.")
    return redirect("packet_section", pk, number)


def attachment_file(request: Request, pk: UUID, digest: str) -> HttpResponse:
    """A file that the packet has or had in a revision, to save; never shown as a page of ours."""
    name = attachments.attached_name(visible_packet(request, pk), digest)
    if not name:
        raise Http404("The packet has no such file.")
    response = HttpResponse(bytes(StoredFile.objects.get(pk=digest).body), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_POST
@acting()
def attachment_remove(request: Request, pk: UUID) -> HttpResponse:
    """Remove a file from a draft."""
    row = get_object_or_404(Attachment.objects.visible_to(request.user).select_related("packet"), pk=pk)
    attachments.detach(attachment=row, by=request.user)
    messages.success(request, f"{row.name} is no longer attached.")
    return redirect("packet_section", row.packet_id, row.section)
