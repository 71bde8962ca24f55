"""Section 7: the security review against the OWASP lists for LLM applications (2025) and agents (2026)."""

from typing import Any

from django import forms
from django.db import models

from registry.demands import not_asked, of_part
from registry.sections.base import NOT_NEEDED, PacketRow, Problem, Rows, Section, as_document, long_text
from registry.sections.s02_data import DataGrant
from registry.sections.s03_versions import PromptPin, RetrievalPin
from registry.sections.s04_evals import EvalCase
from registry.sections.s06_tools import ToolGrant
from registry.vocabulary import Classification, Effect, ToolTag

# OWASP Top 10 for LLM Applications 2025, and OWASP Top 10 for Agentic Applications for 2026 (9 December 2025).
RISKS = {
    "LLM01:2025": "Prompt Injection",
    "LLM02:2025": "Sensitive Information Disclosure",
    "LLM03:2025": "Supply Chain",
    "LLM04:2025": "Data and Model Poisoning",
    "LLM05:2025": "Improper Output Handling",
    "LLM06:2025": "Excessive Agency",
    "LLM07:2025": "System Prompt Leakage",
    "LLM08:2025": "Vector and Embedding Weaknesses",
    "LLM09:2025": "Misinformation",
    "LLM10:2025": "Unbounded Consumption",
    "ASI01": "Agent Goal Hijack",
    "ASI02": "Tool Misuse and Exploitation",
    "ASI03": "Identity and Privilege Abuse",
    "ASI04": "Agentic Supply Chain Vulnerabilities",
    "ASI05": "Unexpected Code Execution (RCE)",
    "ASI06": "Memory & Context Poisoning",
    "ASI07": "Insecure Inter-Agent Communication",
    "ASI08": "Cascading Failures",
    "ASI09": "Human-Agent Trust Exploitation",
    "ASI10": "Rogue Agents",
}


class ThreatAnswer(PacketRow):
    """One risk of the lists: whether it applies, and what is done."""

    class Applies(models.TextChoices):
        YES = "yes", "Applies"
        NO = "no", "Does not apply, because …"

    class Residual(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    risk = models.CharField(max_length=20, choices=RISKS.items(), editable=False)
    applies = models.CharField("Does it apply?", max_length=5, choices=Applies.choices, blank=True)
    threat = long_text("Threat, or why it does not apply", max_length=2000)
    mitigation = long_text("Mitigation", max_length=2000)
    evidence = long_text("Evidence", "Test, run, configuration: where a reviewer can see that it works", 1000)
    residual = models.CharField("Residual risk", max_length=10, choices=Residual.choices, blank=True)

    class Meta(PacketRow.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["packet", "risk"], name="one_answer_a_risk")]

    @property
    def title(self) -> str:
        """Id and name of the risk."""
        return f"{self.risk} {RISKS[self.risk]}"


class ThreatAnswerForm(forms.ModelForm):
    class Meta:
        model = ThreatAnswer
        fields = ["applies", "threat", "mitigation", "evidence", "residual"]


def _seed(packet: Any) -> None:
    ThreatAnswer.objects.bulk_create(ThreatAnswer(packet=packet, risk=risk) for risk in RISKS)


def _parts(packet: Any) -> dict[str, str]:
    """Which demand each risk falls under. Where all are asked for, nobody need work out what the packet points to."""
    pointed = {"LLM01:2025", *(implied(packet) if not_asked(7, packet.agent) else ())}
    lists = {risk: "threat.llm" if risk.startswith("LLM") else "threat.agents" for risk in RISKS}
    return {risk: "threat.implied" if risk in pointed else part for risk, part in lists.items()}


def _problems(packet: Any) -> list[Problem]:
    found = []
    parts = _parts(packet)
    for i, answer in enumerate(ThreatAnswer.objects.filter(packet=packet).order_by("pk")):
        anchor, part = f"id_threat-{i}-", parts[answer.risk]
        if not answer.applies:
            found.append(Problem(f"{answer.title}: say whether it applies.", anchor + "applies", parts=(part,)))
        elif not answer.threat:
            what = (
                "say how it could happen here" if answer.applies == answer.Applies.YES else "say why it does not apply"
            )
            found.append(Problem(f"{answer.title}: {what}.", anchor + "threat", parts=(part,)))
        elif answer.applies == answer.Applies.YES:
            for name, words in {
                "mitigation": "say what is done about it",
                "evidence": "say where a reviewer can see that it works",
                "residual": "say what risk is left",
            }.items():
                if not getattr(answer, name):
                    proof = (f"threat.{name}",) if name != "mitigation" else ()
                    found.append(Problem(f"{answer.title}: {words}.", anchor + name, parts=(part, *proof)))
    return found


