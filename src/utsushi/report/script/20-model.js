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

  /** Compute log(gamma(x)) of x > 0 by Stirling's series. */
  function logGamma(x) {
    let [product, y] = [1, x];
    while (y < 8) product *= y++;
    const series = 1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / (y * y)) / (y * y)) / (y * y);
    return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series / y - Math.log(product);
  }

  const logAddExp = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

  /** Return a log density of one value by a decoder's output as one of samples. `peak` is the largest log
      density of a Gaussian, and zero of any other. */
  const ofValues = (logDensity, mean, peak = 0) => ({
    logDensities: (x, output) => Float64Array.from(x, (value, i) => logDensity(value, output[i])),
    mean: mean && ((output) => output.map(mean)),
    peak: () => peak,
  });

  const logPeak = (sigma) => -0.5 * Math.log(2 * Math.PI * sigma * sigma);
  const normal = (sigma) =>
    ofValues((x, output) => logPeak(sigma) - 0.5 * ((x - output) / sigma) ** 2, null, logPeak(sigma));

  // --- a distribution for each column; `of` gives the parameters that all samples share -----------

  const logRate = (eta) => Math.min(eta, 20);

  function negativeBinomial(x, eta, of) {
    const [rate, logTheta] = [logRate(eta), of.logTheta];
    const theta = Math.exp(logTheta);
    const logSum = logAddExp(logTheta, rate);
    const binomial = logGamma(x + theta) - logGamma(theta) - logGamma(x + 1);
    return binomial + theta * (logTheta - logSum) + x * (rate - logSum);
  }

  function zeroInflated(x, eta, of) {
    const logit = of.zeros + of.slope * logRate(eta);
    const counted = negativeBinomial(x, eta, of) - softplus(logit);
    return x === 0 ? logAddExp(logit - softplus(logit), counted) : counted;
  }

  const families = {
    gaussian: {
      logDensity: (x, eta, { sigma }) => logPeak(sigma) - 0.5 * ((x - eta) / sigma) ** 2,
      mean: (eta) => eta,
      draw: (eta, { sigma }, next) => eta + sigma * Utsushi.random.normal(next),
      peak: ({ sigma }) => logPeak(sigma),
    },
    bernoulli: {
      logDensity: (x, logit) => x * logit - softplus(logit),
      mean: sigmoid,
      draw: (logit, _, next) => +(next() < sigmoid(logit)),
    },
    poisson: {
      logDensity: (x, eta) => x * logRate(eta) - Math.exp(logRate(eta)) - logGamma(x + 1),
      mean: (eta) => Math.exp(logRate(eta)),
    },
    "negative-binomial": { logDensity: negativeBinomial, mean: (eta) => Math.exp(logRate(eta)) },
    "zero-inflated": {
      logDensity: zeroInflated,
      mean: (eta, of) => sigmoid(-(of.zeros + of.slope * logRate(eta))) * Math.exp(logRate(eta)),
    },
    input: { logDensity: () => 0, mean: (eta) => eta, draw: (eta) => eta },
  };

  /** Draw a count by the sum of its probabilities. */
  function drawCount(logDensity, eta, of, next) {
    let left = next();
    for (let count = 0; count < 1e6; count++) {
      left -= Math.exp(logDensity(count, eta, of));
      if (left < 0) return count;
    }
    return Math.round(Math.exp(logRate(eta)));
  }

  function mixed(description) {
    const { shared } = description;
    const size = shared.shape[1];
    let end = 0;
    const columns = description.families.map(([name, width]) => ({ name, width, start: (end += width) - width }));
    const parameters = Array.from({ length: size }, (_, i) => ({
      sigma: shared[i],
      logTheta: shared[size + i],
      zeros: shared[2 * size + i],
      slope: shared[3 * size + i],
    }));
    /** Fill an array for each column, and return it; `category` takes the logits of one. */
    const byColumn = (length, each, category) => {
      const result = new Float64Array(length);
      for (let row = 0; row < length; row += size) {
        for (const { name, width, start } of columns) {
          if (name === "categorical") category(result, row + start, width);
          else for (let i = row + start; i < row + start + width; i++) result[i] = each(families[name], i);
        }
      }
      return result;
    };
    const logSum = (output, start, width) => {
      const logits = output.subarray(start, start + width);
      const most = Math.max(...logits);
      return most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    };
    return {
      logDensities: (x, output) =>
        byColumn(
          x.length,
          (family, i) => family.logDensity(x[i], output[i], parameters[i % size]),
          (result, start, width) => {
            const total = logSum(output, start, width);
            for (let i = start; i < start + width; i++) result[i] = x[i] * (output[i] - total);
          },
        ),
      mean: (output) =>
        Float32Array.from(
          byColumn(
            output.length,
            (family, i) => family.mean(output[i], parameters[i % size]),
            (result, start, width) => {
              const total = logSum(output, start, width);
              for (let i = start; i < start + width; i++) result[i] = Math.exp(output[i] - total);
            },
          ),
        ),
      draw: (output, next) =>
        byColumn(
          output.length,
          (family, i) => {
            const of = parameters[i % size];
            if (family.draw) return family.draw(output[i], of, next);
            return drawCount(family.logDensity, output[i], of, next);
          },
          (result, start, width) => {
            const total = logSum(output, start, width);
            let left = next();
            let chosen = 0;
            while (chosen < width - 1 && (left -= Math.exp(output[start + chosen] - total)) >= 0) chosen++;
            result[start + chosen] = 1;
          },
        ),
      peak: (i) => {
        const { name } = columns.findLast(({ start }) => start <= i);
        return families[name]?.peak ? families[name].peak(parameters[i]) : 0;
      },
    };
  }

  /** Return the log densities of a sample's values for a decoder's output, and the mean of that density. */
  return {
    gaussian: ({ sigma }) => normal(sigma),
    "unit-gaussian": () => normal(1),
    bernoulli: () => ofValues((x, logit) => x * logit - softplus(logit), sigmoid),
    "continuous-bernoulli": () =>
      ofValues((x, logit) => logit * (x - 0.5) - logSinhc(logit / 2), continuousMean),
    mixed,
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
    this.codec = this.codec ? new Utsushi.Codec(this.codec) : null;
    this.density = this.likelihood
      ? Utsushi.likelihoods[this.likelihood.name](this.likelihood)
      : null;
    this.hasNormalPrior = this.variational && !this.prior && !this.still;
    // Squared errors of probabilities and counts mean little.
    this.hasSquaredError = this.likelihood?.name !== "mixed";
    this.start();
  }

  start() {
    const shaped = (layer) => (layer.weight ? { ...layer, shape: layer.weight.shape } : layer);
    this.layers = {
      encoder: this.encoder.map(shaped),
      decoder: this.decoder.map(shaped),
    };
    this.engine = Utsushi.engine.start(this.layers);
  }

  /** Return the features of n rows of the page, which are the values themselves unless there is a codec. */
  features(rows, n) {
    return this.codec ? this.codec.encode(rows, n) : rows;
  }

  /** Scale n rows of the page as the encoder takes them: a missing value is zero. */
  scale(rows, n) {
    const x = this.scaled(this.features(rows, n), n);
    return this.missing ? x.map((value) => (Number.isNaN(value) ? 0 : value)) : x;
  }

  /** Scale the features of n samples as in training; a missing value stays NaN. */
  scaled(features, n) {
    const { offset, scale } = this.scaling;
    const x = new Float32Array(n * this.nFeatures);
    for (let i = 0; i < x.length; i++) {
      const column = i % this.nFeatures;
      x[i] = (features[i] - offset[column]) / scale[column];
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

  /** Convert the decoder's output to features in the units of the input. */
  restore(output) {
    const mean = this.density && this.density.mean ? this.density.mean(output) : output;
    if (!this.target_scaled) return mean;
    const { offset, scale } = this.scaling;
    return mean.map((value, i) => value * scale[i % this.nFeatures] + offset[i % this.nFeatures]);
  }

  /** Convert features of n samples to rows of the page; they keep the features they come from. */
  rows(features, n = 1) {
    if (!this.codec) return features;
    return Object.assign(this.codec.decode(features, n), { features });
  }

  /** Decode n codes to samples in the units of the input. */
  async decode(codes, n = 1, classes = null) {
    return this.rows(this.restore(await this.output(codes, n, classes)), n);
  }

  /** Decode a code to a new sample; a model of tables draws its values, as the library does. */
  async generate(code, condition, next) {
    const output = await this.output(code, 1, [condition]);
    if (!this.draws) return this.rows(this.restore(output), 1);
    const { offsets, scaled, quantiles, normal } = this.draws;
    const drawn = this.density.draw(output.map((value, i) => value + offsets[i]), next);
    const count = normal.length;
    scaled.forEach((i, k) => {
      const of = quantiles.subarray(k * count, (k + 1) * count);
      const outside = drawn[i] - Math.min(Math.max(drawn[i], of[0]), of[count - 1]);
      drawn[i] = Utsushi.interpolated(drawn[i], of, normal) + outside;
    });
    return this.codec.decode(drawn, 1, true);
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

  /** Return all metrics of one sample, and what each column contributes to its score: of a variational
      model in nats beyond a perfect reconstruction, else its squared error. */
  async measure(row, condition = 0) {
    const { mean, logVariance } = await this.encode(row);
    const output = await this.output(mean, 1, [condition]);
    const restored = this.restore(output);
    const features = this.features(row, 1);
    const [x, copy] = [this.scaled(features, 1), this.scaled(restored, 1)];
    const known = (values) =>
      this.missing ? values.map((value, i) => (Number.isNaN(features[i]) ? 0 : value)) : values;
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const errors = known(Float64Array.from(x, (value, i) => (value - copy[i]) ** 2));
    const measures = {
      code: mean,
      logVariance,
      reconstruction: this.rows(restored),
      squaredError: sum(errors),
      kl: null,
      score: sum(errors),
      contributions: this.byColumn(errors),
    };
    if (!this.variational) return measures;
    measures.kl = this.divergence(mean, logVariance);
    [measures.score, measures.contributions] = [NaN, null];
    if (!this.density) return measures;
    const { peak, logDensities } = this.density;
    const terms = known(logDensities(this.target_scaled ? x : features, output));
    measures.score = measures.kl - sum(terms);
    if (this.target_scaled) measures.score += sum(known(Float64Array.from(this.scaling.scale, Math.log)));
    measures.contributions = this.byColumn(known(terms.map((term, i) => peak(i) - term)));
    return measures;
  }

  /** Sum the terms of features over each column of a table. */
  byColumn(terms) {
    if (!this.codec) return terms;
    const sums = new Float64Array(this.codec.columns.length);
    terms.forEach((term, i) => {
      sums[this.codec.columnOf[i]] += term;
    });
    return sums;
  }

  /** Return the part of -log p(x | z) that no code changes, in nats: that of a Gaussian's width, and of
      the scaling. */
  get constant() {
    const peaks = Array.from({ length: this.nFeatures }, (_, i) => this.density.peak(i));
    const volume = this.target_scaled ? this.log_volume : 0;
    return volume - peaks.reduce((sum, peak) => sum + peak, 0);
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

/** A model that a page cannot run: what it makes of the test samples and of some drawn codes. */
Utsushi.StillModel = class StillModel extends Utsushi.Model {
  start() {
    this.known = [this.codes, ...(this.sampler ? [this.sampler.codes] : [])];
  }

  async encode(row) {
    return { mean: this.codesOf(Utsushi.page.indexOf(row)), logVariance: null };
  }

  /** Return the output of the known code that is nearest to each of n codes. */
  async output(codes, n = 1) {
    const [size, width] = [this.n_components, this.outputs.shape[1]];
    const result = new Float32Array(n * width);
    for (let row = 0; row < n; row++) {
      let [best, least, index] = [0, Infinity, 0];
      for (const some of this.known) {
        for (let start = 0; start < some.length; start += size, index++) {
          let distance = 0;
          for (let h = 0; h < size; h++) distance += (some[start + h] - codes[row * size + h]) ** 2;
          if (distance < least) [best, least] = [index, distance];
        }
      }
      result.set(this.outputs.subarray(best * width, (best + 1) * width), row * width);
    }
    return result;
  }

  divergence() {
    return NaN;
  }

  async measure(row, condition = 0) {
    const index = Utsushi.page.indexOf(row);
    const kl = this.kl ? this.kl[index] : null;
    return { ...(await super.measure(row, condition)), kl, score: this.scores[index] };
  }
};
