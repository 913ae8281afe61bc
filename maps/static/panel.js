/* The panel beside the map: built from text nodes only, so that no name can become markup. */
(function () {
  "use strict";
  const Wangge = window.Wangge;

  /* make("p", {class: "x"}, child, "text", …) → element; strings become text, never markup. */
  Wangge.make = function make(tag, attributes) {
    const svg = ["svg", "path", "circle", "rect", "g", "defs", "pattern", "line"];
    const node = svg.includes(tag)
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    Object.entries(attributes || {}).forEach(function (pair) {
      if (pair[1] !== null && pair[1] !== undefined && pair[1] !== false) {
        node.setAttribute(pair[0], pair[1] === true ? "" : pair[1]);
      }
    });
    Array.prototype.slice.call(arguments, 2).forEach(function (child) {
      if (child !== null && child !== undefined) {
        node.append(child);
      }
    });
    return node;
  };
  const make = Wangge.make;

  /* fill("{a} of {b}", {a: 1, b: 2}) */
  Wangge.fill = function (text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, key) {
      return key in values ? String(values[key]) : whole;
    });
  };

  function choice(name, legend, options, chosen, onChange) {
    const set = make("fieldset", { class: "wg-choice" }, make("legend", null, legend));
    const row = make("div", { class: "wg-segments" });
    options.forEach(function (option) {
      const input = make("input", { type: "radio", name: name, value: option.value });
      input.checked = String(option.value) === String(chosen);
      input.addEventListener("change", function () {
        onChange(option.value);
      });
      row.append(make("label", null, input, make("span", null, option.label)));
    });
    set.append(row);
    return set;
  }

  function menu(id, legend, options, chosen, onChange) {
    const select = make("select", { id: id });
    options.forEach(function (option) {
      const item = make("option", { value: option.value }, option.label);
      item.selected = option.value === chosen;
      select.append(item);
    });
    select.addEventListener("change", function () {
      onChange(Number(select.value));
    });
    return make("div", { class: "wg-field" }, make("label", { for: id }, legend), select);
  }

  /* The times at which a service was measured, as a menu's options. */
  Wangge.momentOptions = function (choices, service) {
    return choices.scenarios
      .filter(function (pair) {
        return pair[0] === service;
      })
      .map(function (pair) {
        return { value: pair[1], label: choices.moments[pair[1]] };
      })
      .sort(function (a, b) {
        return a.value - b.value;
      });
  };

  Wangge.settings = function (data, state, changed) {
    const t = data.texts;
    const box = make("div", { class: "wg-settings" });
    function draw(focus) {
      const services = data.choices.services.map(function (item, i) {
        return { value: i, label: item.label };
      });
      const moments = Wangge.momentOptions(data.choices, state.service);
      box.replaceChildren(
        menu("wg-service", t.service, services, state.service, function (value) {
          state.service = value;
          const open = Wangge.momentOptions(data.choices, value);
          const same = open.some(function (item) {
            return item.value === state.moment;
          });
          state.moment = same ? state.moment : open[0].value;
          draw("wg-service");
          changed();
        }),
        menu("wg-moment", t.moment, moments, state.moment, function (value) {
          state.moment = value;
          changed();
        }),
        choice(
          "wg-radius",
          t.radius,
          data.choices.thresholds.map(function (metres, i) {
            return { value: i, label: Wangge.fill(t.metres, { n: state.number(metres) }) };
          }),
          state.threshold,
          function (value) {
            state.threshold = value;
            changed();
          }
        )
      );
      if (focus) {
        document.getElementById(focus).focus();
      }
    }
    draw(null);
    return box;
  };

  Wangge.METRICS = ["coverage", "households", "deviation", "none"];

  /* What a link such as coverage.html#deviation colours the grids by. */
  Wangge.wantedMetric = function (hash) {
    const wanted = hash.replace("#", "");
    return Wangge.METRICS.includes(wanted) ? wanted : "coverage";
  };

  Wangge.metricChoice = function (data, state, changed) {
    const t = data.texts;
    const options = Wangge.METRICS.map(function (metric) {
      return { value: metric, label: t["metric_" + metric] };
    });
    return choice("wg-metric", t.colour_by, options, state.metric, function (value) {
      state.metric = value;
      changed();
    });
  };

  Wangge.choice = choice;
  Wangge.menu = menu;

  /* A combobox over everything that has a name (ARIA 1.2: list popup, manual selection); `everything`
     gives the entries when they are first asked for. */
  Wangge.searchBox = function (data, everything) {
    const t = data.texts;
    let entries = null;
    const list = make("ul", { id: "wg-results", role: "listbox", "aria-label": t.search });
    list.hidden = true;
    const input = make("input", {
      id: "wg-search",
      type: "search",
      role: "combobox",
      autocomplete: "off",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": "wg-results",
      placeholder: t.search_hint,
    });
    const status = make("span", { class: "wg-hidden", role: "status" });
    let found = [];
    let active = -1;

    function close() {
      list.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function mark(next) {
      active = next;
      Array.from(list.children).forEach(function (item, i) {
        item.setAttribute("aria-selected", String(i === active));
      });
      if (active >= 0) {
        input.setAttribute("aria-activedescendant", "wg-result-" + active);
        list.children[active].scrollIntoView({ block: "nearest" });
      }
    }
    function choose(entry) {
      input.value = entry.label;
      close();
      entry.open();
    }
    function show() {
      const wanted = input.value.trim().toLowerCase();
      if (!wanted) {
        close();
        status.textContent = "";
        return;
      }
      entries = entries || everything();
      found = rank(entries, wanted).slice(0, 8);
      list.replaceChildren(
        ...found.map(function (entry, i) {
          const item = make(
            "li",
            { id: "wg-result-" + i, role: "option", "aria-selected": "false" },
            make("span", null, entry.label),
            make("small", null, entry.kind)
          );
          // mousedown, not click: the input would lose focus and close the list first.
          item.addEventListener("mousedown", function (event) {
            event.preventDefault();
            choose(entry);
          });
          return item;
        })
      );
      if (!found.length) {
        list.append(make("li", { class: "wg-none", role: "option" }, t.search_none));
      }
      list.hidden = false;
      active = -1;
      input.setAttribute("aria-expanded", "true");
      status.textContent = Wangge.fill(t.search_count, { count: found.length });
    }
    input.addEventListener("input", show);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", function (event) {
      const last = found.length - 1;
      if (event.key === "ArrowDown" && !list.hidden && found.length) {
        mark(active >= last ? 0 : active + 1);
      } else if (event.key === "ArrowUp" && !list.hidden && found.length) {
        mark(active <= 0 ? last : active - 1);
      } else if (event.key === "Enter" && !list.hidden && found.length) {
        choose(found[Math.max(active, 0)]);
      } else if (event.key === "Escape") {
        close();
        return;
      } else {
        return;
      }
      event.preventDefault();
    });
    return make(
      "div",
      { class: "wg-field wg-search", role: "search" },
      make("label", { for: "wg-search" }, t.search),
      input,
      list,
      status
    );
  };

  /* Entries that begin with the text first, then those that hold it; the order is stable. */
  function rank(entries, wanted) {
    const begins = [];
    const holds = [];
    entries.forEach(function (entry) {
      const place = entry.key.indexOf(wanted);
      if (place === 0) {
        begins.push(entry);
      } else if (place > 0) {
        holds.push(entry);
      }
    });
    return begins.concat(holds);
  }

  Wangge.swatch = function (colour, kind) {
    return make("i", { class: "wg-swatch " + (kind || ""), style: "--c:" + colour });
  };

  Wangge.legendList = function (heading, rows) {
    return make(
      "section",
      { class: "wg-legend" },
      make("h3", null, heading),
      make(
        "ul",
        null,
        ...rows.map(function (row) {
          return make("li", null, row[0], make("span", null, row[1]));
        })
      )
    );
  };

  /* Rows of a pop-up; a row without a value is left out. */
  Wangge.facts = function (rows) {
    const list = make("dl", { class: "wg-facts" });
    rows.forEach(function (row) {
      if (row[1] !== null && row[1] !== undefined && row[1] !== "") {
        list.append(make("dt", null, row[0]), make("dd", null, row[1]));
      }
    });
    return list;
  };
})();
