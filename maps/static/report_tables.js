/* The tables of the report: measures of each grid, what limits the result, what changes. */
(function () {
  "use strict";
  const { make, fill } = Wangge;
  const App = Wangge.ReportApp;
  /* Lists longer than this are folded. */
  const LONG = 10;
  const FOLDED = 60;

  /* ---- measures of each grid ----------------------------------------------------------------- */

  App.prototype.columns = function () {
    const app = this, t = this.t, g = this.grids, n = this.number;
    const basic = function (i) { return g.state[i] !== 2; };
    const known = function (name) { return Array.prototype.some.call(g[name], function (v) { return !Number.isNaN(v); }); };
    const any = function (name, least) { return Array.prototype.some.call(g[name], function (v) { return v >= least; }); };
    const figure = function (name, digits) {
      return { value: function (i) { return g[name][i]; }, text: function (i) { return n(g[name][i], digits); } };
    };
    const only = function (test, column) {
      return {
        ...column,
        value: function (i) { return test(i) ? column.value(i) : NaN; },
        text: function (i) { return test(i) ? column.text(i) : "–"; },
      };
    };
    this.hasResidents = any("residents", 1);
    const columns = [
      { name: t.community, value: function (i) { return g.community[i]; }, text: function (i) { return app.home(i); } },
      { name: t.households, ...only(basic, figure("households", 0)) },
      { name: t.deviation, ...only(basic, {
        value: function (i) { return g.households[i] - app.data.band.target; },
        text: function (i) { return app.deviation(i); },
      }) },
      this.hasResidents ? { name: t.residents, ...figure("residents", 0) } : null,
      { name: t.area, ...figure("hectares", 1) },
      { name: t.polsby_popper, ...figure("polsby_popper", 2) },
      known("reock") ? { name: t.reock, ...figure("reock", 2) } : null,
      known("street_share") ? { name: t.street_share, ...only(
        function (i) { return !Number.isNaN(g.street_share[i]); },
        { value: function (i) { return g.street_share[i]; }, text: function (i) { return n(100 * g.street_share[i]) + "%"; } }
      ) } : null,
      any("barrier", 1) ? { name: t.barrier, ...figure("barrier", 0) } : null,
      any("pieces", 2) ? { name: t.pieces, ...figure("pieces", 0) } : null,
    ].filter(Boolean);
    columns[0].words = true;
    return columns;
  };

  App.prototype.table = function () {
    const app = this, t = this.t, columns = this.columns();
    const build = function () {
      return [make("p", { class: "wr-note" }, t.table_note), app.scroller(app.measures(columns), t.table)];
    };
    if (!this.many) { return make("div", {}, ...build()); }
    return this.details(false, [fill(t.show_table, { count: this.number(this.grids.count) })], build);
  };

  App.prototype.measures = function (columns) {
    const app = this, t = this.t, g = this.grids;
    const all = [
      { name: t.grid, value: function (i) { return i; } },
      ...columns,
      { name: t.notes, value: function (i) { return Math.abs(g.state[i]); }, words: true },
    ];
    const rows = Array.from({ length: g.count }, function (_, i) { return app.measureRow(i, columns); });
    const body = make("tbody", {}, ...rows);
    const heads = all.map(function (column, at) { return head(column, at); });
    function head(column, at) {
      const button = make("button", { type: "button" }, column.name);
      const cell = make("th", {
        scope: "col", class: at && !column.words ? "wr-num" : null, "aria-sort": at ? null : "ascending",
      }, button);
      button.addEventListener("click", function () {
        const down = cell.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        body.append(...sorted(column.value, down ? -1 : 1).map(function (i) { return rows[i]; }));
      });
      return cell;
    }
    function sorted(value, way) {
      const places = rows.map(function (_, i) { return i; });
      // What is not known comes last, whichever way.
      return places.sort(function (a, b) {
        const one = value(a), two = value(b);
        if (Number.isNaN(one) || Number.isNaN(two)) { return Number.isNaN(one) - Number.isNaN(two) || a - b; }
        return way * (one - two) || a - b;
      });
    }
    let lit = [];
    this.listen(function (...shown) {
      lit.forEach(function (i) { rows[i].classList.remove("wr-lit"); });
      lit = shown.filter(function (i) { return i >= 0; });
      lit.forEach(function (i) { rows[i].classList.add("wr-lit"); });
    });
    return make("table", { class: "wr-table wr-measures" },
      make("thead", {}, make("tr", {}, ...heads)), body);
  };

  App.prototype.measureRow = function (i, columns) {
    const app = this, g = this.grids;
    const cells = columns.map(function (column) {
      return make("td", { class: column.words ? null : "wr-num" }, column.text(i));
    });
    const note = g.state[i] === 0 ? "" : app.mark(i) + " " + app.state(i);
    return make("tr", { class: g.state[i] === 0 ? null : "wr-row-" + (g.state[i] + 1) },
      make("th", { scope: "row" }, this.chip(i, true)), ...cells, make("td", {}, note.trim()));
  };

  /* ---- what limits the result ----------------------------------------------------------------- */

  App.prototype.limits = function () {
    const app = this, t = this.t, data = this.data;
    const parts = [make("h3", {}, t.exceptions)];
    if (data.exceptions.length) {
      data.exceptions.forEach(function (group) {
        const lines = function () {
          return group.items.map(function (item) {
            const where = item[0] >= 0 ? app.chip(item[0], true) : make("b", {}, data.communities.names[item[1]]);
            return make("li", {}, where, " ", item[2]);
          });
        };
        parts.push(app.group(group, lines, true));
      });
    } else {
      parts.push(make("p", {}, t.no_exceptions));
    }
    parts.push(make("h3", {}, t.reasons));
    if (!data.reasons.groups.length) { parts.push(make("p", {}, t.no_reasons)); }
    data.reasons.groups.forEach(function (group) {
      parts.push(app.group(group, function () { return app.reasons(group.items); }, false));
    });
    if (data.feasible.length) {
      parts.push(make("h3", {}, t.feasible), make("p", { class: "wr-note" }, t.feasible_note), this.feasible());
    }
    return parts;
  };

  /* Each sentence once, with the grids that it is true of and how far they are from the target. */
  App.prototype.reasons = function (items) {
    const app = this, grids = new Map();
    items.forEach(function (item) {
      grids.set(item[1], (grids.get(item[1]) || []).concat(item[0]));
    });
    return Array.from(grids, function ([sentence, places]) {
      const chips = places.map(function (i) {
        return make("span", { class: "wr-far" }, app.chip(i, true),
          make("span", { class: "wr-off" }, app.deviation(i)));
      });
      const text = app.data.reasons.sentences[sentence];
      return chips.length === 1 ? make("li", {}, chips[0], " ", text)
        : make("li", { class: "wr-reason" }, text, make("div", { class: "wr-chips" }, ...chips));
    });
  };

  App.prototype.group = function (group, lines, open) {
    const t = this.t, count = group.items.length;
    const said = [
      make("span", { class: "wr-name" }, group.label),
      make("span", { class: "wr-sum" }, open ? "× " + this.number(count)
        : count === 1 ? t.item : fill(t.items, { count: this.number(count) })),
    ];
    return this.details(count <= LONG && open, said, function () {
      return [make("ul", { class: "wr-items" }, ...lines())];
    }, { class: "wr-group" });
  };

  App.prototype.feasible = function () {
    const app = this, t = this.t, names = this.data.communities.names;
    const rows = this.data.feasible.map(function ([c, households, low, high, drawn]) {
      const possible = low > high ? t.none_possible : low === high ? app.number(low)
        : app.number(low) + "–" + app.number(high);
      return make("tr", { class: low > high ? "wr-row-0" : null },
        make("th", { scope: "row" }, names[c]),
        make("td", { class: "wr-num" }, app.number(households)),
        make("td", { class: "wr-num" }, low > high ? "! " + possible : possible),
        make("td", { class: "wr-num" }, app.number(drawn)));
    });
    const heads = [t.community, t.households, t.possible, t.drawn].map(function (name, at) {
      return make("th", { scope: "col", class: at ? "wr-num" : null }, name);
    });
    return this.scroller(make("table", { class: "wr-table wr-narrow" },
      make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)), t.feasible);
  };

  /* What is said about one grid: texts of exceptions, places of sentences. */
  App.prototype.exceptionsOf = function (i) {
    return this.data.exceptions.flatMap(function (group) {
      return group.items.filter(function (item) { return item[0] === i; }).map(function (item) { return item[2]; });
    });
  };

  App.prototype.reasonsOf = function (i) {
    return this.data.reasons.groups.flatMap(function (group) {
      return group.items.filter(function (item) { return item[0] === i; }).map(function (item) { return item[1]; });
    });
  };

  /* ---- what changes for households ------------------------------------------------------------ */

  App.prototype.change = function () {
    const app = this, t = this.t, change = this.data.change;
    const parts = change.kept ? [make("p", { class: "wr-note" }, change.kept)] : [];
    if (change.rows.length) {
      const build = function () { return [app.scroller(app.fates(), t.change)]; };
      parts.push(change.rows.length > FOLDED
        ? this.details(false, [fill(t.show_changes, { count: this.number(change.rows.length) })], build)
        : make("div", {}, ...build()));
    }
    return parts;
  };

  App.prototype.fates = function () {
    const app = this, t = this.t, n = this.number;
    function flows(total, list) {
      const lines = list.filter(function (flow) { return flow[1]; }).map(function (flow) {
        return make("li", {}, fill(t.flow, { code: flow[0], households: n(flow[1]) }));
      });
      return make("td", {}, total ? make("b", {}, n(total)) : "–",
        lines.length ? make("ul", { class: "wr-from" }, ...lines) : null);
    }
    const rows = this.data.change.rows.map(function (row) {
      const grid = row.place >= 0 ? app.chip(row.place, true) : "–";
      return make("tr", {}, make("th", { scope: "row" }, grid), make("td", {}, row.fate),
        make("td", {}, row.previous || "–"),
        make("td", { class: "wr-num" }, row.previous ? n(row.before) : "–"),
        make("td", { class: "wr-num" }, row.place >= 0 ? n(row.after) : "–"),
        flows(row.in, row.sources), flows(row.out, row.targets));
    });
    const heads = [t.grid, t.fate, t.previous_grid, t.before, t.after, t.come, t.leave];
    return make("table", { class: "wr-table wr-fates" },
      make("thead", {}, make("tr", {}, ...heads.map(function (name, at) {
        return make("th", { scope: "col", class: at === 3 || at === 4 ? "wr-num" : null }, name);
      }))), make("tbody", {}, ...rows));
  };
})();
