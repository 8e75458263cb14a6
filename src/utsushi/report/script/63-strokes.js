"use strict";
/* The strokes of a drawing as text for the address: two letters of base 36 a coordinate, strokes separated
   by dots, each with its colour if the page has colours. */

Utsushi.strokes = (() => {
  /** The longest text; a longer drawing is not kept in the address. */
  const MOST = 6000;

  const coordinate = (value) => Math.min(Math.max(Math.round(value), 0), 1295).toString(36).padStart(2, "0");

  /** Write strokes, each { colour, points: [[x, y], …] }, as text; a colour is "#rrggbb" or null. */
  function write(strokes) {
    const text = strokes
      .map(({ colour, points }) => {
        const path = points.map(([x, y]) => coordinate(x) + coordinate(y)).join("");
        return colour ? `${colour.slice(1)}-${path}` : path;
      })
      .join(".");
    return text.length <= MOST ? text : "";
  }

  /** Read strokes from text; return null if it is not one. */
  function read(text) {
    if (text === "") return [];
    if (text.length > MOST) return null;
    const strokes = text.split(".").map((part) => {
      const [, colour, path] = /^(?:([0-9a-f]{6})-)?((?:[0-9a-z]{4})+)$/.exec(part) || [];
      if (!path) return null;
      const points = path.match(/.{4}/g).map((pair) => [parseInt(pair.slice(0, 2), 36), parseInt(pair.slice(2), 36)]);
      return { colour: colour ? `#${colour}` : null, points };
    });
    return strokes.includes(null) ? null : strokes;
  }

  return { write, read };
})();
