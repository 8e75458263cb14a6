"""Living pages in a real browser: one Chromium, each page made once, and none that complains."""

import base64
import copy
import io
import os
import shutil
import warnings
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Error, sync_playwright

from utsushi import (
    Autoencoder,
    Recipe,
    SparseAutoencoder,
    TableAutoencoder,
    VariationalAutoencoder,
    datasets,
)
from utsushi.exceptions import UtsushiWarning
from utsushi.networks import Conv, TopK
from utsushi.report import FilmRecorder, to_html
from utsushi.report.tensors import Blob
from utsushi.transforms.table_schema import Column, TableSchema

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

SHORT = {"hidden": (64,), "max_epochs": 3, "random_state": 0}

HOSTILE = "<script>alert(1)</script>"
ATTRIBUTE = '"><img src=x onerror=alert(1)>'
LONG = "x" * 10_000
TURNED = "\u202eאבג ${title} &lt;"

#: Numbers as base64, which is read much faster than numbers one by one.
NUMBERS = """
  globalThis.fromPython = (text) =>
    new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  globalThis.toPython = (numbers) => {
    const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One worker runs what is here, with one Chromium."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    # Playwright knows where macOS and Windows keep Chrome.
    which = {"executable_path": found} if found else {"channel": "chrome"}
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(**which, args=ARGUMENTS)
        except Error as error:
            say = pytest.fail if os.environ.get("UTSUSHI_REQUIRE_BROWSER") else pytest.skip
            reason, *_ = str(error).splitlines()
            say(f"no Chromium or Chrome that opens the living page; install one: {reason}")
        yield chromium
        chromium.close()


# --- the pages ------------------------------------------------------------------------------------


@dataclass
class Made:
    """A page's file, and what it was made from."""

    path: Path
    models: dict
    X: np.ndarray
    labels: np.ndarray | None = None
    X_train: np.ndarray | None = None
    text: str = ""
    films: dict | None = None

    def bytes(self, row):
        """Return a row as the page shows it: (height, width, 3) from 0 to 255."""
        low, high = self.X.min(), self.X.max()
        shape = next(iter(self.models.values())).image_shape
        image = np.reshape(row, (1, *shape) if len(shape) == 2 else shape)
        shown = np.rint(255 * np.clip((image - low) / (high - low), 0, 1)).astype(int)
        return np.broadcast_to(np.moveaxis(shown, 0, -1), (*shape[-2:], 3))


def digits():
    data = datasets.load_mnist20k()
    X, train = data.X_test[:300], data.X_train[:800]  # more than pixels: no start from PCA
    # Wide enough to be carried in half precision.
    settings = {**SHORT, "hidden": (100,), "image_shape": (28, 28), "max_epochs": 6}
    settings["recipe"] = Recipe(batch_size=20)
    models = {
        "AE": Autoencoder(**settings).fit(train),
        "VAE": VariationalAutoencoder(**settings, likelihood="unit-gaussian").fit(train),
    }
    return models, X, data.y_test[:300], train


def colour():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :10]
    waves = rng.uniform(0.1, 0.6, (200, 3, 2))
    X = 0.5 + 0.5 * np.sin(waves[..., 0, None, None] * x + waves[..., 1, None, None] * y)
    X = X.reshape(200, -1).astype(np.float32)
    settings = {**SHORT, "hidden": (), "image_shape": (3, 12, 10)}
    models = {"Conv": Autoencoder(4, network=Conv(channels=(4, 6)), **settings).fit(X)}
    return models, X[:80], None, X


def table():
    rng = np.random.default_rng(0)
    names = ["length", "width", "height", "weight", "age"]
    X = pd.DataFrame(rng.normal(size=(300, 2)) @ rng.normal(size=(2, 5)) + 3, columns=names)
    labels = np.where(X["length"] > X["length"].median(), "large ones", "small ones")
    settings = {**SHORT, "scaling": "standard", "hidden": (16,)}
    models = {"Table": VariationalAutoencoder(3, **settings, sampler="gaussian").fit(X)}
    return models, X[:200], labels[:200], X


