"""Section 3: the model, prompt and retrieval versions that everything else was tested on."""

from collections import Counter
from typing import Any

from django import forms
from django.db import models

from ledger.canonical import nfc, sha256
from registry.costing import listed
from registry.imports.reading import MARKS, unstacked
from registry.sections.base import PacketRow, Problem, Rows, Section, as_document, line, long_text, missing, stated


class ModelPin(PacketRow):
    """One model, pinned to a snapshot."""

    provider = line("Provider", "For example anthropic, openai, azure, self-hosted")
    model_id = line("Model", "The name by which the provider's API knows it")
    snapshot = line("Snapshot", "Dated version or digest; a floating alias is no pin")
    parameters = long_text("Parameters", "Temperature, limits and the like, one a line: name=value", 1000)

    @property
    def name(self) -> str:
        """The model as eval logs name it: provider/model."""
        return f"{self.provider}/{self.model_id}"


class PromptPin(PacketRow):
    """One prompt, by its text's digest."""

    name = line("Prompt", "Which prompt: system, router, summary…")
    version = line("Version", max_length=50)
    text = long_text("Text", "The exact text. What is signed is its SHA-256 digest", 50_000)

    @property
    def sha256(self) -> str:
        """SHA-256 of the text as UTF-8 in Unicode form C with line feeds, in hexadecimal; empty for no text."""
        return sha256(nfc(self.text.replace("\r\n", "\n")).encode()) if self.text else ""


class RetrievalPin(PacketRow):
    """What the agent looks things up in."""

    index = line("Index", "Name and version of the index")
    embedding_model = line("Embedding model")
    corpus_date = models.DateField("Corpus date", null=True, blank=True, help_text="The newest document it holds")


class ModelPinForm(forms.ModelForm):
    class Meta:
        model = ModelPin
        fields = ["provider", "model_id", "snapshot", "parameters"]


class PromptPinForm(forms.ModelForm):
    # Not stripped: the file that an eval tested ends with a line feed, and its digest counts it.
    text = forms.CharField(
        label="Text",
        help_text="The exact text. What is signed is its SHA-256 digest",
        required=False,
        strip=False,
        max_length=50_000,
        widget=forms.Textarea,
    )

    class Meta:
        model = PromptPin
        fields = ["name", "version", "text"]

    def clean_text(self) -> str:
        """The text with line feeds: browsers post carriage returns too, and the digest is over what the file holds."""
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        if unstacked(text) != text:
            raise forms.ValidationError(f"It holds more than {MARKS} accents upon one letter. Take some away.")
        return text


class RetrievalPinForm(forms.ModelForm):
    class Meta:
        model = RetrievalPin
        fields = ["index", "embedding_model", "corpus_date"]
        widgets = {"corpus_date": forms.DateInput(attrs={"type": "date"})}


def _parameters(pin: ModelPin) -> dict[str, str]:
    pairs = (line.partition("=") for line in pin.parameters.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _parameter_problems(pins: list[ModelPin]) -> list[Problem]:
    found = []
    for i, pin in enumerate(pins):
        lines = [line.partition("=") for line in pin.parameters.splitlines() if line.strip()]
        names = Counter(nfc(name.strip()) for name, _, _ in lines)
        anchor = f"id_model-{i}-parameters"
        if any(not name.strip() or not sign for name, sign, _ in lines):
            found.append(Problem(f"Model {i + 1}: write each parameter on a line of its own as name=value.", anchor))
        found += [
            Problem(f"Model {i + 1}: the parameter {name} is given twice; only one can be signed.", anchor)
            for name, times in names.items()
            if name and times > 1
        ]
    return found


def _problems(packet: Any) -> list[Problem]:
    found = _parameter_problems(list(ModelPin.objects.filter(packet=packet).order_by("pk")))
    if not ModelPin.objects.filter(packet=packet).exists():
        found.append(Problem("Pin at least one model.", "id_model-0-model_id", parts=("model.rows",)))
    if not PromptPin.objects.filter(packet=packet).exists():
        found.append(Problem("Pin at least one prompt with its text.", "id_prompt-0-text", parts=("prompt.rows",)))
    found += missing(
        packet,
        ModelPin,
        {
            "provider": "Model {n}: name its provider.",
            "model_id": "Model {n}: name the model as the provider's API does.",
            "snapshot": "Model {n}: pin a snapshot; a floating alias changes under you.",
        },
        "model",
    )
    found += missing(
        packet,
        PromptPin,
        {
            "name": "Prompt {n}: name it.",
            "version": "Prompt {n}: give its version.",
            "text": "Prompt {n}: paste its text.",
        },
        "prompt",
    )
    found += missing(
        packet,
        RetrievalPin,
        {
            "embedding_model": "Retrieval {n}: name the embedding model.",
            "corpus_date": "Retrieval {n}: give the corpus date.",
        },
        "retrieval",
    )
    return found


def _advice(packet: Any) -> list[Problem]:
    found = []
    for i, pin in enumerate(ModelPin.objects.filter(packet=packet).order_by("pk")):
        price = listed(pin.provider, pin.model_id)
        if price and price.withdrawn:
            text = f"{price.model} is withdrawn, or soon will be, says {price.source.partition(',')[0]}. Plan its successor."
            found.append(Problem(text, f"id_model-{i}-model_id"))
    return found


def _document(packet: Any) -> dict[str, Any]:
    return {
        "models": [
            {**as_document(pin, "provider", "model_id", "snapshot"), "parameters": _parameters(pin)}
            for pin in ModelPin.objects.filter(packet=packet).order_by("pk")
        ],
        "prompts": [
            {**as_document(pin, "name", "version", "text"), "sha256": stated(pin.sha256, "no text")}
            for pin in PromptPin.objects.filter(packet=packet).order_by("pk")
        ],
        "retrieval": [
            as_document(pin, "index", "embedding_model", "corpus_date")
            for pin in RetrievalPin.objects.filter(packet=packet).order_by("pk")
        ],
    }


SECTION = Section(
    number=3,
    key="versions",
    title="Model, prompt and retrieval versions",
    short="Model, prompt, retrieval",
    help="What exactly was tested. The gate holds an eval run against these pins.",
    good="“anthropic claude-sonnet-4, snapshot 20250514, temperature=0; system prompt 14 with its text; "
    "index policies-2026-11 with corpus date 14 November.”",
    find=_problems,
    advise=_advice,
    write=_document,
    rows=(
        Rows(ModelPinForm, "model", "Models", "Add a model", key="model_id"),
        Rows(PromptPinForm, "prompt", "Prompts", "Add a prompt", key="name"),
        Rows(
            RetrievalPinForm,
            "retrieval",
            "Retrieval",
            "Add an index",
            key="index",
            empty="None, if the agent looks nothing up.",
        ),
    ),
)
