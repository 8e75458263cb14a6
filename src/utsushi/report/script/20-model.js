"use strict";
/* One model of the page: samples to codes and back, in the units of the input, and their scores. */

Utsushi.likelihoods = (() => {
  const { sigmoid } = Utsushi.network;
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

  /** Compute log(sinh(u) / u), which is even and smooth at zero. */
  function logSinhc(u) {
    const size = Math.abs(u);
    if (size < 0.05) return (size * size) / 6 - size ** 4 / 180;
    return size + Math.log(-Math.expm1(-2 * size)) - Math.log(2 * size);
  }

  function continuousMean(logit) {
    const u = logit / 2;
    if (Math.abs(u) < 0.02) return 0.5 + u / 6;
    return 0.5 + 0.5 * (1 / Math.tanh(u) - 1 / u);
  }

  const normal = (sigma) => (x, output) =>
    -0.5 * (((x - output) / sigma) ** 2 + Math.log(2 * Math.PI * sigma * sigma));

  /** Return the log density of one value for a decoder's output, and the mean of that density. */
  return {
    gaussian: ({ sigma }) => ({ logDensity: normal(sigma), mean: null }),
    "unit-gaussian": () => ({ logDensity: normal(1), mean: null }),
    bernoulli: () => ({
      logDensity: (x, logit) => x * logit - softplus(logit),
      mean: sigmoid,
    }),
    "continuous-bernoulli": () => ({
      logDensity: (x, logit) => logit * (x - 0.5) - logSinhc(logit / 2),
      mean: continuousMean,
    }),
  };
})();

/** Return the divergence of a diagonal Gaussian from another, in nats. */
const normalDivergence = (mean, logVariance, otherMean, otherLogVariance) =>
  mean.reduce((sum, m, h) => {
    const logRatio = logVariance[h] - otherLogVariance[h];
    const distance = (m - otherMean[h]) ** 2 * Math.exp(-otherLogVariance[h]);
    return sum + 0.5 * (Math.expm1(logRatio) - logRatio + distance);
  }, 0);

