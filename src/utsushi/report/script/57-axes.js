"use strict";
/* The selection of the map, of its axes, and of the class of a conditional model. */

Utsushi.axes = (() => {
  const { build, page, plane, state, words } = Utsushi;
  let parts = {};

  const model = () => page.models[state.get().model];
  const option = (value, text) => build("option", { value, text });

  /** Return the name of an axis of the current plane, with its share of the variance. */
  function nameOf(axis) {
    const chosen = state.get().plane;
    const { explained } = model();
    if (chosen === "map") return "";
    return chosen === "pc"
      ? words.get("axis_pc", { number: axis + 1, share: words.percent(explained[axis]) })
      : componentName(chosen[axis]);
  }

  const componentName = (h) =>
    words.get("axis_component", { number: h + 1, share: words.percent(plane.shares(model())[h]) });

  function fill() {
    const chosen = model();
    const now = state.get().plane;
    const isPair = Array.isArray(now);
    const size = chosen.n_components;
    const both = words.percent(chosen.explained[0] + chosen.explained[1]);
    parts.projection.replaceChildren(
      ...(chosen.layout ? [option("map", words.get("plane_map"))] : []),
      option("pc", words.get("plane_pc", { share: both })),
      ...(size > 1 ? [option("components", words.get("plane_components"))] : []),
    );
    parts.projection.value = isPair ? "components" : now;
    for (const [axis, select] of parts.axes.entries()) {
      select.replaceChildren(...(size > 1 ? chosen.information.map((_, h) => option(h, componentName(h))) : []));
      select.value = isPair ? now[axis] : "";
      select.parentElement.hidden = !isPair;
    }
    parts.condition.hidden = !chosen.conditional;
    parts.class.replaceChildren(...(chosen.conditions || []).map((name, index) => option(index, name)));
    parts.projection.parentElement.hidden = size === 1;
    const isProjection = now !== "map" && size > 2;
    const isWhole = now !== "map" && size <= 2;
    const whole = size === 1 ? "one_note" : "whole_note";
    parts.note.textContent = words.get(isWhole ? whole : isProjection ? "projection_note" : "neighbors_note");
  }

  /** Choose a map; of the components, the two with the largest shares of the variance. */
  function chooseProjection() {
    const { value } = parts.projection;
    const shares = plane.shares(model());
    const largest = shares.map((_, h) => h).sort((a, b) => shares[b] - shares[a]);
    state.change({ plane: value === "components" ? largest.slice(0, 2) : value }, { keep: true });
  }

  function chooseAxis(axis) {
    const chosen = [...state.get().plane];
    chosen[axis] = Number(parts.axes[axis].value);
    // A plane needs two components: the other axis changes, too.
    if (chosen[0] === chosen[1]) chosen[1 - axis] = chosen[axis] === 0 ? 1 : 0;
    state.change({ plane: chosen }, { keep: true });
  }

  function chooseClass() {
    const { point } = state.get();
    state.change({ point: { ...point, row: -1, y: Number(parts.class.value) } }, { keep: true });
  }

  function refresh(now, changed) {
    if (["model", "language", "plane"].some((name) => changed.has(name))) fill();
    parts.class.value = now.point.y;
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      projection: find("projection"),
      axes: [find("axis-x"), find("axis-y")],
      condition: find("condition"),
      class: find("condition").querySelector("select"),
      note: find("map-note"),
    };
    parts.projection.addEventListener("change", chooseProjection);
    parts.axes.forEach((select, axis) => select.addEventListener("change", () => chooseAxis(axis)));
    parts.class.addEventListener("change", chooseClass);
    state.listen(refresh);
  }

  return { start, nameOf };
})();
