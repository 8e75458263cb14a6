"""A slow machine: pictures follow what moves, no request queues, the newest is shown at the end.

Chromium slows its main thread to a quarter. It does not slow workers, so here each answer of a
worker is held back for three times as long as it took.
"""

import os
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from playwright.sync_api import expect

SLOWER = 4

IS_LONG = os.environ.get("UTSUSHI_SOAK") == "1"

#: Samples, one every quarter of a second, of the drag: 30 seconds in the long form, else 4.
N_SAMPLES = 120 if IS_LONG else 16

#: Pictures that are painted during the drag at least, however slow the machine is.
N_PICTURES = 12

INSTRUMENTS = (
    """
  globalThis.counts = { worker: { asked: 0, answered: 0, most: 0 } };
  const ask = (count) => {
    count.asked++;
    count.most = Math.max(count.most, count.asked - count.answered);
  };
  globalThis.Worker = class extends Worker {
    postMessage(message, ...rest) {
      if (!message.parts) {
        ask(counts.worker);
        this.began = performance.now();
      }
      super.postMessage(message, ...rest);
    }
    set onmessage(listener) {
      super.onmessage = (event) => setTimeout(() => {
        counts.worker.answered++;
        listener(event);
      }, (SLOWER - 1) * (performance.now() - this.began));
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    for (const name of ["decode", "measure"]) {
      const count = counts[name] = { asked: 0, answered: 0, most: 0 };
      // The place in the script that asks is the purpose.
      const inFlight = new Map();
      const run = Utsushi.Model.prototype[name];
      Utsushi.Model.prototype[name] = async function (...request) {
        const purpose = new Error().stack.split("\\n")[2];
        inFlight.set(purpose, (inFlight.get(purpose) || 0) + 1);
        count.asked++;
        count.most = Math.max(count.most, inFlight.get(purpose));
        try {
          return await run.apply(this, request);
        } finally {
          inFlight.set(purpose, inFlight.get(purpose) - 1);
          count.answered++;
        }
      };
    }
  });
  globalThis.painted = 0;
  const { putImageData } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.putImageData = function (...picture) {
    if (this.canvas.closest("#walk-decoded")) painted++;
    putImageData.apply(this, picture);
  };
  globalThis.samples = [];
  globalThis.sampleEvery = (milliseconds) => setInterval(() => {
    const canvas = document.querySelector("#walk-decoded canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = data.filter((_, i) => i % 4 < 3);
    samples.push({
      counts: structuredClone(counts),
      painted,
      moves: Utsushi.journey.isRunning() ? "opening" : globalThis.dragging ? "drag" : "",
      least: Math.min(...colours),
      most: Math.max(...colours),
      picture: colours.reduce((hash, value) => (hash * 31 + value) >>> 0, 7),
    });
  }, milliseconds);
"""
).replace("SLOWER", str(SLOWER))

#: No request is in flight, and so none waits.
IDLE = "Object.values(counts).every(({ asked, answered }) => asked === answered)"


@dataclass
class Slow:
    """A page on a slow machine, and what was seen of it while it moved."""

    living: object
    page: object
    model: object
    samples: list
    resting: dict  # the state after the opening

    def show(self, z):
        """Return the picture of what Python decodes from a code."""
        row = self.model.inverse_transform(np.asarray(z, dtype=np.float32)[None])[0]
        return self.page.bytes(row)

    def start_counting(self):
        self.living.js("() => Object.values(counts).forEach((count) => { count.most = 0 })")

    def wait_until_idle(self):
        self.living.settle()
        self.living.until(IDLE)


#: The long form has all four.
PAGES = ["dense, 1x28x28", "conv, 3x64x64"]
if IS_LONG:
    PAGES += ["dense, 3x64x64", "conv, 1x28x28"]


