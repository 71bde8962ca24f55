"""Takes out of a text what must not be kept: addresses, card and account numbers, telephone numbers, keys and tokens."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

from registry.imports.reading import refuse

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
    r"(?:pass(?:words?|wd|phrase)?|pwd|secrets?|token|api[_-]?keys?|access[_-]?keys?(?:[_-]?id)?|secret[_-]?keys?|"
    r"private[_-]?keys?|client[_-]?secrets?|(?:access|auth|bearer|refresh|id|session)[_-]?token|authorization|"
    r"credentials?|cookies?)"
)
NAMED_SECRET = re.compile(rf"(?:.*[_.-])?{SECRET_NAME}", re.IGNORECASE | re.DOTALL)
QUOTE = r"""\\{0,15}["'`]"""
NAME_BEFORE_VALUE = re.compile(
    rf"(?<![A-Za-z0-9])(?P<name>{SECRET_NAME})(?P<quote>{QUOTE})?\]?\s{{0,3}}(?:=>|[:=]{{1,2}})", re.IGNORECASE
)
HEADERS = ("authorization", "cookie")
"""Their values go on to the end of the line: a scheme and its parameters, or one cookie after another."""
LINE_END = re.compile(r"\\[nr]|[\r\n]|\Z")
WORD = re.compile(
    r"""(?:(?:bearer|basic|digest|token|apikey)\s{1,3})?(?:[^\s"'`\\,;}\]]|\\(?![nrt"'`\\]))+""", re.IGNORECASE
)
TAKEN_OUT = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
NO_SECRET = re.compile(
    rf"""{TAKEN_OUT.pattern}|(?:null|none|true|false|undefined)(?=[^\S\n]{{0,3}}(?:["'`\\,;}}\]\n]|\Z))""",
    re.IGNORECASE,
)
ENCLOSING = re.compile(rf"({QUOTE})[\w-]{{0,20}}\Z")
IN_BRACKETS = re.compile(rf"[\[{{\]}}]|{QUOTE}")
KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
IN_ADDRESS = re.compile(r"""(?<=://)[^/\s:]{0,100}:[^/\s@]{1,200}(?:@[^/\s@"'<>,]{1,200}){0,5}(?=@)""")
TOKENS = (
    # A run of letters is walked through once: it is a token's only where a second one follows the dot.
    re.compile(rf"(?<![\w-])(?=[\w-]*+\.[\w-]{{8}})[\w-]*?{START}(eyJ[\w-]{{8,}}+\.[\w-]{{8,}}+(?:\.[\w-]*+)?)"),
    re.compile(
        rf"{START}(?:[spr]k[-_](?:[a-z0-9]{{2,12}}[-_]){{0,3}}[\w-]{{16,}}|gh[opusr]_\w{{20,}}|github_pat_\w{{20,}}|"
        r"glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|"
        r"hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|ptc_\w{16,})"
    ),
    re.compile(r"(?<=\bBearer )\s*+[\w.~+/=-]{8,}|(?<=\bBasic )\s*+[\w+/=-]{12,}", re.IGNORECASE),
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
READ = 20_000
"""Characters of one text that are kept at most: no part of a trail holds more."""
BEYOND = 4000
"""Characters after those that are looked at and not kept, so that the cut goes through no secret."""
MOST = 1_000_000
"""Characters that one Redactor looks at; a text that it has seen before is free."""
DEPTH = 80
"""Levels of a value that are looked at."""
MARKS = 30
"""Accents upon one letter: what the stream-safe text format allows (UAX #15). Ordering more takes quadratic time."""
MAX_PARSED = 100_000
"""Commas and opening brackets of a JSON text within a trace that is read as JSON."""


class Redactor:
    """Redacts texts and counts what it took out, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[str, tuple[str, Counter[str]]] = {}
        self._looked_at = 0
        self._room = READ

    def text(self, text: str) -> str:
        """`text` with what must not be kept replaced by its kind in brackets: [e-mail address]. Of one longer than
        READ + BEYOND characters, the beginning. Raises Unreadable when that was more than MOST characters in all."""
        whole, text = len(text) <= READ + BEYOND, text[: READ + BEYOND]
        if text not in self._known:
            self._looked_at += len(text)
            if self._looked_at > MOST:
                refuse(
                    f"It says more than {MOST:,} characters that would have to be redacted. Export the trace of one run."
                )
            before, self.counts = self.counts, Counter()
            self._known[text] = self._redacted(text), self.counts
            self.counts = before
        kept, counts = self._known[text]
        self.counts += counts
        return kept if whole else kept[:-BEYOND]

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value with every text, number and key in it redacted, as far as READ characters and DEPTH levels; what is
        called a password goes whole, with all that is in it."""
        self._room = READ
        return self._value(value, name, 0)

    def json(self, value: Any, name: str = "") -> str:
        """A JSON value redacted, as compact text; a text that holds JSON is read first. `name` is what it is called."""
        made = self.value(parsed(value) if isinstance(value, str) and len(value) <= READ else value, name)
        return made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)

    def _value(self, value: Any, name: str, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if value and NAMED_SECRET.fullmatch(name[-200:]):
            self.counts[TOKEN] += 1
            return f"[{TOKEN}]"
        if isinstance(value, (dict, list)) and value and (depth >= DEPTH or self._room <= 0):
            return "…"
        if isinstance(value, dict):
            made = {}
            for key, one in value.items():
                self._room -= len(str(key)) + 1
                made[self.text(str(key))] = self._value(one, str(key), depth + 1)
                if self._room <= 0:
                    return {**made, "…": "…"}
            return made
        if isinstance(value, list):
            kept_ones = []
            for one in value:
                kept_ones.append(self._value(one, name, depth + 1))
                self._room -= 1
                if self._room <= 0:
                    return [*kept_ones, "…"]
            return kept_ones
        said = str(value)
        self._room -= len(said)
        kept = self.text(said)
        return kept if isinstance(value, str) or kept != said else value

    def _redacted(self, text: str) -> str:
        text = normal("".join(_plain(c) for c in text if c.isprintable() or c.isspace()))
        for pattern in (KEY_BLOCK, IN_ADDRESS):
            text = pattern.sub(self._token, text)
        text = self._named(text)
        for pattern in TOKENS:
            text = pattern.sub(self._token, text)
        text = EMAIL_LIKE.sub(self._taken(EMAIL), text)
        text = self._ibans(text)
        text = CARD_LIKE.sub(self._taken(CARD, _is_card), text)
        return PHONE_LIKE.sub(self._taken(PHONE, _is_phone), text)

    def _named(self, text: str) -> str:
        parts, done, at = [], 0, 0
        while found := NAME_BEFORE_VALUE.search(text, at):
            start, end = _secret(text, found)
            at = max(end, found.end())
            if start < end:
                self.counts[TOKEN] += 1
                parts += [text[done:start], f"[{TOKEN}]"]
                done = end
        return "".join([*parts, text[done:]])

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


def parsed(text: str) -> Any:
    """The JSON value that `text` holds, else the text itself: also of what is nested too deep, or too large, to be walked."""
    if text.count(",") + text.count("[") + text.count("{") > MAX_PARSED:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH:
            return text
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
            if isinstance(inner, (dict, list))
        ]
    return value


def unstacked(text: str) -> str:
    """`text` with at most MARKS accents upon one letter, as it must be before it is normalised."""
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.combining(letter) else 0
        if run <= MARKS:
            kept.append(letter)
    return "".join(kept)


def normal(text: str) -> str:
    """`text` in Unicode form C, in a time that grows with its length only."""
    return unicodedata.normalize("NFC", unstacked(text))


def _secret(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Where the value begins and ends that follows the name of a secret; the same place twice where there is none."""
    header, start = found["name"].lower() in HEADERS, found.end()
    while start < min(found.end() + 3, len(text)) and (text[start] in " \t" if header else text[start].isspace()):
        start += 1
    if start == len(text) or NO_SECRET.match(text, start):
        return start, start
    if opening := re.compile(QUOTE).match(text, start):
        start = opening.end()
        return start, start if TAKEN_OUT.match(text, start) else _closing(text, opening[0], start)
    if text[start] in "[{" and (found["quote"] or not header):
        return start, _after_brackets(text, start)
    if not header:
        word = WORD.match(text, start)
        return start, word.end() if word else start
    around = None if found["quote"] else ENCLOSING.search(text[max(0, found.start() - 40) : found.start()])
    ends = re.compile(rf"{LINE_END.pattern}|(?<!\\){re.escape(around[1])}") if around else LINE_END
    end = ends.search(text, start)
    return start, end.start() if end else len(text)


def _closing(text: str, quote: str, at: int) -> int:
    """Where the text ends that `quote` opened before `at`; a doubled quote stands for itself. Without end, it is all."""
    bare = len(quote) == 1
    pattern = re.compile((r"(?<!\\)(?:\\\\)*+" if bare else r"(?<!\\)") + re.escape(quote))
    while found := pattern.search(text, at):
        if not (bare and text.startswith(quote, found.end())):
            return found.end() - len(quote)
        at = found.end() + 1
    return len(text)


def _after_brackets(text: str, at: int) -> int:
    """Where the list or object ends that opens at `at`. Without end, it is all."""
    depth = 0
    while found := IN_BRACKETS.search(text, at):
        at = found.end()
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
            if not depth:
                return at
        else:
            at = min(_closing(text, found[0], at) + len(found[0]), len(text))
    return len(text)


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
