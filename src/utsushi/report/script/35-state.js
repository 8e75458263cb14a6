"use strict";
/* The state of the page, which notifies listeners and is stored in the address, so that it can be shared.

   A point is {row, z, y}: a code z, the class y that conditions the decoder, and the index of the test
   sample with this code, or -1. A point that was put on the map of neighbors also has its place, `at`. */

Utsushi.state = (() => {
  const VIEWS = ["walk", "interpolate", "draw", "generate"];
  const listeners = [];
  let current = null;
  let names = [];
  let restoring = false;

  /** Round the numbers of a code to those of the address, so that a link restores the same picture. */
  const rounded = (z) => Array.from(z, (value) => Number(Number(value).toPrecision(6)));
  const point = (z, row = -1, y = 0) => ({ row, z: rounded(z), y });

  /** Return the point at a place of a model's map of neighbors. */
  function pointAt(model, place, y = 0) {
    // A tenth of a pixel, and within reach of the map.
    const at = place.map((value) => Number(Math.min(Math.max(value, -2), 2).toFixed(4)));
    return { ...point(model.codeAt(at), -1, y), at };
  }

  function listen(listener) {
    listeners.push(listener);
  }

  /** Change a part of the state; `keep` adds an entry to the browser's history. */
  function change(patch, { keep = false } = {}) {
    const changed = new Set(Object.keys(patch));
    current = { ...current, ...patch };
    for (const listener of listeners) listener(current, changed);
    if (!restoring) write(keep);
  }

  /** Move the point in an animation, without changing the address. */
  function move(next) {
    current = { ...current, point: next };
    for (const listener of listeners) listener(current, new Set(["point"]));
  }

  // --- the address ----------------------------------------------------------------------------

  function writePoint({ row, z, y, at }) {
    const place = at ? `@${at.join(",")}` : z.join(",");
    return `${row >= 0 ? `r${row}` : place}${y ? `;${y}` : ""}`;
  }

  function toHash(state) {
    const parts = {
      m: names[state.model],
      v: state.view,
      p: writePoint(state.point),
      a: state.ends.map(writePoint).join("~"),
      t: String(state.position),
      w: state.path,
      x: String(state.plane),
      s: String(state.seed),
      c: String(state.chosen),
      l: state.language,
      ...(state.drawing ? { d: state.drawing } : {}),
    };
    // These characters are valid after a #, and make links readable.
    const plain = { "%2C": ",", "%7E": "~", "%3B": ";", "%40": "@" };
    return `#${String(new URLSearchParams(parts)).replace(/%2C|%7E|%3B|%40/g, (code) => plain[code])}`;
  }

  /** Parse a number of the address: an empty text is not zero. */
  const read = (text) => (text === null || text.trim() === "" ? NaN : Number(text));

  function readPoint(text, model) {
    const { codesOf, n_components: size } = model;
    const [place, y = "0"] = text.split(";");
    const condition = Number(y);
    if (!Number.isInteger(condition) || condition < 0) return null;
    if (/^r\d+$/.test(place)) {
      const row = Number(place.slice(1));
      const z = codesOf(row);
      return z && { row, z: rounded(z), y: condition };
    }
    if (place.startsWith("@")) {
      const at = place.slice(1).split(",").map(read);
      const isPlace = model.layout && at.length === 2 && at.every(Number.isFinite);
      return isPlace ? pointAt(model, at, condition) : null;
    }
    const z = place.split(",").map(read);
    return z.length === size && z.every(Number.isFinite) ? point(z, -1, condition) : null;
  }

  /** Read an address; invalid parts leave the state unchanged. */
  function fromHash(hash, state, models) {
    const parts = new URLSearchParams(hash.replace(/^#/, ""));
    const next = { ...state };
    const model = names.indexOf(parts.get("m"));
    if (model >= 0 && model !== state.model) {
      next.model = model;
      // Points belong to one model; samples belong to all.
      const again = ({ row }) => Utsushi.page.pointOf(models[model], Math.max(row, 0));
      [next.point, next.ends] = [again(next.point), next.ends.map(again)];
      next.plane = Utsushi.plane.first(models[model]);
    }
    const { n_components: size, conditions, layout } = models[next.model];
    const isKnown = (p) => p && p.y < (conditions ? conditions.length : 1);
    if (VIEWS.includes(parts.get("v"))) next.view = parts.get("v");
    const place = parts.has("p") && readPoint(parts.get("p"), models[next.model]);
    if (isKnown(place)) next.point = place;
    const ends = (parts.get("a") || "").split("~").map((text) => readPoint(text, models[next.model]));
    if (ends.length === 2 && ends.every(isKnown)) next.ends = ends;
    const position = read(parts.get("t"));
    if (position >= 0 && position <= 1) next.position = position;
    if (["line", "sphere"].includes(parts.get("w"))) next.path = parts.get("w");
    const plane = (parts.get("x") || "").split(",").map(read);
    const isAxis = (axis) => Number.isInteger(axis) && axis >= 0 && axis < size;
    if (parts.get("x") === "pc") next.plane = "pc";
    else if (parts.get("x") === "map" && layout) next.plane = "map";
    else if (plane.length === 2 && plane.every(isAxis) && plane[0] !== plane[1]) next.plane = plane;
    const seed = read(parts.get("s"));
    if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) next.seed = seed;
    const chosen = read(parts.get("c"));
    if (Number.isInteger(chosen) && chosen >= -1 && chosen < 50) next.chosen = chosen;
    const drawing = parts.get("d") || "";
    if (Utsushi.strokes.read(drawing)) next.drawing = drawing;
    if (Utsushi.words.languages().includes(parts.get("l"))) next.language = parts.get("l");
    return next;
  }

  let timer = 0;
  let moving = false; // whether the newest address belongs to an unfinished gesture

  /** Write the address; a gesture is one history entry. Writes are delayed, because browsers reject
      hundreds of changes per second. */
  function write(keep) {
    clearTimeout(timer);
    const put = () => {
      try {
        const hash = toHash(current);
        if (hash !== location.hash) {
          if (moving) history.replaceState(null, "", hash);
          else history.pushState(null, "", hash);
        }
        moving = !keep;
      } catch {
        // A notebook's sandbox has no history.
      }
    };
    if (keep) put();
    else timer = setTimeout(put, 250);
  }

  /** Start with a state, or with that of the address; return true if the address has one. */
  function start(initial, models) {
    names = models.map((model) => model.name);
    const linked = location.hash.length > 1;
    const first = linked ? fromHash(location.hash, initial, models) : initial;
    const restore = (next) => {
      restoring = true;
      change(next);
      restoring = false;
    };
    restore(first);
    // The address of a section, from the contents: its state is that before.
    const isSection = () => /^#[^=]+$/.test(location.hash);
    let wasSection = false;
    window.addEventListener("hashchange", () => {
      wasSection = isSection();
    });
    window.addEventListener("popstate", () => {
      clearTimeout(timer);
      moving = false;
      if (isSection()) return;
      // After the browser has scrolled to where it was when the contents were used.
      if (wasSection) setTimeout(() => document.getElementById("play").scrollIntoView({ behavior: "instant" }));
      restore(fromHash(location.hash, location.hash.length > 1 ? current : first, models));
    });
    return linked;
  }

  return { start, change, move, listen, point, pointAt, get: () => current, VIEWS, toHash };
})();
