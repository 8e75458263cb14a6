"use strict";
/* The field of the map: the samples that a grid of places is decoded to, behind the marks. It is painted
   in small pieces while the browser is idle. */

Utsushi.field = (() => {
  const { page, plane, state } = Utsushi;
  /** The side of a cell in pixels, about, and the multiplications of all of them, at most. */
  const CELL = 28;
  const BUDGET = 2e9;
  /** The places that are decoded at once; a piece stays far below the time of a frame. */
  const AT_ONCE = 2;
  let current = null; // { key, model, cells, shown, image, count, isDark }
  let older = null; // the image of the same map in another size, until the new one is painted

  const soon = globalThis.requestIdleCallback || ((job) => setTimeout(job, 30));

  /** Return whether a place of the plane stands for one sample. */
  const isOn = (model, flat) =>
    page.isImage && Boolean(model.layers) && (Boolean(flat.layout) || model.n_components <= 2);

  /** Return the side of a cell: a whole multiple of the image, or the image reduced to a cell. A large
      network decodes fewer and larger cells. */
  function cellOf(model, size) {
    const [, height, width] = page.header.image_shape;
    const side = Math.max(height, width);
    const most = BUDGET / Utsushi.network.cost(model.layers.decoder);
    const least = Math.max(CELL, size / Math.sqrt(Math.max(most, 16)));
    return side > 1.5 * least ? least : side * Math.max(1, Math.round(least / side));
  }

  /** Return the cells to decode: on the map of neighbors, those with marks near. */
  function cellsOf({ size, frame, flat, places, model }) {
    const side = cellOf(model, size);
    const count = Math.max(Math.floor(size / side), 1);
    const margin = (size - count * side) / 2;
    const cells = [];
    const empty = new Set();
    if (flat.layout) {
      // The grid of cells is a little smaller than the map.
      const inner = { middle: frame.middle, half: (frame.half * count * side) / size };
      for (const [i, j] of plane.empty(places, inner, count).result) empty.add(i * count + j);
    }
    const anywhere = flat.layout ? null : [...model.centre];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        if (empty.has(i * count + j)) continue;
        const [x, y] = [margin + (i + 0.5) * side, size - margin - (j + 0.5) * side];
        const place = Utsushi.map.fromPixel({ size, frame }, [x, y]);
        cells.push({ x: x - side / 2, y: y - side / 2, side, place, code: () => plane.move(flat, anywhere, place) });
      }
    }
    // In an order that fills the whole map evenly.
    return cells.map((cell, i) => [(i * 0.6180339887) % 1, cell]).sort(([a], [b]) => a - b).map(([, cell]) => cell);
  }

  /** Return whether the samples are light on dark, as MNIST's digits are. */
  function isLightOnDark() {
    const { floats } = page.test;
    const [low, high] = page.header.range;
    let sum = 0;
    for (let i = 0; i < floats.length; i += 7) sum += floats[i];
    return sum / Math.ceil(floats.length / 7) < (low + high) / 2;
  }

  let lightOnDark = null;

  /** Draw a decoded sample into its cell: of one channel as ink without a background. */
  function paint({ image, ratio }, { x, y, side }, values) {
    const [channels, height, width] = page.header.image_shape;
    const [low, high] = page.header.range;
    lightOnDark ??= isLightOnDark();
    const small = document.createElement("canvas");
    [small.width, small.height] = [width, height];
    if (channels === 1) {
      const context = small.getContext("2d");
      const data = context.createImageData(width, height);
      const [red, green, blue] = Utsushi.pictures.isDark() ? [231, 228, 223] : [29, 35, 43];
      for (let i = 0; i < height * width; i++) {
        const part = Math.min(Math.max((values[i] - low) / (high - low || 1), 0), 1);
        data.data.set([red, green, blue, 255 * (lightOnDark ? part : 1 - part)], 4 * i);
      }
      context.putImageData(data, 0, 0);
    } else Utsushi.pictures.paint(small, values);
    const context = image.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = side < Math.max(height, width);
    context.globalAlpha = channels === 1 ? 0.45 : 0.8;
    context.drawImage(small, x, y, side, side * (height / Math.max(height, width)));
  }

  function sheet(size) {
    const ratio = window.devicePixelRatio || 1;
    const image = document.createElement("canvas");
    image.width = image.height = Math.round(size * ratio);
    return { image, ratio };
  }

  const decodeSome = Utsushi.newest(
    async (job) => {
      const some = job.cells.slice(job.count, job.count + AT_ONCE);
      const codes = some.flatMap((cell) => cell.code());
      const rows = await job.model.decode(codes, some.length, some.map(() => job.y));
      return { job, some, rows };
    },
    ({ job, some, rows }) => {
      const size = rows.length / some.length;
      some.forEach((cell, i) => {
        cell.values = rows.slice(i * size, (i + 1) * size);
        paint(job, cell, cell.values);
      });
      job.count += some.length;
      if (job !== current) return;
      if (job.count % 20 < AT_ONCE || job.count === job.cells.length) Utsushi.map.draw();
      next(job);
    },
  );

  function next(job) {
    if (job.count === job.cells.length) older = null;
    else soon(() => job === current && decodeSome(job));
  }

  /** Return the image of the field so far, and start painting it; null where there is none. */
  function of(here, { model: index, plane: chosen, point }) {
    const { model, flat, size } = here;
    if (!isOn(model, flat) || !size) return null;
    const y = model.conditional ? point.y : 0;
    const map = [index, String(chosen), y].join();
    const key = [map, size].join();
    const isDark = Utsushi.pictures.isDark();
    if (!current || current.key !== key) {
      older = current && current.map === map ? current.image : null;
      current = { key, map, model, y, cells: cellsOf(here), count: 0, isDark, ...sheet(size) };
      next(current);
    } else if (current.isDark !== isDark) {
      // The same samples in another colour.
      Object.assign(current, sheet(size), { isDark });
      for (const cell of current.cells) if (cell.values) paint(current, cell, cell.values);
    }
    return older || current.image;
  }

  const isDone = () => !current || !isOn(current.model, Utsushi.map.view().flat) || current.count === current.cells.length;

  return { of, isOn, isDone, get cells() { return current ? current.cells : []; } };
})();
