"""One file, whole or refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import utsushi
from utsushi._utils.safetensors_io import FORMAT_VERSION, read_model_file, write_model_file
from utsushi.exceptions import ModelFileError

HEADER = {"class": "A", "numbers": [1, 2.5, 1e-05], "name": "写し"}
TENSORS = {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(2, dtype=np.float32)}


@pytest.fixture
def path(tmp_path):
    return write_model_file(tmp_path / "model.safetensors", HEADER, TENSORS)


def refused(path):
    with pytest.raises(ModelFileError) as error:
        read_model_file(path)
    message = str(error.value)
    assert "\n" not in message
    assert repr(str(path)) in message
    return message


def test_what_is_read_is_what_was_written(path):
    header, tensors = read_model_file(path)
    assert {name: header[name] for name in HEADER} == HEADER
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(tensors[name], tensor)


def test_the_bytes_do_not_depend_on_the_order_of_the_names(path, tmp_path):
    backwards = [dict(reversed(d.items())) for d in (HEADER, TENSORS)]
    other = write_model_file(tmp_path / "other", *backwards)
    assert other.read_bytes() == path.read_bytes()


def test_the_bytes_do_not_depend_on_the_memory_layout(path, tmp_path):
    tensors = {name: np.asfortranarray(t) for name, t in TENSORS.items()}
    assert write_model_file(tmp_path / "other", HEADER, tensors).read_bytes() == path.read_bytes()


def test_a_number_that_json_does_not_have_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_model_file(tmp_path / "model", {"loss": float("nan")}, TENSORS)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_short_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        refused(path)


def test_a_file_with_more_at_its_end_is_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path)


def test_every_changed_byte_is_noticed(path):
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]
        )
        refused(path)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_change_is_noticed_or_means_the_same(tmp_path_factory, data):
    # One space of JSON may become another, and 1e-05 may become 1E-05: nothing else.
    path = tmp_path_factory.getbasetemp() / "changed"
    write_model_file(path, HEADER, TENSORS)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        header, tensors = read_model_file(path)
    except ModelFileError:
        return
    assert {name: header[name] for name in HEADER} == HEADER
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], tensor)


def test_a_newer_format_is_named(path):
    header = json.dumps({"format": FORMAT_VERSION + 1})
    path.write_bytes(save(TENSORS, metadata={"utsushi": header}))
    assert "format 1, got 2" in refused(path)


def test_a_missing_file_is_named(tmp_path):
    assert "there is no file" in refused(tmp_path / "nothing")


def test_a_folder_is_no_model(tmp_path):
    assert "cannot be read" in refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04K\x01.", b"PK\x03\x04" * 10, b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}"],
    ids=["empty", "pickle", "zip", "ones", "bare"],
)
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    refused(path)


def test_a_safetensors_file_of_somebody_else_is_refused(path):
    path.write_bytes(save(TENSORS, metadata={"format": "pt"}))
    assert "no Utsushi header" in refused(path)


@pytest.mark.parametrize(
    "header", ["[]", "1", '"format"', '{"format": "1"}', "[" * 100_000, '{"format": 1}']
)
def test_a_header_of_another_shape_is_refused(path, header):
    path.write_bytes(save(TENSORS, metadata={"utsushi": header}))
    refused(path)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", r'"\ud800"'])
def test_a_header_with_what_json_does_not_have_is_refused(path, value):
    header = f'{{"format": 1, "sha256": "", "x": {value}}}'
    path.write_bytes(save(TENSORS, metadata={"utsushi": header}))
    refused(path)


def test_a_tensor_of_another_kind_is_refused(path):
    write_model_file(path, HEADER, {"w": np.arange(3, dtype=np.int32)})
    assert "int32" in refused(path)


def test_nothing_in_the_library_unpickles():
    pattern = re.compile(
        r"^\s*(import|from)\s+(pickle|dill|cloudpickle|joblib|shelve|marshal)\b"
        r"|torch\.(load|save)\(|allow_pickle\s*=\s*True|\beval\(|\bexec\(",
        re.MULTILINE,
    )
    sources = list(Path(utsushi.__file__).parent.rglob("*.py"))
    assert len(sources) > 20
    found = [
        (source.name, match.group().strip())
        for source in sources
        for match in pattern.finditer(source.read_text(encoding="utf-8"))
        # module.eval() is torch's switch to inference, not Python's evaluation.
        if not match.group().startswith("eval(")
        or source.read_text(encoding="utf-8")[match.start() - 1] != "."
    ]
    assert found == []
