"use strict";
/* The network, with a sample flowing through it: the activations of each layer as a strip of cells. */

Utsushi.flow = (() => {
  const { page, words, pictures } = Utsushi;
  const [HEIGHT, TOP, GAP] = [230, 8, 26];
  /** Milliseconds in which the sample reaches the last layer. */
  const DURATION = 1400;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let canvas = null;
  let stations = []; // { values, columns, rows, picture, isCode, label }
  let began = null;
  let due = 0;

  /** Return the columns and rows of the cells of a layer: those of its image, or of a tall rectangle. */
  function shapeOf({ values, shape }) {
    const count = values.length;
    if (shape) {
      // The channels of a convolution are images, side by side and below one another.
      const [channels, height, width] = shape;
      const across = Math.max(1, Math.round(Math.sqrt((channels * height) / width / 2.5)));
      return { columns: across * width, rows: Math.ceil(channels / across) * height, across, shape };
    }
    if (count <= 24) return { columns: 1, rows: count };
    const columns = Math.ceil(Math.sqrt(count / 4));
    return { columns, rows: Math.ceil(count / columns) };
  }

  const place = ({ columns, across, shape }, i) => {
    if (!shape) return [i % columns, Math.floor(i / columns)];
    const [, height, width] = shape;
    const [channel, pixel] = [Math.floor(i / (height * width)), i % (height * width)];
    return [
      (channel % across) * width + (pixel % width),
      Math.floor(channel / across) * height + Math.floor(pixel / width),
    ];
  };

  /** Paint activations into a small canvas, a pixel each: positive ones in one colour, negative in another. */
  function painted(layer) {
    const grid = shapeOf(layer);
    const element = document.createElement("canvas");
    [element.width, element.height] = [grid.columns, grid.rows];
    const context = element.getContext("2d");
    const data = context.createImageData(grid.columns, grid.rows);
    const dark = pictures.isDark();
    const zero = dark ? [38, 43, 49] : [243, 241, 236];
    const [more, less] = dark ? [[255, 171, 112], [143, 180, 255]] : [[179, 84, 30], [47, 95, 179]];
    const most = layer.values.reduce((size, value) => Math.max(size, Math.abs(value)), 1e-9);
    layer.values.forEach((value, i) => {
      const [x, y] = place(grid, i);
      const to = 4 * (y * grid.columns + x);
      const end = value > 0 ? more : less;
      // The root makes small activations visible.
      const part = Math.sqrt(Math.min(Math.abs(value) / most, 1));
      for (let c = 0; c < 3; c++) data.data[to + c] = zero[c] + part * (end[c] - zero[c]);
      data.data[to + 3] = 255;
    });
    context.putImageData(data, 0, 0);
    return { ...grid, picture: element };
  }

  function pictureOf(row) {
    const element = pictures.canvas();
    if (!page.isImage) return null;
    pictures.paint(element, row);
    return { columns: element.width, rows: element.height, picture: element };
  }

  /** Show a sample on its way through a model: its activations are computed here, layer by layer. */
  async function show(model, row, measures, y, { isNew }) {
    const { trace } = Utsushi.network;
    const scaled = model.scale(row, 1);
    const encoder = trace(model.layers.encoder, scaled).slice(0, -1);
    const decoder = trace(model.layers.decoder, model.conditioned(measures.code, 1, [y])).slice(0, -1);
    const ends = [row, measures.reconstruction].map(
      (values) => pictureOf(values) || painted({ values, shape: null }),
    );
    const code = { ...painted({ values: measures.code, shape: null }), isCode: true };
    const layers = [
      { ...ends[0], size: row.length },
      ...encoder.map((layer) => ({ ...painted(layer), size: layer.values.length })),
      { ...code, size: measures.code.length },
      ...decoder.map((layer) => ({ ...painted(layer), size: layer.values.length })),
      { ...ends[1], size: row.length },
    ];
    stations = layers;
    label();
    if (isNew && !still.matches) began = performance.now();
    request();
  }

  function label() {
    const sizes = stations.map(({ size }) => size).join(", ");
    canvas.setAttribute("aria-label", words.get(sizes ? "flow_label" : "flow_title", { sizes }));
  }

  // --- drawing ----------------------------------------------------------------------------------

  function request() {
    if (!due) due = requestAnimationFrame(frame);
  }

  function frame() {
    due = 0;
    const t = began === null ? 1 : (performance.now() - began) / DURATION;
    if (t >= 1) began = null;
    paint(Math.min(t, 1));
    if (began !== null) request();
  }

  /** Return the width and the height of each station on the screen, where `unit` pixels are free for each;
      the code is lower than the layers around it. */
  function sizesOf(unit) {
    const fitted = ({ columns, rows }, height) => {
      const scale = Math.min(unit / columns, height / rows);
      return [Math.max(columns * scale, 6), rows * scale];
    };
    const sizes = stations.map((station) => fitted(station, HEIGHT));
    const others = sizes.filter((_, i) => !stations[i].isCode).map(([, height]) => height);
    return sizes.map((size, i) =>
      stations[i].isCode
        ? fitted(stations[i], Math.min(0.7 * Math.max(...others), 20 * stations[i].rows))
        : size,
    );
  }

  function paint(t) {
    const width = canvas.clientWidth;
    if (!width || !stations.length) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round((HEIGHT + TOP + 28) * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.imageSmoothingEnabled = false;
    const gap = Math.min(GAP, width / (3 * stations.length));
    const unit = (width - gap * (stations.length - 1)) / stations.length;
    const sizes = sizesOf(unit);
    const used = sizes.reduce((sum, [w]) => sum + w, 0);
    const between = (width - used) / Math.max(stations.length - 1, 1);
    const middle = TOP + HEIGHT / 2;
    let left = 0;
    const boxes = sizes.map(([w, h]) => {
      const box = { left, top: middle - h / 2, width: w, height: h };
      left += w + between;
      return box;
    });
    drawLinks(context, boxes, t);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = pictures.style("--quiet");
    stations.forEach(({ picture, size }, i) => {
      const box = boxes[i];
      // A layer appears when the sample reaches it.
      context.globalAlpha = Math.min(Math.max(t * stations.length - i + 0.15, 0.12), 1);
      context.drawImage(picture, box.left, box.top, box.width, box.height);
      context.globalAlpha = 1;
      const text = size.toLocaleString("en");
      const half = context.measureText(text).width / 2;
      const x = Math.min(Math.max(box.left + box.width / 2, half), width - half);
      context.textAlign = "center";
      context.fillText(text, x, TOP + HEIGHT + 20);
    });
  }

  /** Draw the funnel between each two layers, up to the one that the sample has reached. */
  function drawLinks(context, boxes, t) {
    context.fillStyle = pictures.style("--shade");
    boxes.slice(1).forEach((box, i) => {
      const before = boxes[i];
      const from = before.left + before.width;
      const part = Math.min(Math.max(t * boxes.length - i - 0.2, 0), 1);
      const along = (a, b) => a + part * (b - a);
      context.beginPath();
      context.moveTo(from, before.top);
      context.lineTo(along(from, box.left), along(before.top, box.top));
      context.lineTo(along(from, box.left), along(before.top + before.height, box.top + box.height));
      context.lineTo(from, before.top + before.height);
      context.fill();
    });
  }

  function start() {
    canvas = document.getElementById("flow");
    new ResizeObserver(request).observe(canvas);
  }

  return { start, show, label, stations: () => stations };
})();
