"use strict";
/* The layers of the library, forward. Sums are taken in double precision and kept in single, so
   that the page is at least as exact as the library.

   All of it is one function without outside references, because a worker is created from its source. */

Utsushi.makeNetwork = function makeNetwork() {
  /** Return the products (n, outputs) of n vectors x with a weight (outputs, size), in double precision.
      Zeros of x, as after a ReLU, are skipped; four independent sums at a time run in parallel. */
  function products(x, n, weight, outputs) {
    const size = weight.length / outputs;
    const last = (outputs - 1) * size;
    const sums = new Float64Array(n * outputs);
    const places = new Int32Array(size);
    const values = new Float64Array(size);
    for (let row = 0; row < n; row++) {
      let count = 0;
      for (let i = 0; i < size; i++) {
        const value = x[row * size + i];
        if (value !== 0) {
          places[count] = i;
          values[count++] = value;
        }
      }
      for (let o = 0; o < outputs; o += 4) {
        // Beyond the end of the weight, the last output is computed again.
        const a = o * size;
        const b = Math.min(a + size, last);
        const c = Math.min(b + size, last);
        const d = Math.min(c + size, last);
        let [first, second, third, fourth] = [0, 0, 0, 0];
        for (let k = 0; k < count; k++) {
          const i = places[k];
          const value = values[k];
          first += weight[a + i] * value;
          second += weight[b + i] * value;
          third += weight[c + i] * value;
          fourth += weight[d + i] * value;
        }
        const to = row * outputs + o;
        sums[to] = first;
        if (o + 1 < outputs) sums[to + 1] = second;
        if (o + 2 < outputs) sums[to + 2] = third;
        if (o + 3 < outputs) sums[to + 3] = fourth;
      }
    }
    return sums;
  }

  /** Transpose a matrix (rows, columns). */
  function transpose(matrix, rows, columns) {
    const turned = new Float32Array(matrix.length);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j];
    }
    return turned;
  }

  /** Compute a linear layer: x (n, inputs) by weight (outputs, inputs), plus bias. */
  function linear(layer, x, n) {
    const [outputs] = layer.shape;
    const sums = products(x, n, layer.weight, outputs);
    if (layer.bias) for (let i = 0; i < sums.length; i++) sums[i] += layer.bias[i % outputs];
    return new Float32Array(sums);
  }

  /** Return triples of a convolution: pixel of the small image, pixel of the large, kernel element. */
  function joints(layer, [, smallHeight, smallWidth], [, largeHeight, largeWidth]) {
    const [, , rows, columns] = layer.shape;
    const triples = [];
    for (let i = 0; i < smallHeight * smallWidth; i++) {
      const top = Math.floor(i / smallWidth) * layer.stride - layer.padding;
      const left = (i % smallWidth) * layer.stride - layer.padding;
      for (let k = 0; k < rows * columns; k++) {
        const y = top + Math.floor(k / columns);
        const x = left + (k % columns);
        if (y < 0 || y >= largeHeight || x < 0 || x >= largeWidth) continue;
        triples.push(i, y * largeWidth + x, k);
      }
    }
    return Int32Array.from(triples);
  }

  const area = ([, height, width]) => height * width;
  const kernelSize = ({ shape: [, , rows, columns] }) => rows * columns;

  /** Compute a convolution: for each output pixel, the patch of the input by the weight. */
  function convolve(layer, x, n) {
    const [outputs, inputs] = layer.shape;
    const [inArea, outArea, kernel] = [area(layer.input), area(layer.output), kernelSize(layer)];
    const size = inputs * kernel;
    layer.joints ??= joints(layer, layer.output, layer.input);
    const triples = layer.joints;
    const windows = new Float32Array(outArea * size);
    const y = new Float32Array(n * outputs * outArea);
    for (let row = 0; row < n; row++) {
      for (let c = 0; c < inputs; c++) {
        const from = (row * inputs + c) * inArea;
        const to = c * kernel;
        for (let t = 0; t < triples.length; t += 3) {
          windows[triples[t] * size + to + triples[t + 2]] = x[from + triples[t + 1]];
        }
      }
      const sums = products(windows, outArea, layer.weight, outputs);
      for (let o = 0; o < outputs; o++) {
        const bias = layer.bias ? layer.bias[o] : 0;
        const to = (row * outputs + o) * outArea;
        for (let pixel = 0; pixel < outArea; pixel++) {
          y[to + pixel] = sums[pixel * outputs + o] + bias;
        }
      }
    }
    return y;
  }

  /** Compute a transposed convolution: each input pixel by the weight, added to a patch of the output. */
  function convolveTransposed(layer, x, n) {
    const [inputs, outputs] = layer.shape;
    const [inArea, outArea, kernel] = [area(layer.input), area(layer.output), kernelSize(layer)];
    const size = outputs * kernel;
    layer.joints ??= joints(layer, layer.input, layer.output);
    layer.turned ??= transpose(layer.weight, inputs, size);
    const triples = layer.joints;
    const image = new Float64Array(outputs * outArea);
    const y = new Float32Array(n * outputs * outArea);
    for (let row = 0; row < n; row++) {
      const pixels = x.subarray(row * inputs * inArea, (row + 1) * inputs * inArea);
      const sums = products(transpose(pixels, inputs, inArea), inArea, layer.turned, size);
      for (let o = 0; o < outputs; o++) {
        const to = o * outArea;
        const from = o * kernel;
        image.fill(layer.bias ? layer.bias[o] : 0, to, to + outArea);
        for (let t = 0; t < triples.length; t += 3) {
          image[to + triples[t + 1]] += sums[triples[t] * size + from + triples[t + 2]];
        }
      }
      y.set(image, row * outputs * outArea);
    }
    return y;
  }

  /** Compute the error function by its series near zero, else by its continued fraction. */
  function erf(x) {
    const size = Math.abs(x);
    if (size > 6) return Math.sign(x);
    if (size < 2.5) {
      let term = x;
      let sum = x;
      for (let k = 1; k < 60; k++) {
        term *= (-x * x) / k;
        sum += term / (2 * k + 1);
      }
      return (2 / Math.sqrt(Math.PI)) * sum;
    }
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (size + fraction);
    const complement = Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction);
    return Math.sign(x) * (1 - complement);
  }

  const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

  const elementwise = {
    relu: (x) => (x > 0 ? x : 0),
    gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    silu: (x) => x * sigmoid(x),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    tanh: Math.tanh,
    sigmoid,
  };

  /** Replace each group of values by the nearest vector of a codebook. */
  function quantize(layer, x) {
    const [size, width] = layer.shape;
    const y = new Float32Array(x.length);
    for (let from = 0; from < x.length; from += width) {
      let [nearest, least] = [0, Infinity];
      for (let k = 0; k < size; k++) {
        let distance = 0;
        for (let i = 0; i < width; i++) {
          distance += (x[from + i] - layer.weight[k * width + i]) ** 2;
        }
        if (distance < least) [nearest, least] = [k, distance];
      }
      y.set(layer.weight.subarray(nearest * width, (nearest + 1) * width), from);
    }
    return y;
  }

  /** Replace each group of values by a sum of vectors, of each codebook the one nearest to the rest. */
  function quantizeResidual(layer, x) {
    const [levels, size, width] = layer.shape;
    const y = new Float32Array(x.length);
    const rest = Float32Array.from(x);
    for (let level = 0; level < levels; level++) {
      const start = level * size * width;
      const weight = layer.weight.subarray(start, start + size * width);
      const chosen = quantize({ shape: [size, width], weight }, rest);
      for (let i = 0; i < x.length; i++) {
        y[i] += chosen[i];
        rest[i] -= chosen[i];
      }
    }
    return y;
  }

  /** Round to the nearest integer, and halves to the nearest even one, as torch does. */
  function roundHalfEven(x) {
    const below = Math.floor(x);
    if (x - below !== 0.5) return Math.round(x);
    return below % 2 === 0 ? below : below + 1;
  }

  /** Replace each value by one of evenly spaced numbers from -1 to 1. */
  function roundToLevels({ levels }, x) {
    return x.map((value, i) => {
      const most = levels[i % levels.length] - 1;
      return (2 * roundHalfEven(sigmoid(value) * most)) / most - 1;
    });
  }

  const shift = ({ bias }, x) => x.map((value, i) => value + bias[i % bias.length]);

  const logCounts = ({ where }, x) =>
    x.map((value, i) => (where[i % where.length] ? Math.log1p(Math.max(value, 0)) : value));

  const structured = {
    linear,
    quantize,
    quantize_residual: quantizeResidual,
    round: roundToLevels,
    shift,
    log_counts: logCounts,
    conv: convolve,
    conv_transpose: convolveTransposed,
  };

  const apply = (layer, x, n) =>
    layer.type in structured ? structured[layer.type](layer, x, n) : x.map(elementwise[layer.type]);

  /** Run n samples, flattened into x, through all layers. */
  const forward = (layers, x, n) => layers.reduce((y, layer) => apply(layer, y, n), x);

  /** Run one sample, and return the activations of each layer, after its activation function. */
  function trace(layers, x) {
    const found = [];
    let y = x;
    for (const layer of layers) {
      y = apply(layer, y, 1);
      if (layer.type in structured) found.push({ values: y, shape: layer.output || null });
      else if (found.length) found[found.length - 1].values = y;
    }
    return found;
  }

  /** Count the multiplications of one sample, which decide whether a worker is used. */
  function cost(layers) {
    let total = 0;
    for (const layer of layers) {
      if (!layer.weight) continue;
      const size = layer.type === "conv" ? layer.output : layer.input;
      total += layer.weight.length * (size ? size[1] * size[2] : 1);
    }
    return total;
  }

  return { forward, trace, cost, erf, sigmoid };
};

Utsushi.network = Utsushi.makeNetwork();
