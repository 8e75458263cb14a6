"use strict";
/* The opening animation: the point moves once from class to class, until the first interaction. */

Utsushi.journey = (() => {
  const { page, state } = Utsushi;
  const SECONDS_A_LEG = 2.2;
  /** Events of an interaction, which stop the animation. */
  const TOUCHES = ["pointerdown", "click", "keydown", "wheel", "touchstart", "focusin", "popstate"];
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let running = false;

  /** Return for each class the sample nearest to its mean code; evenly spaced samples without classes. */
  function stops(model) {
    const { labels, count } = page.test;
    if (!labels) return Array.from({ length: 6 }, (_, i) => Math.floor((i * count) / 6));
    return page.header.classes
      .map((_, label) => middleOf(model, [...labels.keys()].filter((row) => labels[row] === label)))
      .filter((row) => row >= 0);
  }

  function middleOf(model, rows) {
    if (!rows.length) return -1;
    const codes = rows.map((row) => model.codesOf(row));
    const mean = model.centre.map((_, h) => codes.reduce((sum, z) => sum + z[h], 0) / codes.length);
    const distances = codes.map((z) => z.reduce((sum, value, h) => sum + (value - mean[h]) ** 2, 0));
    return rows[distances.indexOf(Math.min(...distances))];
  }

  /** Return the point between two samples: on the map of neighbors along a line of the map. */
  function between(model, from, to, t) {
    const mixed = (a, b) => Array.from(a, (value, h) => value + t * (b[h] - value));
    const y = t < 0.5 ? from.y : to.y;
    if (state.get().plane !== "map") return state.point(mixed(from.z, to.z), -1, y);
    const placeOf = ({ row }) => model.layout.subarray(2 * row, 2 * row + 2);
    return state.pointAt(model, mixed(placeOf(from), placeOf(to)), y);
  }

  const eased = (t) => t * t * (3 - 2 * t);

  function stop() {
    if (!running) return;
    running = false;
    for (const event of TOUCHES) removeEventListener(event, stop, true);
    document.removeEventListener("visibilitychange", stop);
    still.removeEventListener("change", stop);
  }

  function start() {
    const model = page.models[state.get().model];
    const rows = stops(model);
    if (model.still || rows.length < 2 || still.matches || document.hidden) return;
    running = true;
    for (const event of TOUCHES) addEventListener(event, stop, { capture: true, passive: true });
    document.addEventListener("visibilitychange", stop);
    still.addEventListener("change", stop);
    const codes = rows.map((row) => page.pointOf(model, row));
    let began = null;
    const frame = (time) => {
      if (!running) return;
      began ??= time;
      const legs = (time - began) / 1000 / SECONDS_A_LEG;
      const leg = Math.floor(legs);
      if (leg >= codes.length) {
        stop();
        state.move(codes[0]);
        return;
      }
      const [from, to] = [codes[leg], codes[(leg + 1) % codes.length]];
      const t = eased(legs - leg);
      state.move(between(model, from, to, t));
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  return { start, stop, isRunning: () => running, middleOf };
})();
