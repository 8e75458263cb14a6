"use strict";
/* A guided tour: each step asks a question, and then shows the answer, which is measured on the page's
   own model (see effects). */

Utsushi.tour = (() => {
  const { build, effects, page, state, words } = Utsushi;
  const LETTERS = ["a", "b", "c"];
  let steps = []; // those that apply to the page's models
  let step = -1;
  let answered = -1;
  let plan = null; // what was measured for the step, or null until then
  let kept = null; // the visitor's drawing and plane, which come back at the end
  let card = null;

  const model = () => page.models[state.get().model];
  const put = (z) => state.change({ point: state.point(z, -1, state.get().point.y) }, { keep: true });
  const isNarrow = () => matchMedia("(max-width: 60rem)").matches;

  /** Keep a measurement for each model: several steps need the same one. */
  const cache = new Map();
  function once(name, measure) {
    const key = `${state.get().model},${name}`;
    if (!cache.has(key)) cache.set(key, measure());
    return cache.get(key);
  }

  const pair = () => once("pair", () => effects.pair(model()));
  const components = () => once("components", async () => effects.components(model(), (await pair()).a));
  const select = (row) => state.change({ point: page.pointOf(model(), row) });

  /** A sample unlike the training data: one with inverted values. */
  async function inverted() {
    const { a } = await pair();
    const [low, high] = page.isImage ? page.header.range : [0, 0];
    const row = page.rowOf(page.test, a).map((value, i) => {
      if (page.isImage) return low + high - value;
      const { low: least, high: most } = page.header.features;
      return i % 2 ? most[i] : least[i];
    });
    const measures = await model().measure(row, state.get().point.y);
    return { row, rank: model().rank(measures.score) };
  }

  const blends = ({ ratio }) => (ratio < 0.1 ? "a" : "b");
  const percent = words.percent;
  const tiny = (part) => (part < 0.0005 ? "< 0.1 %" : percent(part));

  /** For each step: whether it applies; the view and the highlighted element, on a narrow screen another
      one; what it measures and first shows; the right answer, and what it shows after an answer. */
  const STEPS = {
    map: {
      applies: () => Boolean(page.test.labels),
      view: "walk",
      target: "#map-card",
      narrow: "#map",
      measure: async () => ({ share: effects.agreement(model()) }),
      right: ({ share }) => (share > 0.5 ? "b" : "a"),
      values: ({ share }) => ({ share: percent(share) }),
    },
    halfway: {
      view: "walk",
      target: "#walk-decoded",
      measure: pair,
      ask: ({ a }) => select(a),
      right: blends,
      show: ({ a, b }) => {
        const [from, to] = [a, b].map((row) => page.pointOf(model(), row).z);
        put(from.map((value, h) => (value + to[h]) / 2));
      },
    },
    largest: {
      view: "walk",
      target: "#walk-decoded",
      measure: components,
      ask: ({ row }) => select(row),
      right: ({ largest: { share } }) => (share < 0.01 ? "c" : share < 0.05 ? "a" : "b"),
      values: ({ largest: { component, share } }) => ({ component: component + 1, share: percent(share) }),
      show: ({ largest: { z } }) => put(z),
    },
    smallest: {
      view: "walk",
      target: "#walk-decoded",
      measure: components,
      ask: ({ row }) => select(row),
      right: ({ largest, smallest }) => (smallest.change < largest.change / 4 ? "a" : "b"),
      values: ({ largest, smallest }) => ({
        component: smallest.component + 1,
        ratio: tiny(smallest.change / (largest.change || 1)),
      }),
      show: ({ smallest: { z } }) => put(z),
      variant: ({ smallest: { component } }) => (model().dead[component] ? "_dead" : ""),
    },
    far: {
      view: "walk",
      target: "#walk-decoded",
      measure: () => once("corner", () => effects.corner(model(), state.get().point.y)),
      ask: () => state.change({ plane: "pc" }),
      right: ({ ratio }) => (ratio > 1.5 ? "c" : "a"),
      values: ({ ratio }) => ({ ratio: words.number(ratio, 2) }),
      show: ({ z }) => put(z),
    },
    ellipse: {
      applies: () => model().hasNormalPrior,
      view: "walk",
      target: "#map-card",
      narrow: "#map",
      measure: pair,
      ask: ({ a }) => state.change({ plane: "pc", point: page.pointOf(model(), a) }),
      right: () => "b",
    },
    path: {
      view: "interpolate",
      target: "#strips",
      measure: pair,
      right: blends,
      show: ({ a, b }) => {
        const ends = [a, b].map((row) => page.pointOf(model(), row));
        state.change({ ends, position: 0.5, path: "line" }, { keep: true });
      },
    },
    models: {
      applies: () => page.models.length > 1,
      view: "walk",
      target: "#through",
      measure: () => once("errors", async () => ({ errors: await effects.errors() })),
      ask: () => select(0),
      right: ({ errors: [a, b] }) => (Math.abs(a - b) < 0.05 * Math.max(a, b) ? "c" : a < b ? "a" : "b"),
      values: ({ errors: [a, b] }) => ({ first_error: words.number(a), second_error: words.number(b) }),
    },
    strange: {
      view: "draw",
      target: "#draw-result",
      measure: () => once("inverted", inverted),
      right: ({ rank }) => (rank >= 0.95 ? "b" : "a"),
      values: ({ rank }) => ({ rank: percent(rank) }),
      show: ({ row }) => Utsushi.draw.give(row),
    },
    copies: {
      applies: () => Boolean(page.train),
      view: "generate",
      target: "#generated",
      measure: () => once(`copies,${state.get().seed}`, async () => ({ count: await effects.memorized(model(), state.get().seed) })),
      right: ({ count }) => ({ 0: "c", 50: "a" })[count] || "b",
      values: ({ count }) => ({ count }),
      show: () => state.change({ chosen: 0 }, { keep: true }),
    },
  };

  function light(selector) {
    for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
    if (!selector) return;
    let element = document.querySelector(selector);
    // Before the answer, there may be no result yet.
    if (!element.checkVisibility()) element = document.getElementById(state.get().view);
    element.classList.add("lit");
    // The card must not cover the highlighted element.
    card.classList.toggle("left", Boolean(element.closest(".side")));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    // On a narrow screen, the element is scrolled to the top, above the card.
    const block = isNarrow() ? "start" : "nearest";
    element.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });
  }

  async function answer(choice) {
    const { measure, show } = STEPS[steps[step]];
    const asked = step;
    card.setAttribute("aria-busy", "true");
    const measured = await measure();
    card.removeAttribute("aria-busy");
    if (step !== asked) return; // the visitor has gone on
    if (show) await show(measured);
    if (step !== asked) return;
    [plan, answered] = [measured, choice];
    render();
    card.querySelector("[data-tour=next]").focus();
  }

  function go(to) {
    if (step < 0 && to >= 0) {
      steps = Object.keys(STEPS).filter((name) => !STEPS[name].applies || STEPS[name].applies());
      kept = { drawing: Utsushi.draw.keep(), plane: state.get().plane, model: state.get().model };
    }
    if (step >= 0 && steps[step] === "strange" && steps[to] !== "strange") Utsushi.draw.putBack(kept.drawing);
    if (to < 0 && step >= 0 && kept.model === state.get().model) state.change({ plane: kept.plane });
    [step, answered, plan] = [to, -1, null];
    if (step >= 0) {
      const { view, measure, ask } = STEPS[steps[step]];
      Utsushi.journey.stop();
      state.change({ view }, { keep: true });
      const asked = step;
      measure().then((measured) => {
        if (step === asked && answered < 0 && ask) ask(measured);
      });
    }
    render();
    if (step >= 0) card.querySelector("h3").focus();
    else document.getElementById("start-tour").focus();
  }

  function render() {
    card.hidden = step < 0;
    const current = STEPS[steps[step]];
    light(step < 0 ? null : (isNarrow() && current.narrow) || current.target);
    if (step < 0) return;
    const [first, second] = page.models.map(({ name }) => name);
    const known = { size: model().n_components, first, second, ...(plan && current.values ? current.values(plan) : {}) };
    const text = (part) => words.get(`tour_${steps[step]}_${part}`, known);
    const button = (name, listener, options = {}) =>
      build("button", { type: "button", text: name, on: { click: listener }, ...options });
    const right = plan && current.right(plan);
    const choices = LETTERS.map((letter, index) => {
      const isRight = letter === right;
      const sign = answered < 0 ? "" : isRight ? "✓ " : answered === index ? "✗ " : "";
      const mark = answered < 0 ? null : isRight ? "right" : answered === index ? "wrong" : null;
      return button(sign + text(letter), () => answer(index), {
        "aria-pressed": String(answered === index),
        class: mark,
      });
    });
    const last = step === steps.length - 1;
    const contents = [
      build("p", { class: "count", text: words.get("tour_count", { step: step + 1, count: steps.length }) }),
      build("h3", { text: text("title"), tabindex: -1 }),
      build("p", { text: text("question") }),
      build("div", { class: "choices", role: "group", "aria-label": words.get("tour_predict") }, choices),
    ];
    if (answered >= 0) {
      const verdict = words.get(LETTERS[answered] === right ? "tour_right" : "tour_wrong");
      const variant = right + (current.variant ? current.variant(plan) : "");
      contents.push(
        build("p", { class: "answer" }, [build("strong", { text: verdict }), ` ${text(`answer_${variant}`)}`]),
      );
    }
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
