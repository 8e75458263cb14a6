"use strict";
/* Tables: each column as a line with its name, a bar of its range, and numbers in its own units. */

Utsushi.table = (() => {
  const { build, words } = Utsushi;
  /** The number of columns that are shown first, and the most segments of a category's bar. */
  const FEW = 40;
  const MOST_SEGMENTS = 8;
  const DAY = 86_400_000;

  const columns = () => Utsushi.page.header.features;
  const isLevel = (kind) => kind === "category" || kind === "truth";
  const isDate = (kind) => kind === "date" || kind === "datetime";

  // --- values -----------------------------------------------------------------------------------

  /** Return the squared distance of two values of a column: in its standard deviations, with a missing
      value at the mean; two different categories are 1 apart. */
  function squaredDifference(i, a, b) {
    const { kinds, mean, scale } = columns();
    if (kinds[i] === "category") return a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : 1;
    const known = (value) => (Number.isNaN(value) ? mean[i] : value);
    return ((known(a) - known(b)) / scale[i]) ** 2;
  }

  /** Return the weighted mean of two rows; a category is that of the nearer one. */
  const blend = (first, last, t) =>
    first.map((value, i) =>
      isLevel(columns().kinds[i]) ? (t < 0.5 ? value : last[i]) : (1 - t) * value + t * last[i],
    );

  /** Return the decimals for three digits of a column's range. */
  function rangeDigits(i) {
    const { low, high } = columns();
    const size = high[i] - low[i] || Math.abs(high[i]) || 1;
    return Math.min(Math.max(2 - Math.floor(Math.log10(size)), 0), 6);
  }

  /** Whether models round as the training data are, and draw values; others give means. */
  const isOfTables = () => Boolean(Utsushi.page.models[0].draws);

  function digitsOf(i, isDecoded) {
    const { decimals, kinds } = columns();
    if (decimals[i] === null) return rangeDigits(i);
    const isMean = isDecoded && !(isOfTables() && kinds[i] !== "count");
    return isMean ? Math.max(decimals[i], rangeDigits(i)) : decimals[i];
  }

  const dateText = (i, value) => {
    const date = new Date(Math.round((value / columns().day[i]) * DAY));
    if (Number.isNaN(date.getTime())) return "–";
    return date.toISOString().replace("T", " ").slice(0, columns().kinds[i] === "date" ? 10 : 16);
  };

  function levelName(i, level) {
    const { kinds, levels } = columns();
    if (kinds[i] === "truth") return words.get(level ? "level_true" : "level_false");
    if (!(level in levels[i])) return words.get("level_unknown");
    return levels[i][level] ?? words.get("level_rare");
  }

  const levelCount = (i) => (columns().kinds[i] === "truth" ? 2 : columns().levels[i].length);

  /** Format a value in the units of its column. */
  function format(i, value, isDecoded = false) {
    const kind = columns().kinds[i];
    if (value === undefined) return "";
    if (Number.isNaN(value)) return words.get("value_missing");
    if (isLevel(kind)) return levelName(i, Math.round(value));
    if (isDate(kind)) return dateText(i, value);
    if (Math.abs(value) >= 1e9) return words.number(value, 4);
    const digits = digitsOf(i, isDecoded);
    const rounded = Number(value.toFixed(digits)) || 0; // without a minus before zero
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return rounded.toLocaleString("en", options).replace("-", "−");
  }

  /** Return the share of each level in decoded values, or null where they do not have one. */
  function sharesOf(i, values) {
    const { codec } = Utsushi.page.models[Utsushi.state.get().model];
    return codec && values && values.features ? codec.shares(values.features, i) : null;
  }

  // --- a line for each column -------------------------------------------------------------------

  function partOf(i, value) {
    const { low, high } = columns();
    return Math.min(Math.max((value - low[i]) / (high[i] - low[i] || 1), 0), 1);
  }

  /** The bar of a column: filled up to a decoded value, with ticks at others; of a category, a segment
      for each level. */
  function track(i, ticks) {
    const isSegmented = isLevel(columns().kinds[i]);
    const element = build("div", { class: isSegmented ? "track segments" : "track", "aria-hidden": "true" });
    const count = levelCount(i) <= MOST_SEGMENTS ? levelCount(i) : 2;
    const segments = isSegmented ? Array.from({ length: count }, () => build("i")) : [];
    const fill = build("i", { class: "fill" });
    const marks = ticks.map((key) => build("i", { class: `tick ${key}` }));
    element.append(...(isSegmented ? segments : [fill, ...marks]));

    function showLevels(decoded, values) {
      const own = ticks.length ? values[ticks[0]]?.[i] : undefined;
      const shares = sharesOf(i, decoded);
      const at = decoded ? Math.round(decoded[i]) : -1;
      const shareOf = (level) => (shares ? shares[level] : +(level === at));
      // Of many levels, the first segment is that of the value.
      const levels = segments.length === levelCount(i) ? segments.map((_, k) => k) : [own ?? at, -1];
      segments.forEach((segment, k) => {
        const level = levels[k];
        segment.style.flexGrow = level < 0 ? 1 - shareOf(levels[0]) : shareOf(level) || 0;
        segment.classList.toggle("fill", level === at);
        segment.classList.toggle("own", level >= 0 && level === own);
        segment.title = level < 0 ? "" : levelName(i, level);
      });
    }

    function showNumbers(decoded, values) {
      fill.hidden = !decoded || Number.isNaN(decoded[i]);
      if (!fill.hidden) fill.style.setProperty("--part", partOf(i, decoded[i]));
      marks.forEach((mark, k) => {
        const value = values[ticks[k]]?.[i];
        mark.hidden = !Number.isFinite(value);
        if (!mark.hidden) mark.style.setProperty("--part", partOf(i, value));
      });
    }

    return { element, show: isSegmented ? showLevels : showNumbers };
  }

  function numberText(i, key, values, decodedKey) {
    if (!values) return "";
    const isDecoded = key === decodedKey && !(key === "generated" && isOfTables());
    const text = format(i, values[i], isDecoded);
    const shares = isDecoded && isLevel(columns().kinds[i]) ? sharesOf(i, values) : null;
    return shares ? `${text} ${words.percent(shares[Math.round(values[i])])}` : text;
  }

  /** A table of lines. `keys` name the columns of numbers, `decoded` the one that fills the bars and
      `ticks` those that are marked on them; `edit` takes the inputs of a line. */
  function view({ keys, decoded, ticks, hasContributions = false, edit = null }) {
    const body = build("tbody");
    const sort = build("button", { type: "button", "aria-pressed": "false" });
    const more = build("button", { type: "button" });
    const note = build("p", { class: "hint" });
    const head = build("tr");
    const table = build("table", {}, [build("thead", {}, [head]), body]);
    const foot = build("div", { class: "controls" }, [sort, more]);
    const element = build("div", { class: "columns", role: "group" }, [table, note, foot]);
    let lines = null;
    let language = "";
    let latest = {};
    let isSorted = false;
    let showsAll = false;

    function line(i) {
      const { names } = columns();
      const id = `column-${i}`;
      const name = build("span", { text: names[i], title: names[i].slice(0, 200) });
      const bar = track(i, ticks);
      const inputs = edit ? edit(i, id) : null;
      const isTime = columns().kinds[i] === "datetime";
      const cells = keys.map((key) => build("td", { class: `number ${key} ${isTime ? "time" : ""}` }));
      const bars = [bar.element, ...(inputs && inputs.slider ? [inputs.slider] : [])];
      const row = build("tr", {}, [
        build("th", { scope: "row" }, [edit ? build("label", { for: id }, [name]) : name]),
        build("td", { class: "range" }, [build("div", {}, bars)]),
        ...(inputs ? [build("td", { class: "field" }, [inputs.field])] : []),
        ...cells,
      ]);
      const amount = build("span");
      if (hasContributions) {
        row.append(build("td", { class: "number contribution" }, [amount]));
      }
      return { row, bar, cells, amount, inputs };
    }

    function labels() {
      language = words.language();
      const cell = (text, className = "") => build("th", { scope: "col", text, class: className });
      head.replaceChildren(
        cell(words.get("column")),
        cell(words.get("column_range"), "range"),
        ...(edit ? [cell(words.get("column_value"))] : []),
        ...keys.map((key) => cell(words.get(`column_${key}`), `number ${key}`)),
        ...(hasContributions ? [cell(words.get("column_contribution"), "number contribution")] : []),
      );
      sort.textContent = words.get("columns_sort");
      more.textContent = words.get("columns_all", { count: columns().names.length });
    }

    function place() {
      const order = [...lines.keys()];
      const { contribution } = latest;
      if (isSorted && contribution) order.sort((a, b) => contribution[b] - contribution[a]);
      const kept = showsAll ? order : order.slice(0, FEW);
      body.replaceChildren(...kept.map((i) => lines[i].row));
      sort.hidden = !hasContributions || lines.length < 4;
      sort.setAttribute("aria-pressed", String(isSorted));
      more.hidden = showsAll || lines.length <= FEW;
    }

    /** Show rows by their keys, and the contributions of the columns. */
    function show(values) {
      const before = latest;
      latest = values;
      if (!lines) lines = columns().names.map((_, i) => line(i));
      if (language !== words.language()) labels();
      const { contribution } = values;
      const isNew = contribution !== before.contribution && Boolean(contribution);
      // Lines keep their places while a value is edited.
      if (!body.children.length || (isSorted && isNew && !edit)) place();
      const most = contribution ? Math.max(1, ...contribution) : 1;
      lines.forEach(({ bar, cells, amount, inputs }, i) => {
        bar.show(values[decoded], values);
        keys.forEach((key, k) => {
          const text = numberText(i, key, values[key], decoded);
          if (cells[k].textContent !== text) [cells[k].textContent, cells[k].title] = [text, text.slice(0, 200)];
          cells[k].classList.toggle("missing", Boolean(values[key]) && Number.isNaN(values[key][i]));
        });
        if (inputs) inputs.relabel();
        amount.textContent = contribution ? contribution[i].toFixed(2).replace("-", "−") : "";
        amount.style.setProperty("--part", contribution ? Math.max(contribution[i], 0) / most : 0);
      });
      const isVariational = Utsushi.page.models[Utsushi.state.get().model].variational;
      const notes = [words.get(`columns_note_${decoded}`)];
      if (columns().kinds.some(isLevel)) notes.push(words.get("columns_note_levels"));
      if (hasContributions) {
        notes.push(words.get(isVariational ? "columns_note_nats" : "columns_note_error"));
      }
      note.textContent = words.joined(notes);
    }

    sort.addEventListener("click", () => {
      isSorted = !isSorted;
      place();
    });
    more.addEventListener("click", () => {
      showsAll = true;
      place();
    });
    return Object.assign(element, { show });
  }

  /** A view of a sample: its values, their reconstruction, and what they contribute to the score. */
  function picture() {
    const made = view({ keys: ["value", "copy"], decoded: "copy", ticks: ["value"], hasContributions: true });
    made.paint = (row, other, contribution = null) => made.show({ copy: row, value: other, contribution });
    return made;
  }

  /** A line of values, as in a table, and its heading. */
  function values() {
    const { names } = columns();
    const cells = names.slice(0, FEW).map((_, i) =>
      build("span", { class: isLevel(columns().kinds[i]) ? "" : "number" }),
    );
    const element = build("span", { class: "values" }, cells);
    const widths = cells.map((_, i) => (columns().kinds[i] === "datetime" ? "7.6rem" : "5.2rem"));
    element.style.gridTemplateColumns = widths.join(" ");
    element.paint = (row) =>
      cells.forEach((cell, i) => {
        cell.textContent = format(i, row[i], !isOfTables());
        cell.classList.toggle("missing", Number.isNaN(row[i]));
      });
    return element;
  }

  function heading() {
    const element = values();
    element.classList.add("heading");
    columns().names.slice(0, FEW).forEach((name, i) => {
      element.children[i].textContent = name;
      element.children[i].title = name.slice(0, 200);
    });
    element.setAttribute("aria-hidden", "true");
    return element;
  }

  // --- editing ----------------------------------------------------------------------------------

  /** The inputs of one column: a slider and a field, or a list of levels. */
  function inputsOf(i, id, row, changed) {
    const { kinds, names, low, high, decimals } = columns();
    const canMiss = () => Utsushi.page.models[Utsushi.state.get().model].missing;
    const set = (value) => {
      row[i] = value;
      changed();
    };
    if (isLevel(kinds[i])) {
      const options = [NaN, ...Array.from({ length: levelCount(i) }, (_, level) => level)].map((level) =>
        build("option", { value: String(level) }),
      );
      const field = build("select", { id }, options);
      field.value = String(row[i]);
      field.addEventListener("change", () => set(Number(field.value)));
      const relabel = () => {
        options[0].hidden = !canMiss();
        options.forEach((option) => {
          const level = Number(option.value);
          option.textContent = Number.isNaN(level) ? words.get("value_missing") : levelName(i, level);
        });
      };
      relabel();
      return { field, slider: null, relabel };
    }
    const field = build("input", { id, type: isDate(kinds[i]) ? "text" : "number", step: "any" });
    const textOf = (value) => {
      if (!Number.isFinite(value)) return "";
      if (isDate(kinds[i])) return dateText(i, value);
      return decimals[i] === null ? String(Number(value.toPrecision(6))) : value.toFixed(decimals[i]);
    };
    const unitOf = { date: columns().day[i], datetime: columns().day[i] / 1440 };
    const unit = unitOf[kinds[i]] ?? (decimals[i] === null ? 0 : 10 ** -decimals[i]);
    const slider = build("input", {
      type: "range",
      min: Math.min(low[i], Number.isFinite(row[i]) ? row[i] : low[i]),
      max: Math.max(high[i], Number.isFinite(row[i]) ? row[i] : high[i]),
      step: "any",
      "aria-label": words.get("column_slider", { name: names[i].slice(0, 200) }),
    });
    const start = row[i];
    field.value = textOf(row[i]);
    slider.value = row[i];
    const snapped = (value) => (unit ? Math.round(value / unit) * unit : value);
    const slide = (value) => {
      slider.value = value;
      field.value = textOf(snapped(value));
      set(snapped(value));
    };
    slider.addEventListener("input", () => slide(Number(slider.value)));
    slider.addEventListener("dblclick", () => slide(start));
    slider.addEventListener("keydown", (event) => {
      // With step "any", the arrow keys would not move a browser's slider.
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
      if (!(event.key in steps)) return;
      const size = Math.max((slider.max - slider.min) / 50, unit);
      slide(Math.min(Math.max(Number(slider.value) + size * steps[event.key], slider.min), slider.max));
      event.preventDefault();
    });
    field.addEventListener("input", () => {
      const text = field.value.trim().replace(" ", "T");
      const time = Date.parse(text.includes("T") ? `${text}Z` : text); // both in UTC
      const value = isDate(kinds[i]) ? (time / DAY) * columns().day[i] : Number(field.value);
      if (field.value === "" && !field.validity.badInput && canMiss()) set(NaN);
      else if (field.value !== "" && Number.isFinite(value)) {
        slider.value = value;
        set(value);
      }
    });
    const relabel = () =>
      slider.setAttribute("aria-label", words.get("column_slider", { name: names[i].slice(0, 200) }));
    return { field, slider, relabel };
  }

  /** A view whose values can be changed; `changed` gets a copy of the row. */
  function editor(row, changed) {
    const edited = Array.from(row);
    const made = view({
      keys: ["copy"],
      decoded: "copy",
      ticks: ["value"],
      hasContributions: true,
      edit: (i, id) => inputsOf(i, id, edited, () => changed(Float64Array.from(edited))),
    });
    made.classList.add("editor");
    made.paint = (copy, value, contribution = null) => made.show({ copy, value, contribution });
    return made;
  }

  return { squaredDifference, blend, format, view, picture, values, heading, editor };
})();
