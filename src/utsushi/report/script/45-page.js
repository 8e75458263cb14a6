"use strict";
/* What the page carries, ready to use: the models, the rows and their classes. */

Utsushi.page = (() => {
  let header = null;
  let test = null;
  let train = null;
  let models = [];

  function start(given) {
    header = given;
    test = Utsushi.tensors.asRows(given.test);
    train = Utsushi.tensors.asRows(given.train);
    models = given.models.map((description) => {
      const model = new Utsushi.Model(description);
      model.codesOf = (row) =>
        row < test.count
          ? model.codes.slice(row * model.n_components, (row + 1) * model.n_components)
          : null;
      return model;
    });
  }

  const width = () => models[0].nFeatures;
  const rowOf = (rows, index) => rows.floats.slice(index * width(), (index + 1) * width());

  /** The class of a row of the test or training rows, or null. */
  const classOf = (rows, index) => (rows.labels ? header.classes[rows.labels[index]] : null);

  /** What a conditional decoder is told of a test row: the place of its class among the known. */
  function conditionOf(model, row) {
    if (!model.conditional) return 0;
    return Math.max(model.conditions.indexOf(classOf(test, row)), 0);
  }

  const pointOf = (model, row) =>
    Utsushi.state.point(model.codesOf(row), row, conditionOf(model, row));

  /** The training row nearest to given values, by squared distance. */
  function nearestTraining(values) {
    const size = width();
    let [best, least] = [-1, Infinity];
    for (let row = 0; row < train.count; row++) {
      let sum = 0;
      const start = row * size;
      for (let i = 0; i < size && sum < least; i++) {
        const difference = train.floats[start + i] - values[i];
        sum += difference * difference;
      }
      if (sum < least) [best, least] = [row, sum];
    }
    return { row: best, distance: Math.sqrt(least) };
  }

  return {
    start,
    rowOf,
    classOf,
    pointOf,
    conditionOf,
    nearestTraining,
    get header() {
      return header;
    },
    get models() {
      return models;
    },
    get test() {
      return test;
    },
    get train() {
      return train;
    },
    get isImage() {
      return header.image_shape !== null;
    },
  };
})();

/** Build an element: build("button", { class: "x", text: "y", on: { click } }, children). */
Utsushi.build = (tag, options = {}, children = []) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

/** A function that asks for one purpose, such as the picture of the point. One request is in flight at
    a time; of those made meanwhile only the newest waits. Each answer is used, so what changes faster
    than it is answered is shown a little late, and not only once it rests. */
Utsushi.newest = (ask, use) => {
  let waiting = null;
  let isAsking = false;
  return async (...request) => {
    waiting = request;
    if (isAsking) return;
    isAsking = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        use(await ask(...next));
      }
    } finally {
      isAsking = false;
    }
  };
};
