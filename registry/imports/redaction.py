"""Takes out of a text what must not be kept: addresses, card and account numbers, telephone numbers, keys and tokens."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

EMAIL, CARD, IBAN, PHONE, TOKEN = "e-mail address", "card number", "IBAN", "phone number", "key or token"
KINDS = (EMAIL, CARD, IBAN, PHONE, TOKEN)

IBAN_LENGTHS = {
    code: length
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip
"""How long an account number is, by country (ISO 13616)."""

# Where a word may begin: not within another, but after a line break that is still written as an escape.
START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
GAP = r"[ .\-\u00a0\u202f\u2010-\u2015]?"
SECRET_NAME = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?key|private[_-]?key|"
    r"client[_-]?secret|(?:access|auth|bearer|refresh|id|session)[_-]?token|authorization|credentials?|cookie)"
)
NAMED_SECRET = re.compile(rf"(?:.*[_.-])?{SECRET_NAME}", re.IGNORECASE)
TOKENS = (
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(rf"{START}eyJ[\w-]{{8,}}\.[\w-]{{8,}}(?:\.[\w-]*)?"),
    re.compile(
        rf"{START}(?:[spr]k[-_](?:[a-z0-9]{{2,12}}[-_]){{0,3}}[\w-]{{16,}}|gh[opusr]_\w{{20,}}|github_pat_\w{{20,}}|"
        r"glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|"
        r"hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|ptc_\w{16,})"
    ),
    re.compile(r"(?<=://)[^/\s:@]{1,100}:[^/\s@]{1,200}(?=@)"),
    re.compile(r"(?<=\bBearer )\s*[\w.~+/=-]{8,}|(?<=\bBasic )\s*[\w+/=-]{12,}", re.IGNORECASE),
    re.compile(
        rf"""(?<![A-Za-z0-9]){SECRET_NAME}\\?["']?\s{{0,3}}[:=]\s{{0,3}}\\?["']?(?!\[)([^\s"'\\,;}}\]]{{4,}})""", re.I
    ),
)
EMAIL_LIKE = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
IBAN_LIKE = re.compile(START + r"[A-Za-z]{2}[0-9]{2}(?=" + GAP + r"[A-Za-z0-9])")
CARD_LIKE = re.compile(r"(?<![0-9])[0-9](?:" + GAP + r"[0-9]){12,18}(?![0-9])")
PHONE_LIKE = re.compile(
    r"(?:(?<![A-Za-z0-9+])|(?<=\\[nrt]))(?:\+|(?<![0-9] )00)[1-9](?:[ ()./\u00a0\u2010-\u2015-]{0,2}[0-9]){6,14}(?![0-9])"
    r"|(?:(?<![A-Za-z0-9.-])|(?<=\\[nrt]))\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}(?![0-9-])"
    r"|(?:(?<![A-Za-z0-9.-])|(?<=\\[nrt]))(?<![0-9] )\(?0[1-9][0-9]{1,4}\)?"
    r"[ /-]{1,2}[0-9]{2,4}(?:[ /-]?[0-9]{2,4}){1,3}(?![0-9-])"
)
DATE = re.compile(r"[0-9]{2}[./-][0-9]{2}[./-][0-9]{4}")
HIDDEN = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")
"""Characters that nobody sees, and that would split a number in two."""


class Redactor:
    """Redacts texts and counts what it took out, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """`text` with what must not be kept replaced by its kind in brackets: [e-mail address]."""
        text = "".join(_plain(c) for c in unicodedata.normalize("NFC", text) if c not in HIDDEN)
        for pattern in TOKENS:
            text = pattern.sub(self._token, text)
        text = EMAIL_LIKE.sub(self._taken(EMAIL), text)
        text = self._ibans(text)
        text = CARD_LIKE.sub(self._taken(CARD, _is_card), text)
        return PHONE_LIKE.sub(self._taken(PHONE, _is_phone), text)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value with every text, number and key in it redacted; what is called a password goes whole."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self.value(one, name) for one in value]
        if value is None or isinstance(value, bool):
            return value
        if NAMED_SECRET.fullmatch(name) and not (isinstance(value, (int, float)) and abs(value) < 10_000):
            self.counts[TOKEN] += 1
            return f"[{TOKEN}]"
        said = str(value)
        kept = self.text(said)
        return kept if isinstance(value, str) or kept != said else value

    def json(self, value: Any) -> str:
        """A JSON value redacted, as compact text; a text that holds JSON is read first."""
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return self.text(value)
        made = self.value(value)
        return made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)

    def _taken(self, kind: str, holds: Callable[[str], bool] = bool) -> Callable[[re.Match[str]], str]:
        def replaced(found: re.Match[str]) -> str:
            if not holds(found[0]):
                return found[0]
            self.counts[kind] += 1
            return f"[{kind}]"

        return replaced

    def _token(self, found: re.Match[str]) -> str:
        self.counts[TOKEN] += 1
        kept = found[0][: found.start(1) - found.start()] if found.re.groups else ""
        return f"{kept}[{TOKEN}]"

    def _ibans(self, text: str) -> str:
        parts, at = [], 0
        while found := IBAN_LIKE.search(text, at):
            end = _iban_end(text, found.start())
            if end:
                self.counts[IBAN] += 1
                parts += [text[at : found.start()], f"[{IBAN}]"]
                at = end
            else:
                parts.append(text[at : found.end()])
                at = found.end()
        return "".join([*parts, text[at:]])


def _plain(letter: str) -> str:
    """A full-width letter or digit as the usual one, so that it is read as what it looks like."""
    return chr(ord(letter) - 0xFEE0) if "\uff01" <= letter <= "\uff5e" else letter


def _iban_end(text: str, start: int) -> int:
    """Where the account number ends that begins at `start`; 0 where there is none (length and checksum, ISO 13616)."""
    wanted = IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    letters, at = "", start
    gap = re.compile(GAP)
    while wanted and at < len(text) and len(letters) < wanted:
        if not (text[at].isascii() and text[at].isalnum()):
            return 0
        letters += text[at].upper()
        at += 1
        if len(letters) < wanted and (between := gap.match(text, at)):
            at = between.end()
    if len(letters) != wanted or not wanted or (at < len(text) and text[at].isascii() and text[at].isalnum()):
        return 0
    return at if int("".join(str(int(c, 36)) for c in letters[4:] + letters[:4])) % 97 == 1 else 0


def _is_card(said: str) -> bool:
    """Whether the digits are a card's: an issuer's first digit, and the check digit (ISO/IEC 7812, Luhn)."""
    digits = [int(c) for c in said if c in "0123456789"]
    if not (digits[0] in (2, 3, 4, 5, 6) or (digits[0] == 1 and len(digits) == 15)):
        return False
    doubled = [one if i % 2 == 0 else sum(divmod(2 * one, 10)) for i, one in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_phone(said: str) -> bool:
    return 9 <= sum(c in "0123456789" for c in said) <= 17 and not DATE.match(said)
