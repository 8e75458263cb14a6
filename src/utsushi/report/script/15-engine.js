"use strict";
/* Run networks: small ones immediately, large ones in a worker, so that they do not block drawing. */

Utsushi.engine = (() => {
  /** Multiplications per sample from which on a frame of 16 ms could be missed. */
  const HEAVY = 4e6;

  class Inline {
    constructor(parts) {
      this.parts = parts;
    }
    async run(part, x, n) {
      return Utsushi.network.forward(this.parts[part], x, n);
    }
  }

  /** Send samples to the worker one at a time, alternating between requests: a request of one sample
      does not wait for all fifty samples of another. */
  class InWorker {
    constructor(parts) {
      const source = `"use strict";
        const network = (${Utsushi.makeNetwork})();
        let parts;
        onmessage = ({ data }) => {
          if (data.parts) { parts = data.parts; return; }
          const y = network.forward(parts[data.part], data.row, 1);
          postMessage(y, [y.buffer]);
        };`;
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      this.worker = new Worker(url);
      this.requests = []; // the worker has a sample of the first
      this.worker.onmessage = ({ data }) => this.receive(data);
      this.worker.postMessage({ parts });
    }
    run(part, x, n) {
      return new Promise((resolve) => {
        this.requests.push({ part, x, n, rows: [], resolve });
        if (this.requests.length === 1) this.send();
      });
    }
    send() {
      const { part, x, n, rows } = this.requests[0];
      const size = x.length / n;
      const row = x.slice(rows.length * size, (rows.length + 1) * size);
      this.worker.postMessage({ part, row });
    }
    receive(row) {
      const request = this.requests.shift();
      const { n, rows, resolve } = request;
      rows.push(row);
      if (rows.length < n) this.requests.push(request);
      else resolve(joined(rows));
      if (this.requests.length) this.send();
    }
  }

  function joined(rows) {
    const all = new Float32Array(rows.length * rows[0].length);
    rows.forEach((row, i) => all.set(row, i * row.length));
    return all;
  }

  function start(parts) {
    const heavy = Utsushi.network.cost(parts.encoder) + Utsushi.network.cost(parts.decoder) > HEAVY;
    return heavy && typeof Worker === "function" ? new InWorker(parts) : new Inline(parts);
  }

  return { start, Inline, InWorker };
})();
