"use strict";
/* The film of a training: the codes and eight reconstructions of fixed samples after each epoch. */

Utsushi.film = (() => {
  const { build, page, words, pictures } = Utsushi;
  /** Milliseconds of the whole film, and the size of a chart of a term. */
  const [DURATION, WIDTH, HEIGHT] = [6000, 240, 64];
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  /** Return the frame of an epoch: the last one that was recorded until then, or the first. */
  function frameAt({ epochs }, epoch) {
    let frame = 0;
    epochs.forEach((recorded, i) => {
      if (recorded <= epoch) frame = i;
    });
    return frame;
  }

  // --- pictures ---------------------------------------------------------------------------------

  /** Create a canvas of a reconstruction, which may be smaller than the samples of the page. */
  function cell({ image_shape: shape }) {
    const element = pictures.canvas("cell");
    if (shape) [, element.height, element.width] = shape;
    return element;
  }

  function paintCell(element, film, values, other) {
    if (!film.image_shape) {
      pictures.paint(element, values, other);
      return;
    }
    const [channels, height, width] = film.image_shape;
    const context = element.getContext("2d");
    const image = context.createImageData(width, height);
    const area = height * width;
    for (let pixel = 0; pixel < area; pixel++) {
      for (let c = 0; c < 3; c++) {
        const value = values[channels === 1 ? pixel : c * area + pixel];
        image.data[4 * pixel + c] = (255 * value) / (film.levels - 1);
      }
      image.data[4 * pixel + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  const rowOf = (tensor, i) => {
    const size = tensor.shape[tensor.shape.length - 1];
    return tensor.subarray(i * size, (i + 1) * size);
  };

  /** Draw the codes of a frame; the positions are bytes from 0 to 255. */
  function paintMap(canvas, film, frame) {
    const size = canvas.clientWidth || 280;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(size * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const at = (part) => 8 + part * (size - 16);
    const [, count] = film.positions.shape;
    const { labels } = film;
    const marks = (page.header.classes || [null]).map((_, label) => Utsushi.map.markOf(labels ? label : null));
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.globalAlpha = 0.85;
    for (let row = 0; row < count; row++) {
      const start = 2 * (frame * count + row);
      const { colour, sign } = marks[labels ? labels[row] : 0];
      context.fillStyle = colour;
      context.fillText(sign, at(film.positions[start] / 255), at(1 - film.positions[start + 1] / 255));
    }
    context.globalAlpha = 1;
  }

  // --- the terms of the loss --------------------------------------------------------------------

  function chart(name, values) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (i) => (WIDTH * i) / Math.max(values.length - 1, 1);
    const y = (value) => 4 + (1 - (value - low) / (high - low || 1)) * (HEIGHT - 8);
    const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const dot = svg("circle", { r: 4, class: "dot" });
    const picture = svg("svg", { viewBox: `-5 0 ${WIDTH + 10} ${HEIGHT}`, "aria-hidden": "true" });
    picture.append(svg("polyline", { points, class: `curve term-${name}` }), dot);
    const amount = build("strong");
    const label = build("p", { class: "term" }, [words.get(`loss_${name}`), " ", amount]);
    return {
      element: build("div", {}, [label, picture]),
      show(epoch) {
        dot.setAttribute("cx", x(epoch));
        dot.setAttribute("cy", y(values[epoch]));
        amount.textContent = `${words.number(values[epoch], 4)} ${words.get("nats")}`;
      },
    };
  }

  // --- a film -----------------------------------------------------------------------------------

  /** Return the film of a model: its element, and a function that shows it after an epoch, counted from
      zero; null without one. `go` shows an epoch everywhere. */
  function of(model, go) {
    const { film, history } = model;
    if (!film) return null;
    const map = build("canvas", { class: "film-map", role: "img" });
    const count = film.originals.shape[0];
    const originals = Array.from({ length: count }, () => cell(film));
    const made = Array.from({ length: count }, () => cell(film));
    const named = (element, key) =>
      element.setAttribute("aria-label", words.get(key, { name: model.name }));
    named(map, "film_map_label");
    for (const element of originals) named(element, "original");
    for (const element of made) named(element, "copy");
    const charts = model.variational
      ? Object.entries(history.terms || {}).map(([name, values]) => chart(name, values))
      : [];
    const last = Math.max(...history.curves.map(({ values }) => values.length)) - 1;
    const button = build("button", { type: "button", text: words.get("film_play") });
    let playing = 0; // a request of a frame
    const stop = () => {
      cancelAnimationFrame(playing);
      playing = 0;
      button.textContent = words.get("film_play");
    };
    const play = () => {
      const began = performance.now();
      button.textContent = words.get("film_pause");
      const next = () => {
        // A chart that was drawn again, as for another language, has a film of its own.
        if (!map.isConnected) return;
        const part = Math.min((performance.now() - began) / DURATION, 1);
        go(Math.round(part * last));
        if (part < 1) playing = requestAnimationFrame(next);
        else stop();
      };
      playing = requestAnimationFrame(next);
    };
    button.addEventListener("click", () => (playing ? stop() : play()));
    button.hidden = still.matches;
    const strip = (key, cells) =>
      build("div", { class: "film-strip" }, [build("p", { class: "hint", text: words.get(key) }), ...cells]);
    const element = build("div", { class: "training-film" }, [
      build("div", { class: "film-side" }, [
        build("p", { class: "hint", text: words.get("film_hint") }),
        map,
      ]),
      build("div", { class: "film-side" }, [
        build("div", { class: "controls" }, [button]),
        strip("film_originals", originals),
        strip("film_reconstructions", made),
      ]),
      build("div", { class: "film-terms" }, charts.map((each) => each.element)),
    ]);
    let shown = null;
    const paint = () => {
      if (shown === null) return;
      paintMap(map, film, shown);
      originals.forEach((each, i) => paintCell(each, film, rowOf(film.originals, i), null));
      made.forEach((each, i) =>
        paintCell(each, film, rowOf(film.reconstructions, shown * count + i), rowOf(film.originals, i)),
      );
    };
    new ResizeObserver(paint).observe(map);
    return {
      element,
      /** Show the frame of an epoch, by hand or as the film plays. */
      show(epoch) {
        for (const each of charts) each.show(epoch);
        const frame = frameAt(film, epoch + 1);
        if (frame === shown) return;
        shown = frame;
        paint();
      },
      stop: () => playing && stop(),
    };
  }

  return { of, frameAt };
})();
