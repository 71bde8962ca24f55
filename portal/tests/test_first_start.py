"""What `make run` says to somebody whose machine lacks something: one sentence each, before anything is made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A Python that is too old, and one without its venv package, as far as bin/venv asks them.
OLD = """#!/bin/sh
[ "$1" = -V ] && { echo "Python 3.9.2"; exit 0; }
case "$*" in *version_info*) exit 1 ;; esac
"""
WITHOUT_VENV = """#!/bin/sh
case "$*" in *ensurepip*) exit 1 ;; esac
"""
WHOSE_VENV_FAILS = """#!/bin/sh
case "$*" in *"-m venv"*) echo "No space left on device" >&2; exit 1 ;; esac
"""


@pytest.fixture
def folder(tmp_path):
    """A fresh copy of what `make run` starts from, in a folder with a space in its name."""
    place = tmp_path / "a new folder"
    (place / "bin").mkdir(parents=True)
    for name in ("Makefile", "bin/venv", "requirements.txt"):
        shutil.copy(ROOT / name, place / name)
    return place


def make_run(folder, python):
    """`make run` with this Python; gives what it wrote to standard error, less make's own last line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "run", f"PYTHON={python}"], cwd=folder, env=kept, capture_output=True, text=True)
    assert done.returncode != 0
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


def fake(folder, script):
    """A program in a folder with a space in its name."""
    path = folder / "python3"
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (OLD, "Portcullis needs Python 3.11 or newer, and {python} is Python 3.9.2: name a newer one with"),
        (WITHOUT_VENV, "This Python cannot make virtual environments: install its venv package (Debian, Ubuntu:"),
    ],
    ids=["old", "without venv"],
)
def test_a_python_that_does_not_do_is_one_sentence(folder, script, sentence):
    python = fake(folder, script)
    [said] = make_run(folder, python)
    assert said.startswith(sentence.format(python=python))
    assert not (folder / ".venv").exists()


def test_a_python_that_is_not_there_is_one_sentence(folder):
    [said] = make_run(folder, "python3.99")
    assert said.startswith("Portcullis needs Python 3.11 or newer, and python3.99 was not found")


def test_a_venv_that_cannot_be_made_gives_the_reason(folder):
    reason, said = make_run(folder, fake(folder, WHOSE_VENV_FAILS))
    assert reason == "No space left on device"
    assert str(folder) in said and "could not be made" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(folder):
    folder.chmod(0o555)
    try:
        [said] = make_run(folder, "python3")
    finally:
        folder.chmod(0o755)
    assert "cannot be written" in said