def people():
    """A table of numbers, categories, truth values, counts and dates, with gaps."""
    rng = np.random.default_rng(1)
    age = rng.integers(18, 80, 400)
    towns = np.array(["Kobe", "Oslo", "Lima"], object)
    colours = np.array([f"colour {i}" for i in range(130)], object)
    day = np.timedelta64(1, "D")
    frame = pd.DataFrame(
        {
            "age": age,
            "town": towns[np.clip(age // 30 + rng.integers(0, 2, 400) - 1, 0, 2)],
            "income": np.round(np.exp(rng.normal(10, 0.5, 400)) * (1 + 0.01 * age), 2),
            "member": rng.random(400) < age / 100,
            "visits": rng.poisson(age / 10),
            "since": np.datetime64("2000-01-01", "s")
            + (100 * age + rng.integers(0, 900, 400)) * day,
            "colour": colours[rng.integers(0, 130, 400)],
        }
    )
    frame.loc[rng.random(400) < 0.2, "income"] = np.nan
    frame.loc[rng.random(400) < 0.1, "town"] = None
    model = TableAutoencoder(
        3, kinds={"visits": "count"}, hidden=(32,), max_epochs=40, random_state=0
    )
    return {"Table": model.fit(frame[:300])}, frame[300:], None, frame[:300]


def gaps():
    """A table of the command line: numbers with gaps, and one-hot categories."""
    rng = np.random.default_rng(0)
    size, town = rng.normal(50, 10, 200), rng.integers(0, 3, 200)
    values = np.stack([size, 3 * size + rng.normal(0, 5, 200), town], axis=1)
    values[rng.random(200) < 0.2, 1] = np.nan
    town_column = Column("town", "category", ("Kobe", "Lima", "Oslo"))
    schema = TableSchema((Column("size"), Column("weight"), town_column))
    X = schema.encode(values)
    settings = {**SHORT, "hidden": (16,), "max_epochs": 20, "missing": "mask"}
    models = {
        "AE": Autoencoder(2, scaling="standard", **settings),
        "VAE": VariationalAutoencoder(2, scaling="standard", **settings),
        "Mixed": VariationalAutoencoder(2, likelihood="mixed", **settings),
    }
    models = {name: model.fit(X[:150], columns=schema) for name, model in models.items()}
    return models, X[150:], None, X[:150]


def counts():
    rng = np.random.default_rng(0)
    rate = np.exp(rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6)))
    X = rng.poisson(np.minimum(rate, 60)).astype(float)
    settings = {**SHORT, "hidden": (16,), "max_epochs": 20, "sampler": "gaussian"}
    names = ("poisson", "negative-binomial", "zero-inflated")
    models = {n: VariationalAutoencoder(2, likelihood=n, **settings).fit(X[:150]) for n in names}
    return models, X[150:], None, X[:150]


def quantizers():
    data = datasets.load_digits8x8()
    settings = {**SHORT, "image_shape": (8, 8), "max_epochs": 10}
    kinds = {"RVQ": "residual-vector-quantization", "FSQ": "finite-scalar-quantization"}
    models = {n: Autoencoder(4, bottleneck=kind, **settings) for n, kind in kinds.items()}
    models = {name: model.fit(data.X_train[:500]) for name, model in models.items()}
    return models, data.X_test[:100], None, None


def still():
    """Models that a page cannot run."""
    data = datasets.load_digits8x8()
    settings = {"image_shape": (8, 8), "max_epochs": 10, "random_state": 0}
    layers = {"prior": "hierarchical", "posterior": "hierarchical"}
    models = {
        "Layers": VariationalAutoencoder(4, hidden=(64,), **layers, **settings),
        "Sparse": SparseAutoencoder(64, sparsity=TopK(k=8), **settings),
    }
    models = {name: model.fit(data.X_train[:500]) for name, model in models.items()}
    return models, data.X_test[:100], data.y_test[:100], None


def conditional():
    data = datasets.load_digits8x8()
    settings = {**SHORT, "image_shape": (8, 8), "likelihood": "continuous-bernoulli"}
    model = VariationalAutoencoder(2, conditional=True, scaling=None, sampler="prior", **settings)
    models = {"CVAE": model.fit(data.X_train, data.y_train)}
    return models, data.X_test[:200], data.y_test[:200], data.X_train


def one():
    """A code of one number."""
    data = datasets.load_digits8x8()
    model = Autoencoder(1, **{**SHORT, "hidden": (32,)}, image_shape=(8, 8)).fit(data.X_train)
    return {"AE": model}, data.X_test[:60], data.y_test[:60], data.X_train


def parts():
    """A learned prior, and codes from a codebook."""
    data = datasets.load_digits8x8()
    settings = {"image_shape": (8, 8), "hidden": (64,), "max_epochs": 20, "random_state": 0}
    models = {
        "Vamp": VariationalAutoencoder(4, prior="vamp", sampler="prior", **settings),
        "VQ": Autoencoder(4, bottleneck="vector-quantization", **settings),
    }
    models = {name: model.fit(data.X_train) for name, model in models.items()}
    return models, data.X_test[:200], data.y_test[:200], data.X_train


