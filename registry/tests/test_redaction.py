"""What must not be kept goes whole, in a time that grows with the text only, and nothing that a trace says breaks it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.imports.manifest import MAX_TEXT, read_section
from registry.imports.otlp import read_trace
from registry.imports.reading import Fields, Unreadable, normal
from registry.imports.redaction import BEYOND, MOST, READ, TOKEN, Redactor
from registry.imports.trail import LONGEST, read_trail
from registry.tests.traces import export, span, text

GONE = f"[{TOKEN}]"
MARKS = "a" + "\u0301\u0316" * 30_000


def parts(*spans):
    return {name: part.text for name, part in read_trail(read_trace(export(*spans))).parts.items()}


def says(**said):
    return {"gen_ai.request.model": "m", **{f"gen_ai.{name}": value for name, value in said.items()}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('password: "correct horse battery staple", n', f'password: "{GONE}", n'),
        ("{'pwd': 'a b c d', 'n': 1}", f"{{'pwd': '{GONE}', 'n': 1}}"),
        (r"{\"password\": \"a \\\"b\\\" c\", \"n\": 1}", rf"{{\"password\": \"{GONE}\", \"n\": 1}}"),
        ("password = 'it''s mine' then", f"password = '{GONE}' then"),
        ('"password": "ends in \\\\", "n": 1', f'"password": "{GONE}", "n": 1'),
        ('password: "never closed\nand on', f'password: "{GONE}'),
        ("Authorization: Basic dTpw\nHost: a", f"Authorization: {GONE}\nHost: a"),
        ('Authorization: Digest username="ana", response="6629fae4"\nn', f"Authorization: {GONE}\nn"),
        ("Proxy-Authorization: Negotiate YII\\nHost", f"Proxy-Authorization: {GONE}\\nHost"),
        ("Cookie: a=b; c=d\r\nn", f"Cookie: {GONE}\r\nn"),
        ('curl -H "Set-Cookie: a=b; c=d" -X GET', f'curl -H "Set-Cookie: {GONE}" -X GET'),
        ("token: Bearer abc def", f"token: {GONE} def"),
        ("postgres://u:p@ss@h/db", f"postgres://{GONE}@h/db"),
        ("postgres://u@corp:p@s@s@h/db a@b", f"postgres://{GONE}@h/db a@b"),
        ("redis://:pass@h", f"redis://{GONE}@h"),
        ("password=abc;n=1", f"password={GONE};n=1"),
        ("pwd => x", f"pwd => {GONE}"),
        ('"credentials": {"user": "ana", "keys": ["a}", "b"]}, "n": 1', f'"credentials": {GONE}, "n": 1'),
        ('token = ["hunter2abc"] n', f"token = {GONE} n"),
        ("credentials: [never closed", f"credentials: {GONE}"),
        ("private_key: -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----", f"private_key: {GONE}"),
        ("--eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", f"--{GONE}"),
    ],
)
def test_a_named_secret_goes_whole(given, kept):
    redactor = Redactor()
    assert redactor.text(given) == kept and redactor.counts == {TOKEN: 1}
    assert redactor.text(kept) == kept and redactor.counts == {TOKEN: 1}


SECRETS = [
    "password", "Password", "PASSWORD", "passwd", "pwd", "passphrase", "passcode", "dbPassword", "DBPassword",
    "dbPASSWORD", "db2Password", "PGPASSWORD", "pgpassword", "MYSQL_PWD", "SSHPASS", "dbPass", "smtp_pass",
    "password2", "clientSecret", "ClientSecret", "client_secret", "client-secret", "webhookSecret", "accessKey",
    "AccessKeyId", "SecretAccessKey", "AWSSecretAccessKey", "AWS_SECRET_ACCESS_KEY", "secretKey", "privateKey",
    "apiKey", "APIKey", "dbAPIKey", "api-key", "X-Api-Key", "OPENAI_API_KEY", "openAiApiKey", "accessToken",
    "AccessToken", "access_token", "refreshToken", "idToken", "botToken", "GitHubToken", "csrftoken",
    "X-Vault-Token", "x-amz-security-token", "X-Amz-Signature", "AccountKey", "SharedAccessKey", "Ocp-Apim-Subscription-Key",
    "signingKey", "encryption_key", "masterKey", "JWT", "credentials", "awsCredentials", "userpass", "bearerToken",
    "serviceKey", "license_key",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_known_by_its_name_however_that_is_written(name):
    for said, kept in (
        ("{}=Tr0ub4dor&3 n", f"{{}}={GONE} n"),
        ('"{}": "correct horse", "n": 1', f'"{{}}": "{GONE}", "n": 1'),
        ("  {}: 'it is'\n  n: 1", f"  {{}}: '{GONE}'\n  n: 1"),
        ("app.{} => hunter2\nn", f"app.{{}} => {GONE}\nn"),
        ('{{"name": "{}", "value": "hunter2", "n": 1}}', f'{{{{"name": "{{}}", "value": "{GONE}", "n": 1}}}}'),
        ("- name: {}\n  value: hunter2\n- n", f"- name: {{}}\n  value: {GONE}\n- n"),
        ("run --{} hunter2 --n 1", f"run --{{}} {GONE} --n 1"),
        ('"--{}", "hunter 2", "--n"', f'"--{{}}", "{GONE}", "--n"'),
        ("<a><{0}>hunter2</{0}></a>", f"<a><{{0}}>{GONE}</{{0}}></a>"),
    ):
        assert Redactor().text(said.format(name)) == kept.format(name)
    for value in (
        {name: "x"},
        {"a": {name: ["x"]}},
        {"name": name, "value": "x"},
        {"name": "n", "key": name, "value": {"s": "x"}},
    ):
        assert '"x"' not in Redactor().json(value)
    assert json.loads(Redactor().json(["run", f"--{name}", "hunter2", "on"])) == ["run", f"--{name}", GONE, "on"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("deploy --password x -v", f"deploy --password {GONE} -v"),
        ("deploy --password=a,b -v", f"deploy --password={GONE} -v"),
        ("deploy --db-password 'a b' -v", f"deploy --db-password '{GONE}' -v"),
        ('deploy --api-key "a b" -v', f'deploy --api-key "{GONE}" -v'),
        ("Connect -Password hunter2 -Force", f"Connect -Password {GONE} -Force"),
        ("curl --cookie 'a=b; c=d' h", f"curl --cookie '{GONE}' h"),
        ("PGPASSWORD=x psql -h db", f"PGPASSWORD={GONE} psql -h db"),
        ("export DB_PASS='a b'; run", f"export DB_PASS='{GONE}'; run"),
        ("mysql -u root -phunter2 shop", f"mysql -u root -p{GONE} shop"),
        ("mysqldump --all -p'a b' shop", f"mysqldump --all -p'{GONE}' shop"),
        ("sshpass -p hunter2 ssh h", f"sshpass -p {GONE} ssh h"),
        ("docker login -u ana -p hunter2 h", f"docker login -u ana -p {GONE} h"),
        ("redis-cli -h h -a hunter2 ping", f"redis-cli -h h -a {GONE} ping"),
        ("curl -u ana:hunter2 https://h", f"curl -u ana:{GONE} https://h"),
        ("curl -s --user 'ana:a b' https://h", f"curl -s --user 'ana:{GONE}' https://h"),
        ("requests.get(u, auth=('ana', 'a b'))", f"requests.get(u, auth=('ana', '{GONE}'))"),
        ("git config --global hub.token abc", f"git config --global hub.token {GONE}"),
        ("ENV DB_PASSWORD a,b\nRUN x", f"ENV DB_PASSWORD {GONE}\nRUN x"),
        ("[('password', 'a b'), ('n', 1)]", f"[('password', '{GONE}'), ('n', 1)]"),
        ("  password: |\n    a b\n\n    c\n  n: 1", f"  password: {GONE}\n  n: 1"),
        ("aws configure set aws_secret_access_key wJal/K7", f"aws configure set aws_secret_access_key {GONE}"),
        ("machine h login ana password hunter2", f"machine h login ana password {GONE}"),
        ("ALTER USER ana WITH PASSWORD 'a b';", f"ALTER USER ana WITH PASSWORD '{GONE}';"),
        ("CREATE USER a IDENTIFIED BY 'a b';", f"CREATE USER a IDENTIFIED BY '{GONE}';"),
        ("my password is hunter2, thanks", f"my password is {GONE}, thanks"),
        ("https://h/x?api_key=abc&city=Rome", f"https://h/x?api_key={GONE}&city=Rome"),
        ("https://a.blob/x?sv=1&sig=abcDEF%2B123456789%3D", f"https://a.blob/x?sv=1&sig={GONE}"),
        ("postgres://u:pa/ss@h/db", f"postgres://{GONE}@h/db"),
        ("db: {password: ab,cd;e&f, n: 1}", f"db: {{password: {GONE}, n: 1}}"),
        ("helm --set db.password=x,db.user=y", f"helm --set db.password={GONE},db.user=y"),
        ("Server=h;Uid=u;Pwd=a b;", f"Server=h;Uid=u;Pwd={GONE} b;"),
        ("AccountName=a;AccountKey=abc==;Suffix=n", f"AccountName=a;AccountKey={GONE};Suffix=n"),
        ("Bearer abcdEFghij", f"Bearer {GONE}"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", GONE),
        ("gave eyJhbGciOiJkaXIifQ..aXZpdml2aXY.Y2lwaGVy.dGFn to it", f"gave {GONE} to it"),
        ("glpat-" + "x1" * 10, GONE),
        ("hvs." + "x1" * 12, GONE),
        ("GOCSPX-" + "x1" * 14, GONE),
        ("shpat_" + "0f" * 16, GONE),
        ("123456789:AA" + "x1" * 17, GONE),
        ("abc8Q~" + "x1" * 17, GONE),
        ("https://hooks.slack.com/services/T0/B0/" + "x1" * 12, f"https://hooks.slack.com/services/{GONE}"),
    ],
)
def test_a_secret_on_a_command_line_or_among_words_goes(given, kept):
    redactor = Redactor()
    assert redactor.text(given) == kept and redactor.counts == {TOKEN: 1}
    assert redactor.text(kept) == kept and redactor.counts == {TOKEN: 1}


NO_SECRETS = [
    'select("password", "email")', 'f(("name", "password"), 1)', "set token limits in config",
    "Authorization goes as <token> to it, then <password> as well", "<li>token</li>", "<token></token>",
    "pass: 12, fail: 0",
    '"password": null, "n"', "secret = true", 'password: ""', "max_tokens=8", "tokens: 9", "tokens_in: 812",
    "maxTokens: 800", '"totalTokens": 9', 'password_policy: "at least 12"', "passwordPolicy: at least 12",
    "secretName: db", "token_type: Bearer", "api_key_name: prod", "keyboard: us", "passenger: Ana",
    "tokenizer: o200k_base", "the --password flag is needed", "use --password, or --token",
    "run --password --user ana", "run --no-password db", "run --password-file /run/x", "run --max-tokens 5",
    "a bullet\n-password reset works", "docker run -p 80:80 nginx", "docker run --name mysql -p3306:3306",
    "mkdir -p /srv/data", "ssh -p 22 h", "cp -p a b", "docker run -u 1000:1000 n", "the password is required",
    "my password was too short", "Bearer instruments", "Basic requirements", "basic authentication",
    "bearer authentication", "passkey: none", "http://h:8080/a/b@c", "compass: north", "bypass: no", "keys: 3",
    "monkey: 3", "turkey: x", "xai-based-explanation-of-it", "glass-fibre-reinforced-panel",
    '"required": ["password", "email"]', "a > b and token > c", "login failed: password expired",
]  # fmt: skip


@pytest.mark.parametrize("words", NO_SECRETS)
def test_where_there_is_no_secret_nothing_goes(words):
    redactor = Redactor()
    assert redactor.text(words) == words and not redactor.counts


@pytest.mark.parametrize(
    "value",
    [
        {"tokens_in": 812, "maxTokens": 800, "password_policy": "at least 12", "passwordPolicy": {"least": 12}},
        {"password": {"type": "string", "minLength": 12, "description": "Of the account"}},
        {"required": ["password", "email"], "name": "password", "type": "string"},
        {"pass": 12, "fail": 0},
        ["--password", "--user", "ana"],
        {"name": "region", "value": "eu"},
    ],
)
def test_a_value_without_a_secret_stays_as_it_is(value):
    redactor = Redactor()
    assert json.loads(redactor.json(value)) == value and not redactor.counts


def test_headers_in_pairs_are_known_by_the_first():
    kept = Redactor().json([["Cookie", "a=b"], ["Host", "h"], {"name": "Authorization", "value": "x"}])
    assert json.loads(kept) == [["Cookie", GONE], ["Host", "h"], {"name": "Authorization", "value": GONE}]


@pytest.mark.parametrize("secret", ["x", "abc", 123, 123456, ["a", {"b": "c"}], {"user": "ana", "deep": [1]}])
def test_in_json_all_that_a_secret_name_holds_goes(secret):
    kept = json.loads(Redactor().json({"db.credentials": secret, "n": 3}))
    assert kept == {"db.credentials": GONE, "n": 3}


@pytest.mark.parametrize("value", [["hunter2abc"], {"is": "hunter2abc"}, "hunter2abc", json.dumps(["hunter2abc"])])
def test_an_attribute_is_redacted_by_its_name(value):
    found = parts(span("gate", 1, {"approval.token": value, "approval.by": "Ana"}))["approvals"]
    assert found == f"gate: approval.token = {GONE}, approval.by = Ana"


@pytest.mark.parametrize("before", range(60))
def test_the_cut_goes_through_no_secret(before):
    for secret in ("4111 1111 1111 1111", "Cookie: a=1; b=2", 'password: "correct horse"', "sk-" + "x1" * 400):
        for cut in (READ, READ + BEYOND):
            kept = Redactor().text(f"{'. ' * (cut // 2 - before // 2)}{secret} {'. ' * 5000}")
            assert len(kept) <= READ + BEYOND and not any(left in kept for left in ("4111", "a=1", "corr", "x1x1"))


HOSTILE = {
    "token": "-eyJ" * 16_000,
    "token with a short second": "-eyJ" * 16_000 + ".abc.",
    "accents": MARKS,
    "accents between control characters": "a" + ("\u0301\u0316" * 10 + "\x01") * 3000,
    "names": "password:" * 8000,
    "names with quotes": "password:\\\\'" * 8000,
    "cookies in quotes": '00"cookie: ' * 7000,
    "cookies in other quotes": "\\" * 16 + "'cookie:x\n" * 7000,
    "open brackets": "token:[" * 8000,
    "backslashes": 'password:"' + "\\" * 60_000,
    "addresses": "://a:b@" * 9000,
    "addresses without host": "://" + "a:@" * 20_000,
    "mail": "a.a@" * 16_000,
    "key blocks": "-----BEGIN PRIVATE KEY-----" * 2400,
    "digits": "1 " * 32_000,
    "spaces": "Bearer " + " " * 60_000,
    "bearers": "Bearer " * 9000,
    "keys": "sk-a-" * 13_000,
    "IBANs": "DE89 " * 13_000,
    "telephone numbers": "+1 (" * 16_000,
    "flags": "--password " * 6000,
    "flags without end": "-" * 60_000,
    "names in camel case": "aPassword" * 7000,
    "names before values": "token " * 10_000,
    "elements": "<a" * 30_000,
    "named elements": "<password " * 6000,
    "commands": "mysql " * 10_000,
    "commands with users": "curl -u " * 8000,
    "pairs": "auth=('a'," * 6000,
    "slashes": "://a:b/" * 9000,
    "sentences": "password is 1 " * 4000,
    "settings": "git config token " * 3000,
    "blocks": "password: |\n a\n" * 4000,
    "one block": "password: >-\n" + " \n" * 30_000,
    "commas": "password=" + "," * 20_000,
    "commas and words": "password=" + ",aaaaaaaaaaaaaaaaaaaa" * 3000,
    "Entra": "abc8Q~" * 10_000,
}


@pytest.mark.parametrize("how", HOSTILE)
def test_no_text_takes_long(how):
    for find in (Redactor().text, Redactor().json, lambda text: Redactor().json({"a": [text] * 1000, text: 1})):
        started = time.perf_counter()
        find(HOSTILE[how])
        assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("how", HOSTILE)
def test_no_trace_takes_long(how):
    calls = [{"type": "tool_call", "name": f"t{i}", "arguments": {"a": HOSTILE[how]}} for i in range(10)]
    said = says(
        **{
            "system_instructions": HOSTILE[how],
            "output.messages": [{"role": "assistant", "parts": calls}],
            "retrieval.documents": [HOSTILE[how] + str(i) for i in range(10)],
        }
    )
    data = export(span(HOSTILE[how], 1, {**said, "approval": HOSTILE[how]}))
    started = time.perf_counter()
    made = read_trail(read_trace(data), {"a" * 64: "system 1"})
    assert time.perf_counter() - started < 3
    assert all(len(part.text) <= LONGEST for part in made.parts.values())


def test_what_a_trace_may_cost_is_limited_and_what_repeats_is_free():
    redactor = Redactor()
    for _ in range(2 * MOST // READ):
        redactor.text("a" * READ)
    with pytest.raises(Unreadable, match="more than 1,000,000 characters"):
        for i in range(2 * MOST // READ):
            redactor.text(f"{i} " + "a" * READ)


def test_what_repeats_is_counted_each_time():
    redactor = Redactor()
    assert {redactor.text("token: abc") for _ in range(3)} == {f"token: {GONE}"} and redactor.counts == {TOKEN: 3}


def test_accents_in_good_order_stay():
    assert normal("e\u0301 \u1112\u1161\u11ab") == "\u00e9 \ud55c"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (MARKS, "holds more than 30 accents upon one letter"),
        ("a" * (MAX_TEXT + 1), "at most 100,000 characters, got 100,001"),
    ],
)
def test_a_manifests_text_is_measured_before_it_is_normalised(value, words):
    fields, started = Fields(), time.perf_counter()
    read_section(fields, {"sheet": {"purpose": value}}, "packet.sections.1")
    assert words in str(fields.faults[0]) and time.perf_counter() - started < 0.5
    assert read_section(Fields(), {"sheet": {"purpose": "e\u0301"}}, "packet.sections.1") == {
        "sheet": {"purpose": "\u00e9"}
    }


def test_a_line_is_measured_before_it_is_normalised():
    fields, started = Fields(), time.perf_counter()
    assert fields.text(MARKS, "name", 80) == "" and time.perf_counter() - started < 0.5
    assert "at most 80 characters, got 60,001" in str(fields.faults[0])
    assert fields.text("e\u0301" * 80, "name", 80) == "\u00e9" * 80


@pytest.mark.parametrize(
    ("calls", "line"),
    [(5, "5"), ("w", "w"), (True, "True"), ({"name": "w"}, "w"), ([5, None], "5"), ('[{"name": "w"}]', "w")],
)
def test_tool_calls_of_any_shape_are_read(calls, line):
    made = parts(span("chat", 1, says(**{"output.messages": [{"role": "assistant", "tool_calls": calls}]})))
    assert made["tool_calls"].split("\n")[0] == line


@pytest.mark.parametrize("levels", [79, 81, 300, 500, 700, 900, 950, 990, 5000])
@pytest.mark.parametrize("way", ["[{}]", '{{"a": {}}}'])
def test_json_of_any_depth_is_read(levels, way):
    opening, closing = way.replace("{{", "{").replace("}}", "}").split("{}") if way[0] == "[" else ('{"a": ', "}")
    deep = opening * levels + '"ana@example.org"' + closing * levels
    for name in ("output.messages", "input.messages", "system_instructions", "retrieval.documents", "prompt"):
        assert "ana@" not in str(parts(span("chat", 1, says(**{name: deep}))))
    call = {"type": "tool_call", "name": "w", "arguments": deep}
    made = parts(span("chat", 1, {**says(**{"output.messages": [{"parts": [call]}]}), "approval": deep}))
    assert made["tool_calls"].startswith("w ") and "ana@" not in str(made)


def test_what_is_redacted_twice_loses_no_more():
    kept = Redactor().json({"a": 'password: "never closed', "b": "Cookie: c=d", "c": "secret: true", "d": "said"})
    redactor = Redactor()
    assert redactor.text(kept) == kept and not redactor.counts and '"d": "said"' in kept


def test_a_value_deeper_than_is_looked_at_is_cut():
    value = "ana@example.org"
    for _ in range(900):
        value = [value]
    assert "…" in Redactor().json(value)


NAMES = st.sampled_from(
    ["role", "parts", "content", "tool_calls", "function", "type", "name", "id", "arguments", "text"]
)
TYPES = st.sampled_from(["tool_call", "text", "blob", "function", "user", "assistant", "system"])
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TYPES
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = [
    "gen_ai.output.messages", "gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.prompt", "gen_ai.tool.name",
    "gen_ai.retrieval.documents", "gen_ai.completion.0.content", "gen_ai.completion.0.tool_calls.0.name", "approval",
    "gen_ai.operation.name", "gen_ai.tool.call.id", "gen_ai.response.model", "gen_ai.usage.input_tokens", "message", "role",
    "gen_ai.evaluation.name", "gen_ai.data_source.id", "gen_ai.prompt.name",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(ATTRIBUTES), ANY, min_size=1), st.booleans())
def test_whatever_attributes_hold_is_read(said, as_text):
    said = {key: json.dumps(value) if as_text else value for key, value in said.items()}
    events = [("gen_ai.choice", said), ("gen_ai.user.message", said)]
    made = read_trail(read_trace(export(span("chat", 1, said, events=events))))
    assert all(len(part.text) <= LONGEST for part in made.parts.values())


def test_a_message_with_a_secret_beyond_the_cut_keeps_its_beginning():
    words = "word " * 3000
    made = parts(span("chat", 1, says(**{"output.messages": [text("assistant", words + "password: x")]})))
    assert made["output"].startswith("word word") and made["output"].endswith("characters in the trace)")
