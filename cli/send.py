"""`portcullis send`: what a portal would do with a manifest, and having it done."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TOKEN = "PORTCULLIS_TOKEN"
MOST = 10 * 1024 * 1024
SECONDS = 60
LOCAL = ("localhost", "127.0.0.1", "::1")
PACKET = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORDS = {
    "new": "added", "changed": "changed", "proposed": "proposed", "kept": "kept as it is", "same": "as it is",
    "gone": "taken out", "left": "left out",
}  # fmt: skip


class Stopped(Exception):
    """Why it cannot go on, as a sentence."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to the portal that was named, and to no other place."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow none."""
        return None


def send(path: Path, *, portal: str, apply: bool, looked: bool, submit: bool = False) -> int:
    """Send the manifest at `path` (the file, or its folder): print what importing it would do, with `apply` have it done,
    and with `submit` have the packet that it fills submitted, which only a person's token may. Returns the exit code: 0
    done, 1 could not, 3 something stands in its way."""
    try:
        text = _read(path / "portcullis.yaml" if path.is_dir() else path)
        address, token = _address(portal), _token()
        said = {"text": text, "looked": looked}
        imports = f"{address}/imports/manifest"
        seen = _plan(_post(imports, token, said), imports)
        _print(seen)
        if seen["problems"]:
            return 3
        if not apply:
            print("Nothing was written. Have it done with --apply." if seen["acts"] else "Nothing would change.")
            return 0
        done = _plan(_post(imports, token, {**said, "apply": True, "seen": seen["digest"]}), imports)
        print("Done.")
        return _submit(address, token, done.get("packet")) if submit else 0
    except Stopped as reason:
        print(reason, file=sys.stderr)
        return 1


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
        if len(data) > MOST:
            raise Stopped(f"{path} is larger than {MOST // 1024 // 1024} MB.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Stopped(f"{path} is no UTF-8 text.") from None
    except OSError as error:
        raise Stopped(f"{path} could not be read: {error.strerror}. Write one with portcullis init.") from None


def _address(portal: str) -> str:
    place = urlsplit(portal)
    if place.scheme not in ("https", "http") or not place.hostname or place.username or place.query:
        raise Stopped("--portal is the portal's address, for example https://portcullis.example.")
    if place.scheme == "http" and place.hostname not in LOCAL:
        raise Stopped("The token is sent over https only. Give the portal's https address.")
    return f"{portal.rstrip('/')}/api/v1"


def _plan(body: Any, address: str) -> dict[str, Any]:
    if not isinstance(body, dict) or not {"problems", "acts", "digest", "lines"} <= set(body):
        raise Stopped(f"{address} gave no answer of a portal. Check --portal.")
    return body


def _submit(address: str, token: str, packet: object) -> int:
    if not isinstance(packet, str) or not PACKET.fullmatch(packet):
        raise Stopped("There is no open packet to submit: name its version in the manifest's packet block.")
    made = _post(f"{address}/packets/{packet}/submit", token, {})
    print(f"Submitted for review, revision {int(made['revision'])}.")
    return 0


def _token() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        words = "registry:write, and packets:write where the manifest has a packet block"
        raise Stopped(f"{TOKEN} is not set: put an API token there, with the scope {words}.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Stopped(f"What {TOKEN} holds is no API token.")
    return token


def _post(address: str, token: str, said: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "User-Agent": "portcullis"}
    request = urllib.request.Request(address, json.dumps(said).encode(), headers, method="POST")
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return json.loads(answer.read(MOST))
    except urllib.error.HTTPError as error:
        raise Stopped(_refused(error, token)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Stopped(f"{address} could not be asked: {_safe(str(reason), token)}.") from None


def _refused(error: urllib.error.HTTPError, token: str) -> str:
    """What the portal said, without whatever it may have said of the token."""
    try:
        body = json.loads(error.read(1024 * 1024))
        lines = [str(body["detail"])]
        for where, reasons in body.get("errors", {}).items():
            lines += [f"  {where}: {reason}" for reason in reasons]
        lines += [f"  {one}" for one in body.get("problems", []) if str(one) not in lines[0]]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        lines = [f"The portal answered {error.code}. Check --portal: redirects are not followed."]
    return _safe("\n".join(lines), token)


def _safe(text: str, token: str) -> str:
    return "".join(one for one in text.replace(token, "…") if one.isprintable() or one == "\n")


def _print(seen: dict[str, Any]) -> None:
    part = None
    for line in seen["lines"]:
        if line["outcome"] == "same":
            continue
        if line["part"] != part:
            part = line["part"]
            print(_safe(part, "\0"))
        change = " → ".join(one for one in (line["before"], line["after"]) if one)
        print(
            _safe(
                f"  {WORDS.get(line['outcome'], line['outcome'])}: {line['what']}{f'  {change}' if change else ''}",
                "\0",
            )
        )
        if line["why"]:
            print(_safe(f"      {line['why']}", "\0"))
    for problem in seen["problems"]:
        print(_safe(f"Stands in its way: {problem}", "\0"), file=sys.stderr)
