"""Forgeries of the evidence itself, well signed: by somebody who holds the evidence key."""

import pytest

from evidence.tests.made import Made, at, check, refused, uid
from ledger.canonical import dumps

# ------------------------------------------------------------------ the ledger


def test_a_dropped_last_entry():
    made = Made()
    made.export()
    del made.lines[-2]
    assert "ends at entry" in refused(made.seal(), "completeness")


def test_a_dropped_stream():
    made = Made()
    made.export()
    made.lines = [line for line in made.lines if not (b'"stream":"agent:' in line and b"heads" not in line)]
    assert "is missing" in refused(made.seal(), "completeness")


def test_a_dropped_middle_entry():
    made = Made()
    made.export()
    del made.lines[3]
    assert "left out" in refused(made.seal(), "ledger")


def test_swapped_entries():
    made = Made()
    made.export()
    made.lines[1], made.lines[2] = made.lines[2], made.lines[1]
    assert refused(made.seal(), "ledger")


def test_an_edited_entry():
    made = Made()
    made.export()
    made.lines[2] = made.lines[2].replace(b'"section":1', b'"section":2')
    assert "does not name the hash" in refused(made.seal(), "ledger")


def test_a_missing_export_entry():
    made = Made()
    made.export()
    del made.lines[-1]
    assert "lacks the export's own entry" in refused(made.seal(), "completeness")


def test_an_entry_after_the_exports():
    made = Made()
    made.export()
    made.lines.append(made.lines[-1])
    assert "always last" in refused(made.seal(), "ledger")


def test_an_export_entry_of_another_time():
    made = Made()
    made.export()
    made.files["manifest.json"] = made.files["manifest.json"].replace(b'"withheld":0', b'"withheld":1')
    assert "withheld" in refused(made.seal(), "completeness")


def test_a_line_that_never_ends():
    made = Made()
    made.lines.append(b'"' + b"x" * 70_000)
    assert refused(made.seal(), "ledger")


# ------------------------------------------------------------------ documents, sign-offs, decisions


def test_an_edited_document():
    made = Made()
    name = "packets/1-r1/document.json"
    made.files[name] = made.files[name].replace(b'"count":3', b'"count":4')
    assert "a section differs" in refused(made.seal(), "documents")


def test_a_missing_document():
    made = Made()
    del made.files["packets/1-r1/document.json"]
    assert "missing" in refused(made.seal(), "documents")


def test_a_document_that_was_never_submitted():
    made = Made()
    body = made.files["packets/1-r1/document.json"].replace(b'"revision":1', b'"revision":2')
    made.files["packets/1-r2/document.json"] = body
    assert "never submitted" in refused(made.seal(), "documents")


def test_an_edited_checklist():
    made = Made()
    made.files["checklists/high@1.json"] = dumps({"roles": []})
    assert "not the checklist" in refused(made.seal(), "documents")


def test_an_orphan_sign_off():
    made = Made()
    made.files[f"signoffs/{uid('orphan')}.json"] = dumps(made.statement("risk", made.approver, id=uid("orphan")))
    assert "orphan" in refused(made.seal(), "sign-offs")


def test_a_missing_sign_off():
    made = Made()
    del made.files[f"signoffs/{uid('risk')}.json"]
    assert "missing" in refused(made.seal(), "sign-offs")


def test_an_edited_sign_off():
    made = Made()
    made.files[f"signoffs/{uid('risk')}.json"] = dumps(made.statement("risk", made.approver, comment="I only looked."))
    assert "not the statement" in refused(made.seal(), "sign-offs")


class Partly(Made):
    """As far as the submission; the rest is the test's."""

    def story(self) -> None:
        self.give_role(self.approver)
        self.act(
            "agent", "agent.registered", self.author, agent=self.agent, slug="helper", team=uid("t"), owner=self.owner
        )
        self.act("packet", "packet.started", self.author, packet=self.packet, agent=self.agent, number=1, version="1.0")
        self.submit()
        self.files["releases.json"] = b"[]"

    def rest(self, **changes) -> None:
        self.sign("owner", self.owner)
        self.sign("risk", self.approver, **changes)
        self.decide()


def test_partly_would_verify():
    made = Partly()
    made.rest()
    assert check(made.seal())["exit"] == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bound": {"core": "0" * 64}}, "bound to sections"),
        ({"bound": {}}, "bound to sections"),
        ({"digest": "0" * 64}, "differ"),
        ({"revision": 2}, "differ"),
        ({"packet": {"id": uid("other")}}, "differ"),
        ({"signer": {"id": uid("ghost"), "name": "G"}}, "differ"),
        ({"expires_at": at(0)}, "expires before"),
        ({"role_grant": "0" * 64}, "role grant"),
    ],
)
def test_a_statement_that_contradicts_its_entry(changes, words):
    made = Partly()
    made.rest(**changes)
    assert words in refused(made.seal(), "sign-offs")


