"""A stranger's file is read, or refused by an error of `utsushi.exceptions`: nothing else happens.

Files are mutated by hypothesis: their bytes, and what their headers say with the right checksum.
"""

import gzip
import io
import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet, table
from sklearn.base import clone

from utsushi import AnomalyDetector, Autoencoder, Recipe, VariationalAutoencoder, datasets, load
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.exceptions import UtsushiError
from utsushi.runs import open_run, resume_run
from utsushi.samplers import Mixture
from utsushi.transforms.table_schema import Column, TableSchema

#: Mutations of all kinds of files together.
N_MUTATIONS = 1_000_000 if os.environ.get("UTSUSHI_SOAK") == "1" else 10_000

#: Mutations by one generator: hypothesis takes longer to choose than a file takes to be refused.
TOGETHER = 25

#: So many seconds by the clock are a hang, on however slow a machine.
HANG = 20

#: Windows has no alarm; there a test that hangs is ended by the runner.
ALARM = hasattr(signal, "alarm")

#: 99 of 100 mutated files are read or refused within so many seconds of the processor.
SECOND = 1.0

X = np.random.default_rng(5).random((12, 16), dtype=np.float32)
IMAGES = (255 * X[:4].reshape(4, 4, 4)).astype(np.uint8)
COLUMNS = TableSchema(
    (
        *(Column(f"c{i}") for i in range(12)),
        Column("day", "date"),
        Column("time", "datetime"),
        Column("town", "category", ("Kobe", "Oslo")),
    ),
    handle_unknown="ignore",
)
#: Options of `datasets.open` that may be suggested for a stranger's file.
READING = ("drop", "dates", "categorical", "image_size", "skip_bad")
FEW = {"hidden": (3,), "max_epochs": 1, "random_state": 3}


def saved(tmp, model):
    return model.save(tmp / "model.safetensors").read_bytes()


def packed(write, *arguments, **named):
    """Give the bytes that a function writes into a file."""
    file = io.BytesIO()
    write(file, *arguments, **named)
    return file.getvalue()


#: A training with all that a checkpoint can hold: a best epoch, and sums of the one under way.
STOPPING = Recipe(batch_size=4, validation_fraction=0.3, early_stopping=5)
LONGER = Autoencoder(2, recipe=STOPPING, **FEW | {"max_epochs": 2})


def checkpoint_of(tmp):
    clone(LONGER).fit(X, checkpoint_dir=tmp / "c", checkpoint_every="1steps")
    before, _ = sorted((tmp / "c").glob("*.safetensors"))  # the second has come to the end
    return before.read_bytes()


def vae_of(tmp):
    model = VariationalAutoencoder(2, sampler=Mixture(2), conditional=True, **FEW)
    return saved(tmp, model.fit(X, np.arange(12) % 2, columns=COLUMNS))


def config_of(tmp):
    from utsushi.cli.main import run

    words = ["train", "ae", "--data", "digits8x8", "--hidden", "3", "--max-epochs", "1"]
    assert run([*words, "--verbose", "0", "--out", str(tmp / "run")]) == 0
    return (tmp / "run" / "config.json").read_bytes()


DESCRIPTION = {
    "estimator": "Autoencoder",
    "models": {"model": {"n_components": 2, "hidden": [3]}},
    "data": "digits8x8",
}

#: By the name of a file: what it holds where all is well, made in a folder.
ORIGINALS = {
    "model.safetensors": lambda tmp: saved(tmp, Autoencoder(2, **FEW).fit(X)),
    "vae.safetensors": vae_of,
    "neighbors.safetensors": lambda tmp: saved(tmp, AnomalyDetector().fit(X)),
    "detector.safetensors": lambda tmp: saved(tmp, AnomalyDetector(Autoencoder(2, **FEW)).fit(X)),
    "checkpoint-000002-00000002.safetensors": checkpoint_of,
    "config.json": config_of,
    "checkpoints/run.json": lambda _: json.dumps(DESCRIPTION).encode(),
    "rows.npy": lambda _: packed(np.save, X),
    "rows.npz": lambda _: packed(np.savez_compressed, X=X, y=np.arange(12)),
    "rows.csv": lambda _: b"a,b,c,d\n1,2.5,x,2026-01-31\n3,-4e2,y,2026-02-01\n5,6,z,\n",
    "rows.parquet": lambda _: packed(
        lambda file: parquet.write_table(table({"a": X[:, 0], "b": np.arange(12)}), file)
    ),
    "images/one.png": lambda _: packed(Image.fromarray(IMAGES[0]).save, format="png"),
    "images/one.jpg": lambda _: packed(Image.fromarray(IMAGES[0]).save, format="jpeg"),
    "idx/train-images-idx3-ubyte.gz": lambda _: gzip.compress(datasets.mnist.encode_idx(IMAGES)),
}

