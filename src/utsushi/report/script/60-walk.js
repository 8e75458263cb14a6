"use strict";
/* Walk: the decoded point of the map, its metrics, and a slider for every component. */

Utsushi.walk = (() => {
  const { build, page, state, words, pictures } = Utsushi;
  /** The number of sliders that are shown first. */
  const FEW = 16;

  let parts = {};
  let sliders = [];
  let shown = null; // the sample of the metrics: { row, of, values, measures }, `of` a model, or null
  let showAll = false;

  const model = () => page.models[state.get().model];

  // --- the picture and its metrics --------------------------------------------------------------

  const decodePoint = Utsushi.newest(
    ({ model: of, point: { z, y } }) => page.models[of].decode(z, 1, [y]),
    (values) => {
      // A table's reconstruction and original share one picture.
      const sample = !page.isImage && shown && isCurrent(shown) ? shown : null;
      pictures.paint(parts.decoded, values, sample?.values, sample?.measures.contributions);
      parts.decodedValues = values;
      parts.decoded.setAttribute("aria-label", describe(state.get().point.row));
    },
  );

  const measureRow = Utsushi.newest(
    async ({ model: of, point: { row } }) => {
      const values = page.rowOf(page.test, row);
      const measures = await page.models[of].measure(
        values,
        page.conditionOf(page.models[of], row),
      );
      return { row, of, values, measures };
    },
    (answer) => {
      // By now, the point may not be that of a sample, or the model may be another one.
      if (state.get().point.row < 0 || state.get().model !== answer.of) return;
      shown = answer;
      showNumbers();
      Utsushi.map.draw();
      if (isCurrent(answer)) Utsushi.views.announce(describe(answer.row));
    },
  );

  const isCurrent = ({ row, of }) =>
    state.get().point.row === row && state.get().model === of;

  function describe(row) {
    if (row < 0) return words.get(model().still ? "decoded_nearest" : "decoded_free");
    const name = page.classOf(page.test, row);
    return words.get(name === null ? "decoded_row" : "decoded_row_class", { row, name });
  }

  function showNumbers() {
    const { numbers, original, difference, pair } = parts;
    // Hidden elements keep their space, so that a slider does not move under the pointer.
    pair.classList.toggle("away", !shown);
    numbers.replaceChildren(...Utsushi.views.measureItems(model(), shown && shown.measures));
    parts.caption.textContent = describe(shown ? shown.row : state.get().point.row);
    original.setAttribute("aria-label", words.get("original"));
    difference.setAttribute("aria-label", words.get("difference"));
    if (!shown) return;
    const { values, measures } = shown;
    pictures.paint(original, values);
    if (!page.isImage) {
      pictures.paint(parts.decoded, measures.reconstruction, values, measures.contributions);
    }
    pictures.paintDifference(difference, values, measures.reconstruction);
  }

  /** Next to what a place is decoded to, show the sample with the nearest code. */
  function showNearest({ row, z }) {
    const isFree = row < 0;
    const near = isFree ? Utsushi.plane.nearest(z, model().codes, 1)[0][1] : row;
    const name = page.classOf(page.test, near);
    const caption = isFree
      ? words.get(name === null ? "nearest_test" : "nearest_test_class", { name })
      : words.get("original");
    parts.numbers.classList.toggle("away", isFree); // the metrics are those of a sample
    parts.original.nextElementSibling.textContent = caption;
    if (!isFree) return;
    pictures.paint(parts.original, page.rowOf(page.test, near));
    parts.original.setAttribute("aria-label", caption);
    Utsushi.views.announce(`${describe(-1)}. ${caption}`);
  }

  // --- the sliders ------------------------------------------------------------------------------

  function rangeOf(chosen, component) {
    const size = chosen.n_components;
    let [low, high, sum] = [Infinity, -Infinity, 0];
    for (let i = component; i < chosen.codes.length; i += size) {
      low = Math.min(low, chosen.codes[i]);
      high = Math.max(high, chosen.codes[i]);
      sum += chosen.codes[i];
    }
    const mean = sum / chosen.codes.shape[0];
    // The codes of a dead component hardly differ; the prior's range shows that it has no effect.
    if (chosen.hasNormalPrior) [low, high] = [Math.min(low, -3), Math.max(high, 3)];
    if (high - low < 1e-9) [low, high] = [low - 1, high + 1];
    return { low, high, mean };
  }

  function slider(chosen, component, total, most) {
    const { low, high, mean } = rangeOf(chosen, component);
    const dead = chosen.dead[component];
    const share = total > 0 ? chosen.information[component] / total : 0;
    const input = build("input", {
      type: "range",
      min: low,
      max: high,
      step: "any",
      "aria-label": words.get(dead ? "slider_dead" : "slider", { component: component + 1 }),
    });
    const value = build("output");
    const bar = build("span", { class: "share", "aria-hidden": "true" });
    bar.style.setProperty("--part", most > 0 ? chosen.information[component] / most : 0);
    const amount = chosen.information_unit === "kl"
      ? words.get("share_kl", { amount: words.number(chosen.information[component], 2) })
      : words.percent(share);
    const set = (number, keep) => {
      const { point } = state.get();
      const z = point.z.map((old, h) => (h === component ? number : old));
      state.change({ point: state.point(z, -1, point.y) }, { keep });
    };
    input.addEventListener("input", () => set(Number(input.value), false));
    input.addEventListener("change", () => set(Number(input.value), true));
    input.addEventListener("dblclick", () => set(mean, true));
    input.addEventListener("keydown", (event) => {
      // With step "any", the arrow keys would not move a browser's slider.
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
      if (event.key in steps) {
        const step = ((high - low) / 50) * steps[event.key];
        set(Math.min(Math.max(Number(input.value) + step, low), high), false);
      } else if (event.key === "0" || event.key === "Enter") set(mean, true);
      else return;
      event.preventDefault();
    });
    const row = build("div", { class: dead ? "slider dead" : "slider" }, [
      build("span", { class: "component", text: `z${component + 1}`, "aria-hidden": "true" }),
      input,
      value,
      bar,
      build("span", { class: "amount", text: amount }),
    ]);
    return { component, input, value, row, low, high };
  }

  function buildSliders() {
    const chosen = model();
    const total = chosen.information.reduce((sum, part) => sum + part, 0);
    const largest = Math.max(...chosen.information);
    const order = chosen.information.map((_, component) => component);
    const most = [...order].sort((a, b) => chosen.information[b] - chosen.information[a]);
    const kept = showAll ? order : order.filter((component) => most.indexOf(component) < FEW);
    sliders = kept.map((component) => slider(chosen, component, total, largest));
    parts.sliders.replaceChildren(...sliders.map(({ row }) => row));
    parts.more.hidden = showAll || chosen.n_components <= FEW;
    parts.more.textContent = words.get("show_all_sliders", { count: chosen.n_components });
    parts.deadNote.hidden = !chosen.dead.some(Boolean);
    const unit = chosen.information_unit;
    parts.information.textContent = words.get(`shares_${unit}`);
    parts.deadNote.textContent = words.get(`dead_${unit}`);
    placeSliders();
  }

  function placeSliders() {
    const { z } = state.get().point;
    for (const { component, input, value, low, high } of sliders) {
      input.value = z[component];
      // The same number of decimals, also as the number changes.
      const decimals = Math.min(Math.max(2 - Math.floor(Math.log10(high - low)), 0), 6);
      value.textContent = z[component].toFixed(decimals).replace("-", "−");
      // The track is filled from zero.
      const part = (number) => `${100 * Math.min(Math.max((number - low) / (high - low), 0), 1)}%`;
      const [from, to] = [Math.min(0, z[component]), Math.max(0, z[component])];
      input.style.setProperty("--from", part(from));
      input.style.setProperty("--to", part(to));
    }
  }

  // --- one input through every model ------------------------------------------------------------

  const throughAll = Utsushi.newest(
    async (row) => {
      const values = page.rowOf(page.test, row);
      const all = page.models.map((each) => each.measure(values, page.conditionOf(each, row)));
      return { values, all: await Promise.all(all) };
    },
    ({ values, all }) => {
      const figure = (title, copy, error) => {
        const picture = pictures.canvas("small");
        const figcaption = build("figcaption", {}, [build("strong", { text: title })]);
        if (error !== null) figcaption.append(build("span", { text: words.number(error) }));
        picture.setAttribute("aria-label", title);
        const element = build("figure", {}, [picture, figcaption]);
        return { element, show: () => pictures.paint(picture, copy, page.isImage ? null : values) };
      };
      const figures = [
        figure(words.get("original"), values, null),
        ...all.map((m, i) => figure(page.models[i].name, m.reconstruction, m.squaredError)),
      ];
      parts.models.replaceChildren(...figures.map(({ element }) => element));
      figures.forEach(({ show }) => show());
    },
  );

  function refresh(now, changed) {
    if (changed.has("model") || changed.has("language")) buildSliders();
    if (now.view !== "walk") return;
    placeSliders();
    decodePoint(now);
    showNearest(now.point);
    const hadNumbers = shown !== null;
    if (now.point.row >= 0) measureRow(now);
    else shown = null;
    // During a drag there are no metrics.
    const isDragged = changed.size === 1 && changed.has("point") && !hadNumbers;
    if (changed.has("language") || (!shown && !isDragged)) showNumbers();
    parts.through.hidden = page.models.length < 2 || now.point.row < 0;
    if (!parts.through.hidden) throughAll(now.point.row);
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      decoded: pictures.canvas("large"),
      original: pictures.canvas("small"),
      difference: pictures.canvas("small"),
      caption: find("walk-caption"),
      numbers: find("walk-numbers"),
      pair: find("walk-pair"),
      sliders: find("sliders"),
      more: find("more-sliders"),
      deadNote: find("dead-note"),
      information: find("information"),
      through: find("through"),
      models: find("through-models"),
    };
    find("walk-decoded").append(parts.decoded);
    parts.pair.classList.toggle("none", !page.isImage);
    parts.pair.querySelector("[data-slot=original]").prepend(parts.original);
    parts.pair.querySelector("[data-slot=difference]").prepend(parts.difference);
    parts.more.addEventListener("click", () => {
      showAll = true;
      buildSliders();
    });
    startSheet();
    state.listen(refresh);
  }

  /** On a narrow screen the sliders are a sheet over the lower part, below the picture. */
  function startSheet() {
    const [open, close] = ["open-sliders", "close-sliders"].map((id) => document.getElementById(id));
    const toggle = (isOpen) => {
      document.getElementById("slider-sheet").toggleAttribute("data-open", isOpen);
      open.setAttribute("aria-expanded", String(isOpen));
      (isOpen ? close : open).focus({ preventScroll: true });
    };
    open.addEventListener("click", () => toggle(true));
    close.addEventListener("click", () => toggle(false));
    document.getElementById("slider-sheet").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && open.getAttribute("aria-expanded") === "true") toggle(false);
    });
  }

  /** Return the posterior of the point's sample, which the map draws, or null. */
  function posterior() {
    if (!shown || !isCurrent(shown) || !shown.measures.logVariance) return null;
    return { mean: shown.measures.code, logVariance: shown.measures.logVariance };
  }

  return { start, posterior, values: () => parts.decodedValues };
})();
