"""Two people answer one sighting at the same moment; a pull and a retie count at the same moment."""

import datetime as dt

from signals import actions
from signals.actions.costs import retie_costs
from signals.models import CostLine, CostRule
from signals.unregistered.actions import ignore_sighting, map_sighting
from signals.unregistered.counting import count_source
from signals.unregistered.models import Sighting, SightingTally
from work import clock
from work.acts import Conflict


def test_of_two_who_map_it_one_does_and_the_other_is_told_who(committed_world, at_once):
    bank = committed_world
    count_source(bank.costs(None).source)
    one, other = Sighting.objects.get(), bank.register("Other")
    outcomes = at_once(
        lambda: map_sighting(sighting=one, agent=bank.agent, by=bank.finance),
        lambda: map_sighting(sighting=one, agent=other, by=bank.admin),
    )
    errors = [one.error for one in outcomes if one.error]
    assert len(errors) == 1 and isinstance(errors[0], Conflict) and " mapped Models to " in str(errors[0])
    assert CostRule.objects.count() == 1 and Sighting.objects.get().agent == CostRule.objects.get().agent


def test_mapping_wins_or_waits_for_ignoring_but_both_never_hold(committed_world, at_once):
    bank = committed_world
    count_source(bank.costs(None).source)
    one, until = Sighting.objects.get(), clock.now().date() + dt.timedelta(days=9)
    outcomes = at_once(
        lambda: map_sighting(sighting=one, agent=bank.agent, by=bank.finance),
        lambda: ignore_sighting(sighting=one, reason="A trial", until=until, by=bank.admin),
    )
    one.refresh_from_db()
    assert outcomes[0].error is None and one.state == "mapped"
    assert outcomes[1].error is None or isinstance(outcomes[1].error, Conflict)


def test_counting_and_tying_at_once_leave_counts_that_are_true(committed_world, at_once):
    bank = committed_world
    source = [bank.costs(None) for _ in range(5)][0].source
    count_source(source)
    actions.add_cost_rule(field="service", value="Models", agent=bank.agent, by=bank.finance)
    outcomes = at_once(retie_costs, lambda: count_source(source), lambda: count_source(source))
    assert not [one.error for one in outcomes if one.error]
    assert CostLine.objects.filter(agent=None).count() == 0 == Sighting.objects.get().lines
    assert not SightingTally.objects.exists()
