"""The risk class of the EU AI Act (Regulation (EU) 2024/1689) by questions: what is asked, and what the answers give."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import models, transaction

from accounts.actors import a_person
from accounts.models import Person
from registry import entries
from registry.actions import change_agent
from registry.models import Agent, RiskAnswers
from registry.models.risk import ORDER
from registry.vocabulary import RiskClass
from work import clock
from work.acts import Conflict, Denied, Invalid, record

EDITION = "2026-11"
"""Which wording of the questions was answered; it moves with every change of a question."""
RANK = {risk: i for i, risk in enumerate(ORDER)}


class Answer(models.TextChoices):
    """What can be said to a question."""

    YES = "yes", "Yes"
    NO = "no", "No"
    UNKNOWN = "unknown", "Don’t know"


@dataclass(frozen=True)
class Question:
    """One question. A yes, and a don't know, leads to `leads_to`; questions without one are read by `judge` itself."""

    key: str
    text: str
    article: str
    leads_to: RiskClass | None
    help: str = ""


@dataclass(frozen=True)
class Group:
    """Questions that stand together."""

    title: str
    intro: str
    questions: tuple[Question, ...]


P, H, L = RiskClass.PROHIBITED, RiskClass.HIGH, RiskClass.LIMITED
GROUPS = (
    Group(
        "Practices that are forbidden",
        "One yes here, and it may not be put into service at all.",
        (
            Question(
                "manipulation",
                "Does it steer people by means they do not notice, or use somebody’s age, disability or hardship, so "
                "that they act to their serious harm?",
                "Art. 5(1)(a) and (b)",
                P,
            ),
            Question(
                "social_scoring",
                "Does it score people by their behaviour or character over time, so that they are treated worse in "
                "matters that have nothing to do with it, or out of proportion?",
                "Art. 5(1)(c)",
                P,
                "Judging a loan by how earlier loans were repaid is not meant.",
            ),
            Question(
                "crime_prediction",
                "Does it predict from a person’s profile or character alone that they will commit a crime?",
                "Art. 5(1)(d)",
                P,
                "Finding a suspicious transaction by facts about the transaction is not meant.",
            ),
            Question(
                "face_or_feeling",
                "Does it collect faces from the internet or cameras at large, read feelings of people at work or in "
                "education, sort people by biometrics into race, belief or orientation, or identify people in public "
                "at a distance as it happens?",
                "Art. 5(1)(e) to (h)",
                P,
                "Reading feelings for medical or safety reasons is not meant.",
            ),
        ),
    ),
    Group(
        "Uses that are high risk",
        "The areas of Annex III, and products that have their own safety law.",
        (
            Question(
                "product",
                "Is it a product, or a safety part of one, that a third party must assess before sale under the "
                "product laws of Annex I?",
                "Art. 6(1), Annex I",
                H,
                "Lifts, medical devices, machinery, toys, vehicles and the like.",
            ),
            Question(
                "biometrics",
                "Does it identify people at a distance, sort them by biometrics, or read feelings?",
                "Annex III, 1",
                H,
                "Checking that somebody is who they say they are is not meant.",
            ),
            Question(
                "infrastructure",
                "Is it a safety part in running critical digital infrastructure, road traffic, water, gas, heat or power?",
                "Annex III, 2",
                H,
            ),
            Question(
                "education",
                "Does it decide on admission, marks, level or cheating in education or vocational training?",
                "Annex III, 3",
                H,
            ),
            Question(
                "employment",
                "Does it choose applicants, or decide on pay, tasks, promotion, dismissal or performance of workers?",
                "Annex III, 4",
                H,
            ),
            Question(
                "essential_services",
                "Does it judge whether a person gets or keeps credit, a public benefit, life or health insurance and at "
                "what price, or how urgently an emergency call is served?",
                "Annex III, 5",
                H,
                "Detecting financial fraud is not meant, nor is credit to companies.",
            ),
            Question(
                "public_power",
                "Is it used by or for police, border or asylum authorities, courts, or to sway an election?",
                "Annex III, 6 to 8",
                H,
            ),
            Question(
                "profiling",
                "Does it profile people: judge or predict their work, money, health, interests, reliability or conduct "
                "from their data?",
                "Art. 6(3), last paragraph",
                None,
                "Asked because an area of Annex III with profiling is always high risk.",
            ),
            Question(
                "narrow_task",
                "If one of the areas above is touched: does it only do a narrow formal task, polish finished human work, "
                "spot departures from earlier decisions, or prepare an assessment, without swaying what is decided?",
                "Art. 6(3)(a) to (d)",
                None,
                "A yes counts only without profiling, has to be written down, and the system is still registered "
                "(Art. 6(4), Art. 49(2)).",
            ),
        ),
    ),
    Group(
        "Uses that people must be told of",
        "Limited risk: what it is must be said to those who meet it.",
        (
            Question(
                "talks_to_people",
                "Do people talk or write with it directly, whether customers or staff?",
                "Art. 50(1)",
                L,
            ),
            Question(
                "makes_content",
                "Does it make text, sound, images or video that somebody outside the team reads or sees?",
                "Art. 50(2) and (4)",
                L,
                "Only helping to edit what a person wrote is not meant.",
            ),
            Question(
                "reads_people",
                "Does it read feelings, or sort people by their biometrics, in any way?",
                "Art. 50(3)",
                L,
            ),
        ),
    ),
)
QUESTIONS = {question.key: question for group in GROUPS for question in group.questions}
ANNEX_III = (
    "biometrics", "infrastructure", "education", "employment", "essential_services", "public_power",
)  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """The class that answers give, and why, in sentences."""

    risk_class: RiskClass
    reasons: list[str]

    @property
    def words(self) -> str:
        """The class in words."""
        return str(self.risk_class.label)


