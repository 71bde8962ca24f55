"""Renewals: when the portal drafts one, when it does not, what it carries, and that only what changed needs work."""

import datetime as dt
import functools
import json

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError
from django.urls import reverse

from accounts.tokens import add_service_account, make_token
from approvals import actions, tasks
from approvals.models import Renewal, SignOff
from approvals.renewing import renew_if_due, start_renewal
from ledger.canonical import dumps, sha256
from registry import upkeep
from registry.documents import problems
from registry.models import Agent, Contribution, DataSource, Packet, Proposal
from registry.moved import beside
from registry.retirement import retire_agent
from signals.models import EvalRun
from work import clock
from work.acts import Conflict, Denied
from work.models import FollowUp


def in_days(n):
    """Let acts happen so many days from now."""
    return clock.at(clock.now() + dt.timedelta(days=n))


def due(days=61):
    """Whether the task promises renewals, so many days from now: ids of the packets."""
    with in_days(days):
        tasks.draft_renewals()
    rows = FollowUp.objects.filter(task=tasks.draft_renewal.name)
    return {row.args[0] for row in rows}


def drafted(packet, days=61):
    """The renewal that the portal drafts by itself, so many days from now; None where it drafts none."""
    with in_days(days):
        return renew_if_due(str(packet.pk))


def classify(world, word):
    upkeep.change_source(source=DataSource.objects.get(pk=world.source.pk), classification=word, by=world.admin)


class TestWhen:
    @pytest.mark.parametrize(("days", "is_due"), [(58, False), (61, True), (200, True)])
    def test_thirty_days_before_the_first_sign_off_ends(self, promotable, days, is_due):
        assert (str(promotable.pk) in due(days)) == is_due
        assert (drafted(promotable, days) is not None) == is_due

    def test_the_days_are_a_setting(self, promotable, settings):
        settings.RENEWAL_DAYS = 5
        assert drafted(promotable, 61) is None
        assert drafted(promotable, 86) is not None

    def test_a_packet_that_was_not_approved_is_not_renewed(self, submitted, draft):
        assert not {str(submitted.pk), str(draft.pk)} & due()

    def test_nor_one_that_another_superseded(self, world, promotable):
        world.approved_packet(promotable.agent, "2.0.0")
        assert world.fresh(promotable).state == "superseded"
        assert str(promotable.pk) not in due() and drafted(promotable) is None
        with pytest.raises(Conflict, match="superseded"):
            start_renewal(packet=promotable, by=world.owner)

    def test_nor_of_a_retired_agent(self, world, promotable):
        retire_agent(agent=promotable.agent, reason="The new one answers", by=world.owner)
        assert str(promotable.pk) not in due() and drafted(promotable) is None
        with pytest.raises(Conflict, match="retired"):
            start_renewal(packet=promotable, by=world.owner)

    def test_nor_of_a_suspended_one(self, world, promotable):
        Agent.objects.filter(pk=promotable.agent_id).update(status="suspended")
        assert str(promotable.pk) not in due() and drafted(promotable) is None
        with pytest.raises(Conflict, match="suspended"):
            start_renewal(packet=promotable, by=world.owner)

    def test_once_is_enough(self, world, promotable):
        first = drafted(promotable)
        assert drafted(promotable, 62) is None and str(promotable.pk) not in due(62)
        with pytest.raises(Conflict, match=f"Packet {first.number} renews it already"):
            start_renewal(packet=promotable, by=world.owner)

    def test_one_that_was_withdrawn_is_not_drafted_again_by_itself(self, world, promotable):
        actions.withdraw_packet(packet=drafted(promotable), by=world.owner)
        assert drafted(promotable, 62) is None
        assert start_renewal(packet=promotable, by=world.owner).renews == promotable

    def test_unless_somebody_has_signed_again_since(self, world, promotable):
        actions.withdraw_packet(packet=drafted(promotable), by=world.owner)
        with in_days(91):
            world.sign_all(promotable)
        assert drafted(promotable, 100) is None
        assert drafted(promotable, 155) is not None


