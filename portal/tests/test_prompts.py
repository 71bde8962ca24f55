"""Prompt texts by digest: what differs line by line, which versions packets pin, a text from a file."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from portal.tests.content import PROMPT
from registry import prompts
from registry.actions import import_prompt, start_packet
from registry.prompts import line_diff
from registry.sections import section
from registry.sections.s03_versions import PromptPin
from work.acts import Conflict, Denied, Invalid

BACKEND = "django.contrib.auth.backends.ModelBackend"
ROWS = st.lists(st.sampled_from(["one", "two", "three", "", "  four"]), max_size=30)


@pytest.fixture
def following(world, promotable):
    """The next packet of an approved one, with other words in its system prompt."""
    copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.author)
    text = PROMPT.replace("Quote the tariff", "Always quote the <tariff>")
    import_prompt(packet=copy, name="system", version="15", text=text, by=world.author)
    return world.fresh(copy)


def open_page(client, person, name, *args):
    client.force_login(person, backend=BACKEND)
    return client.get(reverse(name, args=args)).content.decode()


class TestTheDiff:
    @given(ROWS, ROWS)
    def test_its_lines_make_both_texts_again(self, old, new):
        lines = list(line_diff("\n".join(old), "\n".join(new)))
        shown = [line for line in lines if line.kind != "skip"]
        if "\n".join(old) == "\n".join(new):
            assert lines == []
        elif len(shown) == len(lines):
            assert [line.text for line in shown if line.kind != "add"] == (
                "\n".join(old).split("\n") if any(old) or len(old) > 1 else []
            )
            assert [line.text for line in shown if line.kind != "del"] == (
                "\n".join(new).split("\n") if any(new) or len(new) > 1 else []
            )

    def test_what_stays_the_same_far_away_is_counted_not_shown(self):
        old = [f"line {i}" for i in range(100)]
        lines = list(line_diff("\n".join(old), "\n".join([*old[:50], "new", *old[51:]])))
        assert [(line.kind, line.text) for line in lines] == [
            ("skip", "47 lines the same"),
            *(("same", f"line {i}") for i in (47, 48, 49)),
            ("del", "line 50"), ("add", "new"),
            *(("same", f"line {i}") for i in (51, 52, 53)),
            ("skip", "46 lines the same"),
        ]  # fmt: skip

    def test_the_longest_texts_take_no_time(self):
        old, new = "\n".join(f"a{i % 7}" for i in range(16_000)), "\n".join(f"b{i % 5}" for i in range(16_000))
        begun = time.monotonic()
        lines = list(line_diff(old, new))
        assert time.monotonic() - begun < 2
        assert (len(lines), lines[0].kind, lines[-1].kind) == (32_000, "del", "add")

    def test_lines_that_are_all_alike_are_not_matched_each_with_each(self):
        old, new = "\n".join(["a"] * 1_000), "\n".join(["b", "a"] * 500)
        lines = list(line_diff(old, new))
        assert [line.kind for line in lines[:999]] == ["del"] * 999 and len(lines) > 1_900


class TestAgainstTheLastApproved:
    def test_the_section_says_what_differs(self, client, world, following):
        seen = open_page(client, world.member, "packet_section", following.pk, 3)
        assert "Prompts since 1.0.0, line by line" in seen and "1 line added, 1 removed" in seen
        assert "Always quote the &lt;tariff&gt; in force" in seen and "<tariff>" not in seen

    def test_so_does_the_review(self, client, world, following):
        world.submit(following)
        address = reverse("review_detail", args=[following.pk]) + "?section=3"
        client.force_login(world.risk, backend=BACKEND)
        assert "Prompts since 1.0.0, line by line" in client.get(address).content.decode()
        assert "line by line" not in client.get(address.replace("=3", "=4")).content.decode()

    def test_the_same_words_are_said_to_be_the_same(self, client, world, promotable):
        copy = start_packet(agent=promotable.agent, version="2.0.0", by=world.author)
        [change] = prompts.changes(prompts.approved_before(copy).content["sections"]["3"], section(3).document(copy))
        assert change.same and (change.old_version, change.version) == ("14", "14")
        assert "to the letter" in open_page(client, world.member, "packet_section", copy.pk, 3)

    def test_a_first_packet_has_nothing_to_be_held_against(self, client, world, draft):
        assert prompts.approved_before(draft) is None
        assert "line by line" not in open_page(client, world.member, "packet_section", draft.pk, 3)

    def test_an_approved_packet_is_not_held_against_a_later_one(self, world, promotable, following):
        assert prompts.approved_before(following).packet == promotable
        assert prompts.approved_before(promotable) is None


class TestVersions:
    def test_every_packet_that_pins_it_is_listed_with_its_digest(self, world, promotable, following):
        rows = prompts.versions(following, world.member)["system"]
        assert [(row.packet_version, row.version) for row in rows] == [("2.0.0", "15"), ("1.0.0", "14")]
        pins = PromptPin.objects.filter(packet__in=[promotable, following]).order_by("-packet__number")
        assert [row.sha256 for row in rows] == [pin.sha256 for pin in pins]

    @pytest.mark.parametrize("text", ["a\r\nb", "e\u0301clair", "\u00e9clair", "x \n\n", "漢字 🙂"])
    def test_the_database_and_the_document_come_to_one_digest(self, world, draft, text):
        PromptPin.objects.filter(packet=draft).update(text=text)
        [row] = prompts.versions(draft, world.member)["system"]
        assert row.sha256 == PromptPin.objects.get(packet=draft).sha256

    def test_who_may_not_see_a_packet_sees_no_version_of_it(self, world, following):
        assert prompts.versions(following, world.outsider) == {}

    def test_a_text_is_found_by_its_digest_also_after_it_was_replaced(self, client, world, submitted):
        digest = PromptPin.objects.get(packet=submitted).sha256
        world.sign(submitted, "risk", decision="request_changes")
        packet = world.fresh(submitted)
        import_prompt(packet=packet, name="system", version="15", text="Other words", by=world.author)
        client.force_login(world.member, backend=BACKEND)
        answer = client.get(reverse("packet_prompt_text", args=[packet.pk, digest]))
        assert answer.content.decode() == PROMPT and "attachment" in answer["Content-Disposition"]
        assert client.get(reverse("packet_prompt_text", args=[packet.pk, "0" * 64])).status_code == 404


class TestFromAFile:
    def send(self, client, world, packet, body, **values):
        client.force_login(world.author, backend=BACKEND)
        data = {"name": "system", "version": "15", "prompt": SimpleUploadedFile("system.txt", body), **values}
        return client.post(reverse("packet_prompt", args=[packet.pk]), data)

    def test_the_prompt_of_that_name_gets_the_text_as_it_is(self, client, world, draft):
        self.send(client, world, draft, b"\xef\xbb\xbfLine one\r\nLine two\n")
        pin = PromptPin.objects.get(packet=draft)
        assert (pin.name, pin.version, pin.text) == ("system", "15", "Line one\nLine two\n")

    def test_another_name_is_added(self, client, world, draft):
        self.send(client, world, draft, b"Route it", name="router")
        assert list(PromptPin.objects.filter(packet=draft).order_by("pk").values_list("name", flat=True)) == [
            "system", "router",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "body", [b"\xff\xfe", b"", b" \n", b"a\0b", b"x" * 50_001, b"a" + b"\xcc\x81\xcc\x96" * 24_999]
    )
    def test_what_is_no_text_changes_nothing(self, client, world, draft, body):
        with pytest.raises(Invalid):
            prompts.read_prompt("system.txt", body)
        answer = self.send(client, world, draft, body)
        assert PromptPin.objects.get(packet=draft).text == PROMPT
        assert answer.status_code == 422 and b'<details class="entry" id="prompt-from-a-file" open>' in answer.content

    def test_only_who_fills_the_packet_and_only_while_it_is_open(self, world, draft, submitted):
        with pytest.raises(Denied):
            import_prompt(packet=draft, name="system", version="15", text="x", by=world.admin)
        with pytest.raises(Conflict):
            import_prompt(packet=submitted, name="system", version="15", text="x", by=world.author)
        with pytest.raises(Invalid, match="which version"):
            import_prompt(packet=draft, name="system", version="", text="x", by=world.author)
