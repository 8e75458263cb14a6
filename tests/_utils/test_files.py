"""Files that appear whole or not at all."""

import json
import os

import pytest

from utsushi._utils.files import folder_being_written, one_line, write_json, write_text, write_whole


def test_the_file_holds_the_content(tmp_path):
    assert write_whole(tmp_path / "file", b"\0content").read_bytes() == b"\0content"


def test_folders_are_made_on_the_way(tmp_path):
    assert write_text(tmp_path / "a" / "b" / "file", "x").is_file()


def test_nothing_but_the_file_is_left(tmp_path):
    write_whole(tmp_path / "file", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_text_is_utf_8(tmp_path):
    assert write_text(tmp_path / "file", "写し\n").read_bytes() == "写し\n".encode()


def test_json_is_readable_and_ends_in_a_newline(tmp_path):
    text = write_json(tmp_path / "file", {"a": "写し"}).read_text(encoding="utf-8")
    assert json.loads(text) == {"a": "写し"}
    assert text.endswith("}\n")
    assert "写し" in text


@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("before", [b"old", None], ids=["replacing", "new"])
def test_a_write_that_fails_leaves_everything_as_it_was(tmp_path, monkeypatch, step, before):
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_an_interrupt_leaves_everything_as_it_was(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows flushes no folder")
def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    flushed, flush = [], os.fsync

    def note(descriptor):
        flushed.append((os.fstat(descriptor).st_ino, (tmp_path / "folder").exists()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with folder_being_written(tmp_path / "folder") as part:
        (part / "inner").mkdir()
        (part / "inner" / "file").write_bytes(b"x")
    written = [tmp_path / "folder" / name for name in ("inner", "inner/file", ".")]
    assert {(path.stat().st_ino, False) for path in written} <= set(flushed)
    assert flushed[-1] == (tmp_path.stat().st_ino, True)


def test_of_a_folder_that_fails_nothing_is_left(tmp_path):
    def fail():
        with folder_being_written(tmp_path / "folder") as part:
            (part / "file").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_does_not_have_is_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "file", {"x": value})
    assert list(tmp_path.iterdir()) == []


def test_of_an_error_of_the_system_its_reason_is_told_without_the_path():
    assert one_line(FileNotFoundError(2, "No such file or directory", "a\nb")) == (
        "No such file or directory"
    )


def test_a_long_reason_is_cut_to_two_hundred_characters():
    told = one_line(ValueError("line\n" * 100))
    assert (len(told), told[:9], told[-1]) == (200, "line line", "…")