def film():
    """A film of each training, and a variational model with dead components."""
    data = datasets.load_digits8x8()
    X, y = data.X_test[:200], data.y_test[:200]
    settings = {"image_shape": (8, 8), "hidden": (32,), "max_epochs": 30, "random_state": 0}
    models = {
        "AE": Autoencoder(4, **settings),
        "VAE": VariationalAutoencoder(8, beta=4, **settings),
    }
    recorders = {name: FilmRecorder(X, y) for name in models}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UtsushiWarning)  # of dead components
        for name, model in models.items():
            model.fit(data.X_train, on_epoch=recorders[name])
    return models, X, y, data.X_train, {name: each.film for name, each in recorders.items()}


def seen():
    X = np.random.default_rng(0).random((60, 5))
    labels = np.arange(60) % 2
    return {"AE": Autoencoder(2, **{**SHORT, "hidden": (8,)}).fit(X)}, X, labels, X


def hostile():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=[HOSTILE, ATTRIBUTE, LONG, TURNED])
    labels = np.array([HOSTILE, ATTRIBUTE, LONG, TURNED])[np.arange(60) % 4]
    settings = {**SHORT, "hidden": (8,)}
    models = {
        ATTRIBUTE: Autoencoder(2, **settings).fit(X),
        LONG: VariationalAutoencoder(2, **settings).fit(X),
    }
    return models, X, labels, X


def spots(network, shape):
    """A network of the default size that was hardly trained, and sixty images of a spot each."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[-2], : shape[-1]] / shape[-1]
    left, top = rng.uniform(0.2, 0.8, size=(2, 60, 1, 1, 1))
    colours = rng.uniform(0.1, 1, size=(60, shape[0], 1, 1))
    X = colours * np.exp(-((x - left) ** 2 + (y - top) ** 2) / 0.05)
    X = X.reshape(60, -1).astype(np.float32)
    settings = {"image_shape": shape, "max_epochs": 1, "random_state": 0}
    recipe = Recipe(learning_rate=1e-3)
    model = Autoencoder(4, network=network, recipe=recipe, **settings).fit(X)
    # Its codes are much alike: the decoder is made to show what they differ in.
    next(model.module_.decoder.parameters()).data *= 0.5 / model.transform(X).std()
    return {"AE": model}, X, None, X


KINDS = {
    **{
        maker.__name__: maker
        for maker in (
            *(digits, colour, table, conditional, film, one, parts, seen, hostile),
            *(people, gaps, counts, quantizers, still),
        )
    },
    **{
        f"{network}, {'x'.join(map(str, shape))}": partial(spots, network, shape)
        for network in ("dense", "conv")
        for shape in ((1, 28, 28), (3, 64, 64))
    },
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Give a page by its name; each is made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def make(name):
        models, X, labels, train, *films = KINDS[name]()
        films = films[0] if films else None
        title = f"{HOSTILE} {ATTRIBUTE} {LONG} {TURNED}" if name == "hostile" else name
        page = to_html(models, X, labels, X_train=train, title=title, film=films)
        path = page.save(folder / f"{len(list(folder.iterdir()))}.html")
        rows = X if isinstance(X, pd.DataFrame) and name == "people" else np.asarray(X)
        return Made(path, models, rows, labels, np.asarray(train), str(page), films)

    return make


@pytest.fixture(scope="session")
def rounded():
    """Give a model with the weights that its page carries."""

    def of(model):
        model = copy.deepcopy(model)
        for weight in (p for p in model.module_.parameters() if p.dim() > 1):
            if Blob().add_rounded(weight.detach().numpy())["dtype"] == "float16":
                weight.data = weight.data.half().float()
        return model

    return of


# --- an open page ---------------------------------------------------------------------------------


@dataclass
class Living:
    """A page that is open, and what a test asks of it."""

    page: object

    def js(self, expression, argument=None):
        return self.page.evaluate(expression, argument)

    def numbers(self, expression, *arguments):
        """Return the numbers of what a function of arrays and others gives, flat."""
        taken = [
            base64.b64encode(value.astype("<f4").tobytes()).decode()
            if isinstance(value, np.ndarray)
            else value
            for value in arguments
        ]
        text = self.js(f"async (given) => toPython(await ({expression})(...given))", taken)
        return np.frombuffer(base64.b64decode(text), "<f4")

    def state(self):
        return self.js("Utsushi.state.get()")

    def change(self, **patch):
        self.js("patch => Utsushi.state.change(patch)", patch)
        self.settle()

    def settle(self):
        """Wait until what was asked of the networks is drawn."""
        self.js(
            "async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame) }"
        )

    def until(self, condition):
        """Wait for a condition in JavaScript; the page itself may not evaluate one."""
        self.js(
            f"""async () => {{
              const end = performance.now() + 60_000;
              while (!({condition})) {{
                if (performance.now() > end) throw new Error("waited for a minute");
                await new Promise((resolve) => setTimeout(resolve, 20));
              }}
            }}"""
        )

    def view(self, name):
        self.page.locator(f"#tab-{name}").click()
        self.settle()

    def pixels(self, selector, index=0):
        """Return what a canvas shows: (height, width, 3) from 0 to 255."""
        address = self.js(
            "([selector, index]) => document.querySelectorAll(selector)[index].toDataURL()",
            [selector, index],
        )
        return self.read(address)

    def read(self, address):
        """Return the pixels of an image in a data: address."""
        image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
        return np.asarray(image.convert("RGBA"))[..., :3].astype(int)

    def on_map(self, place):
        """Return where on the screen a place of the map's plane is."""
        return self.js(
            """(place) => {
              const map = document.getElementById("map");
              map.scrollIntoView({ block: "center", behavior: "instant" });
              const box = map.getBoundingClientRect();
              const [x, y] = Utsushi.map.toPixel(Utsushi.map.view(), place);
              return [Math.round(box.left + x), Math.round(box.top + y)];
            }""",
            list(map(float, place)),
        )

    def from_map(self, x, y):
        """Return the place of the map's plane that is at a point of the screen."""
        return self.js(
            """([x, y]) => {
              const box = document.getElementById("map").getBoundingClientRect();
              return Utsushi.map.fromPixel(Utsushi.map.view(), [x - box.left, y - box.top]);
            }""",
            [x, y],
        )

    def places(self):
        return np.array(self.js("Utsushi.map.view().places"))


