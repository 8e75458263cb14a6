"use strict";
/* Draw: input of the model by mouse, pen, finger or keyboard, or from an image file; of a table, by a
   slider for each column. */

Utsushi.draw = (() => {
  const { build, page, state, words, pictures } = Utsushi;
  const SIDE = 280;
  /** The shortest line that a pen adds to a stroke, in pixels of the pad. */
  const STEP = 3;
  let parts = {};
  let pad = null; // the 2d context of the drawing
  let pen = null; // the last position of the pen while it is down
  let strokes = []; // the drawing, but for images that were opened
  let isPending = false; // whether the drawing is to be encoded when the view is opened
  let cursor = { x: SIDE / 2, y: SIDE / 2, down: false };
  let input = null; // the input of the model
  let answer = null;
  let cleared = 0; // the number of clears: results of an earlier drawing are ignored

  const model = () => page.models[state.get().model];

  // --- from the drawing to a sample -------------------------------------------------------------

  /** Return the brightness of each pixel of a context, from 0 to 1. */
  function brightness(context) {
    const { width, height } = context.canvas;
    const { data } = context.getImageData(0, 0, width, height);
    const values = new Float32Array(width * height);
    for (let i = 0; i < values.length; i++) {
      values[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    }
    return values;
  }

  function inkBox(values, width) {
    let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
    values.forEach((value, i) => {
      if (value < 0.1) return;
      const [x, y] = [i % width, Math.floor(i / width)];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    });
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  function resized(source, box, width, height) {
    // Halve repeatedly: a canvas skips pixels when it reduces an image in one step.
    let { canvas, left, top, w, h } = { canvas: source, left: box.left, top: box.top, w: box.width, h: box.height };
    for (;;) {
      const [nextW, nextH] = [Math.max(width, Math.ceil(w / 2)), Math.max(height, Math.ceil(h / 2))];
      const next = document.createElement("canvas");
      [next.width, next.height] = [nextW, nextH];
      const context = next.getContext("2d", { willReadFrequently: true });
      context.imageSmoothingQuality = "high";
      context.drawImage(canvas, left, top, w, h, 0, 0, nextW, nextH);
      if (nextW === width && nextH === height) return context;
      [canvas, left, top, w, h] = [next, 0, 0, nextW, nextH];
    }
  }

  /** Convert a drawing as the samples are: of their size, and with their centre of mass. */
  function asDigit(context) {
    const [, height, width] = page.header.image_shape;
    const { size, centre } = page.header.digits;
    const [low, high] = page.header.range;
    const row = new Float32Array(height * width).fill(low);
    const box = inkBox(brightness(context), context.canvas.width);
    if (!box) return row;
    const scale = size / Math.max(box.width, box.height);
    const [w, h] = [box.width, box.height].map((size) => Math.max(1, Math.round(size * scale)));
    const small = brightness(resized(context.canvas, box, w, h));
    let [mass, x, y] = [0, 0, 0];
    small.forEach((value, i) => {
      mass += value;
      x += value * (i % w);
      y += value * Math.floor(i / w);
    });
    // A drawing may be as large as the image, and is moved no farther than to its edge.
    const start = (middle, free) =>
      free < 0 ? Math.round(free / 2) : Math.min(Math.max(Math.round(middle), 0), free);
    const left = start(centre[0] - x / mass, width - w);
    const top = start(centre[1] - y / mass, height - h);
    small.forEach((value, i) => {
      const [column, line] = [left + (i % w), top + Math.floor(i / w)];
      if (column < 0 || column >= width || line < 0 || line >= height) return;
      row[line * width + column] = low + (high - low) * value;
    });
    return row;
  }

  /** Convert any other drawing to the size and the range of the samples. */
  function asImage(context) {
    const [channels, height, width] = page.header.image_shape;
    const [low, high] = page.header.range;
    const whole = { left: 0, top: 0, width: context.canvas.width, height: context.canvas.height };
    const { data } = resized(context.canvas, whole, width, height).getImageData(0, 0, width, height);
    const area = height * width;
    const row = new Float32Array(channels * area);
    for (let pixel = 0; pixel < area; pixel++) {
      const rgb = [data[4 * pixel], data[4 * pixel + 1], data[4 * pixel + 2]];
      const values = channels === 1 ? [0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]] : rgb;
      values.forEach((value, c) => {
        row[c * area + pixel] = low + ((high - low) * value) / 255;
      });
    }
    return row;
  }

  // --- through the model ------------------------------------------------------------------------

  const encode = Utsushi.newest(
    async (row) => {
      const { model: of, point } = state.get();
      const before = cleared;
      const all = await Promise.all(page.models.map((each) => each.measure(row, point.y)));
      return { of, row, point, before, all, ...all[of] };
    },
    (measures) => {
      if (measures.of !== state.get().model || measures.before !== cleared) return;
      answer = measures;
      // The point may have been moved after the drawing.
      const { point } = state.get();
      if (point === measures.point) {
        state.change({ point: state.point(measures.code, -1, point.y) });
      }
      show();
    },
  );

  function show() {
    if (page.isImage) pictures.paint(parts.before, answer.row);
    else parts.editor.paint(answer.reconstruction, answer.row, answer.contributions);
    pictures.paint(parts.copy, answer.reconstruction, page.isImage ? null : answer.row);
    pictures.paintDifference(parts.difference, answer.row, answer.reconstruction);
    parts.numbers.replaceChildren(...Utsushi.views.measureItems(model(), answer));
    const said = Utsushi.nearest.show(parts.nearest, answer.row, answer.all);
    Utsushi.views.announce(said.join(" "));
    parts.result.hidden = false;
    parts.empty.hidden = true;
    for (const [name, picture] of [["seen", parts.before], ["copy", parts.copy], ["difference", parts.difference]]) {
      picture.setAttribute("aria-label", words.get(name));
    }
  }

  function changed() {
    input = page.header.digits ? asDigit(pad) : asImage(pad);
    encode(input);
  }

  function blank() {
    pad.fillStyle = "#000";
    pad.fillRect(0, 0, pad.canvas.width, pad.canvas.height);
  }

  function clear() {
    if (pad) blank();
    [strokes, input, answer] = [[], null, null];
    cleared++;
    parts.result.hidden = true;
    parts.empty.hidden = false;
    Utsushi.map.draw();
  }

  // --- the pen ----------------------------------------------------------------------------------

  function place(event) {
    const box = pad.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * pad.canvas.width,
      y: ((event.clientY - box.top) / box.height) * pad.canvas.height,
    };
  }

  const penColour = () => (parts.colour.hidden ? null : parts.colour.querySelector("input").value);

  /** Return the width of the pen: in small images a line is more than a pixel wide. */
  const penWidth = () => Math.max(20, (1.1 * SIDE) / page.header.image_shape[2]);

  const whole = ({ x, y }) => ({ x: Math.round(x), y: Math.round(y) });

  /** Begin a stroke, or add a line to the last one. */
  function draw(from, to) {
    if (from === to) strokes.push({ colour: penColour(), points: [[to.x, to.y]] });
    else strokes[strokes.length - 1].points.push([to.x, to.y]);
    stroke(from, to, penColour());
  }

  /** Draw the strokes of an address again. */
  function redraw(text) {
    blank();
    strokes = Utsushi.strokes.read(text) || [];
    for (const { colour, points } of strokes) {
      points.forEach(([x, y], i) => {
        const [fromX, fromY] = points[Math.max(i - 1, 0)];
        stroke({ x: fromX, y: fromY }, { x, y }, colour);
      });
    }
  }

  /** Show the drawing of the state again, as after the guided tour. */
  function restore() {
    if (!pad) return;
    const { drawing, view } = state.get();
    clear();
    if (!drawing) return;
    redraw(drawing);
    if (view === "draw") changed();
    else isPending = true;
  }

  /** Put the drawing into the state, and so into the address. */
  function remember(keep) {
    state.change({ drawing: Utsushi.strokes.write(strokes) }, { keep });
  }

  function stroke(from, to, colour) {
    pad.strokeStyle = colour || "#fff";
    pad.lineWidth = penWidth();
    pad.lineCap = pad.lineJoin = "round";
    pad.beginPath();
    pad.moveTo(from.x, from.y);
    pad.lineTo(to.x, to.y);
    pad.stroke();
  }

  let due = false;

  /** Encode the drawing at most once per frame. */
  function soon() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      changed();
    });
  }

  function penDown(event) {
    if (event.button) return;
    pad.canvas.setPointerCapture(event.pointerId);
    pen = whole(place(event));
    draw(pen, pen);
    soon();
  }

  function penMove(event) {
    if (!pen) return;
    const next = whole(place(event));
    if (Math.hypot(next.x - pen.x, next.y - pen.y) < STEP) return;
    draw(pen, next);
    pen = next;
    soon();
  }

  function penKey(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) draw(cursor, cursor);
    } else if (event.key in steps) {
      const inside = (value) => Math.min(Math.max(value, 0), SIDE);
      const [dx, dy] = steps[event.key];
      const next = { ...cursor, x: inside(cursor.x + 8 * dx), y: inside(cursor.y + 8 * dy) };
      if (cursor.down) draw(cursor, next);
      cursor = next;
    } else return;
    event.preventDefault();
    showCursor();
    if (!cursor.down) return;
    remember(false);
    soon();
  }

  function showCursor() {
    const { canvas } = pad;
    parts.cursor.style.left = `${(100 * cursor.x) / canvas.width}%`;
    parts.cursor.style.top = `${(100 * cursor.y) / canvas.height}%`;
    parts.cursor.classList.toggle("down", cursor.down);
    Utsushi.views.announce(words.get(cursor.down ? "pen_down" : "pen_up"));
  }

  // --- a file -----------------------------------------------------------------------------------

  async function open(file) {
    parts.problem.textContent = "";
    try {
      const image = await createImageBitmap(file);
      const { width, height } = pad.canvas;
      blank();
      strokes = [];
      const scale = Math.min(width / image.width, height / image.height);
      const [w, h] = [image.width * scale, image.height * scale];
      pad.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
      if (page.header.digits) darken();
      remember(true);
      changed();
    } catch {
      parts.problem.textContent = words.get("no_image", { name: file.name });
    }
  }

  /** Invert dark ink on light paper: the digits of the training data are light on dark. */
  function darken() {
    const { width, height } = pad.canvas;
    const values = brightness(pad);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    if (mean <= 0.5) return;
    const data = pad.getImageData(0, 0, width, height);
    for (let i = 0; i < data.data.length; i++) if (i % 4 < 3) data.data[i] = 255 - data.data[i];
    pad.putImageData(data, 0, 0);
  }

  // --- a table: a slider for each column --------------------------------------------------------

  function buildTable(row) {
    input = Float64Array.from(row);
    parts.editor = Utsushi.table.editor(input, (edited) => {
      input = edited;
      encode(input);
    });
    parts.table.replaceChildren(parts.editor);
  }

  let editedRow = -1;

  /** Edit the sample of the point, if it is not that already. */
  function editRow({ point: { row } }) {
    if (row < 0 && input) return;
    if (row === editedRow && input) return;
    editedRow = Math.max(row, 0);
    buildTable(page.rowOf(page.test, editedRow));
    encode(input);
  }

  function refresh(now, what) {
    if (pad && what.has("drawing") && now.drawing !== Utsushi.strokes.write(strokes)) restore();
    if (now.view !== "draw") return;
    if (isPending) {
      isPending = false;
      changed();
    }
    if (!page.isImage && (what.has("view") || what.has("point"))) editRow(now);
    if ((what.has("model") || what.has("language")) && input) encode(input);
  }

  function startPad() {
    const [channels, height, width] = page.header.image_shape;
    const canvas = document.getElementById("pad");
    canvas.width = SIDE;
    canvas.height = Math.round((SIDE * height) / width);
    pad = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", penDown);
    canvas.addEventListener("pointermove", penMove);
    for (const event of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(event, () => {
        if (!pen) return;
        pen = null;
        remember(true);
      });
    }
    canvas.addEventListener("keydown", penKey);
    parts.colour.hidden = channels === 1;
    const drop = document.getElementById("drop");
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
    });
    document.getElementById("file").addEventListener("change", (event) => {
      if (event.target.files.length) open(event.target.files[0]);
    });
    showCursor();
  }

  function start() {
    const find = (id) => document.getElementById(id);
    parts = {
      before: pictures.canvasIn("draw-seen"),
      copy: pictures.canvasIn("draw-copy"),
      difference: pictures.canvasIn("draw-difference"),
      numbers: find("draw-numbers"),
      nearest: find("draw-nearest"),
      result: find("draw-result"),
      empty: find("draw-empty"),
      colour: find("pen-colour"),
      cursor: find("pen-cursor"),
      problem: find("draw-problem"),
      table: find("draw-table"),
    };
    parts.table.hidden = page.isImage;
    find("draw-image").hidden = !page.isImage;
    find("draw-difference").hidden = find("draw-seen").hidden = !page.isImage;
    if (!page.isImage) find("tab-draw").dataset.word = "edit";
    if (page.isImage) startPad();
    find("clear").addEventListener("click", () => {
      clear();
      remember(true);
    });
    clear();
    state.listen(refresh);
  }

  function posterior() {
    if (!answer || answer.of !== state.get().model || !model().variational) return null;
    return { mean: answer.code, logVariance: answer.logVariance };
  }

  /** Use a sample as input, as the guided tour does; wait until it is shown. */
  function give(row) {
    input = row;
    if (page.isImage) {
      const picture = pictures.canvas();
      pictures.paint(picture, row);
      pad.imageSmoothingEnabled = false;
      pad.drawImage(picture, 0, 0, pad.canvas.width, pad.canvas.height);
      pad.imageSmoothingEnabled = true;
    } else buildTable(row);
    return encode(input);
  }

  /** Return the drawing, so that it can be put back after the guided tour. */
  function keep() {
    return {
      input: input && input.slice(),
      strokes,
      pixels: pad && pad.getImageData(0, 0, pad.canvas.width, pad.canvas.height),
    };
  }

  function putBack({ input: row, strokes: drawn, pixels }) {
    clear();
    strokes = drawn;
    if (pixels) pad.putImageData(pixels, 0, 0);
    if (!row) {
      if (!page.isImage) parts.table.replaceChildren();
      return;
    }
    if (page.isImage) input = row;
    else buildTable(row);
    encode(input);
  }

  return { start, posterior, give, keep, putBack, asDigit, input: () => input };
})();