def test_a_grant_of_another_role():
    made = Partly()
    made.sign("owner", made.owner)
    made.sign("security", made.approver, id=uid("risk"))
    made.decide()
    assert "another role's" in refused(made.seal(), "sign-offs")


def test_an_owner_who_is_not_the_owner():
    made = Partly()
    made.sign("owner", uid("ghost"))
    made.sign("risk", made.approver)
    made.decide()
    assert "not the agent's owner" in refused(made.seal(), "sign-offs")


def test_an_author_who_approves():
    made = Partly()
    made.act(
        "packet", "packet.section_saved", made.approver, packet=made.packet, revision=1, section=1, digest="0" * 64
    )
    made.rest()
    assert "had written or submitted" in refused(made.seal(), "four-eyes")


def test_the_owner_may_have_written_the_packet():
    made = Partly()
    made.act("packet", "packet.section_saved", made.owner, packet=made.packet, revision=1, section=1, digest="0" * 64)
    made.rest()
    assert check(made.seal())["exit"] == 0


def test_an_approver_who_becomes_an_author_before_the_decision():
    made = Partly()
    made.sign("owner", made.owner)
    made.sign("risk", made.approver)
    made.act(
        "packet", "packet.section_saved", made.approver, packet=made.packet, revision=1, section=1, digest="0" * 64
    )
    made.decide()
    assert "by an author" in refused(made.seal(), "validity")


def test_one_person_in_two_roles():
    made = Partly()
    made.approver = made.owner
    made.files = {name: body for name, body in made.files.items() if not name.startswith("grants/")}
    made.give_role(made.owner)
    made.rest()
    assert "two roles" in refused(made.seal(), "four-eyes")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decision": "request_changes"}, "no approval"),
        ({"expires_at": at(6)}, "expired"),
    ],
)
def test_a_decision_that_counts_what_does_not_count(changes, words):
    made = Partly()
    made.rest(**changes)
    assert words in refused(made.seal(), "validity")


def test_a_decision_that_counts_a_sign_off_on_other_sections():
    made = Partly()
    made.rest(bound={part: made.parts[part] for part in ("core", "2")})
    assert "other sections" in refused(made.seal(), "validity")


def test_a_decision_that_forgets_a_role():
    made = Partly()
    made.sign("owner", made.owner)
    made.sign("risk", made.approver)
    made.decide(sign_offs={"required": 0, "valid": 0, "roles": []})
    assert "did not look at the roles" in refused(made.seal(), "validity")


def test_an_orphan_decision():
    made = Made()
    for part in ("input", "output"):
        made.files[f"decisions/{uid('orphan')}.{part}.json"] = made.files[f"decisions/{uid('decision')}.{part}.json"]
    assert "orphans" in refused(made.seal(), "decisions")


def test_a_missing_decision():
    made = Made()
    del made.files[f"decisions/{uid('decision')}.input.json"]
    assert "missing" in refused(made.seal(), "decisions")


def test_an_edited_decision():
    made = Made()
    name = f"decisions/{uid('decision')}.output.json"
    made.files[name] = made.files[name].replace(b'"reason":"Two"', b'"reason":"Six"')
    assert "output" in refused(made.seal(), "decisions")


def test_an_edited_policy():
    made = Made()
    made.files["policies/production-high@1.json"] = dumps({"rules": []})
    assert "policy" in refused(made.seal(), "decisions")


def test_a_release_without_a_passing_decision():
    made = Partly()
    made.rest()
    made.act(
        "agent",
        "release.promoted",
        made.owner,
        agent=made.agent,
        packet=made.packet,
        release=uid("release"),
        decision=uid("nothing"),
        environment="production",
        version="1.0",
    )
    made.files["releases.json"] = dumps(
        [{"id": uid("release"), "packet": made.packet, "environment": "production", "promoted_by": made.owner}]
    )
    assert "without a passing decision" in refused(made.seal(), "releases")


@pytest.mark.parametrize("who", ["author", "approver"])
def test_a_high_risk_release_by_who_submitted_or_approved(who):
    made = Partly()
    made.rest()
    made.release(getattr(made, who))
    assert "submitted or approved" in refused(made.seal(), "releases")


def test_an_orphan_release():
    made = Partly()
    made.rest()
    made.files["releases.json"] = Made().files["releases.json"]
    assert "orphans" in refused(made.seal(), "releases")
