"use strict";
/* The data of the page: models, samples and classes. */

Utsushi.page = (() => {
  let header = null;
  let test = null;
  let train = null;
  let models = [];

  function start(newHeader) {
    header = newHeader;
    test = Utsushi.tensors.asRows(header.test);
    train = Utsushi.tensors.asRows(header.train);
    models = header.models.map((description) => {
      const model = new (description.still ? Utsushi.StillModel : Utsushi.Model)(description);
      model.codesOf = (row) =>
        row < test.count
          ? model.codes.slice(row * model.n_components, (row + 1) * model.n_components)
          : null;
      /** The code at a place of the map of neighbors, or null without such a map. */
      model.codeAt = (at) =>
        model.layout ? Utsushi.plane.move(Utsushi.plane.of(model, "map"), null, at) : null;
      return model;
    });
  }

  const width = () => test.width;
  const rowOf = (rows, index) => rows.floats.slice(index * width(), (index + 1) * width());

  /** Return one of several decoded rows, with the features that it comes from, if they are kept. */
  function part(rows, index) {
    const values = rows.slice(index * width(), (index + 1) * width());
    if (!rows.features) return values;
    const size = (rows.features.length / rows.length) * width();
    return Object.assign(values, { features: rows.features.slice(index * size, (index + 1) * size) });
  }

  /** Return the class of a test or training sample, or null. */
  const classOf = (rows, index) => (rows.labels ? header.classes[rows.labels[index]] : null);

  /** Return the condition of a test sample: the index of its class in the model. */
  function conditionOf(model, row) {
    if (!model.conditional) return 0;
    return Math.max(model.conditions.indexOf(classOf(test, row)), 0);
  }

  const pointOf = (model, row) =>
    Utsushi.state.point(model.codesOf(row), row, conditionOf(model, row));

  /** Find the sample that is nearest to values, by squared distance. */
  function nearest(rows, values) {
    const size = width();
    const term = header.features ? Utsushi.table.squaredDifference : (i, a, b) => (a - b) * (a - b);
    let [best, least] = [-1, Infinity];
    for (let row = 0; row < rows.count; row++) {
      let sum = 0;
      const start = row * size;
      for (let i = 0; i < size && sum < least; i++) sum += term(i, rows.floats[start + i], values[i]);
      if (sum < least) [best, least] = [row, sum];
    }
    return { row: best, distance: Math.sqrt(least) };
  }

  const nearestTraining = (values) => nearest(train, values);

  /** Return the number of the test sample with these values. */
  const indexOf = (values) => nearest(test, values).row;

  return {
    start,
    rowOf,
    part,
    classOf,
    pointOf,
    conditionOf,
    nearestTraining,
    indexOf,
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

/** Return a function that requests one thing, such as the picture of the point. Only one request runs at
    a time; of the requests made meanwhile only the newest waits. Each answer is used, so fast changes
    are shown with a small delay, and not only at their end. */
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
