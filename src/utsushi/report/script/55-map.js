"use strict";
/* The map of the test codes: static layers, drawn once, and moving parts over them. */

Utsushi.map = (() => {
  const { page, plane, state, words } = Utsushi;
  const COLOURS = 10;
  const SHAPES = "●■▲◆★✚▼✖○□△◇";
  /** The largest distance in pixels of a pointer to a mark or handle. */
  const NEAR = 14;

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
    const key = [state.get().model, String(state.get().plane), size, Utsushi.pictures.isDark()].join();
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
    const here = { size, frame };
    shade(context, here, plane.empty(places, frame));
    if (model.hasNormalPrior) drawPrior(context, here, flat);
    drawMarks(context, here, places);
    return { image, places, frame, flat };
  }

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
    context.globalAlpha = lettered ? 0.85 : 0.7;
    places.forEach((place, row) => {
      const { colour, sign } = marks[labels ? labels[row] : 0];
      context.fillStyle = colour;
      context.fillText(sign, ...toPixel(here, place));
    });
    context.globalAlpha = 1;
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
    context.drawImage(here.image, 0, 0);
    context.scale(ratio, ratio);
    const now = state.get();
    const posterior = listeners.posterior();
    if (posterior && now.view !== "interpolate") drawPosterior(context, here, posterior);
    if (now.view === "interpolate") drawPath(context, here, now);
    else drawHandle(context, toPixel(here, plane.project(here.flat, now.point.z)), "");
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
    context.strokeStyle = Utsushi.pictures.style("--ink");
    context.lineWidth = 2;
    context.beginPath();
    for (let t = 0; t <= 1.0001; t += 1 / 48) context.lineTo(...at(Math.min(t, 1)));
    context.stroke();
    const ends = now.ends.map((end) => toPixel(here, plane.project(here.flat, end.z)));
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

  function pixelOf(event) {
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

  function nearerEnd(pixel) {
    const [a, b] = state.get().ends.map(({ z }) => apart(pixelOfCode(z), pixel));
    return a <= b ? "a" : "b";
  }

  function grabbed(pixel) {
    const now = state.get();
    if (now.view !== "interpolate") return "point";
    const between = apart(pixelOfCode(Utsushi.interpolate.between(now, now.position)), pixel);
    const ends = now.ends.map(({ z }) => apart(pixelOfCode(z), pixel));
    return between < NEAR && between < Math.min(...ends) ? "position" : nearerEnd(pixel);
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
    const [first, second] = state.get().ends;
    if (dragged === "a") state.change({ ends: [point, second] }, { keep });
    else if (dragged === "b") state.change({ ends: [first, point] }, { keep });
    else state.change({ point }, { keep });
  }

  function dragTo(pixel, keep = false) {
    if (dragged === "position") state.change({ position: positionAt(pixel) }, { keep });
    else moveTo(fromPixel(view(), pixel), keep);
  }

  function moveTo(target, keep = false) {
    const here = view();
    const { z, y } = handled();
    put(state.point(plane.move(here.flat, z, target), -1, y), keep);
  }

  function down(event) {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    hide();
    const pixel = pixelOf(event);
    dragged = grabbed(pixel);
    canvas.pressed = { pixel, moved: false };
  }

  function moved(event) {
    const pixel = pixelOf(event);
    if (!dragged || !canvas.pressed) return hover(event, pixel);
    // Fingers tremble: a shorter movement is a press.
    if (!canvas.pressed.moved && apart(pixel, canvas.pressed.pixel) < 4) return undefined;
    canvas.pressed.moved = true;
    return dragTo(pixel);
  }

  function up(event) {
    if (!canvas.pressed) return;
    const pixel = pixelOf(event);
    const row = rowAt(pixel);
    const { moved: wasDrag } = canvas.pressed;
    canvas.pressed = null;
    // A press moves one of the ends to this position.
    if (!wasDrag && dragged === "position") dragged = nearerEnd(pixel);
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
      const at = plane.project(view().flat, handled().z);
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

  function start(newListeners) {
    listeners = { ...listeners, ...newListeners };
    canvas = document.getElementById("map");
    tooltip = document.getElementById("map-tooltip");
    tooltip.prepend(Utsushi.pictures.canvas("thumbnail"));
    canvas.addEventListener("pointerdown", down);
    canvas.addEventListener("pointermove", moved);
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("keydown", key);
    new ResizeObserver(draw).observe(canvas);
    state.listen(remember);
    drawLegend(document.getElementById("legend"));
  }

  return { start, draw, rowAt, view, toPixel, fromPixel, markOf };
})();
