"use strict";
/* The four views next to the map, the buttons that switch models, and messages for screen readers. */

Utsushi.views = (() => {
  const { build, page, state, words } = Utsushi;
  let tabs = [];
  let modelButtons = [];
  const stillNote = build("p", { id: "still-note", hidden: "" });

  // --- shared by several views ------------------------------------------------------------------

  function item(term, value, note = "") {
    const data = build("dd", { text: value });
    if (note) data.append(build("small", { text: note }));
    return build("div", {}, [build("dt", { text: term }), data]);
  }

  /** Return elements with the metrics of a sample: error, divergence and anomaly score; dashes without one. */
  function measureItems(model, measures) {
    const { squaredError, kl, score } = measures || { squaredError: NaN, kl: NaN, score: NaN };
    const items = [];
    const perFeature = words.get("per_feature", {
      value: words.number(squaredError / model.nFeatures),
    });
    if (model.hasSquaredError) {
      items.push(item(words.get("squared_error"), words.number(squaredError), perFeature));
    }
    if (model.variational) items.push(item(words.get("kl"), words.number(kl), words.get("nats")));
    const rank = words.get("rank", {
      score: words.number(score),
      count: model.scores.length.toLocaleString("en"),
    });
    items.push(item(words.get("anomaly_score"), words.percent(model.rank(score)), rank));
    return items;
  }

  let speaking = 0;

  /** Announce a text to screen readers, after all changes have settled. */
  function announce(text) {
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      document.getElementById("spoken").textContent = text;
    }, 400);
  }

  // --- tabs -------------------------------------------------------------------------------------

  function showTab(view) {
    for (const tab of tabs) {
      const chosen = tab.dataset.view === view;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
    }
    document.getElementById("play").dataset.view = view;
  }

  function tabKey(event) {
    const steps = { ArrowRight: 1, ArrowLeft: tabs.length - 1 };
    let next = null;
    if (event.key in steps) next = (tabs.indexOf(event.currentTarget) + steps[event.key]) % tabs.length;
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = tabs.length - 1;
    if (next === null) return;
    event.preventDefault();
    tabs[next].focus();
    tabs[next].click();
  }

  // --- models -----------------------------------------------------------------------------------

  const remembered = new Map();

  /** Convert a point to another model: to the code of its sample, or else of its decoded values. */
  async function converted(point, from, to) {
    if (point.row >= 0) return page.pointOf(to, point.row);
    const values = await from.decode(point.z, 1, [point.y]);
    const y = to.conditional && from.conditional ? point.y : 0;
    return state.point((await to.encode(values)).mean, -1, y);
  }

  /** Return the state in another model, or null for the current one. Returning to a model restores its
      points, unless they were moved since. */
  async function inModel(index) {
    const now = state.get();
    if (index === now.model) return null;
    const [from, to] = [page.models[now.model], page.models[index]];
    const points = [now.point, ...now.ends];
    const earlier = remembered.get(index);
    const same = earlier && JSON.stringify(earlier.left) === JSON.stringify(points);
    const [point, ...ends] = same
      ? earlier.points
      : await Promise.all(points.map((each) => converted(each, from, to)));
    remembered.set(now.model, { points, left: [point, ...ends] });
    const has = { map: Boolean(to.layout), pc: true };
    const isThere = has[now.plane] ?? Math.max(...now.plane) < to.n_components;
    const plane = isThere ? now.plane : Utsushi.plane.first(to);
    return { model: index, point, ends, plane };
  }

  const chooseModel = Utsushi.newest(inModel, (patch) => {
    if (patch) state.change(patch, { keep: true });
  });

  function buildModels() {
    const group = document.getElementById("models");
    group.hidden = page.models.length < 2;
    modelButtons = page.models.map((model, index) =>
      build("button", {
        type: "button",
        text: model.name,
        title: model.title,
        on: { click: () => chooseModel(index) },
      }),
    );
    group.append(...modelButtons);
  }

  // --- a model that a page cannot run ----------------------------------------------------------

  /** Say what a model that does not run here shows instead, and hide what would need it. */
  function showStill({ model: index, view }) {
    const { still, sampler } = page.models[index];
    stillNote.hidden = !still;
    document.getElementById("play").classList.toggle("still", Boolean(still));
    document.getElementById("start-tour").hidden = Boolean(still);
    const isOpen = (name) => !still || name === "walk" || (name === "generate" && sampler);
    for (const tab of tabs) tab.hidden = !isOpen(tab.dataset.view);
    if (!still) return;
    stillNote.textContent = words.get("still", {
      reason: words.get(`still_${still.part}`, { name: still.name }),
      count: page.test.count.toLocaleString("en"),
    });
    if (!isOpen(view)) state.change({ view: "walk" });
  }

  function refresh(now, changed) {
    if (changed.has("view")) showTab(now.view);
    if (changed.has("language")) {
      words.choose(now.language);
      clearTimeout(speaking);
      document.getElementById("spoken").textContent = "";
    }
    showStill(now);
    modelButtons.forEach((button, index) =>
      button.setAttribute("aria-pressed", String(index === now.model)),
    );
    document.getElementById("map-model").textContent = `: ${page.models[now.model].name}`;
    const isStill = page.models[now.model].still && now.view === "walk";
    document.getElementById("map-words").textContent = words.get(isStill ? "map_still" : `map_${now.view}`);
    Utsushi.map.draw();
  }

  function start() {
    document.querySelector("#play .bar").after(stillNote);
    tabs = [...document.querySelectorAll("#play [role=tab]")];
    for (const tab of tabs) {
      tab.addEventListener("click", () => state.change({ view: tab.dataset.view }, { keep: true }));
      tab.addEventListener("keydown", tabKey);
    }
    for (const button of document.querySelectorAll("[data-language]")) {
      button.addEventListener("click", () =>
        state.change({ language: button.dataset.language }, { keep: true }),
      );
    }
    buildModels();
    state.listen(refresh);
    Utsushi.axes.start(); // after the language has changed
    // Print and dark mode have other colours, so everything is drawn again.
    for (const query of ["(prefers-color-scheme: dark)", "print"]) {
      matchMedia(query).addEventListener("change", () => {
        if (state.get()) state.change({ language: state.get().language });
      });
    }
  }

  return { start, measureItems, announce, chooseModel };
})();