Utsushi.Model = class Model {
  /** @param description a model in the header, with typed arrays instead of references */
  constructor(description) {
    Object.assign(this, description);
    this.nFeatures = this.scaling.offset.length;
    const shaped = (layer) => (layer.weight ? { ...layer, shape: layer.weight.shape } : layer);
    this.layers = {
      encoder: this.encoder.map(shaped),
      decoder: this.decoder.map(shaped),
    };
    this.engine = Utsushi.engine.start(this.layers);
    this.density = this.likelihood
      ? Utsushi.likelihoods[this.likelihood.name](this.likelihood)
      : null;
    this.hasNormalPrior = this.variational && !this.prior;
  }

  /** Scale n samples as in training. */
  scale(rows, n) {
    const { offset, scale } = this.scaling;
    const x = new Float32Array(n * this.nFeatures);
    for (let i = 0; i < x.length; i++) {
      const column = i % this.nFeatures;
      x[i] = (rows[i] - offset[column]) / scale[column];
    }
    return x;
  }

  /** Encode n samples in the units of the input: mean codes (n, H), and log variances or null. */
  async encode(rows, n = 1) {
    const head = await this.engine.run("encoder", this.scale(rows, n), n);
    if (!this.variational) return { mean: head, logVariance: null };
    const size = this.n_components;
    const mean = new Float32Array(n * size);
    const logVariance = new Float32Array(n * size);
    for (let row = 0; row < n; row++) {
      for (let h = 0; h < size; h++) {
        const raw = head[row * 2 * size + size + h];
        const inner = Math.min(Math.max(raw, -10), 10);
        mean[row * size + h] = head[row * 2 * size + h];
        // As in the library: the identity within 10, and at most 20.
        logVariance[row * size + h] = inner + 10 * Math.tanh((raw - inner) / 10);
      }
    }
    return { mean, logVariance };
  }

  /** Return the decoder's output for n codes; see `conditioned`. */
  async output(codes, n = 1, classes = null) {
    return this.engine.run("decoder", this.conditioned(codes, n, classes), n);
  }

  /** Return n codes, each with its one-hot class for a conditional model. */
  conditioned(codes, n = 1, classes = null) {
    if (!this.conditional) return Float32Array.from(codes);
    const size = this.n_components;
    const width = size + this.conditions.length;
    const conditioned = new Float32Array(n * width);
    for (let row = 0; row < n; row++) {
      conditioned.set(codes.slice(row * size, (row + 1) * size), row * width);
      conditioned[row * width + size + (classes ? classes[row] : 0)] = 1;
    }
    return conditioned;
  }

  /** Convert the decoder's output to samples in the units of the input. */
  restore(output) {
    const mean = this.density && this.density.mean ? output.map(this.density.mean) : output;
    if (!this.target_scaled) return mean;
    const { offset, scale } = this.scaling;
    return mean.map((value, i) => value * scale[i % this.nFeatures] + offset[i % this.nFeatures]);
  }

  /** Decode n codes to samples in the units of the input. */
  async decode(codes, n = 1, classes = null) {
    return this.restore(await this.output(codes, n, classes));
  }

  /** Return the divergence of a posterior from the prior in nats; for a mixture of Gaussians, the upper
      bound of the library's divergence_without_draws. */
  divergence(mean, logVariance) {
    if (!this.prior) {
      const zeros = new Float32Array(mean.length);
      return normalDivergence(mean, logVariance, zeros, zeros);
    }
    const { log_weights: logWeights, means, log_variances: logVariances } = this.prior;
    const each = logWeights.map((logWeight, k) => {
      const of = (values) => values.subarray(k * mean.length, (k + 1) * mean.length);
      return normalDivergence(mean, logVariance, of(means), of(logVariances)) - logWeight;
    });
    const least = Math.min(...each);
    return least - Math.log(each.reduce((total, value) => total + Math.exp(least - value), 0));
  }

  /** Return all metrics of one sample. */
  async measure(row, condition = 0) {
    const { mean, logVariance } = await this.encode(row);
    const output = await this.output(mean, 1, [condition]);
    const reconstruction = this.restore(output);
    const x = this.scale(row, 1);
    const copy = this.scale(reconstruction, 1);
    let squaredError = 0;
    for (let i = 0; i < x.length; i++) squaredError += (x[i] - copy[i]) ** 2;
    const kl = this.variational ? this.divergence(mean, logVariance) : null;
    const score = this.variational
      ? this.negativeBound(this.target_scaled ? x : row, output, kl)
      : squaredError;
    return { code: mean, logVariance, reconstruction, squaredError, kl, score };
  }

  /** Return -log p(x | mean code) + KL, in nats and in the units of the input, without random draws. */
  negativeBound(x, output, kl) {
    let logDensity = 0;
    for (let i = 0; i < x.length; i++) logDensity += this.density.logDensity(x[i], output[i]);
    return kl - logDensity + (this.target_scaled ? this.log_volume : 0);
  }

  /** Return the part of -log p(x | z) that no code changes, in nats: that of a Gaussian's width, and of
      the scaling. */
  get constant() {
    const { name, sigma } = this.likelihood;
    const widths = { gaussian: sigma, "unit-gaussian": 1 };
    const width = name in widths ? Math.log(widths[name]) + 0.5 * Math.log(2 * Math.PI) : 0;
    return this.nFeatures * width + (this.target_scaled ? this.log_volume : 0);
  }

  /** Return the mean terms of the loss over the samples of the map; see `termsOf`. */
  get meanTerms() {
    if (!this.means) {
      const count = this.scores.length;
      const mean = (values) => values.reduce((sum, value) => sum + value, 0) / count;
      if (!this.variational) this.means = { error: mean(this.scores) };
      else {
        const at = (values, row) =>
          values.slice(row * this.n_components, (row + 1) * this.n_components);
        const kl = mean(
          Array.from({ length: count }, (_, row) =>
            this.divergence(at(this.codes, row), at(this.log_variances, row)),
          ),
        );
        this.means = { reconstruction: mean(this.scores) - kl - this.constant, kl };
      }
    }
    return this.means;
  }

  /** Return the terms of the loss of a sample: for a variational model the reconstruction term without
      its constant and the divergence, in nats; else the squared error. */
  termsOf({ squaredError, kl, score }) {
    if (!this.variational) return { error: squaredError };
    return { reconstruction: score - kl - this.constant, kl };
  }

  /** Return the mean and the standard deviation with which a component is moved: those of a normal prior,
      or of the codes of the samples. */
  spreadOf(component) {
    if (this.hasNormalPrior) return { mean: 0, deviation: 1 };
    let [sum, squares] = [0, 0];
    const count = this.codes.shape[0];
    for (let i = component; i < this.codes.length; i += this.n_components) {
      sum += this.codes[i];
      squares += this.codes[i] ** 2;
    }
    const mean = sum / count;
    return { mean, deviation: Math.sqrt(Math.max(squares / count - mean * mean, 0)) };
  }

  /** Return the components, the most informative first. */
  get byInformation() {
    return [...this.information.keys()].sort((a, b) => this.information[b] - this.information[a]);
  }

  /** Return the share of test samples in the page with a lower score, from 0 to 1. */
  rank(score) {
    if (Number.isNaN(score)) return NaN;
    let lower = 0;
    for (const other of this.scores) if (other < score) lower++;
    return lower / this.scores.length;
  }
};