class TestTheDraft:
    def test_the_portal_starts_it_and_nobody_has_contributed(self, world, promotable):
        made = drafted(promotable)
        assert (made.version, made.state, made.starter) == (promotable.version, "draft", "Portcullis")
        assert made.copied_from == made.renews == promotable
        assert not Contribution.objects.filter(packet=made).exists()
        [entry] = world.entries(made, "packet.renewal_drafted")
        assert entry["actor"]["id"] == "system"
        assert entry["data"]["changes_sha256"] == sha256(dumps(made.renewal.changes))

    def test_what_tokens_were_billed_at_is_proposed_by_the_portal(self, world, promotable):
        world.costs(
            promotable.agent, "8", sku_meter="Input Tokens", consumed_unit="Tokens", consumed_quantity=2_000_000
        )
        made = drafted(promotable)
        price = Proposal.objects.open().get(packet=made, field="price_in")
        assert (price.value, price.section, price.proposed_by, price.source_kind) == ("4", 8, None, "bill")

    def test_it_lacks_only_that_owner_and_deputy_accept_anew(self, world, promotable):
        made = drafted(promotable)
        assert [number for number, found in problems(made).items() if found] == [9]
        stands = beside(world.fresh(made), clock.now())
        assert stands.unchanged == set(range(1, 11)) - {9} and stands.renewal
        world.accept(made)
        assert not any(problems(world.fresh(made)).values())

    def test_only_the_section_that_changed_needs_work(self, world, promotable, client):
        classify(world, "restricted")
        made = drafted(promotable)
        stands = beside(world.fresh(made), clock.now())
        assert stands.unchanged == set(range(1, 11)) - {2, 9}
        client.force_login(world.owner, backend="django.contrib.auth.backends.ModelBackend")
        page = client.get(reverse("packet_detail", args=[made.pk])).content.decode()
        assert page.count("Unchanged since signed on") == 8 and "Internal → Restricted" in page
        assert (
            "Unchanged since it was signed" in client.get(reverse("packet_section", args=[made.pk, 3])).content.decode()
        )
        changed = client.get(reverse("packet_section", args=[made.pk, 2])).content.decode()
        assert "Unchanged since it was signed" not in changed and "Moved since it was signed" in changed

    def test_a_section_that_somebody_edits_is_no_longer_unchanged(self, world, promotable):
        made = drafted(promotable)
        assert 10 in beside(world.fresh(made), clock.now()).unchanged
        world.change(made, 10, kill_who="Owner, deputy, and the on-call")
        assert 10 not in beside(world.fresh(made), clock.now()).unchanged

    def test_it_can_be_submitted_signed_and_takes_over(self, world, promotable):
        with in_days(61):
            made = renew_if_due(promotable.pk)
            world.submit(made, by=world.author)
            content = world.fresh(made).current.content
            assert content["core"]["renews"] == {
                "packet": str(promotable.pk),
                "number": promotable.number,
                "changes_sha256": made.renewal.changes_sha256,
            }
            world.sign_all(made)
        assert (world.fresh(made).state, world.fresh(promotable).state) == ("approved", "superseded")

    def test_what_is_superseded_meanwhile_is_not_renewed_any_more(self, world, promotable):
        made = drafted(promotable)
        world.accept(made)
        following = world.draft(promotable.agent, "2.0.0")
        world.submit(following)
        world.sign_all(following)
        assert world.fresh(promotable).state == "superseded"
        with pytest.raises(Conflict, match="superseded by now. Withdraw the renewal"):
            actions.submit_packet(packet=world.fresh(made), by=world.author)
        assert world.fresh(following).state == "approved"

    def test_another_packet_of_the_version_is_refused_as_ever(self, world, promotable):
        from registry.actions import start_packet

        drafted(promotable)
        with pytest.raises(Conflict, match="has a packet already"):
            start_packet(agent=promotable.agent, version=promotable.version, by=world.author)


class TestWhatIsKept:
    def test_what_moved_is_kept_as_it_was_then(self, world, promotable):
        classify(world, "restricted")
        made = drafted(promotable)
        classify(world, "public")
        [one] = Renewal.objects.get(packet=made).changes["moved"]
        assert (one["key"], one["signed"], one["now"]) == ("source.classification", "Internal", "Restricted")

    def test_nobody_changes_it(self, promotable):
        made = drafted(promotable)
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            Renewal.objects.filter(packet=made).update(changes={})

    def test_eval_runs_since_with_the_gate_s_limit(self, world, promotable):
        EvalRun.objects.all().delete()
        world.evals(promotable, at=clock.now() - dt.timedelta(days=3))
        with in_days(20):
            bad = world.evals(promotable, failed=[f"case-{i:02}" for i in range(10, 20)])
        evals = drafted(promotable).renewal.changes["evals"]
        [run] = evals["runs"]
        assert (run["run"], run["passed"], run["total"], run["rate_bp"]) == (str(bad.pk), 30, 40, 7500)
        assert evals["pass_rate_bp"] == 9000 and run["wilson_bp"] < 7500

    def test_a_pass_rate_below_the_limit_has_moved(self, world, promotable):
        with in_days(20):
            world.evals(promotable, failed=[f"case-{i:02}" for i in range(10, 20)])
        [one] = drafted(promotable).renewal.changes["moved"]
        assert (one["key"], one["signed"]) == ("evals.pass_rate", "at least 90.00%")

    def test_so_has_a_critical_case_that_fails_and_a_run_on_other_pins(self, world, promotable):
        with in_days(20):
            world.evals(promotable, failed=["case-01"], snapshot="20260101")
        keys = {one["key"] for one in drafted(promotable).renewal.changes["moved"]}
        assert keys == {"evals.critical", "evals.pins", "evals.pass_rate"}


