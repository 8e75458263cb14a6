"use strict";
/* The map of the test codes: the field of decoded samples, the marks, and moving parts over them. */

Utsushi.map = (() => {
  const { page, plane, state, words } = Utsushi;
  const COLOURS = 10;
  const SHAPES = "●■▲◆★✚▼✖○□△◇";
  /** The largest distance in pixels of a pointer to a mark or handle, and of a finger to a handle. */
  const NEAR = 14;
  const FINGER = 32;
  const STEPS = 10; // of a path, each with a dot

  let canvas = null;
  let tooltip = null;
  let still = null; // { key, image, view, places }
  let dragged = null; // "point", "a" or "b"; "position" is the point between these two
  const visited = {}; // the last test sample of each of them
  let listeners = { point: () => {}, posterior: () => null };

  // --- from the code's units to pixels and back -------------------------------------------------

  function view() {
    const size = canvas.clientWidth || 320;
    const model = page.models[state.get().model];
    const { model: index, plane: chosen, language } = state.get();
    const key = [index, String(chosen), size, language, Utsushi.pictures.isDark()].join();
    if (!still || still.key !== key) still = { key, size, model, ...layers(model, size) };
    return still;
  }

  const toPixel = ({ size, frame }, [x, y]) => [
    (size * (1 + (x - frame.middle[0]) / frame.half)) / 2,
    (size * (1 - (y - frame.middle[1]) / frame.half)) / 2,
  ];

  const fromPixel = ({ size, frame }, [px, py]) => [
    frame.middle[0] + frame.half * ((2 * px) / size - 1),
    frame.middle[1] - frame.half * ((2 * py) / size - 1),
  ];

  // --- static layers ----------------------------------------------------------------------------

  function sheet(size) {
    const ratio = window.devicePixelRatio || 1;
    const image = document.createElement("canvas");
    image.width = image.height = Math.round(size * ratio);
    const context = image.getContext("2d");
    context.scale(ratio, ratio);
    return { image, context };
  }

  function layers(model, size) {
    const flat = plane.of(model, state.get().plane);
    const places = plane.places(flat, model);
    const frame = plane.frame(places);
    const { image, context } = sheet(size);
    const here = { size, frame, flat, places };
    if (!Utsushi.field.isOn(model, flat)) shade(context, here, plane.empty(places, frame));
    if (model.hasNormalPrior && !flat.layout) drawPrior(context, here, flat);
    drawMarks(context, here, places);
    if (flat.layout) drawNames(context, here);
    else drawAxes(context, here);
    return { image, places, frame, flat };
  }

  /** Return the place of a point: where it was put, or that of its code. */
  const spot = ({ flat }, { at, z }) => (at && flat.layout ? at : plane.project(flat, z));

  /** Draw the shading small and enlarge it, so that its edge is soft. */
  function shade(context, { size }, { cells, result }) {
    const small = document.createElement("canvas");
    small.width = small.height = cells;
    const grid = small.getContext("2d");
    grid.fillStyle = Utsushi.pictures.style("--shade");
    for (const [i, j] of result) grid.fillRect(i, cells - 1 - j, 1, 1);
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, size, size);
  }

  /** Draw circles of one and two standard deviations of N(0, I). */
  function drawPrior(context, here, { axes, centre }) {
    const origin = plane.project({ axes, centre }, new Array(centre.length).fill(0));
    const [x, y] = toPixel(here, origin);
    context.strokeStyle = Utsushi.pictures.style("--quiet");
    context.setLineDash([5, 5]);
    for (const sigma of [1, 2]) {
      context.beginPath();
      context.arc(x, y, (sigma * here.size) / (2 * here.frame.half), 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
  }

  const short = () => (page.header.classes || []).every((name) => [...name].length <= 2);

  /** Return the colour and the sign of a class; not all readers can distinguish colours. */
  function markOf(label) {
    const index = label === null ? 0 : label;
    const sign = label === null ? "●" : short() ? page.header.classes[index] : SHAPES[index % SHAPES.length];
    return { colour: Utsushi.pictures.style(`--class-${index % COLOURS}`), sign };
  }

  function drawMarks(context, here, places) {
    const { labels } = page.test;
    const marks = (page.header.classes || [null]).map((_, index) => markOf(labels ? index : null));
    const lettered = labels && short();
    context.font = lettered ? "600 11px system-ui, sans-serif" : "9px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.strokeStyle = Utsushi.pictures.style("--paper");
    context.lineWidth = 2.5;
    context.lineJoin = "round";
    places.forEach((place, row) => {
      const { colour, sign } = marks[labels ? labels[row] : 0];
      const pixel = toPixel(here, place);
      // An outline in the colour of the paper keeps the contrast over the field and other marks.
      context.strokeText(sign, ...pixel);
      context.fillStyle = colour;
      context.fillText(sign, ...pixel);
    });
  }

  /** Write the name of each class in its middle: at the mark with the most of its class around it. */
  function drawNames(context, here) {
    const { labels } = page.test;
    if (!labels) return;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    page.header.classes.forEach((name, label) => {
      const own = here.places.filter((_, row) => labels[row] === label);
      if (!own.length) return;
      const around = own.map(([x, y]) =>
        own.reduce((sum, [ox, oy]) => sum + Math.exp(-((x - ox) ** 2 + (y - oy) ** 2) / 0.02), 0),
      );
      const [x, y] = toPixel(here, own[around.indexOf(Math.max(...around))]);
      context.font = `700 ${short() ? 26 : 14}px system-ui, sans-serif`;
      const text = Utsushi.pictures.shortened(context, name, 140);
      context.strokeStyle = Utsushi.pictures.style("--paper");
      context.lineWidth = 6;
      context.strokeText(text, x, y);
      context.fillStyle = markOf(label).colour;
      context.fillText(text, x, y);
    });
  }

  /** Write the name of each axis at its end, and mark zero. */
  function drawAxes(context, here) {
    const { size } = here;
    const origin = toPixel(here, [0, 0]);
    context.strokeStyle = Utsushi.pictures.style("--line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, origin[1]);
    context.lineTo(size, origin[1]);
    context.moveTo(origin[0], 0);
    context.lineTo(origin[0], size);
    context.globalCompositeOperation = "destination-over";
    context.stroke();
    context.globalCompositeOperation = "source-over";
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "alphabetic";
    context.lineWidth = 4;
    context.strokeStyle = Utsushi.pictures.style("--paper");
    context.fillStyle = Utsushi.pictures.style("--ink");
    const write = (text, align, x, y) => {
      context.textAlign = align;
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    write(`${Utsushi.axes.nameOf(0)} →`, "right", size - 8, size - 8);
    if (here.flat.centre.length > 1) write(`↑ ${Utsushi.axes.nameOf(1)}`, "left", 8, 18);
  }

  // --- moving parts -----------------------------------------------------------------------------

  function draw() {
    if (!state.get()) return; // the page has not started
    const here = view();
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(here.size * ratio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, side, side);
    const now = state.get();
    const field = Utsushi.field.of(here, now);
    if (field) context.drawImage(field, 0, 0, side, side);
    context.drawImage(here.image, 0, 0);
    context.scale(ratio, ratio);
    const posterior = now.view === "interpolate" || here.flat.layout ? null : listeners.posterior();
    if (posterior) drawPosterior(context, here, posterior);
    if (now.view === "interpolate") drawPath(context, here, now);
    else drawHandle(context, toPixel(here, spot(here, now.point)), "");
    showKeys(now, { field, posterior, here });
  }

  function drawPosterior(context, here, { mean, logVariance }) {
    const [x, y] = toPixel(here, plane.project(here.flat, mean));
    const { radii, angle } = plane.ellipse(here.flat, logVariance);
    const unit = here.size / (2 * here.frame.half);
    context.strokeStyle = Utsushi.pictures.style("--accent");
    context.lineWidth = 1.5;
    for (const sigma of [1, 2]) {
      context.beginPath();
      // The vertical axis of the map is opposite to that of pixels.
      context.ellipse(x, y, sigma * radii[0] * unit, sigma * radii[1] * unit, -angle, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  function drawPath(context, here, now) {
    const at = (t) => toPixel(here, plane.project(here.flat, Utsushi.interpolate.between(now, t)));
    const path = Array.from({ length: STEPS + 1 }, (_, i) => at(i / STEPS));
    const ends = now.ends.map((end) => toPixel(here, spot(here, end)));
    [path[0], path[STEPS]] = ends;
    for (const [colour, width] of [["--paper", 5], ["--ink", 2]]) {
      context.strokeStyle = Utsushi.pictures.style(colour);
      context.lineWidth = width;
      context.beginPath();
      for (const pixel of path) context.lineTo(...pixel);
      context.stroke();
    }
    context.fillStyle = Utsushi.pictures.style("--ink");
    for (const [x, y] of path) {
      context.beginPath();
      context.arc(x, y, 3.5, 0, 2 * Math.PI);
      context.fill();
    }
    drawHandle(context, ends[0], "A");
    drawHandle(context, ends[1], "B");
    drawHandle(context, at(now.position), "");
  }

  function drawHandle(context, [x, y], letter) {
    context.beginPath();
    context.arc(x, y, letter ? 11 : 8, 0, 2 * Math.PI);
    context.fillStyle = Utsushi.pictures.style(letter ? "--ink" : "--accent");
    context.fill();
    context.lineWidth = 2.5;
    context.strokeStyle = Utsushi.pictures.style("--paper");
    context.stroke();
    if (!letter) return;
    context.fillStyle = Utsushi.pictures.style("--paper");
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(letter, x, y + 0.5);
  }

  // --- the pointer ------------------------------------------------------------------------------

  function pixelUnder(event) {
    const box = canvas.getBoundingClientRect();
    const inside = (value) => Math.min(Math.max(value, 0), box.width);
    return [inside(event.clientX - box.left), inside(event.clientY - box.top)];
  }

  const apart = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

  /** Return the test sample whose mark is at a pixel, or -1. */
  function rowAt(pixel, reach = NEAR) {
    const here = view();
    let [best, least] = [-1, reach];
    here.places.forEach((place, row) => {
      const distance = apart(toPixel(here, place), pixel);
      if (distance < least) [best, least] = [row, distance];
    });
    return best;
  }

  const pixelOfCode = (z) => toPixel(view(), plane.project(view().flat, z));
  const pixelOf = (point) => toPixel(view(), spot(view(), point));

  function nearerEnd(pixel) {
    const [a, b] = state.get().ends.map((end) => apart(pixelOf(end), pixel));
    return a <= b ? "a" : "b";
  }

  /** Return what can be dragged, and its distance from a pixel. */
  function handles(pixel) {
    const now = state.get();
    if (now.view !== "interpolate") return [["point", apart(pixelOf(now.point), pixel)]];
    const between = pixelOfCode(Utsushi.interpolate.between(now, now.position));
    const [a, b] = now.ends.map((end) => apart(pixelOf(end), pixel));
    return [["position", apart(between, pixel)], ["a", a], ["b", b]];
  }

  /** Return the handle that a press takes: for a finger only one that it touches, because a swipe
      elsewhere scrolls the page. */
  function grabbed(pixel, isTouch) {
    const [[name, distance]] = handles(pixel).sort(([, a], [, b]) => a - b);
    if (isTouch) return distance < FINGER ? name : null;
    if (name === "position" && distance >= NEAR) return nearerEnd(pixel);
    return name;
  }

  /** Return the position on the path from A to B that is nearest to a pixel. */
  function positionAt(pixel) {
    const now = state.get();
    let [best, least] = [0, Infinity];
    for (let step = 0; step <= 100; step++) {
      const distance = apart(pixelOfCode(Utsushi.interpolate.between(now, step / 100)), pixel);
      if (distance < least) [best, least] = [step / 100, distance];
    }
    return best;
  }

  const handled = () => {
    const now = state.get();
    if (dragged === "a") return now.ends[0];
    return dragged === "b" ? now.ends[1] : now.point;
  };

  function put(point, keep) {
    const { ends: [first, second], view: shown } = state.get();
    if (dragged === "a") state.change({ ends: [point, second] }, { keep });
    else if (dragged === "b") state.change({ ends: [first, point] }, { keep });
    // Only Walk shows what the point is decoded to, and Edit takes the samples of a table.
    else if (shown !== "walk" && !(shown === "draw" && !page.isImage && point.row >= 0)) state.change({ point, view: "walk" }, { keep });
    else state.change({ point }, { keep });
  }

  function dragTo(pixel, keep = false) {
    if (dragged === "position") state.change({ position: positionAt(pixel) }, { keep });
    else moveTo(fromPixel(view(), pixel), keep);
  }

  function moveTo(place, keep = false) {
    const here = view();
    const { middle, half } = here.frame;
    const target = place.map((value, axis) => Math.min(Math.max(value, middle[axis] - half), middle[axis] + half));
    const { z, y } = handled();
    if (here.flat.layout) put(state.pointAt(here.model, target, y), keep);
    else put(state.point(plane.move(here.flat, z, target), -1, y), keep);
  }

  function down(event) {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    hide();
    const pixel = pixelUnder(event);
    dragged = grabbed(pixel, event.pointerType === "touch");
    canvas.pressed = { pixel, moved: false };
  }

  /** A finger on a handle drags it; any other touch is the browser's, to scroll or zoom. */
  function touched(event) {
    if (event.touches.length === 1 && grabbed(pixelUnder(event.touches[0]), true)) event.preventDefault();
  }

  function cancelled() {
    canvas.pressed = dragged = null;
  }

  function moved(event) {
    const pixel = pixelUnder(event);
    if (!canvas.pressed) return hover(event, pixel);
    // Fingers tremble: a shorter movement is a press.
    if (!canvas.pressed.moved && apart(pixel, canvas.pressed.pixel) < 4) return undefined;
    canvas.pressed.moved = true;
    return dragged ? dragTo(pixel) : undefined;
  }

  function up(event) {
    if (!canvas.pressed) return;
    const pixel = pixelUnder(event);
    const row = rowAt(pixel);
    const { moved: wasDrag } = canvas.pressed;
    canvas.pressed = null;
    if (wasDrag && !dragged) return;
    // A press moves the point, or one of the ends, to this position.
    if (!wasDrag && dragged !== "point") {
      dragged = state.get().view === "interpolate" ? nearerEnd(pixel) : "point";
    }
    if (!wasDrag && row >= 0) put(page.pointOf(page.models[state.get().model], row), true);
    else dragTo(pixel, true);
    dragged = null;
  }

  function hover(event, pixel) {
    if (event.pointerType === "touch") return;
    const row = rowAt(pixel);
    if (row < 0) {
      hide();
      return;
    }
    const name = page.classOf(page.test, row);
    tooltip.hidden = false;
    tooltip.querySelector("span").textContent =
      name === null ? words.get("row_number", { row }) : name;
    Utsushi.pictures.paint(tooltip.querySelector("canvas"), page.rowOf(page.test, row));
    const left = Math.min(pixel[0] + 16, canvas.clientWidth - tooltip.offsetWidth);
    tooltip.style.transform = `translate(${left}px, ${Math.max(pixel[1] - 96, 0)}px)`;
  }

  function hide() {
    tooltip.hidden = true;
  }

  // --- the keyboard: arrows move, Shift moves far, N and P go from mark to mark -----------------

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // shortcuts of the browser
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const letter = event.key.toLowerCase(); // also with Shift or Caps Lock
    const now = state.get();
    dragged = now.view === "interpolate" ? canvas.dataset.end || "a" : "point";
    if (event.key in steps) {
      const size = (view().frame.half / 40) * (event.shiftKey ? 5 : 1);
      const at = spot(view(), handled());
      moveTo(steps[event.key].map((step, axis) => at[axis] + step * size));
    } else if (letter === "n" || letter === "p") {
      const { count } = page.test;
      const row = letter === "n" ? (visited[dragged] + 1) % count : (visited[dragged] + count - 1) % count;
      put(page.pointOf(page.models[now.model], row), true);
    } else if (letter === "e" && now.view === "interpolate") {
      canvas.dataset.end = dragged === "a" ? "b" : "a";
    } else {
      dragged = null;
      return;
    }
    dragged = null;
    event.preventDefault();
  }

  /** Go to the sample next to the last one, also if the point has been moved since. */
  function remember({ point, ends: [a, b] }) {
    for (const [handle, { row }] of Object.entries({ point, a, b })) {
      if (row >= 0 || !(handle in visited)) visited[handle] = Math.max(row, 0);
    }
  }

  // --- the legend -------------------------------------------------------------------------------

  function drawLegend(element) {
    element.replaceChildren();
    if (!page.test.labels) return;
    page.header.classes.forEach((name, index) => {
      const { sign } = markOf(index);
      const mark = Utsushi.build("b", { text: sign, "aria-hidden": "true" });
      mark.style.color = `var(--class-${index % COLOURS})`;
      element.append(Utsushi.build("li", {}, [mark, short() ? "" : ` ${name}`]));
    });
    element.hidden = short() && page.header.classes.length > 0;
  }

  let keysShown = "";

  /** Explain every mark and line that is on the map now. */
  function showKeys(now, { field, posterior, here }) {
    const isPath = now.view === "interpolate";
    const keys = [
      isPath ? null : "point",
      isPath ? "path" : null,
      page.test.labels && short() ? "class" : "mark",
      field ? "field" : null,
      here.model.hasNormalPrior && !here.flat.layout ? "prior" : null,
      posterior ? "posterior" : null,
      Utsushi.field.isOn(here.model, here.flat) ? null : "empty",
    ].filter(Boolean);
    const shown = [words.language(), ...keys].join();
    if (shown === keysShown) return;
    keysShown = shown;
    document.getElementById("keys").replaceChildren(
      ...keys.map((name) =>
        Utsushi.build("li", {}, [
          Utsushi.build("i", { class: `key key-${name}`, text: name === "class" ? page.header.classes[0] : "", "aria-hidden": "true" }),
          words.get(`key_${name}`),
        ]),
      ),
    );
  }

  function start(newListeners) {
    listeners = { ...listeners, ...newListeners };
    canvas = document.getElementById("map");
    tooltip = document.getElementById("map-tooltip");
    tooltip.prepend(Utsushi.pictures.canvas("thumbnail"));
    canvas.addEventListener("pointerdown", down);
    canvas.addEventListener("pointermove", moved);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", cancelled);
    canvas.addEventListener("touchstart", touched, { passive: false });
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("keydown", key);
    new ResizeObserver(draw).observe(canvas);
    state.listen(remember);
    drawLegend(document.getElementById("legend"));
  }

  return { start, draw, rowAt, view, spot, toPixel, fromPixel, markOf };
})();
