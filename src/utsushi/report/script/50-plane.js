"use strict";
/* The plane of the map: two principal components of the code, or two selected components.
   Moving a code changes only its coordinates in the plane. */

Utsushi.plane = (() => {
  /** Return the two axes as vectors of the code space, and the code at (0, 0). */
  function of(model, chosen) {
    if (chosen === "pc") return { axes: model.axes, centre: model.centre };
    const unit = (axis) => Array.from({ length: model.n_components }, (_, h) => +(h === axis));
    return { axes: chosen.map(unit), centre: new Array(model.n_components).fill(0) };
  }

  const project = ({ axes, centre }, z, start = 0) =>
    axes.map((axis) => axis.reduce((sum, a, h) => sum + a * (z[start + h] - centre[h]), 0));

  function move(plane, z, target) {
    const from = project(plane, z);
    return z.map(
      (value, h) =>
        value +
        (target[0] - from[0]) * plane.axes[0][h] +
        (target[1] - from[1]) * plane.axes[1][h],
    );
  }

  /** Return the codes of the test samples on the plane, as pairs. */
  function places(plane, model) {
    const size = model.n_components;
    const count = model.codes.shape[0];
    return Array.from({ length: count }, (_, row) => project(plane, model.codes, row * size));
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
    const half = Math.max(...ends.map(([low, high]) => (high - low) / 2), 1e-6) * 1.12;
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

  return { of, project, move, places, ellipse, frame, empty };
})();