def judge(answers: Mapping[str, str]) -> Judgement:
    """The class that complete `answers` give: the highest that any leads to. A don't know counts as what is worse."""
    hits = [one for one in QUESTIONS.values() if one.leads_to and answers[one.key] != Answer.NO]
    notes: list[str] = []
    areas = [one for one in hits if one.key in ANNEX_III]
    if areas and answers["narrow_task"] == Answer.YES and answers["profiling"] == Answer.NO:
        hits = [one for one in hits if one not in areas]
        notes.append(
            f"{_list(one.article for one in areas)} is touched, but by a narrow task without profiling, so it is not high "
            "risk by that (Art. 6(3)). Keep the assessment and register the system (Art. 6(4), Art. 49(2))."
        )
    elif areas:
        notes += _why_not_narrow(answers)
    if not hits:
        return Judgement(RiskClass.MINIMAL, [*notes, "No question leads to a higher class."])
    highest = max((one.leads_to for one in hits if one.leads_to), key=RANK.__getitem__)
    return Judgement(highest, [_because(one, answers) for one in hits if one.leads_to == highest] + notes)


def _because(question: Question, answers: Mapping[str, str]) -> str:
    if answers[question.key] == Answer.UNKNOWN:
        return f"{question.article}: nobody could say, and what is not known counts as yes. ({question.text})"
    return f"{question.article}: yes. ({question.text})"


def _why_not_narrow(answers: Mapping[str, str]) -> list[str]:
    if answers["narrow_task"] != Answer.YES:
        return []
    said = "It profiles people" if answers["profiling"] == Answer.YES else "Nobody could say whether it profiles people"
    return [f"{said}, so a narrow task does not take it out of Annex III (Art. 6(3))."]


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


def lower(one: str, other: str) -> bool:
    """Whether class `one` is lower than `other`."""
    return RANK[RiskClass(one)] < RANK[RiskClass(other)]


@transaction.atomic
def answer(
    *,
    agent: Agent,
    answers: Mapping[str, str],
    by: Person,
    risk_class: str = "",
    reason: str = "",
    seen: int | None = None,
) -> RiskAnswers:
    """Keep the answers as the next row and set the class that they give on the card, or `risk_class` where one is named.

    A class lower than the answers give needs a `reason`. `seen` is the number of the newest row that the form was made
    from (0 for none): Conflict where somebody answered since. Raises Denied, Invalid.
    """
    a_person(by, "answers for a risk class")
    agent = Agent.objects.select_for_update(of=("self",)).select_related("team").get(pk=agent.pk)
    if not agent.editable_by(by):
        raise Denied(f"Only the owner, the deputy and members of {agent.team.name} answer for {agent.name}.")
    last = agent.risk_answers.order_by("-number").first()
    number = last.number if last else 0
    if seen is not None and seen != number:
        raise Conflict("Somebody answered after you opened this. Compare both, then answer again.")
    given = _complete(answers)
    judged = judge(given)
    chosen, reason = risk_class or judged.risk_class, reason.strip()
    if chosen not in RiskClass.values:
        raise Invalid(f"{chosen} is no risk class: choose {_list(RiskClass.values)}.")
    if lower(chosen, judged.risk_class) and len(reason) < 10:
        raise Invalid(
            f"The answers give {judged.words.lower()}. For a lower class say why, with the article that it rests on."
        )
    row = RiskAnswers.objects.create(
        agent=agent,
        number=number + 1,
        edition=EDITION,
        answers=given,
        result=judged.risk_class,
        chosen=chosen,
        reason=reason,
        answered_by=by,
        answered_at=clock.now(),
    )
    change_agent(agent=agent, by=by, risk_class=chosen)
    record(
        f"agent:{agent.pk}",
        entries.RiskAnswered(
            agent=str(agent.pk),
            answers=str(row.pk),
            number=row.number,
            edition=EDITION,
            result=judged.risk_class,
            chosen=chosen,
            sha256=row.digest,
        ),
        by=by,
    )
    return row


def _complete(answers: Mapping[str, str]) -> dict[str, str]:
    problems = [f"There is no question {key}." for key in sorted(set(answers) - set(QUESTIONS))]
    for key, question in QUESTIONS.items():
        if answers.get(key) not in Answer.values:
            problems.append(f"Answer yes, no or don’t know: {question.text}")
    if problems:
        raise Invalid(*problems)
    return {key: str(answers[key]) for key in QUESTIONS}
