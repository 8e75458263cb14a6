"use strict";
/* A small variational autoencoder that trains in the page: one hidden layer, Bernoulli likelihood, Adam.

   All of it is one function without outside references, because a worker is created from its source. */

Utsushi.makeTrainer = function makeTrainer({
  x, // n samples of `size` pixels in [0, 1], one after the other
  size,
  hidden = 128,
  codeSize = 2,
  batch = 100,
  rate = 2e-3,
  seed = 0,
  Numbers = Float32Array,
}) {
  const n = x.length / size;
  const rows = Math.min(batch, n);

  // --- random numbers: mulberry32, and Box and Muller's method ------------------------------------

  let state = seed >>> 0;
  function uniform() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  // --- parameters: all in one array, so that Adam is one loop -------------------------------------

  const shapes = {
    first: [hidden, size],
    head: [2 * codeSize, hidden],
    second: [hidden, codeSize],
    last: [size, hidden],
  };
  const slots = {};
  let total = 0;
  for (const [name, [outputs, inputs]] of Object.entries(shapes)) {
    slots[name] = { weight: total, bias: total + outputs * inputs, outputs, inputs };
    total += outputs * inputs + outputs;
  }
  const parameters = new Numbers(total);
  const gradient = new Numbers(total);
  const moments = [new Float32Array(total), new Float32Array(total)];
  let steps = 0;

  /** Draw the weights, and set the output of the decoder to the mean image. */
  function initialize() {
    for (const { weight, bias, inputs } of Object.values(slots)) {
      const width = Math.sqrt(3 / inputs);
      for (let i = weight; i < bias; i++) parameters[i] = width * (2 * uniform() - 1);
    }
    // The posteriors begin near the prior.
    const { weight, inputs } = slots.head;
    for (let i = weight; i < weight + 2 * codeSize * inputs; i++) parameters[i] *= 0.3;
    for (let pixel = 0; pixel < size; pixel++) {
      let sum = 0;
      for (let row = 0; row < n; row++) sum += x[row * size + pixel];
      const mean = Math.min(Math.max(sum / n, 0.01), 0.99);
      parameters[slots.last.bias + pixel] = Math.log(mean / (1 - mean));
    }
  }

  // --- layers -------------------------------------------------------------------------------------

  /** List the places and values of vectors; of pixels and of ReLU's outputs, most are zero and left out. */
  function listed(input, count, keepsZeros = false) {
    const width = input.length / count;
    const starts = new Int32Array(count + 1);
    const places = new Int32Array(input.length);
    const values = new Numbers(input.length);
    let k = 0;
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < width; i++) {
        const value = input[row * width + i];
        if (value === 0 && !keepsZeros) continue;
        places[k] = i;
        values[k++] = value;
      }
      starts[row + 1] = k;
    }
    return { starts, places, values };
  }

  /** Compute a linear layer for `count` listed vectors. */
  function linear({ weight, bias, outputs, inputs }, { starts, places, values }, count) {
    const output = new Numbers(count * outputs);
    for (let row = 0; row < count; row++) {
      const end = starts[row + 1];
      for (let o = 0; o < outputs; o++) {
        const w = weight + o * inputs;
        let sum = parameters[bias + o];
        for (let k = starts[row]; k < end; k++) sum += parameters[w + places[k]] * values[k];
        output[row * outputs + o] = sum;
      }
    }
    return output;
  }

  /** Add the gradient of a linear layer, and return that of its listed inputs, zero elsewhere. */
  function backward({ weight, bias, outputs, inputs }, { starts, places, values }, slopes, count, needsInput = true) {
    const back = new Numbers(needsInput ? count * inputs : 0);
    for (let o = 0; o < outputs; o++) {
      const w = weight + o * inputs;
      let sum = 0;
      for (let row = 0; row < count; row++) {
        const slope = slopes[row * outputs + o];
        if (slope === 0) continue;
        sum += slope;
        const end = starts[row + 1];
        for (let k = starts[row]; k < end; k++) gradient[w + places[k]] += slope * values[k];
        if (!needsInput) continue;
        const from = row * inputs;
        for (let k = starts[row]; k < end; k++) {
          back[from + places[k]] += slope * parameters[w + places[k]];
        }
      }
      gradient[bias + o] += sum;
    }
    return back;
  }

  function relu(values) {
    for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
    return values;
  }

  const sigmoid = (value) => 1 / (1 + Math.exp(-value));
  const softplus = (value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));

  // --- loss and gradient --------------------------------------------------------------------------

  /** Return the mean terms of the loss of `count` samples in nats, and leave its gradient in `gradient`. */
  function terms(input, noise, count, beta) {
    gradient.fill(0);
    const pixels = listed(input, count);
    const first = listed(relu(linear(slots.first, pixels, count)), count);
    const head = linear(slots.head, first, count);
    const codes = new Numbers(count * codeSize);
    let kl = 0;
    for (let row = 0; row < count; row++) {
      for (let h = 0; h < codeSize; h++) {
        const mean = head[row * 2 * codeSize + h];
        const logVariance = head[row * 2 * codeSize + codeSize + h];
        codes[row * codeSize + h] = mean + Math.exp(logVariance / 2) * noise[row * codeSize + h];
        kl += 0.5 * (mean * mean + Math.exp(logVariance) - 1 - logVariance);
      }
    }
    const drawn = listed(codes, count, true);
    const second = listed(relu(linear(slots.second, drawn, count)), count);
    const output = linear(slots.last, second, count);
    let reconstruction = 0;
    for (let i = 0; i < output.length; i++) {
      reconstruction += softplus(output[i]) - input[i] * output[i];
      output[i] = (sigmoid(output[i]) - input[i]) / count; // from now on, the slope
    }
    // What ReLU has cut has no slope, as it is not listed.
    const secondSlope = backward(slots.last, second, output, count);
    const codeSlope = backward(slots.second, drawn, secondSlope, count);
    const headSlope = new Numbers(head.length);
    for (let row = 0; row < count; row++) {
      for (let h = 0; h < codeSize; h++) {
        const m = row * 2 * codeSize + h;
        const v = m + codeSize;
        const slope = codeSlope[row * codeSize + h];
        const deviation = Math.exp(head[v] / 2);
        headSlope[m] = slope + (beta * head[m]) / count;
        headSlope[v] =
          0.5 * slope * noise[row * codeSize + h] * deviation +
          (0.5 * beta * (Math.exp(head[v]) - 1)) / count;
      }
    }
    const firstSlope = backward(slots.head, first, headSlope, count);
    backward(slots.first, pixels, firstSlope, count, false);
    return { reconstruction: reconstruction / count, kl: kl / count };
  }

  /** Take one step of Adam on a random batch, and return its terms. */
  function step(beta) {
    const input = new Numbers(rows * size);
    for (let row = 0; row < rows; row++) {
      const chosen = Math.floor(uniform() * n) * size;
      for (let i = 0; i < size; i++) input[row * size + i] = x[chosen + i];
    }
    const noise = Numbers.from({ length: rows * codeSize }, normal);
    const result = terms(input, noise, rows, beta);
    steps++;
    const [mean, square] = moments;
    const scale = (rate * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps);
    for (let i = 0; i < total; i++) {
      const slope = gradient[i];
      mean[i] += 0.1 * (slope - mean[i]);
      square[i] += 0.001 * (slope * slope - square[i]);
      parameters[i] -= (scale * mean[i]) / (Math.sqrt(square[i]) + 1e-8);
    }
    return result;
  }

  // --- what is shown ------------------------------------------------------------------------------

  /** Return the mean codes of the first `count` samples, and the mean divergence of each component. */
  function encode(count) {
    const pixels = listed(x.subarray(0, count * size), count);
    const head = linear(slots.head, listed(relu(linear(slots.first, pixels, count)), count), count);
    const codes = new Float32Array(count * codeSize);
    const information = new Array(codeSize).fill(0);
    for (let row = 0; row < count; row++) {
      for (let h = 0; h < codeSize; h++) {
        const mean = head[row * 2 * codeSize + h];
        const logVariance = head[row * 2 * codeSize + codeSize + h];
        codes[row * codeSize + h] = mean;
        information[h] += (0.5 * (mean * mean + Math.exp(logVariance) - 1 - logVariance)) / count;
      }
    }
    return { codes, information };
  }

  /** Return the images of codes. */
  function decode(codes) {
    const count = codes.length / codeSize;
    const second = relu(linear(slots.second, listed(codes, count), count));
    const output = linear(slots.last, listed(second, count), count);
    return Float32Array.from(output, sigmoid);
  }

  initialize();
  return { step, terms, encode, decode, parameters, gradient, slots, steps: () => steps };
};

/** Decide when a training has converged: the mean loss of a window of steps has hardly fallen.

    Without outside references, like `makeTrainer`. */
Utsushi.makeStopper = function makeStopper({ window = 250, least = 0.003, most = 3000 } = {}) {
  let [sum, count, steps, before] = [0, 0, 0, Infinity];
  return {
    /** Add the loss of a step; return "converged", "limit" or null. */
    add(loss) {
      sum += loss;
      steps++;
      if (++count === window) {
        const mean = sum / window;
        const isFlat = before - mean < least * Math.abs(mean);
        [before, sum, count] = [mean, 0, 0];
        if (isFlat) return "converged";
      }
      return steps >= most ? "limit" : null;
    },
    /** Begin again, as after a change of the loss. */
    reset() {
      [sum, count, steps, before] = [0, 0, 0, Infinity];
    },
  };
};
