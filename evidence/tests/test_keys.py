"""The evidence key: made once in the embedded default, asked for by name elsewhere, and kept private."""

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from evidence import keys


@pytest.fixture
def path(tmp_path, settings):
    settings.EVIDENCE_KEY_FILE, settings.EMBEDDED = tmp_path / "keys" / "evidence.pem", True
    return settings.EVIDENCE_KEY_FILE


def test_the_embedded_default_makes_one_that_only_its_owner_reads(path):
    first = keys.public_pem()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys._load.cache_clear()
    assert keys.public_pem() == first
    assert [one.name for one in path.parent.iterdir()] == ["evidence.pem"]


def test_processes_that_start_together_agree_on_one(path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: keys._make(path), range(8)))
    assert [one.name for one in path.parent.iterdir()] == ["evidence.pem"]


def test_production_names_what_is_missing(path, settings):
    settings.EMBEDDED = False
    with pytest.raises(ImproperlyConfigured, match=r"EVIDENCE_KEY_FILE.*openssl genpkey"):
        keys.private_key()
    assert not path.exists()


def test_openssls_keys_are_read(path):
    path.parent.mkdir()
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    path.chmod(0o600)
    said = subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout"], check=True, capture_output=True).stdout
    assert keys.public_pem() == said


def test_a_key_that_others_may_read_is_refused(path):
    keys._make(path)
    path.chmod(0o644)
    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        keys.private_key()


@pytest.mark.parametrize("algorithm", ["rsa", "nonsense"])
def test_another_kind_of_key_is_refused(path, algorithm):
    path.parent.mkdir()
    if algorithm == "nonsense":
        path.write_text("nonsense")
    else:
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", algorithm, "-out", str(path)], check=True, capture_output=True
        )
    path.chmod(0o600)
    with pytest.raises(ImproperlyConfigured, match="EVIDENCE_KEY_FILE"):
        keys.private_key()