def implied(packet: Any) -> dict[str, str]:
    """The risks that what sections 2, 3, 4 and 6 say makes apply, each with the reason in words."""
    found: dict[str, str] = {}
    grants = list(ToolGrant.objects.filter(packet=packet).order_by("pk").select_related("tool"))
    untrusted = [str(one.tool) for one in grants if ToolTag.UNTRUSTED in one.tool.tags]
    outside = [str(one.tool) for one in grants if ToolTag.EXTERNAL in one.tool.tags]
    acting = [str(one.tool) for one in grants if one.tool.effect != Effect.READ]
    injected = EvalCase.objects.filter(packet=packet, failure_mode=EvalCase.FailureMode.INJECTION).exists()
    secret = DataGrant.objects.filter(
        packet=packet, source__classification__in=(Classification.CONFIDENTIAL, Classification.RESTRICTED)
    ).values_list("source__name", flat=True)
    if untrusted:
        found["LLM01:2025"] = found["ASI01"] = f"section 6 grants {untrusted[0]}, which reads untrusted input"
    elif injected:
        found["LLM01:2025"] = "section 4 names a prompt injection as a real failure"
    if secret:
        found["LLM02:2025"] = f"section 2 grants {secret[0]}, which is confidential or restricted"
    if acting:
        found["LLM06:2025"] = found["ASI02"] = f"section 6 grants {acting[0]}, which changes something"
    if outside:
        found["LLM05:2025"] = f"section 6 grants {outside[0]}, which sends outside"
    if PromptPin.objects.filter(packet=packet).exists():
        found["LLM07:2025"] = "section 3 pins a prompt, which can be asked for"
    if RetrievalPin.objects.filter(packet=packet).exists():
        found["LLM08:2025"] = "section 3 pins an index that it looks things up in"
    return found


def _advice(packet: Any) -> list[Problem]:
    because = implied(packet)
    found = []
    for i, answer in enumerate(ThreatAnswer.objects.filter(packet=packet).order_by("pk")):
        if answer.risk in because and answer.applies != ThreatAnswer.Applies.YES:
            text = f"{answer.title} seems to apply: {because[answer.risk]}."
            found.append(Problem(text, f"id_threat-{i}-applies"))
    return found


def _document(packet: Any) -> dict[str, Any]:
    answers = []
    parts = _parts(packet)
    for answer in ThreatAnswer.objects.filter(packet=packet).order_by("pk"):
        if not answer.applies and not answer.threat and not of_part(7, parts[answer.risk]).asked(packet.agent):
            answers.append({"risk": answer.risk, "applies": NOT_NEEDED, "threat": NOT_NEEDED})
            continue
        names = ["applies", "threat"]
        if answer.applies == ThreatAnswer.Applies.YES:
            names += ["mitigation", "evidence", "residual"]
        answers.append({"risk": answer.risk, **as_document(answer, *names)})
    return {
        "lists": ["OWASP Top 10 for LLM Applications 2025", "OWASP Top 10 for Agentic Applications for 2026"],
        "answers": answers,
    }


SECTION = Section(
    number=7,
    key="security",
    title="Security review against the OWASP LLM risks",
    short="OWASP LLM review",
    help="Each risk of the two OWASP lists: how it could happen here and what is done, or why it cannot.",
    good="“LLM01 applies: claim e-mails are untrusted. Tools take the claim number from the case, never from the text; "
    "evals injected-refund 1 to 12 show it. Residual: low.”",
    find=_problems,
    advise=_advice,
    write=_document,
    rows=(Rows(ThreatAnswerForm, "threat", "Risks", fixed=len(RISKS)),),
    seed=_seed,
)
