import json
import struct
from pathlib import Path

import pytest
from backports.zstd import zipfile

from signals.readers import ReadError, archive
from signals.readers.inspect import read_log
from signals.tests.conftest import log_of, sample, write_log

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "signals" / "inspect"


def test_it_reads_what_inspect_itself_wrote():
    log = read_log(SAMPLES / "card-dispute-triage-1.5.0.eval")
    assert (log.agent, log.version, log.status) == ("card-dispute-triage", "1.5.0", "success")
    assert sorted(s.id for s in log.samples if not s.passed) == ["edge-split", "tool-credit-now"]
    assert all(s.critical for s in log.samples if not s.passed)
    assert log.completed.tzinfo and len(log.metadata["portcullis_prompts"][0]) == 64


def test_it_reads_the_json_format_like_the_zip():
    assert read_log(SAMPLES / "liquidity-commentary-1.0.4.json").agent == "liquidity-commentary"


def test_an_errored_sample_is_no_pass_though_the_run_is_a_success():
    log = read_log(SAMPLES / "kyc-document-check-2.1.0.eval")
    [errored] = [s for s in log.samples if s.error]
    assert log.status == "success" and not errored.passed and "did not answer" in errored.error


def test_a_run_that_ended_with_an_error_says_so_and_keeps_what_was_done():
    log = read_log(SAMPLES / "collections-letters-0.8.0.eval")
    assert log.status == "error" and "sandbox" in log.error and len(log.samples) > 1


def test_epochs_repeat_the_ids():
    log = read_log(SAMPLES / "hr-policy-answers-2.0.3.eval")
    assert len(log.samples) == 3 * len({s.id for s in log.samples})


@pytest.mark.parametrize("file", sorted(SAMPLES.iterdir()), ids=lambda file: file.name)
def test_every_sample_that_is_shipped_can_be_read_and_names_no_folder_of_a_machine(file):
    read_log(file)
    texts = [file.read_text()] if file.suffix == ".json" else []
    if file.suffix == ".eval":
        with zipfile.ZipFile(file) as opened:
            texts = [opened.read(name).decode() for name in opened.namelist()]
    assert not any(folder in text for text in texts for folder in ("/home/", "/root/", "/tmp/", "/Users/"))


@pytest.mark.parametrize(
    ("value", "passed"),
    [("C", True), ("I", False), ("P", False), ("N", False), (True, True), (False, False), (1, True), (0.99, False),
     ("1.0", True), ({"a": 1, "b": "C"}, True), ({"a": 1, "b": "I"}, False), ([], False), ([1, 1], True)],
)  # fmt: skip
def test_only_full_marks_pass(tmp_path, value, passed):
    log = read_log(write_log(tmp_path / "log.json", log_of([sample("one", value)])))
    assert log.samples[0].passed is passed


@pytest.mark.parametrize("scores", [{}, None, {"judge": {"value": None}}, {"judge": {"value": float("nan")}}])
def test_a_sample_without_a_verdict_is_an_error_and_never_a_pass(tmp_path, scores):
    log = read_log(write_log(tmp_path / "log.json", log_of([sample("one", scores=scores)])))
    assert not log.samples[0].passed and "not scored" in log.samples[0].error


def test_one_of_two_scorers_that_says_no_fails_the_sample(tmp_path):
    scores = {"a": {"value": "C"}, "b": {"value": "I"}}
    assert not read_log(write_log(tmp_path / "log.json", log_of([sample("one", scores=scores)]))).samples[0].passed


def test_summaries_that_do_not_cover_every_sample_are_not_believed(tmp_path):
    path = write_log(
        tmp_path / "log.eval",
        log_of([sample("one")]),
        {"samples/two_epoch_1.json": json.dumps(sample("two", "I")).encode()},
    )
    assert {s.id: s.passed for s in read_log(path).samples} == {"one": True, "two": False}


def test_a_log_of_an_eval_still_running_has_only_its_journal(tmp_path):
    spec = {"version": 2, "eval": log_of([])["eval"]}
    with zipfile.ZipFile(tmp_path / "log.eval", "w", 93) as opened:
        opened.writestr("_journal/start.json", json.dumps(spec))
    log = read_log(tmp_path / "log.eval")
    assert log.status == "started" and log.completed is None


