"use strict";
/* The posterior of a sample: twenty codes drawn from it fall from the prior into its ellipse, and are
   decoded. */

Utsushi.posterior = (() => {
  const { build, page, words, pictures } = Utsushi;
  const COUNT = 20;
  /** Milliseconds of the fall of one code, and between two codes. */
  const [FALL, APART] = [700, 45];
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let parts = {};
  let shown = null; // { model, mean, logVariance, noise, codes, y }
  let axes = null; // the two components of the plane, by the user's choice
  let seed = 0;
  let began = null; // when the codes began to fall, or null
  let due = 0; // a request of a frame

  /** Draw twenty codes as the model does: noise of N(0, I), times the standard deviations, plus the mean. */
  function drawCodes(mean, logVariance) {
    const next = Utsushi.random.uniform(seed);
    const noise = Array.from({ length: COUNT }, () =>
      Array.from(mean, () => Utsushi.random.normal(next)),
    );
    const codes = noise.map((each) =>
      each.map((value, h) => mean[h] + Math.exp(logVariance[h] / 2) * value),
    );
    return { noise, codes };
  }

  const decode = Utsushi.newest(
    async (asked) => ({
      asked,
      rows: await asked.model.decode(asked.codes.flat(), COUNT, new Array(COUNT).fill(asked.y)),
    }),
    ({ asked, rows }) => {
      if (asked !== shown) return;
      const size = rows.length / COUNT;
      parts.pictures.forEach((picture, i) =>
        pictures.paint(picture, rows.slice(i * size, (i + 1) * size)),
      );
    },
  );

  // --- the plane of two components --------------------------------------------------------------

  function plane({ model }) {
    const [first, second = first] = model.byInformation;
    return axes && Math.max(...axes) < model.n_components ? axes : [first, second];
  }

  function paint() {
    if (!shown) return;
    const { model, mean, logVariance, noise, codes } = shown;
    const [a, b] = plane(shown);
    const [sigmaA, sigmaB] = [a, b].map((h) => Math.exp(logVariance[h] / 2));
    const size = parts.canvas.clientWidth || 300;
    const ratio = window.devicePixelRatio || 1;
    parts.canvas.width = parts.canvas.height = Math.round(size * ratio);
    const context = parts.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const half = 0.2 + Math.max(2, Math.abs(mean[a]) + 2.2 * sigmaA, Math.abs(mean[b]) + 2.2 * sigmaB);
    const unit = size / (2 * half);
    const at = (x, y) => [size / 2 + x * unit, size / 2 - y * unit];
    const ellipse = (x, y, width, height, colour, dash) => {
      context.beginPath();
      context.setLineDash(dash);
      context.strokeStyle = pictures.style(colour);
      context.ellipse(...at(x, y), width * unit, height * unit, 0, 0, 2 * Math.PI);
      context.stroke();
    };
    context.lineWidth = 1.5;
    if (model.hasNormalPrior) for (const s of [1, 2]) ellipse(0, 0, s, s, "--quiet", [5, 5]);
    context.lineWidth = 2;
    for (const s of [1, 2]) ellipse(mean[a], mean[b], s * sigmaA, s * sigmaB, "--accent", []);
    context.setLineDash([]);
    context.fillStyle = pictures.style("--ink");
    const from = (i, h) => (model.hasNormalPrior ? noise[i][h] : mean[h]);
    codes.forEach((code, i) => {
      const t = partOf(i);
      if (t < 0) return;
      const place = (h) => from(i, h) + t * (code[h] - from(i, h));
      context.globalAlpha = 0.85;
      context.beginPath();
      context.arc(...at(place(a), place(b)), 3.5, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = pictures.style("--quiet");
    context.textAlign = "right";
    context.fillText(`z${a + 1}`, size - 6, size / 2 - 6);
    context.textAlign = "left";
    context.fillText(`z${b + 1}`, size / 2 + 6, 14);
  }

  /** Return how far a code has fallen: 0 before, 1 after, -1 if it is not there yet. */
  function partOf(i) {
    if (began === null) return 1;
    const t = (performance.now() - began - i * APART) / FALL;
    return t < 0 ? -1 : Math.min(t, 1) ** 2 * (3 - 2 * Math.min(t, 1));
  }

  function frame() {
    due = 0;
    if (began !== null && performance.now() - began > FALL + COUNT * APART) began = null;
    paint();
    if (began !== null) due = requestAnimationFrame(frame);
  }

  function fall() {
    began = still.matches ? null : performance.now();
    if (!due) due = requestAnimationFrame(frame);
  }

  // --- the card ---------------------------------------------------------------------------------

  /** Prepare the card for a model: its components and labels; for one without a posterior, a sentence. */
  function prepare(model) {
    parts.card.hidden = !page.models.some((each) => each.variational);
    parts.none.hidden = model.variational;
    parts.body.hidden = !model.variational;
    parts.pictures.forEach((picture, i) =>
      picture.setAttribute("aria-label", words.get("posterior_draw", { number: i + 1 })),
    );
    if (model.variational) buildAxes(model);
  }

  /** Show the posterior of a sample that a model has measured. */
  function show(model, measures, y, { isNew }) {
    const { code: mean, logVariance } = measures;
    shown = model.variational ? { model, mean, logVariance, y, ...drawCodes(mean, logVariance) } : null;
    if (!shown) return;
    decode(shown);
    if (isNew) fall();
    else if (!due) due = requestAnimationFrame(frame);
  }

  function buildAxes(model) {
    const chosen = plane({ model });
    parts.axes.forEach((select, axis) => {
      const options = model.byInformation.map((h) =>
        build("option", {
          value: h,
          text: model.dead[h] ? words.get("component_dead", { component: h + 1 }) : `z${h + 1}`,
        }),
      );
      select.replaceChildren(...options);
      select.value = chosen[axis];
    });
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      card: find("posterior-card"),
      none: find("posterior-none"),
      body: find("posterior-body"),
      canvas: find("posterior"),
      axes: [find("posterior-x"), find("posterior-y")],
      pictures: Array.from({ length: COUNT }, () => pictures.canvas("cell")),
    };
    find("posterior-draws").append(...parts.pictures);
    parts.axes.forEach((select, axis) =>
      select.addEventListener("change", () => {
        axes = [...plane(shown)];
        axes[axis] = Number(select.value);
        paint();
      }),
    );
    find("posterior-again").addEventListener("click", () => {
      seed++;
      Object.assign(shown, drawCodes(shown.mean, shown.logVariance));
      shown = { ...shown };
      decode(shown);
      fall();
    });
    new ResizeObserver(() => {
      if (!due) due = requestAnimationFrame(frame);
    }).observe(parts.canvas);
  }

  return { start, prepare, show, shown: () => shown, isFalling: () => began !== null };
})();
