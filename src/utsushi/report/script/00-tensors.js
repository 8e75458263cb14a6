"use strict";
/* The numbers that the page carries: one compressed block, read back into typed arrays. */

const Utsushi = {};

Utsushi.tensors = (() => {
  /** float16, as the sign, exponent and fraction of its bits say. */
  function halfToNumber(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
  }

  let halves = null;

  /** A table of all 65,536 halves: ten times as fast as reading the bits of each. */
  function halvesToFloats(bits) {
    if (!halves) halves = Float32Array.from({ length: 65536 }, (_, index) => halfToNumber(index));
    const floats = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) floats[i] = halves[bits[i]];
    return floats;
  }

  async function unpack(base64) {
    const text = atob(base64.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  const VIEWS = {
    float32: (buffer, offset, length) => new Float32Array(buffer, offset, length),
    float16: (buffer, offset, length) => halvesToFloats(new Uint16Array(buffer, offset, length)),
    uint16: (buffer, offset, length) => new Uint16Array(buffer, offset, length),
    uint8: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
  };

  /** Replace each reference within a header, at any depth, by its typed array. */
  function resolve(part, buffer) {
    if (Array.isArray(part)) return part.map((item) => resolve(item, buffer));
    if (part === null || typeof part !== "object") return part;
    if ("dtype" in part) {
      const length = part.shape.reduce((product, size) => product * size, 1);
      const values = VIEWS[part.dtype](buffer, part.offset, length);
      values.shape = part.shape;
      return values;
    }
    return Object.fromEntries(
      Object.entries(part).map(([name, value]) => [name, resolve(value, buffer)]),
    );
  }

  /** Rows as float32, from the bytes or floats that they are carried as, once they are asked for. */
  function asRows(carried) {
    if (!carried) return null;
    const { values, divisor } = carried;
    let floats = divisor ? null : values;
    return {
      get floats() {
        if (!floats) {
          floats = new Float32Array(values.length);
          for (let i = 0; i < values.length; i++) floats[i] = values[i] / divisor;
        }
        return floats;
      },
      count: values.shape[0],
      labels: carried.labels,
      total: carried.n_total,
    };
  }

  return { unpack, resolve, asRows, halfToNumber };
})();
