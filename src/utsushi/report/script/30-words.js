"use strict";
/* The texts of the page in the selected language, and formatted numbers. */

Utsushi.words = (() => {
  let texts = {};
  let part = "part_test"; // the part of the data that the map shows
  let kind = ""; // "table" if samples are rows of a table, whose texts may differ

  const language = () => document.documentElement.lang;

  /** Return the text of a key, with {names} replaced. A missing text is shown by its key, and fails a test. */
  function get(key, values = {}) {
    const all = texts[language()] || {};
    const text = all[`${key}_${kind}`] ?? all[key];
    if (text === undefined) return key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      if (name in values) return values[name];
      if (name === "part") return get(part);
      return name === "Part" ? get(part).replace(/^./, (first) => first.toUpperCase()) : whole;
    });
  }

  /** Join sentences; Japanese has no space between them. */
  const joined = (sentences) => sentences.join(language() === "ja" ? "" : " ");

  /** Format a number with three digits, without an exponent if possible. */
  function number(value, digits = 3) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(digits - 1);
    const decimals = size === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    return value.toFixed(Math.min(decimals, 6));
  }

  function percent(part) {
    if (Number.isNaN(part)) return "–";
    return `${(100 * part).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
  }

  /** Fill in elements with data-word, and switch the attributes that exist in both languages. */
  function apply(root = document) {
    for (const element of root.querySelectorAll("[data-word]")) {
      element.textContent = get(element.dataset.word);
    }
    for (const element of root.querySelectorAll("[data-word-label]")) {
      element.setAttribute("aria-label", get(element.dataset.wordLabel));
    }
    for (const name of ["alt", "aria-label"]) {
      const attribute = `data-${language()}-${name}`;
      for (const element of root.querySelectorAll(`[${attribute}]`)) {
        element.setAttribute(name, element.getAttribute(attribute));
      }
    }
  }

  function choose(chosen) {
    document.documentElement.lang = chosen;
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
    }
    apply();
    // In two languages, the heading has an element for each.
    const heading = document.querySelector("h1");
    document.title = (heading.querySelector(`[lang="${chosen}"]`) || heading).textContent;
  }

  /** Start with the texts; `seen` is true if the map shows training samples. */
  function start(allTexts, seen, isTable = false) {
    texts = allTexts;
    kind = isTable ? "table" : "";
    part = seen ? "part_training" : "part_test";
    choose(language());
  }

  return { start, choose, get, joined, number, percent, apply, language, languages: () => Object.keys(texts) };
})();
