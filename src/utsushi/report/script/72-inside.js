"use strict";
/* Inside the model, below the map: the sample of the point, with the loss of each model, the posterior,
   the traversal and the activations. It is computed while it is on the screen. */

Utsushi.inside = (() => {
  const { build, page, state, words, pictures } = Utsushi;
  /** Milliseconds between two updates during a movement. */
  const PAUSE = 120;
  let parts = {};
  let isSeen = false;
  let isDue = false;
  let last = 0; // the last sample of the map that was shown
  let before = ""; // the sample and the model of the last update
  let shown = null; // its answer

  const model = () => page.models[state.get().model];

  /** Return what is shown: the sample of the point, the drawing, or else what the point decodes to. */
  async function subject({ view, point, model: of }) {
    if (point.row >= 0) return { row: page.rowOf(page.test, point.row), of: point.row };
    const drawn = view === "draw" && Utsushi.draw.input();
    if (drawn) return { row: drawn, of: "drawn" };
    return { row: await page.models[of].decode(point.z, 1, [point.y]), of: "free" };
  }

  const update = Utsushi.newest(
    async (now) => {
      const { row, of } = await subject(now);
      const condition = (each) =>
        now.point.row >= 0 ? page.conditionOf(each, now.point.row) : now.point.y;
      const all = await Promise.all(page.models.map((each) => each.measure(row, condition(each))));
      return { now, row, of, all, y: condition(page.models[now.model]) };
    },
    (answer) => {
      const key = [answer.now.model, answer.of].join();
      const isNew = key !== before;
      [before, shown] = [key, answer];
      show(isNew);
    },
  );

  /** Show the last answer, perhaps again, as in another language. */
  function show(isNew) {
    const { now, row, of, all, y } = shown;
    parts.caption.textContent = captionOf(of, now.point.row);
    showLosses(row, all);
    const [chosen, measures] = [page.models[now.model], all[now.model]];
    Utsushi.posterior.show(chosen, measures, y, { isNew });
    Utsushi.traversal.show(chosen, measures, y);
    Utsushi.flow.show(chosen, row, measures, y, { isNew });
  }

  function captionOf(of, row) {
    if (of === "drawn" || of === "free") return words.get(`inside_${of}`);
    const name = page.classOf(page.test, row);
    return words.get(name === null ? "inside_row" : "inside_row_class", { row, name });
  }

  // --- the loss of each model -------------------------------------------------------------------

  function bar(term, value, mean, most, unit) {
    const track = build("span", { class: "track", "aria-hidden": "true" });
    const part = (number) => Math.min(Math.max(number / most, 0), 1);
    track.style.setProperty("--part", part(value));
    track.style.setProperty("--mean", part(mean));
    const amount = `${words.number(value)}${unit ? ` ${unit}` : ""}`;
    return build("div", { class: `loss ${term}` }, [
      build("span", { class: "term", text: words.get(`loss_${term}`) }),
      build("span", { class: "amount", text: amount }),
      track,
    ]);
  }

  /** Draw the terms of each model as bars, with the mean of the samples as a line across. */
  function showLosses(row, all) {
    const figures = page.models.flatMap((each, i) => {
      if (each.still) return []; // a model that does not run here
      const [terms, means] = [each.termsOf(all[i]), each.meanTerms];
      const most = 1.15 * Math.max(...Object.values(terms), ...Object.values(means), 1e-9);
      const unit = each.variational ? words.get("nats") : "";
      const bars = Object.keys(terms).map((term) => bar(term, terms[term], means[term], most, unit));
      if (each.variational && Math.abs(each.constant) > 0.05) {
        const text = words.get("loss_constant", { value: words.number(each.constant, 4) });
        bars.push(build("p", { class: "hint", text }));
      }
      const picture = pictures.canvas("small");
      picture.setAttribute("aria-label", words.get("through_label", { name: each.name }));
      const title = build("figcaption", {}, [build("strong", { text: each.name })]);
      const element = build("div", { class: "loss-model" }, [
        build("figure", {}, [picture, title]),
        build("div", { class: "bars" }, bars),
      ]);
      const other = page.isImage ? null : row;
      return [{ element, show: () => pictures.paint(picture, all[i].reconstruction, other) }];
    });
    parts.losses.replaceChildren(...figures.map(({ element }) => element));
    figures.forEach(({ show }) => show());
    pictures.paint(parts.original, row);
  }

  // --- when to update ---------------------------------------------------------------------------

  function soon() {
    if (isDue || !isSeen) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      if (isSeen) update(state.get());
    }, PAUSE);
  }

  /** Go to the sample after or before the last one. */
  function go(step) {
    const row = (last + step + page.test.count) % page.test.count;
    state.change({ point: page.pointOf(model(), row) }, { keep: true });
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      caption: find("inside-caption"),
      hint: find("loss-hint"),
      losses: find("losses"),
      original: pictures.canvas("small"),
    };
    find("loss-original").prepend(parts.original);
    for (const part of ["posterior", "traversal", "flow"]) Utsushi[part].start();
    find("inside-previous").addEventListener("click", () => go(-1));
    find("inside-next").addEventListener("click", () => go(1));
    state.listen((now, changed) => {
      if (now.point.row >= 0) last = now.point.row;
      if (changed.has("model") || changed.has("language")) {
        Utsushi.posterior.prepare(model());
        parts.hint.textContent = words.get("loss_hint");
        parts.original.setAttribute("aria-label", words.get("original"));
        Utsushi.flow.label();
        if (shown && shown.now.model === now.model) show(false);
      }
      if (["point", "model", "language", "view"].some((name) => changed.has(name))) soon();
    });
    new IntersectionObserver(
      ([{ isIntersecting }]) => {
        isSeen = isIntersecting;
        soon();
      },
      { rootMargin: "25%" },
    ).observe(find("inside"));
  }

  return { start };
})();
