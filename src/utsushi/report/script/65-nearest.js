"use strict";
/* What an input looks like to each model: the samples with the nearest codes, and the class of most. */

Utsushi.nearest = (() => {
  const { build, page, words, pictures } = Utsushi;
  const COUNT = 7;

  /** Return the samples of the map whose codes are nearest to a code, the nearest first. */
  function rowsOf(model, code, count = COUNT) {
    const size = model.n_components;
    const distances = Array.from({ length: page.test.count }, (_, row) => {
      let sum = 0;
      for (let h = 0; h < size; h++) sum += (model.codes[row * size + h] - code[h]) ** 2;
      return sum;
    });
    return [...distances.keys()].sort((a, b) => distances[a] - distances[b]).slice(0, count);
  }

  /** Return the class of most of the samples, of equally frequent ones the nearer, and its number. */
  function verdict(rows) {
    const counts = new Map();
    for (const row of rows) {
      const name = page.classOf(page.test, row);
      counts.set(name, (counts.get(name) || 0) + 1);
    }
    const most = Math.max(...counts.values());
    const [name] = [...counts].find(([, count]) => count === most);
    return { name, count: most };
  }

  /** Show for each model what an input looks like, its reconstruction if there are several models, and the
      nearest samples. `all` has the measures of each model. */
  function show(element, input, all) {
    const blocks = page.models.map((model, i) => {
      const rows = rowsOf(model, all[i].code);
      const { name, count } = verdict(rows);
      const key = name === null ? "nearest_samples" : "looks_like";
      const sentence = words.get(key, { name, count, of: rows.length });
      const several = page.models.length > 1;
      const text = build("p", { class: "verdict" });
      if (several) text.append(build("strong", { text: model.name }), " ");
      text.append(sentence);
      const paints = [];
      const picture = (values, label, other = null) => {
        const canvas = pictures.canvas("cell");
        canvas.setAttribute("aria-label", label);
        paints.push(() => pictures.paint(canvas, values, other));
        return canvas;
      };
      const strip = build("div", { class: several ? "nearest several" : "nearest" });
      if (several) {
        strip.append(
          picture(all[i].reconstruction, words.get("through_label", { name: model.name }), page.isImage ? null : input),
        );
      }
      for (const row of rows) {
        strip.append(picture(page.rowOf(page.test, row), words.get("row_number", { row })));
      }
      return { block: build("div", {}, [text, strip]), paints };
    });
    element.replaceChildren(...blocks.map(({ block }) => block));
    for (const { paints } of blocks) for (const paint of paints) paint();
    return blocks.map(({ block }) => block.querySelector(".verdict").textContent);
  }

  return { rowsOf, verdict, show };
})();
