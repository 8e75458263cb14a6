"use strict";
/* Pictures of samples: images with sharp pixels; of tables, a line for each column where there is room,
   the values where the sample is one of many, and parallel coordinates in small. */

Utsushi.pictures = (() => {
  let page = null;

  const style = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const isDark = () => matchMedia("screen and (prefers-color-scheme: dark)").matches;

  /** Create an element for one sample, a canvas or a view of a table; `className` determines its size. */
  function canvas(className = "picture") {
    if (!page.image_shape && className === "large") return Utsushi.table.picture();
    if (!page.image_shape && className === "row") return Utsushi.table.values();
    const element = document.createElement("canvas");
    element.className = `${className} ${page.image_shape ? "image" : "table-row"}`;
    if (page.image_shape) [, element.height, element.width] = page.image_shape;
    element.setAttribute("role", "img");
    return element;
  }

  /** Create a small canvas as the first child of the element of an id. */
  function canvasIn(id) {
    const element = canvas("small");
    document.getElementById(id).prepend(element);
    return element;
  }

  function imageData(context, rgbOf) {
    const [channels, height, width] = page.image_shape;
    const data = context.createImageData(width, height);
    const area = height * width;
    for (let pixel = 0; pixel < area; pixel++) {
      const channel = (c) => (channels === 1 ? pixel : c * area + pixel);
      const [red, green, blue] = rgbOf(channel(0), channel(1), channel(2));
      data.data[4 * pixel] = red;
      data.data[4 * pixel + 1] = green;
      data.data[4 * pixel + 2] = blue;
      data.data[4 * pixel + 3] = 255;
    }
    return data;
  }

  const toByte = (part) => Math.round(255 * Math.min(Math.max(part, 0), 1));

  function paintImage(element, row) {
    const [low, high] = page.range;
    const byte = (value) => toByte((value - low) / (high - low || 1));
    const context = element.getContext("2d");
    context.putImageData(
      imageData(context, (r, g, b) => [byte(row[r]), byte(row[g]), byte(row[b])]),
      0,
      0,
    );
  }

  /** Draw the difference of two images: orange where the reconstruction is brighter, blue where darker. */
  function paintDifference(element, row, reconstruction) {
    if (!page.image_shape) return; // a table's reconstruction is drawn over the original
    const [low, high] = page.range;
    const context = element.getContext("2d");
    const dark = isDark();
    const zero = dark ? [22, 25, 29] : [255, 255, 255];
    const [more, less] = dark ? [[255, 150, 60], [90, 170, 255]] : [[190, 70, 0], [0, 90, 190]];
    const colour = (r, g, b) => {
      const mean = (reconstruction[r] - row[r] + reconstruction[g] - row[g] + reconstruction[b] - row[b]) / 3;
      const part = Math.min(Math.abs(mean) / (high - low || 1), 1);
      const end = mean > 0 ? more : less;
      return zero.map((value, i) => Math.round(value + part * (end[i] - value)));
    };
    context.putImageData(imageData(context, colour), 0, 0);
  }

  // --- tables: a vertical axis for each feature, and a line through the values -----------------

  function fit(element) {
    const ratio = window.devicePixelRatio || 1;
    const width = element.clientWidth || 240;
    const height = element.clientHeight || 140;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const context = element.getContext("2d");
    context.scale(ratio, ratio);
    return { context, width, height };
  }

  function paintTable(element, row, other = null) {
    const { context, width, height } = fit(element);
    const { names, low, high } = page.features;
    const labelled = height > 100 && names.length <= 16 && width / names.length > 26;
    const [top, bottom, side] = [8, labelled ? 22 : 8, Math.min(14, width / 16)];
    const isDense = width / names.length < 6; // axes would hide the line
    const x = (i) => side + (i * (width - 2 * side)) / Math.max(names.length - 1, 1);
    const y = (value, i) => {
      const part = (value - low[i]) / (high[i] - low[i] || 1);
      return top + (1 - Math.min(Math.max(part, -0.04), 1.04)) * (height - top - bottom);
    };
    context.strokeStyle = style("--line");
    context.fillStyle = style("--quiet");
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    names.forEach((name, i) => {
      context.beginPath();
      context.moveTo(x(i), top);
      context.lineTo(x(i), height - bottom);
      if (!isDense) context.stroke();
      if (!labelled) return;
      const text = shortened(context, name, width / names.length);
      const half = context.measureText(text).width / 2; // whole also at the edges
      context.fillText(text, Math.min(Math.max(x(i), half), width - half), height - 7);
    });
    const line = (values, colour, dash) => {
      context.strokeStyle = colour;
      context.lineWidth = isDense ? 1.5 : 2;
      context.setLineDash(dash);
      context.beginPath();
      let isAfterGap = true;
      values.forEach((value, i) => {
        if (isAfterGap) context.moveTo(x(i), y(value, i));
        else context.lineTo(x(i), y(value, i));
        isAfterGap = Number.isNaN(value); // a missing value
      });
      context.stroke();
      context.setLineDash([]);
    };
    if (other) line(Array.from(other), style("--quiet"), [4, 3]);
    line(Array.from(row), style("--accent"), []);
  }

  function shortened(context, name, width) {
    // Names may have any length, and measuring a long text is slow.
    let text = name.slice(0, 40);
    while (text.length > 1 && context.measureText(text).width > width - 4) text = text.slice(0, -1);
    return text === name ? name : `${text.slice(0, -1)}…`;
  }

  /** Draw a sample; for a table, also `other`, and what each column contributes to the score. */
  function paint(element, row, other = null, contributions = null) {
    if (page.image_shape) paintImage(element, row);
    else if (element.paint) element.paint(row, other, contributions);
    else paintTable(element, row, other);
  }

  /** The sizes of pictures, in pixels; the images of MNIST fit each several times. */
  const SIZES = [28, 56, 84, 112, 168, 224, 308, 336];

  /** Return the width of an image within a square: a whole multiple of its pixels if it fits. */
  function whole([, height, width], side) {
    const longest = Math.max(height, width);
    return longest > side ? (side * width) / longest : Math.floor(side / longest) * width;
  }

  function start(header) {
    page = header;
    if (!page.image_shape) return;
    for (const side of SIZES) {
      document.getElementById("play").style.setProperty(`--image-${side}`, `${whole(page.image_shape, side)}px`);
    }
  }

  return { start, canvas, canvasIn, paint, paintDifference, shortened, style, isDark };
})();
