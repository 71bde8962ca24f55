"""Team answers changed, withdrawn and used at one instant, in real transactions."""

from registry import answers
from registry.models import AnswerUse, TeamAnswer
from registry.sections import section
from web.errors import Conflict


def ended(outcomes):
    """How many acts of `outcomes` went through; every other one is a Conflict."""
    assert all(one.error is None or isinstance(one.error, Conflict) for one in outcomes), outcomes
    return sum(one.error is None for one in outcomes)


def test_of_two_who_rename_one_does(committed_world, at_once):
    bank = committed_world
    kept = answers.write_answer(team=bank.team, name="Escalation", text="Page.", by=bank.member)
    for i in range(4):
        seen = TeamAnswer.objects.get(pk=kept.pk).name
        outcomes = at_once(
            lambda seen=seen, i=i: answers.rename_answer(answer=kept, name=f"Paging {i}", seen=seen, by=bank.member),
            lambda seen=seen, i=i: answers.rename_answer(answer=kept, name=f"Calling {i}", seen=seen, by=bank.author),
        )
        assert ended(outcomes) == 1
    assert len(bank.entries("system", "team_answer.renamed")) == 4


def test_of_two_answers_one_gets_the_name(committed_world, at_once):
    bank = committed_world
    one, two = (answers.write_answer(team=bank.team, name=name, text="x", by=bank.member) for name in ("One", "Two"))
    outcomes = at_once(
        lambda: answers.rename_answer(answer=one, name="Escalation", seen="One", by=bank.member),
        lambda: answers.rename_answer(answer=two, name="escalation", seen="Two", by=bank.author),
    )
    assert ended(outcomes) == 1


def test_of_two_who_withdraw_or_change_it_one_does(committed_world, at_once):
    bank = committed_world
    kept = answers.write_answer(team=bank.team, name="Escalation", text="Page.", by=bank.member)

    def withdraw(by):
        return answers.withdraw_answer(answer=kept, reason="Moved", seen=1, by=by)

    assert ended(at_once(lambda: withdraw(bank.member), lambda: withdraw(bank.author))) == 1
    back = at_once(
        lambda: answers.take_back_answer(answer=kept, by=bank.member),
        lambda: answers.take_back_answer(answer=kept, by=bank.author),
    )
    assert ended(back) == 1
    outcomes = at_once(
        lambda: withdraw(bank.member),
        lambda: answers.change_answer(answer=kept, text="Call.", seen=1, by=bank.author),
    )
    assert ended(outcomes) == 1


def test_who_uses_it_while_it_is_withdrawn_either_has_it_and_is_told_or_has_it_not(committed_world, at_once):
    bank = committed_world
    draft = bank.draft(version="7.0.0")
    for i in range(4):
        kept = answers.write_answer(team=bank.team, name=f"Escalation {i}", text=f"Page {i}.", by=bank.member)
        version = kept.newest
        used, gone = at_once(
            lambda version=version: answers.use_answer(
                packet=draft, number=9, places=["sheet.escalation"], version=version, by=bank.author
            ),
            lambda kept=kept: answers.withdraw_answer(answer=kept, reason="Moved", seen=1, by=bank.member),
        )
        assert gone.error is None and (used.error is None or isinstance(used.error, Conflict))
        there = AnswerUse.objects.filter(packet=draft, version=version).exists()
        assert there is (used.error is None)
        assert any(kept.name in one.text for one in section(9).advice(draft)) is there
