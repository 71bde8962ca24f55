"""Files of a packet's sections: attaching, giving back, removing."""

from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.requests import Request
from registry import actions, attachments
from registry.asides import AttachForm
from registry.models import Attachment, StoredFile
from registry.sections import section
from registry.views.packets import visible_packet
from registry.views.sections import Desk
from web.views import acting, kept


@require_POST
@acting("packet_section")
def attachment_new(request: Request, pk: UUID, number: int) -> HttpResponse:
    """Attach a file to a section; what is wrong with it is said beside it."""
    packet = visible_packet(request, pk)
    if not 1 <= number <= 10:
        raise Http404("There are ten sections.")
    actions.may_fill(packet, request.user)
    form = AttachForm(request.POST, request.FILES)
    if form.is_valid():
        with kept(form):
            values = {**form.cleaned_data}
            file = values.pop("file")
            body = file.read(attachments.LARGEST + 1)
            row = attachments.attach(packet=packet, number=number, name=file.name, body=body, by=request.user, **values)
            messages.success(request, f"{row.name} is attached.")
            return redirect("packet_section", pk, number)
    return Desk(request, packet, section(number)).refused(attach_form=form)


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
