"""Uploads that cannot fill disk or memory: of all files in one request, little more than the limit is ever kept."""

from io import BytesIO
from typing import Any

from django import forms
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from registry.fetching import fetch, hosts
from registry.imports.reading import MAX_BYTES
from work.acts import Invalid


class Capped(FileUploadHandler):
    """Keeps at most MAX_BYTES + 1 bytes of a request's files; what follows is dropped, and the size tells."""

    kept = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin the next file."""
        super().new_file(*args, **kwargs)
        self.file = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take what fits."""
        part = raw_data[: max(0, MAX_BYTES + 1 - self.kept)]
        self.kept += len(part)
        self.file.write(part)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file, with the size that was sent."""
        self.file.seek(0)
        return InMemoryUploadedFile(
            self.file, self.field_name, self.file_name or "", self.content_type, file_size, self.charset
        )


class ImportForm(forms.Form):
    """A file or a text, not both. `payload` is its bytes once the form is valid."""

    file = forms.FileField(required=False, label="File", help_text="At most 10 MB.")
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste it",
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"}),
        help_text="At most 2 MB; upload what is longer.",
    )
    url = forms.CharField(required=False, max_length=2000, label="Or its address", widget=forms.TextInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    payload = b""
    may_fetch = False
    """Whether the person may import at all: for nobody else is anything fetched."""

    def __init__(self, *args: Any, may_fetch: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_fetch = may_fetch
        self.hosts = [one.name for one in hosts()]
        if self.hosts:
            self.fields["url"].help_text = f"It is read once, now. From {', '.join(self.hosts)}."
        else:
            del self.fields["url"]

    def clean(self) -> dict[str, Any]:
        """Exactly one of them, within the limit."""
        values = super().clean() or {}
        file, text, url = values.get("file"), values.get("text", ""), values.get("url", "")
        if sum(map(bool, (file, text.strip(), url))) > 1:
            raise forms.ValidationError("There are several of file, text and address. Send one of them.")
        if url:
            self.payload = self._fetched(url)
            return values
        if not file and not text.strip():
            raise forms.ValidationError("Choose a file or paste a text.")
        if file and file.size > MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Import a smaller one."
            )
        self.payload = file.read() if file else text.encode("utf-8", "surrogatepass")
        return values

    def _fetched(self, url: str) -> bytes:
        if not self.may_fetch:
            raise forms.ValidationError("Only members of a team and platform admins import.")
        try:
            return fetch(url).data
        except Invalid as refusal:
            raise forms.ValidationError({"url": str(refusal)}) from refusal


class ToolsForm(ImportForm):
    """The tools of one MCP server."""

    server = forms.CharField(
        max_length=40,
        label="Server",
        help_text="As agents' configurations name it, for example git. Its tools are catalogued as git.…",
    )
    field_order = ("server", "file", "text", "url")


class TraceForm(ImportForm):
    """The trace of one run."""

    trace_id = forms.CharField(
        max_length=64,
        required=False,
        label="Trace id",
        help_text="Where the export holds several traces: the one that you want.",
    )
    field_order = ("file", "text", "trace_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="id_trace_%s", **kwargs)  # the page has another form with a file
        self.fields.pop("url", None)
        self.fields["text"].widget.attrs["rows"] = 4


class ContractForm(ImportForm):
    """One version of a data contract."""

    version = forms.CharField(
        max_length=50,
        required=False,
        label="Version",
        help_text="For example 4.0. Empty where the schema says it itself.",
    )
    note = forms.CharField(max_length=300, required=False, label="What is new")
    field_order = ("version", "note", "file", "text")
