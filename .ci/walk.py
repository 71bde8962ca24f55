"""Walks the main job over HTTP, on a fresh installation started by `make run`, and checks that stopping leaves nothing.

It does what a browser and a shell do, and uses nothing of the portal itself: pages and forms come over HTTP, files are
dropped into the watched folders, and the evidence is verified by the program that the portal hands out.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from pathlib import Path
from typing import Any

import psutil
from browser import Page, Person

ROOT = Path(__file__).resolve().parent.parent
JOB: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
SAMPLES = ROOT / "samples" / "signals"
START_SECONDS = 300
STOP_SECONDS = 60
PULL_SECONDS = 90


def step(words: str) -> None:
    """One line of the walk's record."""
    print(f"walk: {words}", flush=True)


class Walk:
    """The main job, step by step, as the demo organisation's people."""

    def __init__(self, base: str, people: dict[str, dict[str, str]], var_dir: Path) -> None:
        self.base, self.people, self.var_dir = base, people, var_dir
        self.browsers: dict[str, Person] = {}
        self.slug = self.packet = ""
        agents = json.loads((ROOT / "samples" / "agents.json").read_text("utf-8"))["agents"]
        self.like = next(agent for agent in agents if agent["slug"] == JOB["as"])

    def run(self) -> None:
        """All of it; a step that does not come out as it must ends the walk."""
        for role in self.people:
            self.sign_in(role)
        self.register()
        self.fill_and_submit()
        self.sign("risk", "Sign off")
        self.sign("owner", "Accept responsibility as Owner")
        self.evaluate("Blocked")
        self.set_budget_and_rule()
        self.pull("inspect", self.drop_eval_log())
        self.pull("focus", self.drop_costs())
        self.evaluate("Passing")
        self.promote()
        self.verify(self.download_evidence())
        self.suspend()

    def sign_in(self, role: str) -> None:
        """Signs in through the form and looks at the home page."""
        who, person = self.people[role], Person(self.base)
        page = person.send("/account/login/", "Sign in", login=who["email"], password=who["password"])
        if "/account/login" in page.path:
            raise SystemExit(f"{who['email']} could not sign in with the password of demo-sign-ins.json")
        person.get("/").must_say("Sign out")
        self.browsers[role] = person
        step(f"{role} signed in and saw the home page")

    def register(self) -> None:
        """A member of the team registers an agent and starts its packet."""
        member = self.browsers["member"]
        page = member.send("/agents/new", "Register", **JOB["agent"])
        self.slug = page.path.strip("/").split("/")[-1]
        page = member.send(f"/agents/{self.slug}/packets/new", "Start the packet", version=JOB["version"])
        self.packet = page.path.strip("/").split("/")[1]
        step(f"member registered {self.slug} and started packet {JOB['version']}")

    def fill_and_submit(self) -> None:
        """The member fills in all ten sections by their forms, the owner accepts the ninth, and the member submits."""
        sections = {int(number): content for number, content in JOB["sections"].items()}
        # What was tested is what the dropped log was made with.
        sections[3] = {"model": self.like["models"], "prompt": self.like["prompts"], **sections[3]}
        cases = [{**case, "critical": "on" if case["critical"] else ""} for case in self.like["cases"]]
        sections[4] = {"sheet": self.like["suite"], "case": cases}
        for number in range(1, 11):
            self.fill(number, sections[number])
        # A minimal risk needs the owner's word; other classes need the deputy's, too.
        page = self.browsers["owner"].send(f"/packets/{self.packet}/sections/9", "I accept as owner")
        page.must_say("You answer for")
        step("owner accepted to answer for the agent")
        page = self.browsers["member"].send(f"/packets/{self.packet}/", "Submit")
        page.must_say("Submitted as revision 1")
        step("member submitted the packet")

    def fill(self, number: int, content: dict[str, Any]) -> None:
        """Fills in one section's form, with as many rows as the content has, and saves it."""
        member, path = self.browsers["member"], f"/packets/{self.packet}/sections/{number}"
        page = member.get(path)
        form = page.form("Save")
        names = re.compile(r"([a-z_]+)-(\d+)-")
        for prefix, rows in content.items():
            if prefix == "sheet":
                for name, value in rows.items():
                    form.put(f"sheet-{name}", dated(value))
                continue
            # Rows beyond those that the page shows have the same lists to choose from as the first.
            form.fields[f"{prefix}-TOTAL_FORMS"] = str(max(len(rows), int(form.fields[f"{prefix}-TOTAL_FORMS"])))
            for i, row in enumerate(rows):
                for name, value in row.items():
                    first, here = f"{prefix}-0-{name}", f"{prefix}-{i}-{name}"
                    if first in form.choices:
                        form.choices.setdefault(here, form.choices[first])
                    if value or first not in form.boxes:
                        form.put(here, dated(value))
        rows = {found[0] for name in form.fields if (found := names.match(name))}
        done = Page(*member.submit(page, form, "Save, "))
        if done.path == path:
            raise SystemExit(f"Section {number} was not saved:\n{done.text[:3000]}")
        member.get(path).must_say("has not accepted yet" if number == 9 else "This section is complete.")
        step(f"member filled in section {number}, {len(rows)} rows")

    def sign(self, role: str, press: str) -> None:
        """An approver ticks what the role answers for, gives the password, and signs."""
        person = self.browsers[role]
        page = person.get(f"/reviews/{self.packet}/")
        form = page.form(press)
        form.put("password", self.people[role]["password"])
        Page(*person.submit(page, form, press, boxes=("attested",))).must_say("Approved as")
        step(f"{role} signed the packet off")

    def evaluate(self, verdict: str) -> None:
        """The owner evaluates the gate, which must say `verdict`."""
        page = self.browsers["owner"].send(f"/reviews/{self.packet}/", "Evaluate the gate")
        page.must_say("The gate was evaluated").must_say(verdict)
        step(f"owner evaluated the gate: {verdict.lower()}")

    def set_budget_and_rule(self) -> None:
        """Finance says what the agent may cost, and which lines of the bill are its."""
        finance, name = self.browsers["finance"], JOB["agent"]["name"]
        finance.send("/costs/budgets/new/", "Set the budget", agent=name, **JOB["budget"]).must_say(name)
        finance.send("/costs/rules/new/", "Add the rule", field="tag", key="agent", value=self.slug, agent=name)
        finance.get("/costs/").must_say(name)
        step("finance set a budget and a cost rule")

    def drop_eval_log(self) -> str:
        """A real eval log, renamed to the new agent and dated just now, is put into the watched folder."""
        [source] = (SAMPLES / "inspect").glob("*.json")
        log = json.loads(source.read_text("utf-8"))
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        log["eval"] |= {"eval_id": uuid.uuid4().hex, "run_id": uuid.uuid4().hex, "created": now}
        for part in (log["eval"], log):  # Inspect writes the metadata twice
            part["metadata"] |= {"portcullis_agent": self.slug, "portcullis_version": JOB["version"]}
        log["stats"] |= {"started_at": now, "completed_at": now}
        return self._drop("inspect", f"{self.slug}.json", json.dumps(log))

    def drop_costs(self) -> str:
        """A cost export with one charge of the last hour, tagged with the new agent, is put into the watched folder."""
        now = dt.datetime.now(dt.UTC)
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (month + dt.timedelta(days=32)).replace(day=1)
        with sorted((SAMPLES / "focus").glob("*.csv"))[-1].open(encoding="utf-8", newline="") as file:
            charge = next(row for row in csv.DictReader(file) if row["ChargeCategory"] == "Usage")
        charge |= {"BilledCost": "7.25", "EffectiveCost": "7.25", "BillingCurrency": JOB["budget"]["currency"]}
        charge |= {"Tags": json.dumps({"agent": self.slug}), "SubAccountId": self.slug}
        charge |= {"BillingPeriodStart": month.isoformat(), "BillingPeriodEnd": following.isoformat()}
        charge["ChargePeriodStart"] = max(month, now - dt.timedelta(hours=1)).isoformat()
        charge["ChargePeriodEnd"] = now.isoformat()
        path = self._drop("focus", f"{self.slug}.csv", "")
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(charge))
            writer.writeheader()
            writer.writerow(charge)
        return path

    def _drop(self, folder: str, name: str, text: str) -> str:
        # Written aside and renamed, as a tool that shares the folder with the portal should.
        target = self.var_dir / "signals" / folder / name
        draft = target.with_suffix(".part")
        draft.write_text(text, "utf-8")
        draft.rename(target)
        return str(target)

    def pull(self, kind: str, dropped: str) -> None:
        """The admin presses "Pull now" on the source that watches the file's folder; the worker reads the file."""
        admin = self.browsers["admin"]
        source = self._source(f"folder {Path(dropped).parent.name} ")
        page, deadline = admin.send(source, "Pull now"), time.monotonic() + PULL_SECONDS
        while "Waiting for a worker" in page.text or "rows read so far" in page.text:
            if time.monotonic() > deadline:
                raise SystemExit(f"The pull did not end in {PULL_SECONDS} s:\n{page.text[:2000]}")
            time.sleep(0.5)
            page = admin.get(page.url)
        found = re.search(r"New rows (\d+)", page.text)
        if not found or int(found[1]) == 0 or Path(dropped).name in page.text:
            raise SystemExit(f"The pull read nothing of {Path(dropped).name}:\n{page.text[:3000]}")
        step(f"admin pulled {kind}: {found[1]} new rows")

    def _source(self, words: str) -> str:
        admin = self.browsers["admin"]
        links = {
            link for link in admin.get("/signals/").links if re.fullmatch(r"/signals/sources/[0-9a-f-]{36}/", link)
        }
        for link in sorted(links):
            if words in admin.get(link).text:
                return link
        raise SystemExit(f"No source watches the {words}")

    def promote(self) -> None:
        """The owner promotes the packet to production."""
        page = self.browsers["owner"].send(f"/agents/{self.slug}/", f"Promote {JOB['version']} to production")
        page.must_say("is live in production")
        step("owner promoted the packet to production")

    def download_evidence(self) -> bytes:
        """The auditor downloads the agent's evidence."""
        action = f"/evidence/{self.slug}/export/"
        bundle = self.browsers["auditor"].download("/evidence/?q=" + self.slug.split("-")[0], "Download", action)
        step(f"auditor downloaded {len(bundle):,} bytes of evidence")
        return bundle

    def verify(self, bundle: bytes) -> None:
        """The verifier accepts the bundle with the pinned key, and refuses it once one byte was changed."""
        auditor = self.browsers["auditor"]
        with tempfile.TemporaryDirectory() as folder:
            verifier, key, good, bad = (Path(folder, name) for name in ("verify.py", "key.pem", "good.zip", "bad.zip"))
            verifier.write_bytes(auditor.download("/verify.py"))
            key.write_bytes(auditor.download("/evidence/key.pem"))
            good.write_bytes(bundle)
            bad.write_bytes(with_one_byte_changed(good))
            for path, expected in ((good, 0), (bad, 1)):
                command = [sys.executable, "-I", str(verifier), str(path), "--key", str(key)]
                done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
                if done.returncode != expected:
                    words = done.stdout + done.stderr
                    raise SystemExit(f"verify.py on {path.name}: exit {done.returncode}, not {expected}:\n{words}")
                step(f"verify.py on {path.name}: exit {expected}, {done.stdout.strip().splitlines()[-1]}")

    def suspend(self) -> None:
        """The owner stops the agent."""
        owner = self.browsers["owner"]
        owner.send(f"/agents/{self.slug}/suspend/", "Suspend now", reason="A figure of yesterday was quoted.")
        owner.get(f"/agents/{self.slug}/").must_say("Suspended")
        step("owner suspended the agent")


