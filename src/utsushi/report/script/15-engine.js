"use strict";
/* Where networks run: at once where they are small, in a worker where they would block drawing. */

Utsushi.engine = (() => {
  /** Multiplications of a row, from which on a frame of 16 ms could be missed. */
  const HEAVY = 4e6;

  class Inline {
    constructor(parts) {
      this.parts = parts;
    }
    async run(part, x, n) {
      return Utsushi.network.forward(this.parts[part], x, n);
    }
  }

  class InWorker {
    constructor(parts) {
      const source = `"use strict";
        const network = (${Utsushi.makeNetwork})();
        let parts;
        onmessage = ({ data }) => {
          if (data.parts) { parts = data.parts; return; }
          const y = network.forward(parts[data.part], data.x, data.n);
          postMessage({ id: data.id, y }, [y.buffer]);
        };`;
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      this.worker = new Worker(url);
      this.waiting = new Map();
      this.count = 0;
      this.worker.onmessage = ({ data }) => {
        this.waiting.get(data.id)(data.y);
        this.waiting.delete(data.id);
      };
      this.worker.postMessage({ parts });
    }
    run(part, x, n) {
      return new Promise((resolve) => {
        const id = this.count++;
        this.waiting.set(id, resolve);
        this.worker.postMessage({ id, part, x, n });
      });
    }
  }

  function start(parts) {
    const heavy = Utsushi.network.cost(parts.encoder) + Utsushi.network.cost(parts.decoder) > HEAVY;
    return heavy && typeof Worker === "function" ? new InWorker(parts) : new Inline(parts);
  }

  return { start, Inline, InWorker };
})();