class Tabs:
    """Tabs of a browser, used again by who asks for the same kind: a new one takes a second."""

    def __init__(self, browser):
        self.browser = browser
        self.idle = defaultdict(list)

    @contextmanager
    def tab(self, size, scheme, motion, touch, script):
        kind = (size, scheme, motion, touch, script)
        page = self.idle[kind].pop() if self.idle[kind] else self._new(*kind)
        try:
            yield page
        finally:
            page.mouse.move(0, 0)
            page.goto("about:blank")
        page.emulate_media(media="null", color_scheme=scheme, reduced_motion=motion)
        self.idle[kind].append(page)

    def _new(self, size, scheme, motion, touch, script):
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion=motion,
            has_touch=touch,
        )
        context.set_default_timeout(20_000)
        context.add_init_script(NUMBERS + script)
        return context.new_page()


@contextmanager
def watched(page, address):
    """Complain at the end of whatever a page did wrong meanwhile."""
    problems = []

    def heard(message):
        if message.type == "error":
            problems.append(message.text)

    def failed(error):
        problems.append(str(error))

    def asked(request):
        if request.url.split("#")[0] != address and not request.url.startswith("blob:"):
            problems.append(f"a request of {request.url}")

    def interrupted(dialog):
        problems.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    listeners = {"console": heard, "pageerror": failed, "request": asked, "dialog": interrupted}
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert problems == []


@pytest.fixture(scope="session")
def open_page(browser, made):
    """Open a page by its name, as a context; a script of the test's own runs before the page's."""
    tabs = Tabs(browser)

    @contextmanager
    def opened(
        name,
        hash_="",
        *,
        size=(1280, 900),
        scheme="light",
        motion="reduce",
        touch=False,
        script="",
    ):
        address = made(name).path.as_uri()
        with tabs.tab(size, scheme, motion, touch, script) as page, watched(page, address):
            page.goto(f"{address}#{hash_}" if hash_ else address)
            page.wait_for_selector("#play[data-ready]", state="attached")
            living = Living(page)
            living.settle()
            yield living

    return opened


@pytest.fixture
def visit(open_page):
    """Open a page by its name until the test ends."""
    with ExitStack() as stack:
        yield lambda *what, **how: stack.enter_context(open_page(*what, **how))