class TestWhoMay:
    @pytest.mark.parametrize("who", ["owner", "deputy", "member"])
    def test_who_may_edit_starts_it_at_any_time(self, world, promotable, who):
        made = start_renewal(packet=promotable, by=world.person(who))
        assert made.created_by == world.person(who)
        assert Contribution.objects.filter(packet=made, person=world.person(who)).exists()

    @pytest.mark.parametrize("who", ["outsider", "security", "auditor", "admin"])
    def test_nobody_else_does(self, world, promotable, who):
        with pytest.raises(Denied):
            start_renewal(packet=promotable, by=world.person(who))

    def test_a_service_account_drafts_and_does_not_submit(self, world, promotable, client):
        service = add_service_account(team=world.team, name="Build", purpose="Renews", by=world.member)
        scopes = ["registry:read", "packets:write"]
        secret = make_token(person=service.person, name="CI", scopes=scopes, days=30, by=world.member).secret
        headers = {"Authorization": f"Bearer {secret}"}
        post = functools.partial(client.post, content_type="application/json", headers=headers)
        answer = post(reverse("api_packet_renewal", args=[promotable.pk]))
        assert answer.status_code == 201, answer.content
        said = json.loads(answer.content)
        assert (said["renews"], said["state"], said["drafted_by"]) == (str(promotable.pk), "draft", "Build")
        submitting = post(reverse("api_packet_submit", args=[said["packet"]]))
        assert submitting.status_code == 403
        again = post(reverse("api_packet_renewal", args=[promotable.pk]))
        assert again.status_code == 409


class TestPages:
    @pytest.fixture
    def at(self, client):
        def run(person, name, *args):
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
            return client.get(reverse(name, args=args)).content.decode()

        return run

    def test_the_owner_is_reminded_on_the_home_page(self, world, promotable, at):
        assert "Its approval end" not in at(world.owner, "home")
        made = drafted(promotable)
        page = at(world.owner, "home")
        ends = SignOff.objects.filter(packet=promotable).earliest("expires_at").expires_at
        assert f"Its approval ends on {ends.day} {ends:%b %Y}. Nothing has moved. Look through it" in page
        assert reverse("packet_detail", args=[made.pk]) in page
        assert f"Renew: {made}" in page and f"Continue: {made}" not in page

    def test_the_button_stands_where_it_can_be_used(self, world, promotable, submitted, at):
        assert "Start the renewal now" in at(world.member, "packet_detail", promotable.pk)
        assert "Start the renewal now" not in at(world.security, "packet_detail", promotable.pk)
        assert "Start the renewal now" not in at(world.member, "packet_detail", submitted.pk)

    def test_the_button_starts_it(self, world, promotable, client):
        client.force_login(world.member, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.post(reverse("packet_renew", args=[promotable.pk]))
        made = Packet.objects.get(renews=promotable)
        assert answer.url == reverse("packet_detail", args=[made.pk])

    def test_a_reviewer_sees_what_had_changed(self, world, promotable, at):
        classify(world, "restricted")
        made = drafted(promotable)
        world.submit(made, by=world.author)
        page = at(world.data, "review_detail", made.pk)
        assert f"Changed since packet {promotable.number} was signed" in page and "Internal → Restricted" in page

    def test_the_list_of_the_api_holds_what_one_may_see(self, world, promotable, client):
        drafted(promotable)
        for who, count in (("owner", 1), ("outsider", 0)):
            client.force_login(world.person(who), backend="django.contrib.auth.backends.ModelBackend")
            assert len(client.get(reverse("api_renewals")).json()["renewals"]) == count
        client.force_login(world.owner, backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(reverse("api_renewals"), {"open": "false"}).json()["renewals"] == []
        moved = client.get(reverse("api_packet_moved", args=[promotable.pk])).json()
        assert moved["approved"] and moved["moved"] == []


class TestTheDatabase:
    def test_holds_one_open_renewal_of_a_packet(self, world, promotable):
        made = drafted(promotable)
        values = {"agent": made.agent, "version": made.version, "renews": promotable, "created_by": world.owner}
        with pytest.raises(IntegrityError, match="one_open_renewal_a_packet"), transaction.atomic():
            Packet.objects.create(number=99, **values)
        Packet.objects.create(number=99, state="withdrawn", **values)

    def test_holds_that_nothing_renews_itself(self, promotable):
        with pytest.raises(IntegrityError, match="renewal_is_of_another_packet"), transaction.atomic():
            Packet.objects.filter(pk=promotable.pk).update(renews=promotable)

    def test_holds_that_the_portal_starts_nothing_but_renewals(self, promotable):
        with pytest.raises(IntegrityError, match="the_portal_starts_only_renewals"), transaction.atomic():
            Packet.objects.create(agent=promotable.agent, number=99, version="9")
