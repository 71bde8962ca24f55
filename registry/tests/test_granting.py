"""Several of one system's tools are granted at once: those that were chosen, careful until somebody confirmed what they do."""

import pytest
from django.urls import reverse

from registry.actions import catalogue_tool, start_packet, write_section
from registry.contents import content_of
from registry.filling import fill
from registry.granting import grant_tools, offered, systems
from registry.models import Tool
from registry.proposals import Origin
from registry.sections import section
from registry.sections.s06_tools import ToolGrant
from registry.upkeep import confirm_tool, retire
from work.acts import Conflict, Denied, Invalid


@pytest.fixture
def packet(world):
    return start_packet(agent=world.register("Granted assistant"), version="1.0.0", by=world.author)


@pytest.fixture
def tools(world):
    """What an MCP server lists: three tools, of which one was confirmed to read."""
    made = {
        name: catalogue_tool(slug=f"crm.{name}", system="crm", effect=effect, by=world.author)
        for name, effect in (("read", "read"), ("look", "read"), ("erase", "irreversible"))
    }
    confirm_tool(tool=made["read"], effect="read", tags=[], by=world.security)
    return made


def test_those_that_were_chosen_are_granted_and_no_other(world, packet, tools):
    assert [(one.name, one.tools) for one in systems(packet, world.author) if one.name == "crm"] == [("crm", 3)]
    grant_tools(packet=packet, tools=[tools["read"], tools["erase"]], by=world.author)
    rows = ToolGrant.objects.filter(packet=packet).order_by("tool__slug")
    assert [(row.tool.slug, row.environment, row.approval, row.scope) for row in rows] == [
        ("crm.erase", "sandbox", "per_call", ""), ("crm.read", "sandbox", "none", ""),
    ]  # fmt: skip
    assert any("which records" in one.text for one in section(6).problems(packet)), "the scope is for a person to say"
    [told] = world.entries(packet, "packet.filled")
    assert (told["data"]["source_kind"], told["data"]["sections"]) == ("catalogue", [6])
    assert [tool.slug for tool in offered(packet, world.author, "crm")] == ["crm.look"]


def test_a_tool_that_is_only_said_to_read_waits_for_a_person(world, packet, tools):
    grant_tools(packet=packet, tools=[tools["look"]], by=world.author)
    assert ToolGrant.objects.get(packet=packet).approval == "per_call"


def test_what_is_granted_already_stays_as_a_person_wrote_it(world, packet, tools):
    grant_tools(packet=packet, tools=[tools["read"]], by=world.author)
    ToolGrant.objects.filter(packet=packet).update(environment="live", scope="Own customers")
    grant_tools(packet=packet, tools=[tools["read"], tools["look"]], by=world.author)
    row = ToolGrant.objects.get(packet=packet, tool=tools["read"])
    assert (row.environment, row.scope) == ("live", "Own customers")
    with pytest.raises(Invalid, match="at least one tool that the packet does not grant"):
        grant_tools(packet=packet, tools=[tools["read"]], by=world.author)


def test_one_system_at_a_time_and_nothing_retired(world, packet, tools):
    other = catalogue_tool(slug="mail.send", system="mail", by=world.author)
    with pytest.raises(Invalid, match="one system at a time"):
        grant_tools(packet=packet, tools=[tools["read"], other], by=world.author)
    retire(entry=tools["erase"], by=world.admin, agents_seen=0)
    assert [tool.slug for tool in offered(packet, world.author, "crm")] == ["crm.look", "crm.read"]


def test_only_who_fills_the_packet_while_it_is_open(world, submitted, packet, tools):
    with pytest.raises(Denied):
        grant_tools(packet=packet, tools=[tools["read"]], by=world.outsider)
    with pytest.raises(Conflict):
        grant_tools(packet=submitted, tools=[tools["read"]], by=world.author)


def test_the_page_shows_what_is_left_and_grants_what_is_ticked(world, packet, tools, client):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("packet_tools", args=[packet.pk])
    assert page in client.get(reverse("packet_section", args=[packet.pk, 6])).content.decode()
    assert "crm (3)" in client.get(page).content.decode()
    shown = client.get(page, {"system": "crm"}).content.decode()
    assert "crm.erase" in shown and "Not confirmed" in shown
    answer = client.post(page, {"system": "crm", "tool": [tools["read"].pk, tools["look"].pk]}, follow=True)
    assert "2 tools are granted on the sandbox" in answer.content.decode()
    refused = client.post(page, {"system": "crm"}, follow=True).content.decode()
    assert "Choose at least one tool" in refused
    assert "Nothing of nowhere is left" in client.get(page, {"system": "nowhere"}).content.decode()