def with_one_byte_changed(bundle: Path) -> bytes:
    """The bundle's bytes, one of them changed: in the middle of the packed document that was signed."""
    with zipfile.ZipFile(bundle) as archive:
        member = next(one for one in archive.infolist() if one.filename.endswith("document.json"))
    data = bytearray(bundle.read_bytes())
    header = member.header_offset
    # Of a local header 30 bytes are fixed, and two of them give the length of the field behind the name.
    begin = header + 30 + len(member.filename.encode()) + int.from_bytes(data[header + 28 : header + 30], "little")
    data[begin + member.compress_size // 2] ^= 1
    return bytes(data)


def dated(value: str) -> str:
    """`{today-9}` and the like, as the date that is meant."""

    def day(found: re.Match[str]) -> str:
        return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=int(found[1]))).isoformat()

    return re.sub(r"\{today([+-]\d+)\}", day, value)


def wait_until_well(base: str, portal: subprocess.Popen[bytes]) -> None:
    """Waits for /healthz to say that every part works."""
    deadline, said = time.monotonic() + START_SECONDS, "nothing yet"
    while time.monotonic() < deadline:
        if portal.poll() is not None:
            raise SystemExit(f"`make run` ended with exit code {portal.returncode}")
        try:
            with urllib.request.urlopen(f"{base}/healthz", timeout=5) as answer:
                return step(f"healthz says {answer.read().decode()}")
        except urllib.error.HTTPError as error:
            said = error.read().decode()
        except OSError as error:
            said = str(error)
        time.sleep(0.5)
    raise SystemExit(f"healthz was not well after {START_SECONDS} s: {said}")


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """All processes that `make run` has started."""
    return psutil.Process(process.pid).children(recursive=True)


