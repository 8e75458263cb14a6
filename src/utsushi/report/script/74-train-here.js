"use strict";
/* Train here: a small variational autoencoder trains in a worker on the samples of the page, while its map
   and the images of the plane of its code organize themselves. */

Utsushi.trainHere = (() => {
  const { build, page, words, pictures } = Utsushi;
  /** The largest side of an image, the most values of one, and the fewest samples. */
  const [SIDE, MOST_VALUES, FEWEST] = [16, 800, 100];
  /** The number of samples on the map, and of images along a side of the plane. */
  const [SHOWN, GRID, REACH] = [500, 12, 2.4];
  const BETAS = [0, 0.25, 0.5, 1, 2, 4, 8, 16];
  const SIZES = [2, 3, 5, 10];
  let parts = {};
  let data = null; // { x, n, shape, labels }
  let worker = null;
  let settings = { beta: 1, codeSize: 2, seed: 0 };
  let isPlaying = false;
  let snapshot = null; // the last message of the worker
  let curve = []; // [step, reconstruction, kl]
  let outcome = null; // "converged", "limit" or null

  // --- the data ---------------------------------------------------------------------------------

  /** Halve an image by means of 2 × 2 pixels. */
  function halved(image, [channels, height, width]) {
    const [h, w] = [Math.floor(height / 2), Math.floor(width / 2)];
    const result = new Float32Array(channels * h * w);
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          const from = c * height * width + 2 * y * width + 2 * x;
          result[(c * h + y) * w + x] =
            (image[from] + image[from + 1] + image[from + width] + image[from + width + 1]) / 4;
        }
      }
    }
    return { image: result, shape: [channels, h, w] };
  }

  /** Return the samples of the page as small images with pixels in [0, 1], or null. */
  function smallImages() {
    const rows = page.train || page.test;
    const [low, high] = page.header.range;
    if (!page.isImage || rows.count < FEWEST || !(high > low)) return null;
    let [x, shape, size] = [null, null, 0];
    for (let row = 0; row < rows.count; row++) {
      let small = { image: page.rowOf(rows, row), shape: page.header.image_shape };
      while (Math.max(small.shape[1], small.shape[2]) > SIDE) small = halved(small.image, small.shape);
      if (!x) {
        [shape, size] = [small.shape, small.image.length];
        if (size > MOST_VALUES) return null;
        x = new Float32Array(rows.count * size);
      }
      small.image.forEach((value, i) => {
        x[row * size + i] = Math.min(Math.max((value - low) / (high - low), 0), 1);
      });
    }
    return { x, n: rows.count, shape, size, labels: rows.labels };
  }

  // --- the worker -------------------------------------------------------------------------------

  /** The program of the worker: it trains for a moment, reports, and listens. */
  function program(makeTrainer, makeStopper) {
    let [trainer, stopper, settings, playing, view] = [null, null, null, false, null];
    let sums = null;

    const restart = () => {
      sums = { reconstruction: 0, kl: 0, count: 0 };
    };

    function report(outcome) {
      const { codes, information } = trainer.encode(view.count);
      const order = [...information.keys()].sort((a, b) => information[b] - information[a]);
      const [across, up] = order;
      const { grid, reach } = view;
      const plane = new Float32Array(grid * grid * settings.codeSize);
      for (let i = 0; i < grid; i++) {
        for (let j = 0; j < grid; j++) {
          const at = (k) => reach * ((2 * k) / (grid - 1) - 1);
          plane[(i * grid + j) * settings.codeSize + across] = at(j);
          plane[(i * grid + j) * settings.codeSize + up] = -at(i);
        }
      }
      const count = Math.max(sums.count, 1);
      postMessage({
        step: trainer.steps(),
        terms: sums.count && { reconstruction: sums.reconstruction / count, kl: sums.kl / count },
        codes,
        information,
        axes: [across, up],
        images: trainer.decode(plane),
        playing,
        outcome,
        id: settings.id,
      });
      restart();
    }

    function take() {
      const { reconstruction, kl } = trainer.step(settings.beta);
      sums.reconstruction += reconstruction;
      sums.kl += kl;
      sums.count++;
      return stopper.add(reconstruction + settings.beta * kl);
    }

    function loop() {
      if (!playing) return;
      const end = Date.now() + 100;
      let outcome = null;
      do outcome = take();
      while (!outcome && Date.now() < end);
      if (outcome) playing = false;
      report(outcome);
      setTimeout(loop, 0);
    }

    onmessage = ({ data: asked }) => {
      if (asked.start) {
        ({ settings, view } = asked.start);
        trainer = makeTrainer({ ...asked.start.data, ...settings });
        stopper = makeStopper();
        playing = false;
        restart();
        report(null);
      }
      if ("beta" in asked) {
        settings.beta = asked.beta;
        stopper.reset(); // the loss is another one
      }
      if (asked.step) {
        take();
        report(null);
      }
      if ("play" in asked) {
        const wasPlaying = playing;
        playing = asked.play;
        if (playing && !wasPlaying) {
          stopper.reset();
          loop();
        } else if (!playing && wasPlaying) report(null);
      }
    };
  }

  function startWorker() {
    const source = `"use strict";
      (${program})(${Utsushi.makeTrainer}, ${Utsushi.makeStopper});`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(url);
    worker.onmessage = ({ data: message }) => receive(message);
  }

  /** Begin with new weights. */
  function begin() {
    if (!worker) startWorker();
    settings = { ...settings, id: (settings.id || 0) + 1 };
    [curve, outcome, isPlaying] = [[], null, false];
    const view = { count: Math.min(SHOWN, data.n), grid: GRID, reach: REACH };
    worker.postMessage({ start: { data: { x: data.x, size: data.size }, settings, view } });
    showControls();
  }

  function receive(message) {
    if (message.id !== settings.id) return; // of weights before
    snapshot = message;
    const { step, terms } = message;
    if (terms) curve.push([step, terms.reconstruction, terms.kl]);
    if (message.outcome) [outcome, isPlaying] = [message.outcome, false];
    showControls();
    paint();
  }

  function play(on) {
    [isPlaying, outcome] = [on, null];
    worker.postMessage({ play: on });
    showControls();
  }

  // --- pictures ---------------------------------------------------------------------------------

  function paint() {
    paintMap();
    paintPlane();
    paintCurve();
  }

  /** Draw the codes of the samples on the plane of the two components with the most information. */
  function paintMap() {
    const { codes, axes } = snapshot;
    const { canvas } = parts;
    const size = canvas.clientWidth || 300;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(size * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const half = 3.6;
    const at = (x, y) => [(size * (1 + x / half)) / 2, (size * (1 - y / half)) / 2];
    context.strokeStyle = pictures.style("--quiet");
    context.setLineDash([5, 5]);
    for (const sigma of [1, 2]) {
      context.beginPath();
      context.arc(size / 2, size / 2, (sigma * size) / (2 * half), 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
    const marks = (page.header.classes || [null]).map((_, label) => Utsushi.map.markOf(data.labels ? label : null));
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.globalAlpha = 0.85;
    const width = codes.length / Math.min(SHOWN, data.n);
    for (let row = 0; row * width < codes.length; row++) {
      const { colour, sign } = marks[data.labels ? data.labels[row] : 0];
      context.fillStyle = colour;
      context.fillText(sign, ...at(codes[row * width + axes[0]], codes[row * width + axes[1]]));
    }
    context.globalAlpha = 1;
  }

  /** Draw the decoded images of a grid of codes in this plane. */
  function paintPlane() {
    const [channels, height, width] = data.shape;
    const { plane } = parts;
    [plane.width, plane.height] = [GRID * width, GRID * height];
    const context = plane.getContext("2d");
    const image = context.createImageData(plane.width, plane.height);
    const area = height * width;
    snapshot.images.forEach((value, i) => {
      const [cell, within] = [Math.floor(i / data.size), i % data.size];
      const [channel, pixel] = [Math.floor(within / area), within % area];
      const px = (cell % GRID) * width + (pixel % width);
      const py = Math.floor(cell / GRID) * height + Math.floor(pixel / width);
      const to = 4 * (py * plane.width + px);
      if (channels === 1) for (let c = 0; c < 3; c++) image.data[to + c] = 255 * value;
      else image.data[to + channel] = 255 * value;
      image.data[to + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    resizePlane();
  }

  /** Give the images a whole multiple of their pixels. */
  function resizePlane() {
    const { plane, canvas } = parts;
    const factor = Math.max(1, Math.floor(canvas.clientWidth / plane.width));
    [plane.style.width, plane.style.height] = [plane.width, plane.height].map((size) => `${size * factor}px`);
  }

  function paintCurve() {
    const [width, height] = [320, 90];
    const last = Math.max(curve.length ? curve[curve.length - 1][0] : 1, 1);
    const lines = [1, 2].map((which) => {
      const values = curve.map((point) => point[which]);
      const [low, high] = which === 1 ? [Math.min(...values), Math.max(...values)] : [0, Math.max(...values)];
      return curve
        .map((point) => {
          const y = height - 4 - ((point[which] - low) / (high - low || 1)) * (height - 8);
          return `${((width * point[0]) / last).toFixed(1)},${y.toFixed(1)}`;
        })
        .join(" ");
    });
    parts.lines.forEach((line, i) => line.setAttribute("points", lines[i]));
    const [, reconstruction = NaN, kl = NaN] = curve[curve.length - 1] || [];
    parts.terms[0].textContent = `${words.number(reconstruction)} ${words.get("nats")}`;
    parts.terms[1].textContent = `${words.number(kl)} ${words.get("nats")}`;
  }

  // --- controls ---------------------------------------------------------------------------------

  function showControls() {
    const step = snapshot ? snapshot.step : 0;
    parts.play.textContent = words.get(isPlaying ? "train_pause" : "train_play");
    parts.step.disabled = isPlaying;
    parts.betaValue.textContent = `β = ${settings.beta}`;
    parts.beta.setAttribute("aria-valuetext", parts.betaValue.textContent);
    const phase = isPlaying ? "running" : outcome || "waiting";
    parts.status.textContent = words.get(`train_${phase}`, { step: step.toLocaleString("en") });
    if (outcome) Utsushi.views.announce(parts.status.textContent);
    parts.hint.textContent = words.get("train_hint", {
      count: data.n.toLocaleString("en"),
      size: `${data.shape[2]} × ${data.shape[1]}`,
    });
    const hasOthers = snapshot && snapshot.codes.length > 2 * Math.min(SHOWN, data.n);
    parts.components.hidden = !hasOthers;
    if (hasOthers) {
      const dead = snapshot.information.filter((kl) => kl < 0.01).length;
      parts.components.textContent = words.get("train_components", {
        across: snapshot.axes[0] + 1,
        up: snapshot.axes[1] + 1,
        dead,
        count: snapshot.information.length,
      });
    }
  }

  function startParts() {
    const find = (id) => document.getElementById(id);
    parts = {
      canvas: find("train-map"),
      plane: find("train-plane"),
      play: find("train-play"),
      step: find("train-step"),
      beta: find("train-beta"),
      betaValue: find("train-beta-value"),
      sizes: find("train-size"),
      status: find("train-status"),
      hint: find("train-hint"),
      components: find("train-components"),
      lines: [...find("train-curve").querySelectorAll("polyline")],
      terms: [find("train-reconstruction"), find("train-kl")],
    };
    parts.beta.max = BETAS.length - 1;
    parts.beta.value = BETAS.indexOf(settings.beta);
    parts.play.addEventListener("click", () => play(!isPlaying));
    parts.step.addEventListener("click", () => worker.postMessage({ step: true }));
    find("train-again").addEventListener("click", () => {
      settings.seed++;
      begin();
    });
    parts.beta.addEventListener("input", () => {
      settings.beta = BETAS[Number(parts.beta.value)];
      worker.postMessage({ beta: settings.beta });
      showControls();
    });
    parts.sizes.addEventListener("change", () => {
      settings.codeSize = Number(parts.sizes.value);
      begin();
    });
    new ResizeObserver(() => snapshot && paint()).observe(parts.canvas);
  }

  function start() {
    const section = document.getElementById("train-here");
    const [low, high] = page.header.range;
    section.hidden = !page.isImage || typeof Worker !== "function" || !(high > low);
    if (section.hidden) return;
    document
      .getElementById("train-size")
      .append(...SIZES.map((size) => build("option", { value: size, text: String(size) })));
    // The samples are made small, and the worker starts, when the section comes into view.
    const observer = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting || data) return;
      data = smallImages();
      section.hidden = !data;
      observer.disconnect();
      if (!data) return;
      startParts();
      begin();
    });
    observer.observe(section);
    Utsushi.state.listen((now, changed) => {
      if (data && changed.has("language")) {
        showControls();
        if (snapshot) paint();
      }
    });
  }

  return { start, snapshot: () => snapshot, outcome: () => outcome, isPlaying: () => isPlaying };
})();