#: What is left of a test: the file, the lock and the history beside a checkpoint, and a folder that
#: hypothesis has in the current one.
EXPECTED = (
    *(f"one/two/stranger/{name}" for name in ORIGINALS),
    "one/two/stranger/lock",
    "one/two/stranger/history.jsonl",
    "one/two/.hypothesis/",
)

#: The files that speak of themselves; what they say is changed too.
HEADERS = [name for name in ORIGINALS if name.endswith(".safetensors")]
CONFIGURATIONS = ["config.json", "checkpoints/run.json"]

N_KINDS = len(ORIGINALS) + len(HEADERS) + len(CONFIGURATIONS)


def use(model):
    """Call what a loaded model or detector is loaded for."""
    rows = X if model.n_features_in_ == X.shape[1] else np.zeros((1, 1), np.float32)
    model.score_samples(rows)
    if hasattr(model, "columns_"):
        model.columns_.decode(np.zeros((2, model.columns_.n_features)))
    if isinstance(model, AnomalyDetector):
        model.predict(rows)
    else:
        model.transform(rows)
        model.sample(1, random_state=0)


def go_on_from(checkpoint):
    """Go on with the training that a checkpoint says to be of, and leave the checkpoint alone."""
    content = checkpoint.read_bytes()
    try:
        clone(LONGER).fit(X, checkpoint_dir=checkpoint.parent)
    finally:
        for file in checkpoint.parent.glob("checkpoint-*"):
            file.unlink()
        checkpoint.write_bytes(content)


def read(path):
    """Open a file as a user would who got it from a stranger."""
    match path.parent.name, path.suffix:
        case _, ".safetensors" if path.name.startswith("checkpoint-"):
            go_on_from(path)
        case _, ".safetensors":
            use(load(path))
        case "checkpoints", _:
            with resume_run(path.parent.parent):
                pass
        case _, ".json":
            open_run(path.parent)
        case folder, _:
            source = path.parent if folder in ("images", "idx") else path
            facts = datasets.info(source)
            json.dumps(facts, allow_nan=False)
            found = facts["suggested"].items()
            datasets.open(source, **{n: about["value"] for n, about in found if n in READING})


def made_whole(name, tmp_path_factory):
    """Give the bytes of a whole file, and where those that are changed will stand: in the cwd."""
    path = Path.cwd() / "stranger" / name
    path.parent.mkdir(parents=True)
    return ORIGINALS[name](tmp_path_factory.mktemp("hostile")), path


