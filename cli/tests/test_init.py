"""`portcullis init` on checkouts: what it finds, what it never writes, and that the portal's reader takes the result."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.__main__ import main
from cli.scan import digest, scan
from cli.write import manifest
from registry.imports.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[2]
CANARIES = [f"canary{i}-zebra-quartz-{i}" for i in range(20)]
MCP = {
    "mcpServers": {
        "git": {
            "command": "uvx",
            "args": ["mcp-server-git", "--token", CANARIES[0]],
            "env": {"GIT_TOKEN": CANARIES[1]},
        },
        "search": {
            "url": f"https://user:{CANARIES[2]}@mcp.example.org/{CANARIES[3]}?key={CANARIES[4]}",
            "headers": {"Authorization": f"Bearer {CANARIES[5]}"},
        },
        "odd": {"command": f"API_KEY={CANARIES[6]} npx", "args": [f"--api-key={CANARIES[7]}", "${DEPLOY_TOKEN}"]},
    }
}


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one of everything."""
    files = {
        "pyproject.toml": '[project]\nname = "claims-triage"\ndescription = "Sorts incoming claims."\n'
        'dependencies = ["anthropic>=0.40", "mcp"]\n',
        "README.md": "# Claims\n\nSomething else entirely, at length.\n",
        ".mcp.json": json.dumps(MCP),
        ".vscode/mcp.json": '{ // editors write comments\n "servers": {"files": {"command": "/usr/bin/npx",}, /* x */ } }',
        ".codex/config.toml": f'[mcp_servers.time]\ncommand = "uvx"\n[mcp_servers.time.env]\nTIME_KEY = "{CANARIES[8]}"\n',
        "AGENTS.md": "Be kind.\r\n",
        "prompts/system.md": "You sort claims.\n",
        "src/agent.py": "import os\nfrom openai import OpenAI\n"
        f'key = os.environ["ANTHROPIC_API_KEY"]\nother = os.getenv("OPENAI_API_KEY", "{CANARIES[9]}")\n'
        f'SECRET_TOKEN = "{CANARIES[10]}"\nMODEL = "claude-sonnet-4-5-20250929"\nmodel = "o3"\nnot_it = "o1"\n',
        "web/app.ts": 'const k = process.env.STRIPE_SECRET_KEY; const m = "openai/gpt-4.1-mini";\n',
        ".env": f"DATABASE_PASSWORD={CANARIES[11]}\nexport HF_TOKEN='{CANARIES[12]}'\nMODE=zanzibar\n",
        ".env.example": "SENTRY_KEY=\n",
        "node_modules/x/index.js": 'const m = "gpt-4-from-elsewhere";\n',
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text.encode())
    return tmp_path


def filled(text):
    """The manifest with the two fields that only people know."""
    return text.replace('  team: ""', "  team: claims").replace('  owner: ""', "  owner: ana@bank.example")


def test_it_writes_what_it_found_and_where(checkout, capsys):
    assert main(["init", str(checkout)]) == 0
    text = (checkout / "portcullis.yaml").read_text()
    for said in (
        "MCP server git, started with uvx, in .mcp.json",
        "MCP server search, over HTTP at mcp.example.org, in .mcp.json",
        "MCP server odd, started with a command, in .mcp.json",
        "MCP server files, started with npx, in .vscode/mcp.json",
        "MCP server time, started with uvx, in .codex/config.toml",
        "anthropic, in pyproject.toml",
        "openai, in src/agent.py",
        "STRIPE_SECRET_KEY, in web/app.ts",
        "DEPLOY_TOKEN, in .mcp.json",
    ):
        assert said in text
    assert "NOT KNOWN: the short name of your team" in text
    assert "from-elsewhere" not in text
    assert "import it in the portal" in capsys.readouterr().out
    said = read_manifest(filled(text).encode())
    assert (said.name, said.slug, said.summary) == ("claims-triage", "claims-triage", "Sorts incoming claims.")
    models = {(one.provider, one.model, one.snapshot) for one in said.models}
    assert models == {
        ("anthropic", "claude-sonnet-4-5", "20250929"), ("openai", "gpt-4.1-mini", ""), ("openai", "o3", ""),
    }  # fmt: skip
    prompts = {one.path: one.sha256 for one in said.prompts}
    assert prompts.keys() == {"AGENTS.md", "prompts/system.md"}
    assert prompts["AGENTS.md"] == hashlib.sha256(b"Be kind.\n").hexdigest()


def test_names_of_keys_are_written_and_no_value_ever(checkout):
    text = manifest(scan(checkout))
    for name in (
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GIT_TOKEN",
        "TIME_KEY",
        "DATABASE_PASSWORD",
        "HF_TOKEN",
        "SENTRY_KEY",
    ):
        assert name in text
    assert "zanzibar" not in text
    for canary in CANARIES:
        assert canary not in text


