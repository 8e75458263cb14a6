"use strict";
/* The planes of the map. On the map of neighbors, a place means the weighted mean of the codes of the
   nearest marks. On a projection, to two principal components or two components of the code, moving a
   code changes only its coordinates in the plane. */

Utsushi.plane = (() => {
  /** The number of marks of whose codes a place is the weighted mean. */
  const NEIGHBORS = 5;

  /** Return the plane that a model's map opens with. */
  function first(model) {
    if (model.layout) return "map";
    return model.n_components === 2 ? [0, 1] : "pc";
  }

  /** Return a projection as two axes in the space of codes and the code at (0, 0); or the layout. */
  function of(model, chosen) {
    const { codes, layout, n_components: size } = model;
    if (chosen === "map") return { layout, codes, size };
    if (chosen === "pc") return { axes: model.axes, centre: model.centre };
    const unit = (axis) => Array.from({ length: size }, (_, h) => +(h === axis));
    return { axes: chosen.map(unit), centre: new Array(size).fill(0) };
  }

  /** Return the points nearest to a query, nearest first: [distance, index]. */
  function nearest(query, points, count) {
    const size = query.length;
    const found = [];
    for (let index = 0; index < points.length / size; index++) {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += (points[index * size + i] - query[i]) ** 2;
      if (found.length === count && sum >= found[count - 1][0]) continue;
      let place = found.length;
      while (place > 0 && found[place - 1][0] > sum) place--;
      found.splice(place, 0, [sum, index]);
      if (found.length > count) found.pop();
    }
    return found.map(([sum, index]) => [Math.sqrt(sum), index]);
  }

  /** Return the weighted mean of the values (of `size` numbers) of the points nearest to a query. A weight
      is 1 / d - 1 / R, for the distance d and that of the next neighbor R: the mean is continuous, and at
      a point the point's own value. */
  function blend(query, points, values, size) {
    const all = nearest(query, points, NEIGHBORS + 1);
    const near = all.slice(0, NEIGHBORS);
    const reach = Math.max(all[all.length - 1][0], 1e-12);
    let weights = near.map(([distance]) => 1 / Math.max(distance, 1e-12) - 1 / reach);
    // Points at one distance have equal weights.
    if (!weights.some((weight) => weight > 0)) weights = near.map(() => 1);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return Array.from({ length: size }, (_, h) =>
      near.reduce((sum, [, index], k) => sum + (weights[k] / total) * values[index * size + h], 0),
    );
  }

  /** Return the place of a code. */
  function project({ axes, centre, layout, codes, size }, z, start = 0) {
    if (layout) return blend(z.slice(start, start + size), codes, layout, 2);
    return axes.map((axis) => axis.reduce((sum, a, h) => sum + a * (z[start + h] - centre[h]), 0));
  }

  /** Return the code at a place; on a projection, the code nearest to z there. */
  function move(plane, z, target) {
    if (plane.layout) return blend(target, plane.layout, plane.codes, plane.size);
    const from = project(plane, z);
    return z.map(
      (value, h) =>
        value +
        (target[0] - from[0]) * plane.axes[0][h] +
        (target[1] - from[1]) * plane.axes[1][h],
    );
  }

  /** Return the places of the test samples, as pairs; those of one component are spread upward, so that
      they do not cover each other. */
  function places(plane, model) {
    const size = model.n_components;
    const count = model.codes.shape[0];
    const { layout } = plane;
    if (size === 1) {
      const across = Array.from({ length: count }, (_, row) => project(plane, model.codes, row)[0]);
      const range = Math.max(...across) - Math.min(...across);
      return across.map((x, row) => [x, 0.9 * range * (((row * 0.6180339887) % 1) - 0.5)]);
    }
    return Array.from({ length: count }, (_, row) =>
      layout ? [layout[2 * row], layout[2 * row + 1]] : project(plane, model.codes, row * size),
    );
  }

  /** Return each component's share of the variance of the codes. */
  function shares({ codes, n_components: size }) {
    const count = codes.length / size;
    const variances = Array.from({ length: size }, (_, h) => {
      let [sum, squares] = [0, 0];
      for (let i = h; i < codes.length; i += size) sum += codes[i];
      for (let i = h; i < codes.length; i += size) squares += (codes[i] - sum / count) ** 2;
      return squares;
    });
    const total = variances.reduce((sum, variance) => sum + variance, 0);
    return variances.map((variance) => (total > 0 ? variance / total : 0));
  }

  /** Project a diagonal Gaussian onto the plane: its radii at 1 sigma, and the angle of the first. */
  function ellipse(plane, logVariance) {
    const [a, b] = plane.axes;
    let [xx, yy, xy] = [0, 0, 0];
    for (let h = 0; h < a.length; h++) {
      const variance = Math.exp(logVariance[h]);
      xx += variance * a[h] * a[h];
      yy += variance * b[h] * b[h];
      xy += variance * a[h] * b[h];
    }
    const middle = (xx + yy) / 2;
    const apart = Math.hypot((xx - yy) / 2, xy);
    return {
      radii: [Math.sqrt(middle + apart), Math.sqrt(Math.max(middle - apart, 0))],
      angle: 0.5 * Math.atan2(2 * xy, xx - yy),
    };
  }

  /** Return the square around all positions, with a margin: its centre and half of its side. */
  function frame(pairs) {
    const ends = [0, 1].map((axis) => {
      const values = pairs.map((pair) => pair[axis]);
      return [Math.min(...values), Math.max(...values)];
    });
    const half = Math.max(...ends.map(([low, high]) => (high - low) / 2), 1e-6) * 1.08;
    return { middle: ends.map(([low, high]) => (low + high) / 2), half };
  }

  /** Return the cells of a grid that are farther from all codes than codes are from each other. */
  function empty(pairs, { middle, half }, cells = 56) {
    const sorted = nearestDistances(pairs).sort((a, b) => a - b);
    const far = Math.max(3 * sorted[Math.floor(0.9 * (sorted.length - 1))], half / 20);
    const result = [];
    for (let i = 0; i < cells; i++) {
      for (let j = 0; j < cells; j++) {
        const x = middle[0] + half * (((i + 0.5) / cells) * 2 - 1);
        const y = middle[1] + half * (((j + 0.5) / cells) * 2 - 1);
        // Three million distances for a thousand codes: squared distances suffice.
        if (!pairs.some(([px, py]) => (px - x) ** 2 + (py - y) ** 2 < far * far)) result.push([i, j]);
      }
    }
    return { cells, result };
  }

  /** Two hundred codes suffice to estimate typical distances. */
  function nearestDistances(pairs) {
    const step = Math.max(1, Math.floor(pairs.length / 200));
    const distances = [];
    for (let i = 0; i < pairs.length; i += step) {
      let least = Infinity;
      pairs.forEach(([x, y], j) => {
        if (j !== i) least = Math.min(least, Math.hypot(x - pairs[i][0], y - pairs[i][1]));
      });
      if (Number.isFinite(least)) distances.push(least);
    }
    return distances.length ? distances : [0];
  }

  return { first, of, nearest, blend, project, move, places, shares, ellipse, frame, empty };
})();