def often(function):
    """Let hypothesis call a function with generators, each for ``TOGETHER`` mutations.

    The function gives the seconds that it took, of which 99 of 100 must be below ``SECOND``.
    """

    @settings(
        max_examples=-(-N_MUTATIONS // (N_KINDS * TOGETHER)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**63))
    def run(seed):
        draw = random.Random(seed)
        seconds.extend(function(draw) for _ in range(TOGETHER))

    seconds = []
    run()
    assert np.quantile(seconds, 0.99) < SECOND


# --- bytes --------------------------------------------------------------------------------------


def edits_of(draw):
    """Draw up to four edits: a kind, a part of the length, a number, and some bytes."""
    kinds = ["flip", "put", "cut", "drop", "repeat"]
    return [
        (draw.choice(kinds), draw.random(), draw.randrange(256), draw.randbytes(draw.randint(1, 8)))
        for _ in range(draw.randint(1, 4))
    ]


def edited(content, edits):
    """Give bytes after some edits, each at a part of their length."""
    content = bytearray(content)
    for kind, place, number, put in edits:
        at = int(place * len(content))
        match kind:
            case "flip" if content:
                content[at] ^= number
            case "put":
                content[at:at] = put
            case "cut":
                del content[at:]
            case "drop":
                del content[at : at + number]
            case _:
                content[at:at] = content[at : at + number] * (1 + number % 3)
    return bytes(content)


@pytest.fixture(autouse=True)
def watched(tmp_path, monkeypatch, memory_watched):
    """Fail if a test hangs, or leaves a file around the current folder.

    The test is in a folder of its own, three folders down: a path that leads out of it is seen.
    """
    around = tmp_path / "around"
    (around / "one" / "two").mkdir(parents=True)
    monkeypatch.chdir(around / "one" / "two")

    def hang(*_):
        raise AssertionError(f"it took more than {HANG} seconds")

    before = signal.signal(signal.SIGALRM, hang) if ALARM else None
    yield
    if ALARM:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    left = {str(path.relative_to(around)) for path in around.rglob("*") if path.is_file()}
    assert not {path for path in left if not path.startswith(EXPECTED)}


def refused_or_read(path):
    """Read a file, which may be refused in one way; any other error is a failure.

    Returns
    -------
    float
        The seconds of the processor that it took.
    """
    message = ""
    started = time.process_time()
    if ALARM:
        signal.alarm(HANG)
    try:
        read(path)
    except UtsushiError as error:
        message = str(error)
    if ALARM:
        signal.alarm(0)
    assert "\n" not in message
    return time.process_time() - started


@pytest.mark.filterwarnings("ignore::utsushi.exceptions.UtsushiWarning")
@pytest.mark.parametrize("name", ORIGINALS)
def test_changed_bytes_are_refused_or_read(name, tmp_path_factory):
    original, path = made_whole(name, tmp_path_factory)

    def try_it(draw):
        path.write_bytes(edited(original, edits_of(draw)))
        return refused_or_read(path)

    often(try_it)


# --- what headers say ---------------------------------------------------------------------------


def value_of(draw):
    """Draw what a header should not say, or might."""
    words = ["os.system", "__import__", "Autoencoder", "../../x", "dense", "flow", "", "\x00"]
    numbers = [2**31, 2**63, 10**30, -(2**63), 1e308, -0.0, 1e-320, draw.randint(-3, 3)]
    some = [None, True, False, draw.choice(words), draw.choice(numbers), draw.uniform(-9, 9)]
    few = [draw.randint(-2, 2**40) for _ in range(draw.randint(0, 3))]
    return draw.choice([*some, few, {draw.choice(words): draw.randint(0, 9)}, [few]])


def changes_of(draw):
    """Draw up to three changes: a place, what becomes of it, and a value."""
    kinds = ["put", "drop", "rename"]
    return [
        (draw.randrange(10**6), draw.choice(kinds), value_of(draw))
        for _ in range(draw.randint(1, 3))
    ]


def places_of(tree):
    """Give each place in nested dicts and lists: the container and the key."""
    if not isinstance(tree, (dict, list)):
        return []
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    return [place for key in keys for place in [(tree, key), *places_of(tree[key])]]


def changed(tree, changes):
    """Give JSON in which some values are others, are gone, or have another name."""
    tree = json.loads(json.dumps(tree))
    for number, kind, value in changes:
        places = places_of(tree)
        if not places:
            break
        container, key = places[number % len(places)]
        if kind == "put":
            container[key] = value
        else:
            old = container.pop(key)
            if kind == "rename" and isinstance(container, dict):
                container[str(value)] = old
    return tree


@pytest.mark.filterwarnings("ignore::utsushi.exceptions.UtsushiWarning")
@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_with_the_right_checksum_is_refused_or_read(name, tmp_path_factory):
    original, path = made_whole(name, tmp_path_factory)
    path.write_bytes(original)
    header, tensors = read_model_file(path)
    described = {key: value for key, value in header.items() if key not in ("format", "sha256")}

    def try_it(draw):
        arrays = dict(tensors)
        one = draw.choice([None, *sorted(tensors)])
        if one is not None:
            array = arrays.pop(one)
            wide, nan = np.concatenate([array.ravel()] * 2), np.full_like(array, np.nan)
            arrays |= draw.choice([{}, {one: wide}, {one: nan}])
        write_model_file(path, changed(described, changes_of(draw)), arrays)
        return refused_or_read(path)

    often(try_it)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_that_lies_is_refused_or_read(name, tmp_path_factory):
    content, path = made_whole(name, tmp_path_factory)
    original = json.loads(content)

    def try_it(draw):
        path.write_text(json.dumps(changed(original, changes_of(draw))))
        return refused_or_read(path)

    often(try_it)
