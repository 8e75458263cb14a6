"use strict";
/* Effects of the page's own models, measured for the guided tour: which pair differs most from its
   cross-fade, which component changes most, which corner is farthest from the data. */

Utsushi.effects = (() => {
  const { page, plane } = Utsushi;
  /** The number of samples that are compared, components that are moved, and distances of samples. */
  const [SAMPLES, COMPONENTS, DISTANCES] = [10, 64, 20];

  const pause = () => new Promise((resolve) => setTimeout(resolve));

  /** Decode codes in small pieces, so that no frame is missed. */
  async function decode(model, codes, y) {
    const rows = [];
    for (const z of codes) {
      rows.push(await model.decode(z, 1, [y]));
      if (rows.length % 4 === 0) await pause();
    }
    return rows;
  }

  /** Return the range of the values of a feature, by which differences in tables are divided. */
  function rangeOf(i) {
    const { features, range: [low, high] } = page.header;
    return (features ? features.high[i] - features.low[i] : high - low) || 1;
  }

  const squared = (a, b) => a.reduce((sum, value, i) => sum + ((value - b[i]) / rangeOf(i)) ** 2, 0);
  const mixed = (a, b, t = 0.5) => Array.from(a, (value, i) => value + t * (b[i] - value));
  const most = (values) => values.indexOf(Math.max(...values));
  const least = (values) => values.indexOf(Math.min(...values));

  /** Return the central sample of each class, or evenly spaced samples. */
  function typical(model) {
    const { labels, count } = page.test;
    const spread = () => Array.from({ length: Math.min(SAMPLES, count) }, (_, i) => Math.floor((i * count) / Math.min(SAMPLES, count)));
    if (!labels) return spread();
    const rows = page.header.classes
      .map((_, label) => Utsushi.journey.middleOf(model, [...labels.keys()].filter((row) => labels[row] === label)))
      .filter((row) => row >= 0)
      .slice(0, SAMPLES);
    return rows.length > 1 ? rows : spread();
  }

  /** Return the two samples whose halfway code is decoded to what differs most from the mean of both,
      and that difference, relative to the one of each of them from the mean. */
  async function pair(model) {
    const rows = typical(model);
    const points = rows.map((row) => page.pointOf(model, row));
    const ends = await decode(model, points.map(({ z }) => z), points[0].y);
    const pairs = rows.flatMap((_, i) => rows.slice(i + 1).map((__, j) => [i, i + 1 + j]));
    const middles = await decode(model, pairs.map(([i, j]) => mixed(points[i].z, points[j].z)), points[0].y);
    const gaps = pairs.map(([i, j], k) => squared(middles[k], mixed(ends[i], ends[j])));
    const best = most(gaps);
    const [i, j] = pairs[best] || [0, 0];
    const reference = squared(ends[i], ends[j]) / 4;
    return { a: rows[i], b: rows[j], gap: gaps[best], ratio: reference > 0 ? gaps[best] / reference : 0 };
  }

  /** Move each component of a sample's code to the farther end of its range; return the code and the
      squared change of the largest and of the smallest effect. */
  async function components(model, row) {
    const { z, y } = page.pointOf(model, row);
    const order = model.information.map((_, h) => h).sort((a, b) => model.information[b] - model.information[a]);
    const size = model.n_components;
    // Of very many, the most and the least informative ones.
    const chosen = size <= COMPONENTS ? order : [...order.slice(0, COMPONENTS / 2), ...order.slice(-COMPONENTS / 2)];
    const codes = chosen.map((component) => {
      let [low, high] = [Infinity, -Infinity];
      for (let i = component; i < model.codes.length; i += size) {
        [low, high] = [Math.min(low, model.codes[i]), Math.max(high, model.codes[i])];
      }
      return z.map((value, h) => (h !== component ? value : high - value > value - low ? high : low));
    });
    const [before, ...rows] = await decode(model, [z, ...codes], y);
    const changes = rows.map((values) => squared(values, before));
    const of = (k) => ({
      component: chosen[k],
      z: codes[k],
      change: changes[k],
      share: rows[k].filter((value, i) => Math.abs(value - before[i]) > rangeOf(i) / 10).length / before.length,
    });
    return { row, largest: of(most(changes)), smallest: of(least(changes)) };
  }

  const distance = (values, count = 1) => plane.nearest(values, page.test.floats, count)[count - 1][0];

  /** Return the place at the edge of the first two principal components whose decoded sample is farthest
      from all samples of the page, and its distance relative to that of samples to each other. */
  async function corner(model, y) {
    const flat = plane.of(model, "pc");
    const { middle, half } = plane.frame(plane.places(flat, model));
    const sides = [-1, 0, 1];
    const places = sides.flatMap((i) => sides.map((j) => [i, j])).filter(([i, j]) => i || j);
    const codes = places.map((side) =>
      plane.move(flat, [...model.centre], side.map((part, axis) => middle[axis] + 0.95 * half * part)),
    );
    const distances = [];
    for (const values of await decode(model, codes, y)) {
      distances.push(distance(values));
      await pause();
    }
    const among = [];
    const step = Math.max(1, Math.floor(page.test.count / DISTANCES));
    for (let row = 0; row < page.test.count && page.test.count > 1; row += step) {
      among.push(distance(page.rowOf(page.test, row), 2));
      await pause();
    }
    among.sort((a, b) => a - b);
    const usual = among[Math.floor(among.length / 2)] || 1;
    const far = most(distances);
    return { z: codes[far], ratio: distances[far] / usual };
  }

  /** Return the share of samples whose nearest code is that of a sample of their own class. */
  function agreement(model) {
    const { labels, count } = page.test;
    const step = Math.max(1, Math.floor(count / 200));
    let [same, all] = [0, 0];
    for (let row = 0; row < count; row += step, all++) {
      const near = plane.nearest(model.codesOf(row), model.codes, 2).find(([, other]) => other !== row);
      if (near && labels[near[1]] === labels[row]) same++;
    }
    return same / all;
  }

  /** Return the mean squared error of each model over a few samples. */
  async function errors() {
    const rows = Array.from({ length: Math.min(DISTANCES, page.test.count) }, (_, row) => row);
    const means = [];
    for (const model of page.models) {
      let sum = 0;
      for (const row of rows) {
        sum += (await model.measure(page.rowOf(page.test, row), page.conditionOf(model, row))).squaredError;
        if (row % 4 === 3) await pause();
      }
      means.push(sum / rows.length);
    }
    return means;
  }

  /** Return how many of fifty drawn samples are much nearer to a training sample than usual. */
  async function memorized(model, seed, count = 50) {
    const next = Utsushi.random.uniform(seed);
    let copies = 0;
    for (let i = 0; i < count; i++) {
      const { z, y } = Utsushi.random.drawCode(model, next);
      const values = await model.decode(z, 1, [y]);
      if (page.nearestTraining(values).distance < page.header.typical_distance / 3) copies++;
      await pause();
    }
    return copies;
  }

  return { pair, components, corner, agreement, errors, memorized };
})();