@pytest.mark.parametrize(
    "secret", [CANARIES[11], "sk-proj-abcdefgh12345678", "ghp_abcdefgh12345678", "AKIAABCDEFGH12345678"]
)
def test_a_secret_that_stands_where_names_stand_is_withheld(checkout, secret):
    (checkout / "pyproject.toml").write_text(f'[project]\nname = "{secret}"\ndescription = "Uses {secret} to sort."\n')
    (checkout / "prompts" / f"{secret}.md").write_text("x")
    (checkout / ".mcp.json").write_text(json.dumps({"mcpServers": {secret: {"url": f"https://{secret}.example"}}}))
    text = manifest(scan(checkout))
    assert secret.lower() not in text.lower() and "looks like a secret" in text
    read_manifest(filled(text).replace('summary: ""', "summary: x").encode())


def test_a_manifest_that_is_there_is_not_touched(checkout, capsys):
    target = checkout / "portcullis.yaml"
    target.write_text("mine")
    assert main(["init", str(checkout)]) == 1
    assert target.read_text() == "mine" and "--force" in capsys.readouterr().err
    assert main(["init", str(checkout), "--force"]) == 0
    assert target.read_text().startswith("# What Portcullis")


def test_links_lead_nowhere(checkout, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "AGENTS.md").write_text("Somebody else's")
    (outside / "mine.yaml").write_text("mine")
    (checkout / "linked").symlink_to(outside, target_is_directory=True)
    (checkout / "CLAUDE.md").symlink_to(outside / "AGENTS.md")
    (checkout / "portcullis.yaml").symlink_to(outside / "mine.yaml")
    assert main(["init", str(checkout)]) == 1
    assert main(["init", str(checkout), "--force"]) == 0
    assert (outside / "mine.yaml").read_text() == "mine"
    assert "linked" not in (checkout / "portcullis.yaml").read_text()
    assert "CLAUDE.md" not in (checkout / "portcullis.yaml").read_text()


def test_an_empty_folder_says_what_is_not_known(tmp_path):
    text = manifest(scan(tmp_path))
    assert "no prompt or instruction file was found" in text and "no model is named" in text
    read_manifest(filled(text).encode())


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / ".mcp.json").write_text('{"mcpServers": ')
    (tmp_path / "package.json").write_text("[" * 3000)
    (tmp_path / "big.py").write_bytes(b"#" * (513 * 1024))
    text = manifest(scan(tmp_path))
    assert ".mcp.json: it is no readable configuration" in text
    assert "package.json: it cannot be parsed" in text and "1 files larger than 512 kB" in text


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["init", str(tmp_path / "gone")]) == 1
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "darwin", reason="file names there are Unicode")
def test_hostile_file_names_break_nothing(tmp_path):
    folder = tmp_path / "prompts"
    folder.mkdir()
    for name in (
        "a\nowner: evil.md",
        "<script>.md",
        "\u202egnp.md",
        'quo"te.md',
        "caf\u00e9.md",
        "cafe\u0301.md",
        "  two.md",
    ):
        (folder / name).write_text("x")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.md"))).write_text("x")
    said = read_manifest(filled(manifest(scan(tmp_path))).encode())
    assert {one.path for one in said.prompts} == {'prompts/quo"te.md', "prompts/caf\u00e9.md"}


@given(name=st.text(max_size=200), about=st.text(max_size=400), server=st.text(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_repository_calls_itself_the_reader_takes_the_result(tmp_path, name, about, server):
    (tmp_path / "package.json").write_text(json.dumps({"name": name, "description": about}), encoding="utf-8")
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": {server: {"command": server}}}), encoding="utf-8")
    read_manifest(filled(manifest(scan(tmp_path))).encode("utf-8"))


def test_a_prompt_has_the_digest_that_the_portal_gives_its_text():
    from registry.sections.s03_versions import PromptPin

    text = "Cafe\u0301\r\nfor two\r\n"
    assert digest(text.encode()) == PromptPin(text=text).sha256


def test_it_reads_this_project_without_django(tmp_path):
    code = (
        "import sys; from cli.__main__ import main; code = main(['init', '--stdout', sys.argv[1]]); "
        "sys.exit(code or int('django' in sys.modules or 'yaml' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", str(ROOT)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert read_manifest(filled(done.stdout.decode()).encode()).slug == "portcullis"


def test_ten_thousand_files_take_less_than_two_seconds(tmp_path):
    body = (
        'import os\nKEY = os.getenv("SERVICE_KEY")\nMODEL = "gpt-4.1-mini"\n' + "def step(model, environ): ...\n" * 60
    )
    for i in range(10_000):
        folder = tmp_path / f"part{i // 100}"
        folder.mkdir(exist_ok=True)
        (folder / f"m{i}.py").write_text(body)
    begun = time.process_time()  # other tests may share the cores; what this process needed counts
    found = scan(tmp_path)
    text = manifest(found)
    assert time.process_time() - begun < 2
    assert found.files == 10_000 and "and 9998 more" in text
