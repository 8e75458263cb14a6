"use strict";
/* Tables: the values of a row, in the units of their columns, as features of a model, and back. A
   category is its place among the levels of its column, and NaN is a missing value. */

/** Interpolate linearly between points with increasing x, as numpy.interp does. */
Utsushi.interpolated = (x, xs, ys) => {
  const last = xs.length - 1;
  if (Number.isNaN(x)) return NaN;
  if (x < xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let [low, high] = [0, last]; // xs[low] <= x < xs[high]
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return ys[low] + ((ys[high] - ys[low]) / (xs[high] - xs[low])) * (x - xs[low]);
};

Utsushi.Codec = class Codec {
  /** @param description the columns of a table, which of them have gaps, and whether flags follow */
  constructor({ columns, gaps, flags }) {
    Object.assign(this, { columns, gaps, flags });
    let end = 0;
    this.starts = columns.map(({ width }) => (end += width) - width);
    this.nValueFeatures = end;
    /** For each feature, the column that it is a part of. */
    this.columnOf = [
      ...columns.flatMap(({ width }, c) => new Array(width).fill(c)),
      ...gaps,
      ...(flags ? columns.keys() : []),
    ];
    this.nFeatures = this.columnOf.length;
  }

  /** Encode n rows of values; the features of a missing value are NaN. */
  encode(values, n = 1) {
    const size = this.columns.length;
    const features = new Float32Array(n * this.nFeatures);
    for (let row = 0; row < n; row++) {
      const of = (c) => values[row * size + c];
      const start = row * this.nFeatures;
      this.columns.forEach(({ kind, width, scores }, c) => {
        const [value, at] = [of(c), start + this.starts[c]];
        if (kind === "category") {
          for (let k = 0; k < width; k++) features[at + k] = Number.isNaN(value) ? NaN : +(value === k);
        } else features[at] = scores ? this.score(scores, value) : value;
      });
      const gaps = start + this.nValueFeatures;
      this.gaps.forEach((c, k) => {
        features[gaps + k] = +Number.isNaN(of(c));
      });
      if (!this.flags) continue;
      for (let c = 0; c < size; c++) features[gaps + this.gaps.length + c] = +!Number.isNaN(of(c));
    }
    return features;
  }

  /** Return the normal score of a value, linear beyond the training values. */
  score({ values, scores, scale }, x) {
    const outside = Math.max(x - values[values.length - 1], 0) + Math.min(x - values[0], 0);
    return Utsushi.interpolated(x, values, scores) + outside / scale;
  }

  /** Decode n rows of features; a value is missing where `withGaps` and the feature of its gap say so. */
  decode(features, n = 1, withGaps = false) {
    const size = this.columns.length;
    const values = new Float64Array(n * size);
    for (let row = 0; row < n; row++) {
      const start = row * this.nFeatures;
      this.columns.forEach((column, c) => {
        const at = start + this.starts[c];
        values[row * size + c] = this.value(column, features.subarray(at, at + column.width));
      });
      if (!withGaps) continue;
      this.gaps.forEach((c, k) => {
        if (features[start + this.nValueFeatures + k] >= 0.5) values[row * size + c] = NaN;
      });
    }
    return values;
  }

  value({ kind, scores, decimals, day }, features) {
    if (kind === "category") return features.indexOf(Math.max(...features));
    if (kind === "truth") return +(features[0] >= 0.5);
    const value = scores ? Utsushi.interpolated(features[0], scores.places, scores.steps) : features[0];
    if (kind === "date") return Math.round(value / day) * day;
    if (kind === "datetime") return Math.round((value / day) * 86400) / (86400 / day);
    return decimals === null ? value : Number(value.toFixed(decimals));
  }

  /** Return the shares of a column's levels in decoded features: of a category, or of false and true. */
  shares(features, c) {
    const at = this.starts[c];
    const { kind, width } = this.columns[c];
    if (kind === "truth") return [1 - features[at], features[at]].map((p) => Math.min(Math.max(p, 0), 1));
    const some = Array.from(features.subarray(at, at + width), (share) => Math.max(share, 0));
    const total = some.reduce((sum, share) => sum + share, 0) || 1;
    return some.map((share) => share / total);
  }
};
