"""Takes out of a text what must not be kept: addresses, card and account numbers, telephone numbers, keys and tokens."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from registry.imports.reading import normal, refuse

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
    r"(?:pass(?:wor[dt]s?|wd|phrases?|codes?)?|pwd|secrets?|token|jwt|credentials?|cookies?|authorization|"
    r"(?:api|signing|encryption|account|master|shared|subscription|functions|license|webhook|service)[_-]?keys?|"
    r"access[_-]?keys?(?:[_-]?id)?|shared[_-]?access[_-]?(?:keys?|signature)|secret[_-]?(?:access[_-]?)?keys?|"
    r"private[_-]?keys?|client[_-]?secrets?|(?:access|auth|bearer|refresh|id|session)[_-]?token|"
    r"x-(?:amz|goog)-signature)"
)
# These are secrets after whatever they are glued to: PGPASSWORD, dbpassword, MYAPIKEY. A word like token is not.
GLUED_NAME = (
    r"(?:passwords?|passwd|passphrases?|passcodes?|apikeys?|accesskeys?|secretkeys?|privatekeys?|clientsecrets?|"
    r"(?:access|auth|bearer|refresh|session|csrf|xsrf)token|(?:db|pg|ssh|smtp|ftp|user)pass)"
)
# A capital letter begins a word in the midst of a name: dbToken, DBToken.
IN_CAMEL_CASE = r"(?-i:(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]))"
# The first two letters of all those names: most of a text is passed over by them, in a third of the time.
MAY_BEGIN = r"(?=[a-fijlmprstuwx])(?=a[cpu]|b[eo]|c[lors]|db|en|f[tu]|id|jw|li|ma|p[agrw]|re|s[eimhsu]|to|us|we|x[-s])"
NAME = rf"{MAY_BEGIN}(?:(?:{START}|{IN_CAMEL_CASE}){SECRET_NAME}|{GLUED_NAME})(?:[_-]?[0-9]{{1,2}})?"
NAMED_SECRET = re.compile(rf"{NAME}\Z", re.IGNORECASE)
QUOTE = r"""\\{0,15}["'`]"""
NAME_BEFORE_VALUE = re.compile(
    rf"(?P<name>{NAME})(?:"
    # password: x, "password" => "x", ["password"] = x; also {"name": "password", "value": "x"}
    rf"(?P<quote>{QUOTE})?(?:\]?\s{{0,3}}|,?\s{{1,30}}(?:{QUOTE})?value(?:{QUOTE})?\s{{0,3}})(?:=>|[:=]{{1,2}})|"
    # --password x, "--password", "x"
    rf"(?P<flag>[ \t]{{1,3}}|{QUOTE},\s{{0,3}}(?={QUOTE})))",
    re.IGNORECASE,
)
"""A name, and what may lead from it to its value. Whether `flag` does, what stands before the name tells."""
FLAG = re.compile(r"--?(?!no-)(?:[a-z][\w.-]*)?", re.IGNORECASE)
SET_BY = re.compile(
    rf"(?:(?<![\w-])(?:ENV|setx|config(?:ure)?\s{{1,3}}set|git\s{{1,3}}config(?:\s{{1,3}}--\w{{1,10}})?)\s{{1,3}}|"
    rf"[\[(,=:]\s?\({QUOTE})[\w./:-]{{0,60}}\Z"
)
"""What takes a name and then its value: a Dockerfile's ENV, `git config`, a pair in parentheses."""
ANOTHER_FLAG = re.compile(rf"(?:{QUOTE})?-{{1,2}}[A-Za-z]")
SPOKEN_OF = re.compile(
    r"""(?:flags?|options?|arguments?|parameters?|switch|is|was|are|and|or|to|if|for|from|in|on|with|when|
    must|can|should|the|an?)(?=[\s.,;:)]|\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What follows a flag and is not its value, but goes on about it."""
HEADERS = ("authorization", "cookie")
"""Their values go on to the end of the line: a scheme and its parameters, or one cookie after another."""
LINE_END = re.compile(r"\\[nr]|[\r\n]|\Z")
WORD = re.compile(
    # A comma or semicolon may stand in a password; before the next name, or a gap, it ends one.
    r"""(?:(?:bearer|basic|digest|token|apikey)\s{1,3})?(?:[^\s"'`\\,;}\]&]|\\(?![nrt"'`\\])|"""
    r"""[,;&](?![\w.-]{1,40}["']?\s?[=:]|[\s"'`\\{\[]|\Z))+""",
    re.IGNORECASE,
)
ARGUMENT = re.compile(r"""(?:[^\s"'`\\|;<>]|\\(?![nrt"'`\\]))+""")
TAKEN_OUT = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
NO_SECRET = re.compile(
    rf"""{TAKEN_OUT.pattern}|(?:null|none|true|false|undefined)(?=[^\S\n]{{0,3}}(?:["'`\\,;}}\]\n]|\Z))""",
    re.IGNORECASE,
)
BLOCK = re.compile(
    r"[|>][+-]?[0-9]?[ \t]{0,3}\r?\n(?P<indent>[ \t]+)[^\n]*+(?:\n(?:(?P=indent)[^\n]*+|[ \t]*+(?=\n)))*"
)
"""A YAML text over several lines."""
COUNT = re.compile(r"\s{0,3}[0-9]{1,3}(?![\w.])")
ELEMENT = re.compile(
    rf"<[\w:.-]{{0,60}}?{NAME}(?:\s[^<>]{{0,100}})?>\s{{0,20}}(?!{NO_SECRET.pattern})([^<\s][^<]*+)(?=</)",
    re.IGNORECASE,
)
ENCLOSING = re.compile(rf"({QUOTE})[\w-]{{0,20}}\Z")
IN_BRACKETS = re.compile(rf"[\[{{\]}}]|{QUOTE}")
KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
IN_ADDRESS = re.compile(
    r"""(?<=://)(?:[^/\s:]{0,100}:[^/\s@]{1,200}(?:@[^/\s@"'<>,]{1,200}){0,5}"""
    # A slash may stand in a password; after a port number it begins the path.
    r"""|[^/\s:@"'<>,\[]{0,100}:(?![0-9]{0,5}[/?#])[^\s@"'<>,]{1,200})(?=@)"""
)
BEFORE_ARGUMENT = re.compile(
    r"(?<![\w-])(?:"
    r"(?:mysql\w{0,12}|mariadb[\w-]{0,12}|7z[ar]?)\b[^\n|;]{0,300}?\s-p(?=[^\s-])(?![0-9]{1,5}:[0-9])|"
    r"(?:sshpass|mongo\w{0,10}|(?:docker|podman|registry|nerdctl|az|oc)\s{1,3}login)\b[^\n|;]{0,300}?\s-p(?:=|\s{0,3})|"
    r"(?:sqlcmd|bcp|zip|unzip)\b[^\n|;]{0,300}?\s-P\s{0,3}|redis-cli\b[^\n|;]{0,300}?\s-a\s{1,3}|"
    r"ldap\w{1,10}\b[^\n|;]{0,300}?\s-w\s{1,3}|"
    rf"curl\b[^\n|;]{{0,300}}?\s(?:-[uU]|--(?:proxy-)?user)(?:=|\s{{0,3}})(?P<open>{QUOTE})?[^\s:\"'`]{{1,100}}:|"
    rf"\w{{0,20}}auth\s?=\s?\(\s?{QUOTE}[^\"'`\n]{{0,100}}{QUOTE},\s{{0,3}}(?={QUOTE})|"
    r"(?i:identified\s{1,3}by|with\s{1,3}password)\s{1,3}(?=')|"
    r"machine\s{1,3}\S{1,100}\s{1,3}login\s{1,3}\S{1,100}\s{1,3}password\s{1,3}(?=\S)"
    r")"
)
"""Ways to give a password that has no name of its own, up to where it begins: `mysql -p`, `curl -u ana:`, netrc, SQL."""
TOKENS = (
    # A run of letters is walked through once: it is a token's only where a second one follows the dot.
    re.compile(
        rf"(?<![\w-])(?=[\w-]*+\.\.?[\w-]{{8}})[\w-]*?{START}(eyJ[\w-]{{8,}}+\.\.?[\w-]{{8,}}+(?:\.[\w-]++){{0,3}})"
    ),
    re.compile(
        rf"{START}(?:[spr]k[-_](?:[a-z0-9]{{2,12}}[-_]){{0,3}}[\w-]{{16,}}|gh[opusr]_\w{{20,}}|github_pat_\w{{20,}}|"
        r"gl(?:pat|[drf]t|cbt|ptt|soat|agent|oas)-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|xapp-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|"
        r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|1//0[\w-]{30,}|GOCSPX-[\w-]{20,}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{40,}|"
        r"SG\.[\w-]{16,}\.[\w-]{16,}|hv[bs]\.[\w-]{20,}|do[opr]_v1_\w{40,}|dckr_pat_[\w-]{20,}|shp(?:at|ca|pa|ss)_\w{20,}|"
        r"whsec_[\w+/=-]{16,}|dapi[0-9a-f]{32}|lsv2_\w{2}_\w{20,}|(?:gsk_|xai-|pplx-|tvly-)\w{20,}|ATATT[\w=-]{20,}|"
        r"[0-9]{8,10}:AA[\w-]{32,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}|ptc_\w{16,})"
    ),
    # An Entra ID client secret has its mark after three letters and a digit.
    re.compile(r"(?<![\w~.-])[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~.-])"),
    re.compile(r"(?<=hooks\.slack\.com/services/)[\w/]{16,}|(?<=/api/webhooks/)[0-9]{15,22}/[\w-]{40,}"),
    re.compile(r"(?<=[?&]sig=)[\w%+/=-]{16,}"),
    # "Bearer instruments" and "basic requirements" are words; a token has figures, or capitals within, or is long.
    re.compile(
        r"(?i:(?<=\bBearer ))\s*+(?=[\w.~+/=-]{8})(?=[A-Za-z_.~+/-]{0,60}+[0-9=]|[A-Z]*+[a-z]++[A-Z]|[\w.~+/=-]{24})[\w.~+/=-]++|"
        r"(?i:(?<=\bBasic ))\s*+(?=[\w+/=-]{12})(?=[A-Za-z_+/-]{0,60}+[0-9=]|[A-Z]*+[a-z]++[A-Z]|[\w+/=-]{24})[\w+/=-]++"
    ),
    re.compile(
        r"""(?i:\bpass(?:word|phrase|code)\s{1,3}(?:is|was)\s{1,3})((?=[^\s"'`\\]{0,60}[0-9])(?=[^\s"'`\\]{0,60}[A-Za-z])"""
        r"""[^\s"'`\\,;]{4,200})"""
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
NAMED_BY = ("name", "key", "field", "header", "variable")
"""Keys under which an object says what its `value` is."""
LONG_FLAG = re.compile(r"--?[A-Za-z][\w.-]{0,100}\Z")
TYPES = ("string", "integer", "number", "boolean", "object", "array")
SCHEMA = frozenset(
    ("type", "title", "description", "format", "minLength", "maxLength", "pattern", "nullable", "writeOnly", "readOnly")
)
READ = 20_000
"""Characters of one text that are kept at most: no part of a trail holds more."""
BEYOND = 4000
"""Characters after those that are looked at and not kept, so that the cut goes through no secret."""
MOST = 1_000_000
"""Characters that one Redactor looks at; a text that it has seen before is free."""
DEPTH = 80
"""Levels of a value that are looked at."""
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
        if value and _names_secret(name) and not (_is_schema(value) or _is_count(name, value)):
            self.counts[TOKEN] += 1
            return f"[{TOKEN}]"
        if isinstance(value, (dict, list)) and value and (depth >= DEPTH or self._room <= 0):
            return "…"
        if isinstance(value, dict):
            made, called = {}, _called(value)
            for key, one in value.items():
                self._room -= len(str(key)) + 1
                made[self.text(str(key))] = self._value(one, called if key == "value" else str(key), depth + 1)
                if self._room <= 0:
                    return {**made, "…": "…"}
            return made
        if isinstance(value, list):
            kept_ones, before = [], ""
            for i, one in enumerate(value):
                flag = bool(LONG_FLAG.match(before)) and not (isinstance(one, str) and ANOTHER_FLAG.match(one))
                header = i == 1 and len(value) == 2 and before.lower() in HEADERS
                kept_ones.append(self._value(one, before if flag or header else name, depth + 1))
                before = one if isinstance(one, str) else ""
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
        for pattern in (KEY_BLOCK, IN_ADDRESS, ELEMENT):
            text = pattern.sub(self._token, text)
        text = self._cut(text, NAME_BEFORE_VALUE, _secret)
        text = self._cut(text, BEFORE_ARGUMENT, _argument)
        for pattern in TOKENS:
            text = pattern.sub(self._token, text)
        text = EMAIL_LIKE.sub(self._taken(EMAIL), text)
        text = self._ibans(text)
        text = CARD_LIKE.sub(self._taken(CARD, _is_card), text)
        return PHONE_LIKE.sub(self._taken(PHONE, _is_phone), text)

    def _cut(self, text: str, before: re.Pattern[str], value: Callable[[str, re.Match[str]], tuple[int, int]]) -> str:
        parts, done, at = [], 0, 0
        while found := before.search(text, at):
            start, end = value(text, found)
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


def _names_secret(name: str) -> bool:
    """Whether what is called that is a secret: password, dbPassword, AWS_SECRET_ACCESS_KEY; not maxTokens."""
    return bool(NAMED_SECRET.search(name[-200:].rstrip(" :")))


def _called(value: dict[str, Any]) -> str:
    """What an object says that its `value` is, {"name": "password", "value": …}: the first that is a secret; empty for none."""
    said = (value.get(key) for key in NAMED_BY)
    return next((one for one in said if isinstance(one, str) and _names_secret(one)), "")


def _is_schema(value: Any) -> bool:
    """Whether the value says what a secret looks like and holds none: {"type": "string", "description": …}."""
    return isinstance(value, dict) and value.get("type") in TYPES and SCHEMA.issuperset(value)


def _is_count(name: str, value: Any) -> bool:
    """Whether it counts what passed: {"pass": 12, "fail": 0}."""
    return name.lower() == "pass" and isinstance(value, (int, float)) and value < 1000


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


def _secret(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Where the value begins and ends that follows the name of a secret; the same place twice where there is none."""
    flag = _is_flag(text, found.start())
    if found["flag"] and SET_BY.search(text[max(0, found.start() - 100) : found.start()]):
        return _argument(text, found)
    if found["flag"] and (not flag or SPOKEN_OF.match(text, found.end())):
        return found.end(), found.end()
    if flag and not found["quote"]:
        return _argument(text, found)
    if found["name"].lower() == "pass" and COUNT.match(text, found.end()):
        return found.end(), found.end()
    header, start = found["name"].lower() in HEADERS, found.end()
    while start < min(found.end() + 3, len(text)) and (text[start] in " \t" if header else text[start].isspace()):
        start += 1
    if start == len(text) or NO_SECRET.match(text, start):
        return start, start
    if opening := re.compile(QUOTE).match(text, start):
        start = opening.end()
        return start, start if TAKEN_OUT.match(text, start) else _closing(text, opening[0], start)
    if block := BLOCK.match(text, start):
        return start, block.end()
    if text[start] in "[{" and (found["quote"] or not header):
        return start, _after_brackets(text, start)
    if not header:
        word = WORD.match(text, start)
        return start, word.end() if word else start
    around = None if found["quote"] else ENCLOSING.search(text[max(0, found.start() - 40) : found.start()])
    ends = re.compile(rf"{LINE_END.pattern}|(?<!\\){re.escape(around[1])}") if around else LINE_END
    end = ends.search(text, start)
    return start, end.start() if end else len(text)


def _is_flag(text: str, name: int) -> bool:
    """Whether the name that begins at `name` ends a command's flag: --db-password, -Password. A line's first - is a bullet."""
    before = text[max(0, name - 64) : name]
    word = before[max(before.rfind(c) for c in " \t\n\r\"'`=([,") + 1 :]
    dashes = len(word) - len(word.lstrip("-"))
    bullet = dashes == 1 and text[name - len(word) - 1 : name - len(word)] in ("", "\n", "\r")
    return bool(FLAG.fullmatch(word)) and not bullet


def _argument(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Where the argument of a command begins and ends; the same place twice where there is none."""
    start = found.end()
    if NO_SECRET.match(text, start) or (found[0][-1] not in "=:p" and ANOTHER_FLAG.match(text, start)):
        return start, start
    if found.re is BEFORE_ARGUMENT and found["open"]:
        return start, _closing(text, found["open"], start)
    if opening := re.compile(QUOTE).match(text, start):
        start = opening.end()
        return start, start if TAKEN_OUT.match(text, start) else _closing(text, opening[0], start)
    word = ARGUMENT.match(text, start)
    return start, word.end() if word else start


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
