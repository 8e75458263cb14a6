"use strict";
/* Learning curves, drawn from the history in the page; pointing at them shows values. */

Utsushi.curves = (() => {
  const { build, page, state, words } = Utsushi;
  const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 260, 92, 34, 20, 12];

  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  /** Exclude the first epochs of a long training from the axis, as they would flatten the curve. */
  function bounds(curves) {
    const values = curves.flatMap(({ values: all }) => all).filter(Number.isFinite);
    const sorted = [...values].sort((a, b) => a - b);
    const low = sorted[0];
    const high = sorted[Math.floor((values.length < 40 ? 1 : 0.95) * (sorted.length - 1))];
    return { low, high: high > low ? high : low + 1 };
  }

  function ticks({ low, high }) {
    return [0, 1, 2, 3].map((i) => low + ((high - low) * i) / 3);
  }

  function chart(model) {
    const { curves, unit } = model.history;
    const language = words.language();
    const epochs = Math.max(...curves.map(({ values }) => values.length));
    const range = bounds(curves);
    const x = (i) => LEFT + (i * (WIDTH - LEFT - RIGHT)) / Math.max(epochs - 1, 1);
    const y = (value) => {
      const part = (Math.min(value, range.high) - range.low) / (range.high - range.low);
      return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
    };
    const picture = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": words.get("curves_label", { name: model.name, unit: unit[language] }),
    });
    for (const value of ticks(range)) {
      picture.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
      const text = svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" });
      text.textContent = words.number(value);
      picture.append(text);
    }
    for (const i of new Set([0, Math.floor((epochs - 1) / 2), epochs - 1])) {
      const text = svg("text", { x: x(i), y: HEIGHT - 10, "text-anchor": i ? "end" : "start" });
      text.textContent = words.get("epoch", { number: i + 1 });
      picture.append(text);
    }
    curves.forEach(({ values }, index) => {
      const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      picture.append(svg("polyline", { points, class: `curve curve-${index}` }));
    });
    return { picture, x, epochs };
  }

  /** Create a chart with a line at the selected epoch, and a slider to select it by keyboard. */
  function figure(model) {
    const { curves, unit } = model.history;
    const language = words.language();
    const { picture, x, epochs } = chart(model);
    const cursor = svg("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
    picture.append(cursor);
    const readout = build("p", { class: "readout", "aria-live": "off" });
    const input = build("input", {
      type: "range",
      min: 0,
      max: epochs - 1,
      step: 1,
      value: epochs - 1,
      "aria-label": words.get("curves_epoch", { name: model.name }),
    });
    const point = (epoch) => {
      cursor.setAttribute("visibility", "visible");
      cursor.setAttribute("x1", x(epoch));
      cursor.setAttribute("x2", x(epoch));
      input.value = epoch;
      const values = curves.map(({ name, values: all }, index) =>
        build("span", { class: `value curve-${index}`, text: `${name[language]} ${words.number(all[epoch] ?? NaN, 4)}` }),
      );
      readout.replaceChildren(build("strong", { text: words.get("epoch", { number: epoch + 1 }) }), ...values);
      input.setAttribute("aria-valuetext", readout.textContent);
      if (film) film.show(epoch);
    };
    const film = Utsushi.film.of(model, point);
    /** Show an epoch by hand, which ends a film that plays. */
    const choose = (epoch) => {
      if (film) film.stop();
      point(epoch);
    };
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const part = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
      choose(Math.round(Math.min(Math.max(part, 0), 1) * (epochs - 1)));
    });
    input.addEventListener("input", () => choose(Number(input.value)));
    point(epochs - 1);
    const title = build("figcaption", { text: `${model.name}: ${unit[language]}` });
    return build("figure", { class: "curves" }, [
      title,
      picture,
      input,
      readout,
      ...(film ? [film.element] : []),
    ]);
  }

  function start() {
    const place = document.getElementById("curves");
    const withHistory = page.models.filter((model) => model.history && model.history.curves.length);
    place.hidden = withHistory.length === 0;
    state.listen((now, changed) => {
      if (!changed.has("language")) return;
      place.querySelector("div").replaceChildren(...withHistory.map(figure));
    });
  }

  return { start };
})();
