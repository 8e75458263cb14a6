"""`fetch_mnist` against a stand-in for OpenML: a real server on this machine, with small data."""

import gzip
import json
import threading
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from utsushi import datasets
from utsushi.datasets import mnist
from utsushi.datasets.mnist import encode_idx
from utsushi.exceptions import DataError, DownloadError

N_TRAIN, N_TEST, N_PIXELS = 4, 2, 784
ARFF_PATH = "/data/v1/download/1/mnist.arff"


class StandIn(ThreadingHTTPServer):
    """Serves fixed answers by path; `broken` answers promise more bytes than they send."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, bytes] = {}
        self.broken: set[str] = set()
        self.requests: list[str] = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        answer = self.server.answers.get(self.path)
        if answer is None:
            self.send_error(404)
            return
        body = gzip.compress(answer)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path in self.server.broken else body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def digits():
    pixels = np.random.default_rng(0).integers(0, 256, (N_TRAIN + N_TEST, N_PIXELS))
    return pixels.astype(np.uint8), np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8)


@pytest.fixture(scope="module")
def originals(digits):
    images, labels = digits[0].reshape(-1, 28, 28), digits[1]
    return {
        "train-images-idx3-ubyte": encode_idx(images[:N_TRAIN]),
        "train-labels-idx1-ubyte": encode_idx(labels[:N_TRAIN]),
        "t10k-images-idx3-ubyte": encode_idx(images[N_TRAIN:]),
        "t10k-labels-idx1-ubyte": encode_idx(labels[N_TRAIN:]),
    }


def as_arff(pixels, labels, quote=""):
    lines = ["@RELATION mnist_784"]
    lines += [f"@ATTRIBUTE pixel{i + 1} REAL" for i in range(N_PIXELS)]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    lines += [
        ",".join([*map(str, row), f"{quote}{y}{quote}"])
        for row, y in zip(pixels, labels, strict=True)
    ]
    return ("\n".join(lines) + "\n").encode()


def answers(address, arff):
    def feature(index, name, data_type, target):
        flags = dict.fromkeys(["is_ignore", "is_row_identifier"], "false")
        flags |= {"index": str(index), "name": name, "data_type": data_type, "is_target": target}
        return flags | {"number_of_missing_values": "0"}

    features = [feature(i, f"pixel{i + 1}", "numeric", "false") for i in range(N_PIXELS)]
    features.append(feature(N_PIXELS, "class", "nominal", "true"))
    quality = {"name": "NumberOfInstances", "value": str(N_TRAIN + N_TEST)}
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "a stand-in",
        "url": f"{address}{ARFF_PATH}",
        "md5_checksum": md5(arff).hexdigest(),
    }
    found = {"dataset": [{"did": 554, "name": "mnist_784", "version": 1, "status": "active"}]}
    api = {
        "/search/mnist_784/data_version/1": {"data": found},
        "/data/554": {"data_set_description": description},
        "/features/554": {"data_features": {"feature": features}},
        "/qualities/554": {"data_qualities": {"quality": [quality]}},
    }
    return {path: json.dumps(answer).encode() for path, answer in api.items()} | {ARFF_PATH: arff}


@pytest.fixture
def server(monkeypatch, digits, originals):
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.answers = answers(server.address, as_arff(*digits))
        source = "sklearn.datasets._openml"
        monkeypatch.setattr(f"{source}._SEARCH_NAME", server.address + "/search/{}")
        monkeypatch.setattr(f"{source}._DATA_INFO", server.address + "/data/{}")
        monkeypatch.setattr(f"{source}._DATA_FEATURES", server.address + "/features/{}")
        monkeypatch.setattr(f"{source}._DATA_QUALITIES", server.address + "/qualities/{}")
        monkeypatch.setattr(f"{source}.time.sleep", lambda seconds: None)
        monkeypatch.setattr(mnist, "_N_TRAIN", N_TRAIN)
        checksums = {name: sha256(content).hexdigest() for name, content in originals.items()}
        monkeypatch.setattr(mnist, "CHECKSUMS", checksums)
        yield server
        server.shutdown()
        thread.join()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_four_original_files_are_written(server, tmp_path, originals):
    datasets.fetch_mnist(tmp_path / "mnist")
    assert contents(tmp_path / "mnist") == originals


@pytest.mark.parametrize("quote", ["", "'"])
def test_they_are_the_same_with_either_spelling_of_the_labels(
    server, tmp_path, digits, originals, quote
):
    server.answers = answers(server.address, as_arff(*digits, quote=quote))
    datasets.fetch_mnist(tmp_path)
    assert contents(tmp_path) == originals


def test_what_was_fetched_can_be_loaded(server, tmp_path, digits):
    data = datasets.load_mnist(datasets.fetch_mnist(tmp_path))
    np.testing.assert_array_equal(np.rint(data.X * 255), digits[0])


def test_files_that_are_there_and_right_are_not_downloaded_again(server, tmp_path, originals):
    for name, content in originals.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    datasets.fetch_mnist(tmp_path)
    assert server.requests == []


def test_a_damaged_file_is_replaced(server, tmp_path, originals):
    for name, content in originals.items():
        (tmp_path / name).write_bytes(content[:-1])
    datasets.fetch_mnist(tmp_path)
    assert contents(tmp_path) == originals


def test_one_wrong_pixel_is_refused_and_nothing_is_written(server, tmp_path, digits, refusal):
    pixels = digits[0].copy()
    pixels[0, 0] ^= 1
    server.answers = answers(server.address, as_arff(pixels, digits[1]))
    message = refusal(DownloadError, datasets.fetch_mnist, tmp_path)
    assert "train-images-idx3-ubyte must have the SHA-256" in message
    assert contents(tmp_path) == {}


def test_a_wrong_number_of_pixels_is_refused(server, tmp_path, monkeypatch, refusal):
    wrong = np.zeros((6, 100)), np.zeros(6)
    monkeypatch.setattr(mnist, "_download", lambda: wrong)
    assert "mnist_784 must hold 28x28 images" in refusal(
        DownloadError, datasets.fetch_mnist, tmp_path
    )


def test_an_answer_that_is_not_there_is_one_line(server, tmp_path, refusal):
    del server.answers["/data/554"]
    assert "404" in refusal(DownloadError, datasets.fetch_mnist, tmp_path)


def test_a_download_cut_short_leaves_nothing_behind(server, tmp_path, refusal):
    server.broken.add(ARFF_PATH)
    message = refusal(DownloadError, datasets.fetch_mnist, tmp_path / "mnist")
    assert "could not be downloaded" in message
    assert contents(tmp_path) == {}


def test_a_server_that_is_not_there_is_one_line(server, tmp_path, monkeypatch, refusal):
    # Port 9 discards, where it is open at all.
    monkeypatch.setattr("sklearn.datasets._openml._SEARCH_NAME", "http://127.0.0.1:9/{}")
    assert "could not be downloaded" in refusal(DownloadError, datasets.fetch_mnist, tmp_path)


def test_nothing_is_kept_in_the_home_folder(server, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home / "data"))
    datasets.fetch_mnist(tmp_path / "mnist")
    assert list(home.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, refusal):
    path = tmp_path / "taken"
    path.touch()
    assert "got a file" in refusal(DataError, datasets.fetch_mnist, path)
