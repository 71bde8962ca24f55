"""`portcullis init [PATH]` writes a commented portcullis.yaml of what the checkout says of its agent; `portcullis send`
sends one to a portal."""

import argparse
import os
import sys
from pathlib import Path

from cli.scan import scan
from cli.send import TOKEN, send
from cli.write import manifest

NAME = "portcullis.yaml"


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 done, 1 could not, 2 wrong usage (by argparse), 3 refused."""
    parser = argparse.ArgumentParser(prog="portcullis", description="Tells Portcullis of the agent in this checkout.")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser(
        "init",
        help="write portcullis.yaml",
        description="Looks through the checkout and writes a commented portcullis.yaml: what was found, where, and what "
        "could not be known. Sends nothing anywhere, and writes no secret's value.",
    )
    init.add_argument("path", nargs="?", default=".", help="the checkout's folder (default: this one)")
    init.add_argument("--force", action="store_true", help="replace a portcullis.yaml that is there")
    init.add_argument("--stdout", action="store_true", help="print it instead of writing the file")
    sending = commands.add_parser(
        "send",
        help="send portcullis.yaml to a portal",
        description="Prints what the portal would do with the manifest; with --apply has it done. The API token, with the "
        f"scope registry:write, and packets:write for a packet block, is read from the environment variable {TOKEN}.",
    )
    sending.add_argument("path", nargs="?", default=".", help="portcullis.yaml, or its folder (default: this one)")
    sending.add_argument("--portal", required=True, metavar="URL", help="for example https://portcullis.example")
    sending.add_argument("--apply", action="store_true", help="have it done, if it is what was printed")
    sending.add_argument(
        "--looked",
        action="store_true",
        help="you, a person, looked at what each new tool does; without it, new tools count as irreversible",
    )
    sending.add_argument(
        "--submit", action="store_true", help="with --apply: submit the packet for review, with a person's token"
    )
    given = parser.parse_args(argv)
    if given.command == "send":
        if given.submit and not given.apply:
            sending.error("--submit goes with --apply.")
        return send(Path(given.path), portal=given.portal, apply=given.apply, looked=given.looked, submit=given.submit)
    return _init(Path(given.path), force=given.force, stdout=given.stdout)


def _init(root: Path, *, force: bool, stdout: bool) -> int:
    if not root.is_dir():
        print(f"{root} is no folder. Name the folder of the agent's checkout.", file=sys.stderr)
        return 1
    target = root / NAME
    if not stdout and not force and os.path.lexists(target):
        print(f"{target} is there already and was not touched. Replace it with --force.", file=sys.stderr)
        return 1
    found = scan(root.resolve())
    text = manifest(found)
    if stdout:
        sys.stdout.buffer.write(text.encode())
        return 0
    try:
        _write(target, text)
    except OSError as error:
        print(f"{target} could not be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"Wrote {target} from {found.files:,} files in {found.seconds:.1f} s.")
    print("Fill in what it says is not known, then import it in the portal (Agents, Import from manifest) or send it.")
    return 0


def _write(target: Path, text: str) -> None:
    """Whole or not at all; a link in the file's place is replaced, never followed."""
    beside = target.with_name(f".{NAME}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