def stop(portal: subprocess.Popen[bytes]) -> None:
    """Stops the portal as a service manager would, and fails if anything stays running."""
    if portal.poll() is not None:
        return
    started = descendants(portal)
    portal.send_signal(signal.SIGTERM)
    try:
        portal.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for process in [*started, portal]:
            process.kill()
        raise SystemExit(f"`make run` did not stop in {STOP_SECONDS} s after SIGTERM") from None
    _, left = psutil.wait_procs(started, timeout=5)
    for process in left:
        process.kill()
    if left:
        raise SystemExit(f"Still running after the stop: {[process.name() for process in left]}")
    step("stopped; nothing stays running")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Start, walk, stop; a failure anywhere is the exit code."""
    port = free_port()
    base = f"http://localhost:{port}"
    # A space in the name, since somebody's folder has one.
    with tempfile.TemporaryDirectory(prefix="portcullis walk ") as folder:
        environment = {**os.environ, "PORT": str(port), "VAR_DIR": folder}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            environment.pop(name, None)
        portal = subprocess.Popen(["make", "run"], cwd=ROOT, env=environment, start_new_session=True)
        try:
            wait_until_well(base, portal)
            people = json.loads((Path(folder) / "demo-sign-ins.json").read_text())
            Walk(base, people, Path(folder)).run()
        finally:
            stop(portal)
    step("passed")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
