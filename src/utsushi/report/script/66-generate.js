"use strict";
/* Generate: fifty new samples, each with the nearest training sample. */

Utsushi.generate = (() => {
  const { build, page, state, words, pictures } = Utsushi;
  const COUNT = 50;
  /** The number of samples decoded per frame. */
  const AT_ONCE = 5;
  let parts = {};
  let drawn = []; // { z, y, values, nearest, button, picture }
  let generator = null; // their model
  let generatedKey = ""; // its index and the seed

  const model = () => page.models[state.get().model];

  function make({ model: of, seed }) {
    const key = `${of},${seed}`;
    if (generatedKey === key) return;
    generatedKey = key;
    generator = page.models[of];
    const next = Utsushi.random.uniform(seed);
    drawn = Array.from({ length: COUNT }, () => Utsushi.random.drawCode(generator, next));
    // A model of tables draws values, too; each row with numbers of its own.
    for (const one of drawn) one.next = Utsushi.random.uniform(Math.floor(next() * 2 ** 32));
    fillGrid();
  }

  /** Decode the next samples, as long as the view is open. */
  const decodeSome = Utsushi.newest(
    async () => {
      const some = drawn.filter(({ values }) => !values).slice(0, AT_ONCE);
      if (some.length) {
        const rows = some.map(({ z, y, next }) => generator.generate(z, y, next));
        (await Promise.all(rows)).forEach((values, i) => {
          some[i].values = values;
        });
      }
      return some;
    },
    (some) => {
      if (!some.length) return;
      for (const { picture, values } of some) pictures.paint(picture, values);
      const { chosen } = state.get();
      if (some.includes(drawn[chosen])) choose(chosen);
      requestAnimationFrame(() => {
        if (state.get().view === "generate") decodeSome();
      });
    },
  );

  function fillGrid() {
    drawn.forEach((one, index) => {
      one.picture = pictures.canvas(page.isImage ? "cell" : "row");
      one.picture.setAttribute("aria-hidden", "true");
      one.button = build(
        "button",
        {
          type: "button",
          "aria-pressed": "false",
          "aria-label": words.get("generated_number", { number: index + 1 }),
          on: {
            click: () =>
              state.change({ chosen: index, point: state.point(one.z, -1, one.y) }, { keep: true }),
          },
        },
        [one.picture],
      );
    });
    const heading = page.isImage ? [] : [Utsushi.table.heading()];
    parts.grid.replaceChildren(...heading, ...drawn.map(({ button }) => button));
  }

  function choose(index) {
    const one = index >= 0 ? drawn[index] : null;
    drawn.forEach(({ button }, i) => button.setAttribute("aria-pressed", String(i === index)));
    const ready = one && one.values;
    parts.result.hidden = !ready;
    parts.hint.hidden = Boolean(ready);
    if (!ready) return;
    if (page.isImage) pictures.paint(parts.one, one.values);
    parts.one.setAttribute("aria-label", words.get("generated"));
    if (page.train) one.nearest ??= page.nearestTraining(one.values);
    if (parts.table) {
      const nearest = page.train ? page.rowOf(page.train, one.nearest.row) : null;
      parts.table.show({ generated: one.values, nearest });
    }
    if (!page.train) return;
    const { row, distance } = one.nearest;
    const typical = page.header.typical_distance;
    if (page.isImage) pictures.paint(parts.nearest, page.rowOf(page.train, row));
    const name = page.classOf(page.train, row);
    parts.nearest.setAttribute("aria-label", words.get("nearest"));
    parts.nearestName.textContent = name === null ? words.get("nearest") : words.get("nearest_class", { name });
    parts.sentence.textContent = words.get(distance < typical / 3 ? "may_be_copy" : "no_copy", {
      distance: words.number(distance),
      typical: words.number(typical),
      count: page.train.count.toLocaleString("en"),
      total: (page.train.total || page.train.count).toLocaleString("en"),
    });
  }

  function refresh(now, changed) {
    parts.seed.value = now.seed;
    if (now.view !== "generate") return;
    const { sampler, class_samplers: byClass } = model();
    const kind = (sampler || byClass[0]).kind;
    const source = words.get(`sampler_${kind}`, {
      count: kind === "mixture" ? (sampler || byClass[0]).weights.length : "",
    });
    const values = model().draws ? [words.get("sampler_values")] : [];
    parts.source.textContent = words.joined([source, ...values]);
    if (changed.has("language")) {
      drawn.forEach(({ button }, index) =>
        button.setAttribute("aria-label", words.get("generated_number", { number: index + 1 })),
      );
    }
    make(now);
    decodeSome();
    choose(now.chosen);
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      grid: find("generated"),
      one: pictures.canvasIn("generated-one"),
      nearest: pictures.canvasIn("generated-nearest"),
      nearestName: find("generated-nearest").querySelector("figcaption"),
      result: find("generated-result"),
      hint: find("generated-hint"),
      sentence: find("generated-sentence"),
      source: find("sampler"),
      seed: find("seed"),
    };
    find("generated-nearest").hidden = !page.train;
    if (!page.isImage) {
      parts.table = Utsushi.table.view({
        keys: page.train ? ["generated", "nearest"] : ["generated"],
        decoded: "generated",
        ticks: page.train ? ["nearest"] : [],
      });
      parts.result.prepend(parts.table);
      parts.one.hidden = parts.nearest.hidden = true;
      find("generated-one").hidden = true;
    }
    parts.seed.addEventListener("change", () => {
      const seed = Math.min(Math.max(Math.floor(Number(parts.seed.value)) || 0, 0), 2 ** 32 - 1);
      state.change({ seed, chosen: -1 }, { keep: true });
    });
    find("again").addEventListener("click", () =>
      state.change({ seed: (state.get().seed + 1) % 2 ** 32, chosen: -1 }, { keep: true }),
    );
    state.listen(refresh);
  }

  return { start };
})();