@pytest.fixture(scope="module", params=PAGES)
def slow(request, open_page, made, rounded):
    """Watch the opening to its end, and then drag the point."""
    page = made(request.param)
    with open_page(request.param, motion="no-preference", script=INSTRUMENTS) as living:
        session = living.page.context.new_cdp_session(living.page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        living.until("counts.decode.answered > 0")
        living.js("sampleEvery(250)")
        living.until("!Utsushi.journey.isRunning()")
        resting = living.state()
        drag(living)
        model = rounded(page.models["AE"])
        seen = Slow(living, page, model, living.js("samples"), resting)
        living.until("Utsushi.field.isDone()")
        seen.wait_until_idle()
        yield seen
        session.send("Emulation.setCPUThrottlingRate", {"rate": 1})


def drag(living):
    """Drag the point in loops until enough samples are taken and pictures drawn."""
    mouse, box = living.page.mouse, living.page.locator("#map").bounding_box()

    def place(step):
        x, y = 0.5 + 0.4 * np.sin(0.11 * step), 0.5 + 0.4 * np.sin(0.07 * step + 1)
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    mouse.move(*place(0))
    mouse.down()
    living.js("() => { globalThis.dragging = true }")
    samples, painted = living.js("[samples.length, painted]")
    step = 0
    while not living.js(
        f"samples.length >= {samples + N_SAMPLES} && painted >= {painted + N_PICTURES}"
    ):
        step += 1
        mouse.move(*place(step))
    living.js("() => { globalThis.dragging = false }")
    mouse.up()


def test_no_picture_is_black_and_each_moves_on(slow):
    assert all(sample["least"] < sample["most"] for sample in slow.samples)
    for moves in ("opening", "drag"):
        # Where it was painted twice more, the picture is another, however slowly that goes.
        chosen = []
        for sample in slow.samples:
            painted = sample["painted"]
            if sample["moves"] == moves and (not chosen or painted >= chosen[-1][0] + 2):
                chosen.append((painted, sample["picture"]))
        changed = [before != after for (_, before), (_, after) in pairwise(chosen)]
        assert moves == "opening" or len(changed) >= N_PICTURES // 4
        assert sum(changed) >= 0.75 * len(changed)


def test_at_most_one_request_of_a_purpose_is_in_flight(slow):
    assert {name: count["most"] for name, count in slow.samples[-1]["counts"].items()} == {
        "worker": 1 if slow.samples[-1]["counts"]["worker"]["asked"] else 0,
        "decode": 1,
        "measure": 1,
    }


def test_the_newest_place_is_shown_at_the_end(slow):
    expected = slow.show(slow.living.state()["point"]["z"])
    assert np.abs(slow.living.pixels("#walk-decoded canvas") - expected).max() <= 1


def test_the_opening_comes_to_rest_on_a_row_and_nothing_is_decoded_any_more(slow):
    assert slow.resting["point"]["row"] == 0
    before = slow.living.js("counts.decode.asked")
    for _ in range(5):
        slow.living.settle()
    assert slow.living.js("counts.decode.asked") == before


def test_the_film_and_the_point_between_keep_up_with_the_slider(slow):
    living = slow.living
    living.view("interpolate")
    slow.start_counting()
    living.js(
        """async () => {
          const slider = document.getElementById("position");
          for (let i = 0; i <= 60; i++) {
            slider.value = i / 80;
            slider.dispatchEvent(new Event("input"));
            const { point, ends: [a, b] } = Utsushi.state.get();
            if (i % 6 === 0) Utsushi.state.change({ ends: [b, a] });
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    slow.wait_until_idle()
    state = living.state()
    assert living.js("counts.decode.most") <= 2  # the film and the point are decoded by one line
    assert living.js("counts.worker.most") <= 1
    assert state["position"] == 0.75
    a, b = (np.array(end["z"]) for end in state["ends"])
    for selector, index, z in (
        ("#end-now canvas", 0, a + 0.75 * (b - a)),
        ("#film canvas", 0, a),
        ("#film canvas", 10, b),
    ):
        assert np.abs(living.pixels(selector, index) - slow.show(z)).max() <= 1


def test_of_many_seeds_the_last_is_generated(slow):
    living = slow.living
    living.view("generate")
    slow.start_counting()
    for _ in range(8):
        living.page.locator("#again").click()
    living.page.locator("#generated button").nth(49).click()
    living.until("!document.getElementById('generated-result').hidden")
    slow.wait_until_idle()
    assert living.js("counts.decode.most") <= 1
    assert living.js("counts.worker.most") <= 1
    assert living.state()["seed"] == 8
    expected = slow.show(living.state()["point"]["z"])
    assert np.abs(living.pixels("#generated-one canvas") - expected).max() <= 1
    cell = living.pixels("#generated canvas", 49)
    np.testing.assert_array_equal(cell, living.pixels("#generated-one canvas"))


def test_a_drawing_is_measured_as_it_grows(slow):
    living = slow.living
    living.view("draw")
    slow.start_counting()
    pad = living.page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    mouse = living.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.7 * box["height"], steps=25)
    mouse.up()
    slow.wait_until_idle()
    assert living.js("counts.measure.most") == 1
    expect(living.page.locator("#draw-result")).to_be_visible()
    expected = slow.show(living.state()["point"]["z"])
    assert np.abs(living.pixels("#draw-copy canvas") - expected).max() <= 2
