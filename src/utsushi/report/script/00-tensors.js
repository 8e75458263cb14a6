"use strict";
/* Read the tensors of the page, one compressed block, into typed arrays. */

const Utsushi = {};

Utsushi.tensors = (() => {
  /** Convert a float16 from the bits of its sign, exponent and fraction. */
  function halfToNumber(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
  }

  let halves = null;

  /** A table of all 65,536 float16 values: ten times as fast as decoding bits. */
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
    // Copied, because an array of doubles must start at a multiple of eight bytes.
    float64: (buffer, offset, length) =>
      new Float64Array(buffer.slice(offset, offset + 8 * length)),
    float32: (buffer, offset, length) => new Float32Array(buffer, offset, length),
    float16: (buffer, offset, length) => halvesToFloats(new Uint16Array(buffer, offset, length)),
    uint16: (buffer, offset, length) => new Uint16Array(buffer, offset, length),
    uint8: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
  };

  /** Replace each reference in a header, at any depth, by its typed array. */
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

  /** Return samples as float32, converted from bytes or float16 on first use. */
  function asRows(encoded) {
    if (!encoded) return null;
    const { values, divisor } = encoded;
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
      width: values.shape[1],
      labels: encoded.labels,
      total: encoded.n_total,
    };
  }

  return { unpack, resolve, asRows, halfToNumber };
})();
