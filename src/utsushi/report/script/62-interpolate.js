"use strict";
/* Interpolate: a strip of decoded codes between two points, and a strip that blends their pixels. */

Utsushi.interpolate = (() => {
  const { build, page, state, words, pictures } = Utsushi;
  const FRAMES = 11;
  let parts = {};

  const model = () => page.models[state.get().model];

  /** Return the code at a fraction t of the path: along the line, or along the great circle. */
  function between({ ends: [a, b], path }, t) {
    const line = a.z.map((value, h) => value + t * (b.z[h] - value));
    if (path !== "sphere") return line;
    const length = (z) => Math.sqrt(z.reduce((sum, value) => sum + value * value, 0));
    const [from, to] = [length(a.z), length(b.z)];
    if (from < 1e-9 || to < 1e-9) return line;
    const cosine = a.z.reduce((sum, value, h) => sum + value * b.z[h], 0) / (from * to);
    const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
    const sine = Math.sin(angle);
    if (sine < 1e-6) return line;
    // Directions and lengths change at a constant rate.
    const radius = from + t * (to - from);
    return a.z.map(
      (value, h) =>
        (radius *
          ((Math.sin((1 - t) * angle) * value) / from + (Math.sin(t * angle) * b.z[h]) / to)) /
        sine,
    );
  }

  const conditionAt = ({ ends: [a, b] }, t) => (t < 0.5 ? a.y : b.y);

  async function decodeAt(now, positions) {
    const codes = positions.flatMap((t) => between(now, t));
    const conditions = positions.map((t) => conditionAt(now, t));
    return page.models[now.model].decode(codes, positions.length, conditions);
  }

  const blend = (first, last, t) =>
    page.isImage
      ? first.map((value, j) => (1 - t) * value + t * last[j])
      : Utsushi.table.blend(first, last, t);

  const film = Utsushi.newest(
    (now) => decodeAt(now, Array.from({ length: FRAMES }, (_, i) => i / (FRAMES - 1))),
    (rows) => {
      const frame = (i) => page.part(rows, i);
      const [first, last] = [frame(0), frame(FRAMES - 1)];
      for (let i = 0; i < FRAMES; i++) {
        const t = i / (FRAMES - 1);
        pictures.paint(parts.film[i], frame(i));
        pictures.paint(parts.fade[i], blend(first, last, t));
      }
    },
  );

  const still = Utsushi.newest(
    (now) => decodeAt(now, [0, now.position, 1]),
    (rows) => {
      const [a, now, b] = [0, 1, 2].map((i) => page.part(rows, i));
      pictures.paint(parts.a, a);
      pictures.paint(parts.now, now);
      pictures.paint(parts.b, b);
      if (parts.table) parts.table.show({ a, now, b });
    },
  );

  function nameOf(end) {
    if (end.row < 0) return words.get("free_code");
    const name = page.classOf(page.test, end.row);
    return name === null ? words.get("row_number", { row: end.row }) : name;
  }

  function refresh(now, changed) {
    if (now.view !== "interpolate") return;
    still(now);
    if (["model", "ends", "path", "view", "language"].some((name) => changed.has(name))) film(now);
    parts.range.value = now.position;
    parts.range.setAttribute("aria-valuetext", words.percent(now.position));
    parts.paths.hidden = !model().hasNormalPrior;
    for (const input of parts.paths.querySelectorAll("input")) {
      input.checked = input.value === now.path;
    }
    parts.aName.textContent = `A: ${nameOf(now.ends[0])}`;
    parts.bName.textContent = `B: ${nameOf(now.ends[1])}`;
    parts.nowName.textContent = words.percent(now.position);
    parts.a.setAttribute("aria-label", parts.aName.textContent);
    parts.b.setAttribute("aria-label", parts.bName.textContent);
    parts.now.setAttribute("aria-label", words.get("between", { part: words.percent(now.position) }));
    const nearest = Math.round(now.position * (FRAMES - 1));
    parts.film.forEach((frame, i) => frame.classList.toggle("current", i === nearest));
  }

  /** Move the position with a pointer on the strip, also if it leaves the strip while pressed. */
  function scrub(event) {
    const strip = event.currentTarget;
    if (event.type === "pointerdown") strip.setPointerCapture(event.pointerId);
    else if (!strip.hasPointerCapture(event.pointerId)) return;
    const box = strip.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    const position = Number(Math.min(Math.max(part, 0), 1).toFixed(3));
    state.change({ position }, { keep: event.type === "pointerup" });
  }

  function start() {
    const find = (id) => document.getElementById(id);
    const strip = (id) =>
      Array.from({ length: FRAMES }, () => {
        const picture = pictures.canvas("frame");
        picture.setAttribute("aria-hidden", "true");
        find(id).append(picture);
        return picture;
      });
    parts = {
      a: pictures.canvasIn("end-a"),
      now: pictures.canvasIn("end-now"),
      b: pictures.canvasIn("end-b"),
      aName: find("end-a").querySelector("figcaption"),
      nowName: find("end-now").querySelector("figcaption"),
      bName: find("end-b").querySelector("figcaption"),
      film: strip("film"),
      fade: strip("fade"),
      range: find("position"),
      paths: find("paths"),
      table: page.isImage
        ? null
        : Utsushi.table.view({ keys: ["a", "now", "b"], decoded: "now", ticks: ["a", "b"] }),
    };
    if (parts.table) parts.range.after(parts.table);
    parts.range.addEventListener("input", () =>
      state.change({ position: Number(parts.range.value) }),
    );
    parts.range.addEventListener("change", () => state.change({}, { keep: true }));
    for (const event of ["pointerdown", "pointermove", "pointerup"]) {
      find("film").addEventListener(event, scrub);
    }
    parts.paths.addEventListener("change", (event) =>
      state.change({ path: event.target.value }, { keep: true }),
    );
    find("swap").addEventListener("click", () => {
      const [a, b] = state.get().ends;
      const position = Number((1 - state.get().position).toFixed(3));
      state.change({ ends: [b, a], position }, { keep: true });
    });
    state.listen(refresh);
  }

  return { start, between };
})();
