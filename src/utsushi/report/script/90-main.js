"use strict";
/* Start the page: first the texts, then the data, then the views. */

Utsushi.ready = (async () => {
  const read = (id) => {
    const element = document.getElementById(id);
    return element && JSON.parse(element.textContent);
  };
  const { words, tensors, page, state } = Utsushi;
  const header = read("utsushi-header");
  const isTable = Boolean(header && !header.image_shape);
  words.start(read("utsushi-words") || {}, Boolean(header && header.seen), isTable);
  if (!header) {
    // A report without models: only its language can be selected.
    for (const button of document.querySelectorAll("[data-language]")) {
      button.addEventListener("click", () => words.choose(button.dataset.language));
    }
    return;
  }
  const buffer = await tensors.unpack(document.getElementById("utsushi-tensors").textContent);
  page.start(tensors.resolve(header, buffer));
  document.getElementById("play").dataset.kind = page.isImage ? "image" : "table";
  Utsushi.pictures.start(page.header);
  Utsushi.map.start({
    posterior: () => {
      const { view } = state.get();
      if (view === "walk") return Utsushi.walk.posterior();
      return view === "draw" ? Utsushi.draw.posterior() : null;
    },
  });
  for (const part of ["views", "walk", "interpolate", "draw", "generate", "inside", "curves", "trainHere", "tour"]) {
    Utsushi[part].start();
  }
  const [first] = page.models;
  const other = page.test.labels
    ? [...page.test.labels.keys()].find((row) => page.test.labels[row] !== page.test.labels[0])
    : Math.min(1, page.test.count - 1);
  const linked = state.start(
    {
      model: 0,
      view: "walk",
      point: page.pointOf(first, 0),
      ends: [page.pointOf(first, 0), page.pointOf(first, other ?? 0)],
      position: 0.5,
      path: "line",
      plane: Utsushi.plane.first(first),
      seed: 0,
      chosen: -1,
      drawing: "",
      language: words.language(),
    },
    page.models,
  );
  document.getElementById("play").dataset.ready = "";
  if (!linked) Utsushi.journey.start();
})();

Utsushi.ready.catch((error) => {
  for (const sentence of document.querySelectorAll("#play > .opening > *")) {
    sentence.hidden = !sentence.hidden;
  }
  throw error; // for the console
});
