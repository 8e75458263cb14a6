"use strict";
/* Seeded random numbers, and the library's samplers. */

Utsushi.random = (() => {
  /** mulberry32, a small generator by Tommy Ettinger: uniform in [0, 1), determined by its seed. */
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** Convert two uniform numbers to a normal one by Box and Muller's method. */
  function normal(next) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return radius * Math.cos(2 * Math.PI * next());
  }

  function choose(weights, next) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let left = next() * total;
    for (let index = 0; index < weights.length; index++) {
      left -= weights[index];
      if (left < 0) return index;
    }
    return weights.length - 1;
  }

  /** Return centre + factor @ noise, where factor is the matrix that starts at `start`. */
  function spread(centre, factor, start, noise) {
    const size = noise.length;
    return centre.map((value, i) => {
      let sum = value;
      for (let j = 0; j < size; j++) sum += factor[start + i * size + j] * noise[j];
      return sum;
    });
  }

  const samplers = {
    prior: (sampler, noise) => noise.map((value) => value * sampler.temperature),
    gaussian: (sampler, noise) => spread(sampler.mean, sampler.factor, 0, noise),
    mixture: (sampler, noise, next) => {
      const size = noise.length;
      const k = choose(sampler.weights, next);
      const centre = Array.from(sampler.means.slice(k * size, (k + 1) * size));
      const scaled = noise.map((value) => value * sampler.temperature);
      return spread(centre, sampler.factors, k * size * size, scaled);
    },
    // For samplers that a page cannot run, codes were drawn in advance.
    drawn: (sampler, noise, next) => {
      const size = noise.length;
      const index = Math.floor(next() * sampler.codes.shape[0]);
      return Array.from(sampler.codes.slice(index * size, (index + 1) * size));
    },
  };

  /** Draw a code, and for a conditional model its class, from the model's sampler. */
  function drawCode(model, next) {
    const condition = model.conditional ? choose(model.condition_shares, next) : 0;
    const sampler = model.class_samplers ? model.class_samplers[condition] : model.sampler;
    const noise = Array.from({ length: model.n_components }, () => normal(next));
    return { z: samplers[sampler.kind](sampler, noise, next), y: condition };
  }

  return { uniform, normal, drawCode };
})();
