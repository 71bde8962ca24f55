"""Section 1: what the agent is for, and what it must refuse."""

from typing import Any

from django import forms

from registry.sections.base import PacketRow, Problem, Rows, Section, as_document, long_text, missing


class UseCase(PacketRow):
    """One use that the owner answers for."""

    text = long_text("Use case", "Who asks, what for, and what they do with the answer")


class NonUseCase(PacketRow):
    """Something the agent will be asked and must refuse."""

    text = long_text("Non-use case", "What it will be asked and must refuse")
    refusal = long_text("Expected refusal", "The words or the hand-over that a person should see")


class UseCaseForm(forms.ModelForm):
    class Meta:
        model = UseCase
        fields = ["text"]


class NonUseCaseForm(forms.ModelForm):
    class Meta:
        model = NonUseCase
        fields = ["text", "refusal"]


def _problems(packet: Any) -> list[Problem]:
    found = []
    if not UseCase.objects.filter(packet=packet).exclude(text="").exists():
        found.append(
            Problem(
                "Say at least one use: who asks, what for, what they do with the answer.",
                "id_use-0-text",
                parts=("use.rows",),
            )
        )
    if not NonUseCase.objects.filter(packet=packet).exclude(text="").exists():
        found.append(
            Problem("Say at least one thing the agent must refuse.", "id_non_use-0-text", parts=("non_use.rows",))
        )
    found += missing(
        packet, NonUseCase, {"refusal": "Non-use case {n}: say what the agent answers instead."}, "non_use"
    )
    return found


def _document(packet: Any) -> dict[str, Any]:
    return {
        "use_cases": [as_document(row, "text") for row in UseCase.objects.filter(packet=packet).order_by("pk")],
        "non_use_cases": [
            as_document(row, "text", "refusal") for row in NonUseCase.objects.filter(packet=packet).order_by("pk")
        ],
    }


SECTION = Section(
    number=1,
    key="use",
    title="Use and non-use cases",
    short="Use and non-use cases",
    help="What people may rely on the agent for, and what it will be asked and must refuse.",
    good="“Borrowers ask what a product costs. The agent quotes the tariff in force and its date. "
    "It never says whether they should buy.”",
    find=_problems,
    write=_document,
    rows=(
        Rows(UseCaseForm, "use", "What it is for", "Add a use case", key="text"),
        Rows(NonUseCaseForm, "non_use", "What it must not do", "Add a non-use case", key="text"),
    ),
)
