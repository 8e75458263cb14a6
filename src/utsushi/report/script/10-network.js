"use strict";
/* The layers of the library, forward. Sums are taken in double precision and kept in single, so
   that the page is at least as exact as what it copies.

   One function holds all of it, and uses nothing outside: a worker is made from its source. */

Utsushi.makeNetwork = function makeNetwork() {
  /** x (n, inputs) by weight (outputs, inputs), plus bias. Zeros of x, as after a ReLU, cost nothing. */
  function linear(layer, x, n) {
    const [outputs, inputs] = layer.shape;
    const y = new Float32Array(n * outputs);
    const live = new Int32Array(inputs);
    for (let row = 0; row < n; row++) {
      let count = 0;
      for (let i = 0; i < inputs; i++) if (x[row * inputs + i] !== 0) live[count++] = i;
      for (let o = 0; o < outputs; o++) {
        let sum = layer.bias ? layer.bias[o] : 0;
        for (let k = 0; k < count; k++) {
          sum += layer.weight[o * inputs + live[k]] * x[row * inputs + live[k]];
        }
        y[row * outputs + o] = sum;
      }
    }
    return y;
  }

  /** Call visit(small pixel, large pixel) for each pair that one element of a kernel joins. */
  function eachPair(layer, small, large, ky, kx, visit) {
    const [, smallHeight, smallWidth] = small;
    const [, largeHeight, largeWidth] = large;
    for (let i = 0; i < smallHeight; i++) {
      const y = i * layer.stride - layer.padding + ky;
      if (y < 0 || y >= largeHeight) continue;
      for (let j = 0; j < smallWidth; j++) {
        const x = j * layer.stride - layer.padding + kx;
        if (x >= 0 && x < largeWidth) visit(i * smallWidth + j, y * largeWidth + x);
      }
    }
  }

  /** Both convolutions: the transposed one sends what the other gathers. */
  function convolve(layer, x, n, transposed) {
    const [inputs, height, width] = layer.input;
    const [outputs, outHeight, outWidth] = layer.output;
    const [first, second, rows, columns] = layer.shape;
    const inArea = height * width;
    const outArea = outHeight * outWidth;
    const y = new Float32Array(n * outputs * outArea);
    const sums = new Float64Array(outputs * outArea);
    for (let row = 0; row < n; row++) {
      for (let o = 0; o < outputs; o++) {
        sums.fill(layer.bias ? layer.bias[o] : 0, o * outArea, (o + 1) * outArea);
      }
      for (let a = 0; a < first; a++) {
        for (let b = 0; b < second; b++) {
          const [input, output] = transposed ? [a, b] : [b, a];
          const from = (row * inputs + input) * inArea;
          const to = output * outArea;
          for (let ky = 0; ky < rows; ky++) {
            for (let kx = 0; kx < columns; kx++) {
              const weight = layer.weight[((a * second + b) * rows + ky) * columns + kx];
              if (transposed) {
                eachPair(layer, layer.input, layer.output, ky, kx, (small, large) => {
                  sums[to + large] += weight * x[from + small];
                });
              } else {
                eachPair(layer, layer.output, layer.input, ky, kx, (small, large) => {
                  sums[to + small] += weight * x[from + large];
                });
              }
            }
          }
        }
      }
      y.set(sums, row * outputs * outArea);
    }
    return y;
  }

  /** The error function: its series near zero, its continued fraction far from it. */
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

  const structured = {
    linear,
    conv: (layer, x, n) => convolve(layer, x, n, false),
    conv_transpose: (layer, x, n) => convolve(layer, x, n, true),
  };

  /** Run n rows, flattened into x, through all layers. */
  function forward(layers, x, n) {
    let y = x;
    for (const layer of layers) {
      if (layer.type in structured) y = structured[layer.type](layer, y, n);
      else y = Float32Array.from(y, elementwise[layer.type]);
    }
    return y;
  }

  /** Multiplications for one row: what decides whether a worker is worth its messages. */
  function cost(layers) {
    let total = 0;
    for (const layer of layers) {
      if (!layer.weight) continue;
      const size = layer.type === "conv" ? layer.output : layer.input;
      total += layer.weight.length * (size ? size[1] * size[2] : 1);
    }
    return total;
  }

  return { forward, cost, erf, sigmoid };
};

Utsushi.network = Utsushi.makeNetwork();