def test_a_system_that_cannot_be_is_none(world, packet, tools, client):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(
        reverse("packet_tools", args=[packet.pk]), {"system": "crm\0", "tool": tools["look"].pk}, follow=True
    )
    assert page.status_code == 200 and not ToolGrant.objects.filter(packet=packet).exists()


@pytest.mark.parametrize("typed", ["crm.look", " crm.look ", "crm.look\t"])
def test_a_line_names_its_tool_by_its_short_name_with_or_without_blanks(world, packet, tools, client, typed):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("packet_section", args=[packet.pk, 6])
    rows = {"grant-TOTAL_FORMS": 1, "grant-INITIAL_FORMS": 0, "grant-0-tool": typed}
    client.post(address, {"seen": 0, **rows})
    row = ToolGrant.objects.get(packet=packet)
    assert row.tool == tools["look"]
    version = packet.section_states.get(number=6).version
    client.post(address, {"seen": version, **rows, "grant-INITIAL_FORMS": 1, "grant-0-id": row.pk})
    assert packet.section_states.get(number=6).version == version, "the same entry again changes nothing"


@pytest.mark.parametrize("typed", ["crm.look\0", "Crm.look", "crm look", "\0", "é" * 5000])
def test_a_line_that_names_no_tool_is_refused_beside_it(world, packet, tools, client, typed):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    rows = {"seen": 0, "grant-TOTAL_FORMS": 1, "grant-INITIAL_FORMS": 0, "grant-0-tool": typed}
    answer = client.post(reverse("packet_section", args=[packet.pk, 6]), rows)
    assert "no entry of that short name" in answer.content.decode() and not ToolGrant.objects.filter(packet=packet)


@pytest.mark.parametrize("tool", ["crm.look\0", "\ud800"])
def test_what_no_text_can_hold_names_no_tool_for_a_script_either(world, packet, tool):
    with pytest.raises(Invalid, match="no entry of that short name"):
        write_section(packet=packet, number=6, content={"grant": [{"tool": tool}]}, by=world.author)
    with pytest.raises(Invalid, match="no entry of that short name"):
        fill(
            packet=packet,
            given={6: {"grant": [{"tool": tool}]}},
            origin=Origin("api", "a", "a", "0" * 64),
            by=world.author,
        )


def test_a_grant_of_what_was_retired_since_stands_in_nobodys_way_and_is_told_on_its_page(world, packet, tools):
    grant_tools(packet=packet, tools=[tools["look"]], by=world.author)
    retire(entry=tools["look"], by=world.admin, agents_seen=1)
    grant_tools(packet=packet, tools=[tools["read"]], by=world.author)
    content = content_of(section(6), packet)
    assert [Tool.objects.get(pk=row["tool"]).slug for row in content["grant"]] == ["crm.look", "crm.read"]
    assert any("retired" in one.text for one in section(6).problems(packet))
    retire(entry=tools["erase"], by=world.admin, agents_seen=0)
    with pytest.raises(Invalid, match="erase was retired") as refused:
        write_section(packet=packet, number=6, content={"grant": [{"tool": "crm.erase"}]}, by=world.author)
    assert "required" not in str(refused.value), "nothing is asked of rows that go"


def test_a_line_takes_the_full_name_of_just_one_entry(world, packet, tools, client):
    client.force_login(world.author, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("packet_section", args=[packet.pk, 6])
    for slug in ("one.send", "two.send"):
        catalogue_tool(slug=slug, name="Send", system="mail", by=world.author)
    catalogue_tool(slug="case.close", name="Close a case", system="cases", by=world.author)
    rows = {"seen": 0, "grant-TOTAL_FORMS": 1, "grant-INITIAL_FORMS": 0}
    refused = client.post(address, {**rows, "grant-0-tool": "Send"}).content.decode()
    assert "no entry of that short name" in refused and not ToolGrant.objects.filter(packet=packet).exists()
    client.post(address, {**rows, "grant-0-tool": " Close a case "})
    assert ToolGrant.objects.get(packet=packet).tool.slug == "case.close"
