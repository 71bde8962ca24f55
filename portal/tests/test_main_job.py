"""The main job, as people do it: a browser, a live server, a real worker, real files, and the offline verifier."""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Page, expect

from evidence import keys
from portal.demo.contents import contents
from portal.demo.dossiers import DOSSIERS
from portal.demo.people import email
from portal.demo.story import AGENTS, Story
from registry.models import Agent, Packet
from releases.models import Release
from samples.stage import stage
from signals.models import Source
from work import clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BANK = next(agent for agent in AGENTS if agent["slug"] == "branch-knowledge")
VERIFY = Path(settings.BASE_DIR) / "evidence" / "verify.py"


class Visitor:
    """One person's browser. Every page it opens is held against axe, and against the content security policy."""

    def __init__(self, page: Page, base: str, complaints: list[str]) -> None:
        self.page, self.base, self.complaints = page, base, complaints
        page.on("console", self._listen)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))

    def _listen(self, message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def sign_in(self, name: str, password: str) -> None:
        """Sign in through the form; whoever was signed in is out."""
        self.page.context.clear_cookies()
        self.go(reverse("account_login"))
        self.page.get_by_label("E-mail").fill(email(name))
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def go(self, path: str) -> None:
        """Open a page, and hold it against WCAG 2.2 AA."""
        self.page.goto(self.base + path)
        self.look()

    def look(self) -> None:
        """Axe on the page as it is."""
        result = Axe().run(self.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        if result.violations_count:
            self.complaints.append(f"{self.page.url}: {result.generate_report()[:1500]}")

    def fill_section(self, packet: Packet, number: int, content: dict[str, Any]) -> None:
        """Type a section's content as a person does, adding rows where they are needed, and save."""
        page = self.page
        self.go(reverse("packet_section", args=[packet.pk, number]))
        # A change saves by itself while one types; typing a page in milliseconds would only race with that.
        page.evaluate("document.querySelector('#section-form').removeAttribute('hx-trigger')")
        for name, value in content.get("sheet", {}).items():
            self._type(f"#id_sheet-{name}", value)
        for prefix, rows in content.items():
            if prefix == "sheet":
                continue
            for i, row in enumerate(rows):
                if not page.locator(f"[name^='{prefix}-{i}-']").count():
                    page.locator(f"button[name=add][value={prefix}]").click()
                    page.locator(f"[name^='{prefix}-{i}-']").first.wait_for(state="attached")
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                for name, value in row.items():
                    self._type(f"#id_{prefix}-{i}-{name}", value)
        page.locator("button[name=then][value=stay]").click()
        expect(page.locator("body")).to_contain_text("Saved")

    def _type(self, selector: str, value: Any) -> None:
        field = self.page.locator(selector)
        kind = field.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            field.select_option(str(value))
        elif kind == "checkbox":
            field.check()
        else:
            field.fill(str(value))


@pytest.fixture
def bank(transactional_db: None) -> Iterator[Story]:
    """Halden Bank's people, catalogue and sources, with empty watched folders (the worker's too); no agent yet."""
    story = Story(clock.now(), lambda line: None)
    story.found_the_bank()
    story.fill_the_catalogue()
    yield story
    shutil.rmtree(settings.SIGNALS_ROOT, ignore_errors=True)


def test_an_agent_goes_from_registration_to_verified_evidence(
    page: Page, live_server: Any, bank: Story, celery_worker_process: Any, eventually: Any, tmp_path: Path
) -> None:
    complaints: list[str] = []
    visitor = Visitor(page, live_server.url, complaints)
    page.set_default_timeout(15_000)
    _owner_files_the_packet(visitor, bank)
    packet = Packet.objects.get()

    visitor.sign_in("Ruth Mbeki", bank.password)
    expect(page.get_by_text("Branch knowledge 1.1.0")).to_have_count(2)
    _sign(visitor, packet, bank.password, "Sign off")
    visitor.sign_in("Ana Ruiz", bank.password)
    _sign(visitor, packet, bank.password, "Accept responsibility as Owner")
    packet.refresh_from_db()
    assert packet.state == "approved"

    # No result, no cost, no budget is known yet, so the gate holds.
    visitor.go(reverse("review_detail", args=[packet.pk]))
    page.get_by_role("button", name="Evaluate the gate").click()
    expect(page.locator("#gate")).to_contain_text("Blocked")
    visitor.go(reverse("agent_detail", args=["branch-knowledge"]))
    page.get_by_role("button", name=re.compile("Promote")).click()
    expect(page.locator("#messages")).to_contain_text("The gate blocks this promotion")
    assert not Release.objects.exists()

    _finance_ties_costs(visitor, bank)
    _signals_arrive(visitor, bank, tmp_path, eventually)

    visitor.sign_in("Ana Ruiz", bank.password)
    visitor.go(reverse("review_detail", args=[packet.pk]))
    page.get_by_role("button", name="Evaluate the gate").click()
    expect(page.locator("#gate")).to_contain_text("Passing")
    page.get_by_role("link", name="Why?").click()
    visitor.look()
    visitor.go(reverse("agent_detail", args=["branch-knowledge"]))
    page.get_by_role("button", name="Promote 1.1.0 to production").click()
    expect(page.locator("#messages")).to_contain_text("is live in production")
    assert Release.objects.get().state == "live"

    bundle = _auditor_exports(visitor, bank, tmp_path)
    _verifies_and_notices_one_changed_byte(bundle, tmp_path)

    visitor.sign_in("Ana Ruiz", bank.password)
    visitor.go(reverse("suspend", args=["branch-knowledge"]))
    page.get_by_label("Reason").fill("A paragraph was quoted from last year's handbook.")
    page.get_by_role("button", name="Suspend now").click()
    expect(page.locator("h1 + p")).to_contain_text("Suspended")
    assert Release.objects.get().state == "suspended"
    assert complaints == []


def _owner_files_the_packet(visitor: Visitor, bank: Story) -> None:
    page = visitor.page
    visitor.sign_in("Ana Ruiz", bank.password)
    visitor.go(reverse("agent_new"))
    page.get_by_label("Name").first.fill("Branch knowledge")
    page.locator("[name=summary]").fill(BANK["summary"])
    page.locator("[name=team]").select_option(label="Retail Lending")
    page.locator("[name=owner]").select_option(label="Ana Ruiz")
    page.locator("[name=deputy]").select_option(label="Tom Okafor")
    page.locator("[name=risk_class]").select_option("minimal")
    page.get_by_role("button", name="Register").click()
    agent = Agent.objects.get()
    visitor.go(reverse("packet_new", args=[agent.slug]))
    page.locator("[name=version]").fill("1.1.0")
    page.locator("main form button").last.click()
    packet = Packet.objects.get()
    visitor.go(reverse("packet_detail", args=[packet.pk]))
    expect(page.locator("main")).to_contain_text("Say at least one use")
    for number, content in contents(BANK, DOSSIERS["branch-knowledge"], dt.date.today()).items():
        visitor.fill_section(packet, number, content)
    visitor.go(reverse("packet_section", args=[packet.pk, 9]))
    page.get_by_role("button", name="I accept as owner").click()
    expect(page.locator("#messages")).to_contain_text("You answer for Branch knowledge as its owner")
    visitor.go(reverse("packet_detail", args=[packet.pk]))
    page.get_by_role("button", name=re.compile("Submit")).click()
    expect(page.locator("#messages")).to_contain_text("Submitted as revision 1")


def _sign(visitor: Visitor, packet: Packet, password: str, button: str) -> None:
    page = visitor.page
    visitor.go(reverse("review_detail", args=[packet.pk]))
    for box in page.locator("#decide input[type=checkbox]").all():
        box.check()
    page.locator("#decide [name=password]").fill("not the password")
    page.locator("#decide [name=comment]").fill("Read what my role answers for.")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#decide")).to_contain_text("The password is wrong")
    expect(page.locator("#decide [name=comment]")).to_have_value("Read what my role answers for.")
    page.locator("#decide [name=password]").fill(password)
    page.get_by_role("button", name=button).click()
    expect(page.locator("#messages")).to_contain_text("Approved as")


def _finance_ties_costs(visitor: Visitor, bank: Story) -> None:
    page = visitor.page
    visitor.sign_in("Felix Hart", bank.password)
    visitor.go(reverse("budget_new"))
    page.locator("[name=agent]").select_option(label="Branch knowledge")
    page.locator("[name=amount]").fill(BANK["budget"]["amount"])
    page.locator("[name=currency]").fill("EUR")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#messages")).to_contain_text("udget")
    visitor.go(reverse("cost_rule_new"))
    page.locator("[name=field]").select_option("tag")
    page.locator("[name=key]").fill("agent")
    page.locator("[name=value]").fill("branch-knowledge")
    page.locator("[name=agent]").select_option(label="Branch knowledge")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#messages")).to_contain_text("ule")


def _signals_arrive(visitor: Visitor, bank: Story, tmp_path: Path, eventually: Any) -> None:
    stage(tmp_path / "all", clock.now())
    page = visitor.page
    visitor.sign_in("Petra Adler", bank.password)
    for source in Source.objects.all():
        folder = Path(settings.SIGNALS_ROOT) / source.folder
        folder.mkdir(parents=True)
        for file in (tmp_path / "all" / source.folder).iterdir():
            if source.kind == "focus" or file.name.startswith("branch-knowledge"):
                shutil.copy(file, folder)
        visitor.go(reverse("source_detail", args=[source.pk]))
        page.get_by_role("button", name=re.compile("Pull now")).click()
        eventually(lambda source=source: source.pulls.filter(state="done").exists(), seconds=60)
    visitor.go(reverse("eval_run_list"))
    visitor.go(reverse("cost_list"))


def _auditor_exports(visitor: Visitor, bank: Story, tmp_path: Path) -> Path:
    page = visitor.page
    visitor.sign_in("Agnes Thiel", bank.password)
    visitor.go(reverse("ledger_list"))
    visitor.go(reverse("evidence_list"))
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("evidence", re.IGNORECASE)).first.click()
    bundle = tmp_path / "bundle.zip"
    download.value.save_as(bundle)
    return bundle


def _verify(bundle: Path, key: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(VERIFY), str(bundle), "--key", str(key), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _verifies_and_notices_one_changed_byte(bundle: Path, tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.pem"
    pinned.write_bytes(keys.public_pem())
    good = _verify(bundle, pinned)
    assert good.returncode == 0, good.stdout + good.stderr
    assert json.loads(good.stdout)
    name = next(name for name in zipfile.ZipFile(bundle).namelist() if name.endswith("document.json"))
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = bytearray(old.read(member))
            if member.filename == name:
                data[len(data) // 2] ^= 1
            new.writestr(member, bytes(data))
    assert _verify(changed, pinned).returncode == 1
