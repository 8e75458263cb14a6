"use strict";
/* The traversal of the components: a row for each one, decoded from -2 to 2 standard deviations, with its
   posterior over its prior. */

Utsushi.traversal = (() => {
  const { build, words, pictures } = Utsushi;
  /** Standard deviations of the columns; a narrow screen shows every second one. */
  const STEPS = [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2];
  /** The number of components that are shown first. */
  const FEW = 12;
  /** The horizontal range of the densities in standard deviations, and their size in pixels. */
  const [RANGE, WIDTH, HEIGHT] = [3.5, 120, 34];
  let parts = {};
  let rows = []; // { component, row, pictures, density, amount }
  let built = null; // the model, the language and the number of the rows
  let asked = null;
  let showAll = false;

  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  // --- densities --------------------------------------------------------------------------------

  /** Return a normal density as the points of a line, whose highest one has the height of the picture. */
  function bell(mean, deviation) {
    const points = [];
    for (let i = 0; i <= 240; i++) {
      const x = RANGE * ((2 * i) / 240 - 1);
      const height = 0.95 * Math.exp(-0.5 * ((x - mean) / deviation) ** 2);
      points.push(`${((WIDTH * i) / 240).toFixed(1)},${(HEIGHT * (1 - height)).toFixed(1)}`);
    }
    return points.join(" ");
  }

  /** Draw posterior over prior; without a normal prior, the value among the codes. */
  function drawDensity(element, model, component, { code, logVariance }) {
    const { mean, deviation } = model.spreadOf(component);
    const lines = [svg("polyline", { points: bell(0, 1), class: "prior" })];
    if (model.hasNormalPrior) {
      const width = Math.exp(logVariance[component] / 2);
      lines.unshift(svg("polyline", { points: bell(code[component], width), class: "posterior" }));
    } else {
      const standard = deviation > 0 ? (code[component] - mean) / deviation : 0;
      const x = (WIDTH * (1 + Math.min(Math.max(standard / RANGE, -1), 1))) / 2;
      lines.push(svg("line", { x1: x, x2: x, y1: 0, y2: HEIGHT, class: "posterior" }));
    }
    element.replaceChildren(...lines);
  }

  /** Return the divergence of one component's posterior from N(0, 1), in nats. */
  const divergence = (mean, logVariance) =>
    0.5 * (Math.expm1(logVariance) - logVariance + mean * mean);

  // --- the grid ---------------------------------------------------------------------------------

  function buildRows(model) {
    const order = showAll ? model.byInformation : model.byInformation.slice(0, FEW);
    const dead = model.byInformation.filter((h) => model.dead[h] && !order.includes(h)).slice(0, 1);
    rows = [...order, ...dead].map((component) => {
      const cells = STEPS.map((step, i) => {
        const picture = pictures.canvas(i % 2 ? "cell optional" : "cell");
        picture.setAttribute("aria-label", words.get("traversal_cell", { component: component + 1, step }));
        return picture;
      });
      const density = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
      const amount = build("span", { class: "amount" });
      const name = build("span", { class: "component", text: `z${component + 1}` });
      const row = build("div", { class: model.dead[component] ? "traverse dead" : "traverse" }, [
        name,
        density,
        amount,
        ...cells,
      ]);
      return { component, row, cells, density, amount };
    });
    const names = STEPS.map((step, i) =>
      build("span", { class: i % 2 ? "optional" : "", text: step > 0 ? `+${step}` : String(step).replace("-", "−") }),
    );
    const unit = words.get(model.hasNormalPrior ? "traversal_prior" : "traversal_codes");
    const head = build("div", { class: "traverse head", "aria-hidden": "true" }, [
      build("span", { class: "unit", text: unit }),
      ...names,
    ]);
    parts.grid.replaceChildren(head, ...rows.map(({ row }) => row));
    parts.more.hidden = showAll || model.n_components <= rows.length;
    parts.more.textContent = words.get("show_all_sliders", { count: model.n_components });
    parts.hint.textContent = words.get(model.hasNormalPrior ? "traversal_hint_kl" : "traversal_hint_variance");
  }

  /** Decode one row after the other, with a frame between them, so that nothing waits for the grid. */
  const decodeRows = Utsushi.newest(async (request) => {
    const { model, measures, y } = request;
    for (const { component, cells } of rows) {
      if (asked !== request) return;
      const { mean, deviation } = model.spreadOf(component);
      const codes = STEPS.flatMap((step) =>
        Array.from(measures.code, (value, h) => (h === component ? mean + step * deviation : value)),
      );
      const decoded = await model.decode(codes, STEPS.length, new Array(STEPS.length).fill(y));
      if (asked !== request) return;
      const size = decoded.length / STEPS.length;
      cells.forEach((cell, i) => pictures.paint(cell, decoded.slice(i * size, (i + 1) * size)));
      await new Promise(requestAnimationFrame);
    }
  }, () => {});

  /** Show the traversal around the code of a sample that a model has measured. */
  function show(model, measures, y) {
    const key = [model.name, words.language(), showAll].join();
    if (built !== key) buildRows(model);
    built = key;
    for (const { component, density, amount } of rows) {
      drawDensity(density, model, component, measures);
      amount.textContent = model.hasNormalPrior
        ? words.get(model.dead[component] ? "component_is_dead" : "share_kl", {
            amount: words.number(divergence(measures.code[component], measures.logVariance[component]), 2),
          })
        : words.number(measures.code[component], 2);
    }
    asked = { model, measures, y };
    decodeRows(asked);
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = { grid: find("traversal"), more: find("more-components"), hint: find("traversal-hint") };
    parts.more.addEventListener("click", () => {
      showAll = true;
      if (asked) show(asked.model, asked.measures, asked.y);
    });
  }

  return { start, show, STEPS };
})();
