"""What verify.py accepts, how it says so, and with which exit status."""

import ast
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from evidence import verify
from evidence.tests.made import OTHER_KEY, Made, check, pem


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(Made().seal())
    (tmp_path / "evidence.pem").write_bytes(pem())
    return path


def run(*arguments, **environment):
    command = [sys.executable, "-I", verify.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment or None)


def test_it_accepts_a_whole_bundle_under_the_pinned_key():
    result = check(Made().seal())
    assert result["verdict"] == "verified" and result["exit"] == 0
    assert [one["check"] for one in result["checks"]] == ["hygiene", *(name for name, _ in verify.CHECKS)]


def test_it_says_what_is_weak():
    assert any("not witnessed" in note for note in check(Made().seal())["notes"])
    assert any("demo" in note for note in check(Made().seal())["notes"])


def test_without_a_key_it_is_incomplete():
    result = verify.verify(io.BytesIO(Made().seal()))
    assert result["exit"] == 2 and "No --key" in result["notes"][0]


def test_with_withheld_packets_it_is_incomplete():
    made = Made()
    made.withheld = 2
    result = check(made.seal())
    assert result["exit"] == 2 and "exported: 2" in result["notes"][0]


def test_another_key_is_refused():
    result = check(Made().seal(), pem(OTHER_KEY))
    assert result["exit"] == 1 and "another key" in result["checks"][-1]["sentence"]


def test_the_command_runs_alone_and_exits_0(bundle):
    done = run(bundle, "--key", bundle.parent / "evidence.pem")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("VERIFIED")


def test_the_command_needs_no_python_package_where_openssl_is(bundle):
    code = (
        f"import sys, runpy; sys.modules['cryptography'] = None; sys.argv = ['verify.py', {str(bundle)!r}, '--key', "
        f"{str(bundle.parent / 'evidence.pem')!r}]; runpy.run_path({verify.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_openssl_refuses_what_cryptography_refuses():
    key = verify.public_key(pem(), "")
    assert not verify.signed_by_openssl(key, b"data", bytes(64))
    assert not verify.signed(key, b"data", bytes(64))


def test_json_can_be_read_by_programs(bundle):
    result = json.loads(run(bundle, "--json").stdout)
    assert result["exit"] == 2 and all(one["result"] == "ok" for one in result["checks"])


@pytest.mark.parametrize(
    "arguments", [[], ["no-such.zip"], ["{bundle}", "--key", "no-such.pem"], ["{bundle}", "--key", "{bundle}"]]
)
def test_wrong_usage_exits_3(bundle, arguments):
    assert run(*(one.format(bundle=bundle) for one in arguments)).returncode == 3


def test_a_changed_byte_exits_1(bundle):
    body = bytearray(bundle.read_bytes())
    body[len(body) // 2] ^= 1
    bundle.write_bytes(body)
    done = run(bundle, "--key", bundle.parent / "evidence.pem")
    assert done.returncode == 1 and "REFUSED" in done.stdout and "refused " in done.stdout


def test_the_same_files_give_the_same_bytes():
    assert Made().seal() == Made().seal()


def test_ordinary_zip_tools_read_it():
    with zipfile.ZipFile(io.BytesIO(Made().seal())) as archive:
        assert archive.testzip() is None and archive.namelist() == sorted(archive.namelist())


def test_it_parses_as_python_3_9():
    ast.parse(Path(verify.__file__).read_text(), feature_version=(3, 9))


def test_its_canonical_json_is_the_portals():
    from ledger.canonical import dumps

    value = {"\U0001f600": 1, "\uff21": [True, False, '\u2028\x7f\x1f"\\/'], "€": {"": -1}, "1": 2**53 - 1}
    assert verify.jcs(value) == dumps(value)