def test_two_copies_have_one_digest_and_a_changed_result_another(tmp_path):
    one = read_log(write_log(tmp_path / "a.eval", log_of([sample("one")])))
    copy = read_log(write_log(tmp_path / "b.json", log_of([sample("one")])))
    changed = read_log(write_log(tmp_path / "c.eval", log_of([sample("one", "I")])))
    assert one.results_sha256 == copy.results_sha256 != changed.results_sha256


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "log.eval"
    good = write_log(tmp_path / "good.eval", log_of([sample("one"), sample("two")])).read_bytes()
    if kind == "truncated":
        path.write_bytes(good[: len(good) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no zip")
    elif kind == "no header":
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("readme.txt", "hello")
    elif kind == "bad json":
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", "{'single': quotes}")
    elif kind == "deep json":
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", "[" * 200_000)
    elif kind == "list header":
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", "[]")
    elif kind == "other json":
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", '{"name": "package.json"}')
    elif kind == "twice":
        with pytest.warns(UserWarning), zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", "{}")
            opened.writestr("header.json", json.dumps(log_of([])))
    elif kind == "path":
        write_log(path, log_of([sample("one")]), {"../../etc/cron.d/x": b"x"})
    elif kind == "damaged":
        at = good.index(b"header.json") + 14
        path.write_bytes(good[:at] + bytes(b ^ 255 for b in good[at : at + 20]) + good[at + 20 :])
    elif kind == "bomb":
        write_log(path, log_of([sample("one")]))
        with zipfile.ZipFile(path, "w", 93) as opened:
            opened.writestr("header.json", b" " * (64 << 20))
    elif kind == "sample twice":
        write_log(path, log_of([sample("one"), sample("two")]))
        write_log(
            path,
            log_of([sample("one"), sample("one", "I", epoch=1)]) | {"samples": []},
            {
                "samples/a.json": json.dumps(sample("one")).encode(),
                "samples/b.json": json.dumps(sample("one", "I")).encode(),
            },
        )
    elif kind == "bad time":
        write_log(path, log_of([sample("one")], completed="yesterday"))
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [("truncated", "copy the log again"), ("empty", "not a complete zip"), ("text", "not a complete zip"),
     ("no header", "no header.json"), ("bad json", "not JSON"), ("deep json", "not JSON"), ("list header", "not an Inspect log"),
     ("other json", "not an Inspect log"), ("twice", "twice"), ("path", "leaves its folder"), ("damaged", "damaged"),
     ("bomb", "zip bomb"), ("sample twice", "twice"), ("bad time", "not a time")],
)  # fmt: skip
def test_a_malformed_log_says_what_is_wrong_and_what_to_do(tmp_path, kind, words):
    with pytest.raises(ReadError, match=words):
        read_log(broken(tmp_path, kind))


def claiming(path: Path, size: int) -> Path:
    """A log whose directory claims that header.json unpacks to `size` bytes."""
    write_log(path, log_of([sample("one")]))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 57] != b"header.json":
        at = data.index(b"PK\x01\x02", at + 4)
    data[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(data)
    return path


def test_a_gigabyte_that_is_only_claimed_is_not_even_begun(tmp_path):
    with pytest.raises(ReadError, match="claims 1,073,741,824 bytes"):
        read_log(claiming(tmp_path / "log.eval", 1 << 30))


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_a_size_that_is_claimed_wrong_is_noticed(tmp_path, size):
    with pytest.raises(ReadError, match="claims|damaged"):
        read_log(claiming(tmp_path / "log.eval", size))


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    with pytest.raises(ReadError, match="3 are read at most"):
        read_log(write_log(tmp_path / "log.eval", log_of([sample("one"), sample("two")])))


def test_all_members_together_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 300)
    with pytest.raises(ReadError, match="larger than 300"):
        read_log(write_log(tmp_path / "log.eval", log_of([sample("one"), sample("two")])))


def test_a_huge_window_is_refused(tmp_path):
    from backports.zstd import CompressionParameter, ZstdCompressor

    content = json.dumps(log_of([])).encode()
    frame = ZstdCompressor(
        options={
            CompressionParameter.window_log: 27,
            CompressionParameter.checksum_flag: 0,
            CompressionParameter.content_size_flag: 0,
        }
    ).compress(content, ZstdCompressor.FLUSH_FRAME)
    path = write_log(tmp_path / "log.eval", log_of([]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("header.json", frame)
    data = bytearray(path.read_bytes())
    for mark, method, size in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        at = data.index(mark)
        data[at + method : at + method + 2] = struct.pack("<H", 93)
        data[at + size : at + size + 4] = struct.pack("<I", len(content))
    path.write_bytes(data)
    with pytest.raises(ReadError, match="damaged"):
        read_log(path)


def test_old_deflated_logs_are_read_too(tmp_path):
    assert (
        read_log(write_log(tmp_path / "log.eval", log_of([sample("one")]), method=zipfile.ZIP_DEFLATED))
        .samples[0]
        .passed
    )
