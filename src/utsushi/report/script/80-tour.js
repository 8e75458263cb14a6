"use strict";
/* A guided tour of eight steps: each asks a question, and then shows the answer. */

Utsushi.tour = (() => {
  const { build, page, state, words } = Utsushi;
  let step = -1;
  let answered = -1;
  let card = null;

  const model = () => page.models[state.get().model];
  const put = (z) => state.change({ point: state.point(z, -1, state.get().point.y) }, { keep: true });

  /** Return two different samples: the central ones of the first and last class, or the ends of the map. */
  function twoRows() {
    const { labels, count } = page.test;
    if (!labels) return [0, count - 1];
    const last = page.header.classes.length - 1;
    const of = (label) => [...labels.keys()].filter((row) => labels[row] === label);
    const [a, b] = [of(0), of(last)].map((rows) => Utsushi.journey.middleOf(model(), rows));
    return [Math.max(a, 0), b < 0 ? count - 1 : b];
  }

  const extreme = (compare) => {
    const { information } = model();
    return information.indexOf(information.reduce((a, b) => (compare(a, b) ? a : b)));
  };

  /** Move one component to the far end of its range. */
  function push(component) {
    const chosen = model();
    const row = twoRows()[0];
    const z = [...page.pointOf(chosen, row).z];
    let [low, high] = [Infinity, -Infinity];
    for (let i = component; i < chosen.codes.length; i += chosen.n_components) {
      low = Math.min(low, chosen.codes[i]);
      high = Math.max(high, chosen.codes[i]);
    }
    z[component] = high - z[component] > z[component] - low ? high : low;
    put(z);
  }

  function halfway() {
    const [a, b] = twoRows().map((row) => page.pointOf(model(), row).z);
    put(a.map((value, h) => (value + b[h]) / 2));
  }

  /** Move the point to the corner of the map that is farthest from the mean code. */
  function corner() {
    state.change({ plane: "pc" });
    const { flat, frame } = Utsushi.map.view();
    const target = frame.middle.map((value) => value + 0.95 * frame.half);
    put(Utsushi.plane.move(flat, [...model().centre], target));
  }

  function ends() {
    const [a, b] = twoRows().map((row) => page.pointOf(model(), row));
    state.change({ ends: [a, b], position: 0.5, view: "interpolate" }, { keep: true });
  }

  /** Use a sample unlike the training data as input: one with inverted values. */
  function strange() {
    const [low, high] = page.isImage ? page.header.range : [0, 0];
    const row = page.rowOf(page.test, twoRows()[0]).map((value, i) => {
      if (page.isImage) return low + high - value;
      const { low: least, high: most } = page.header.features;
      return i % 2 ? most[i] : least[i];
    });
    Utsushi.draw.give(row);
  }

  /** For each step: the view, the highlighted element, and the action after an answer. */
  const STEPS = [
    { view: "walk", target: "#map-card" },
    { view: "walk", target: "#walk-decoded", show: halfway },
    { view: "walk", target: "#sliders", show: () => push(extreme((a, b) => a >= b)) },
    { view: "walk", target: "#sliders", show: () => push(extreme((a, b) => a <= b)) },
    { view: "walk", target: "#map-card", show: corner },
    { view: "interpolate", target: "#strips", show: ends },
    { view: "draw", target: "#draw-result", show: strange },
    { view: "generate", target: "#generated", show: () => state.change({ chosen: 0 }, { keep: true }) },
  ];

  function light(selector) {
    for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
    if (!selector) return;
    const element = document.querySelector(selector);
    if (!element) return;
    element.classList.add("lit");
    // The card must not cover the highlighted element.
    card.classList.toggle("left", Boolean(element.closest(".side")));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    // On a narrow screen, the element is scrolled to the top, above the card.
    const block = matchMedia("(max-width: 60rem)").matches ? "start" : "nearest";
    element.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });
  }

  function answer(choice) {
    answered = choice;
    const { show } = STEPS[step];
    if (show) show();
    render();
    card.querySelector("[data-tour=next]").focus();
  }

  function go(to) {
    [step, answered] = [to, -1];
    if (step >= 0) {
      Utsushi.journey.stop();
      state.change({ view: STEPS[step].view }, { keep: true });
      if (step === 1) state.change({ point: page.pointOf(model(), twoRows()[0]) });
    }
    render();
    if (step >= 0) card.querySelector("h3").focus();
    else document.getElementById("start-tour").focus();
  }

  function render() {
    card.hidden = step < 0;
    light(step < 0 ? null : STEPS[step].target);
    if (step < 0) return;
    const key = `tour_${step + 1}`;
    const text = (part) => words.get(`${key}_${part}`, { size: model().n_components });
    const button = (name, listener, options = {}) =>
      build("button", { type: "button", text: name, on: { click: listener }, ...options });
    const choices = ["a", "b", "c"].map((letter, index) =>
      button(text(letter), () => answer(index), { "aria-pressed": String(answered === index) }),
    );
    const last = step === STEPS.length - 1;
    const contents = [
      build("p", { class: "count", text: words.get("tour_count", { step: step + 1, count: STEPS.length }) }),
      build("h3", { text: text("title"), tabindex: -1 }),
      build("p", { text: text("question") }),
      build("div", { class: "choices", role: "group", "aria-label": words.get("tour_predict") }, choices),
    ];
    if (answered >= 0) contents.push(build("p", { class: "answer", text: text("answer") }));
    const controls = [
      button(words.get("tour_back"), () => go(step - 1), step === 0 ? { disabled: "" } : {}),
      button(words.get("tour_close"), () => go(-1)),
      button(words.get(last ? "tour_end" : "tour_next"), () => go(last ? -1 : step + 1), {
        "data-tour": "next",
        class: "primary",
        ...(answered < 0 ? { disabled: "" } : {}),
      }),
    ];
    card.replaceChildren(...contents, build("div", { class: "controls" }, controls));
  }

  function start() {
    card = document.getElementById("tour");
    document.getElementById("start-tour").addEventListener("click", () => go(0));
    card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") go(-1);
    });
    state.listen((now, changed) => {
      if (step >= 0 && (changed.has("language") || changed.has("model"))) render();
    });
  }

  return { start, go, STEPS };
})();
