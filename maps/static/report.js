/* The plan report: its data, its head and key figures, and what ties bars, map and table together. */
(function () {
  "use strict";
  const { make, fill, numbers } = Wangge;
  /* Lists of more grids than this are folded until somebody asks for them. */
  const MANY = 120;

  function App(map, data) {
    const formats = [0, 1, 2].map(function (digits) {
      return new Intl.NumberFormat(data.language, {
        minimumFractionDigits: digits, maximumFractionDigits: digits,
      });
    });
    this.map = map;
    this.data = data;
    this.t = data.texts;
    this.number = function (value, digits) {
      return formats[digits || 0].format(value).replace("-", "−");
    };
    this.grids = unpacked(data.grids);
    this.many = this.grids.count > MANY;
    this.focused = -1;
    this.selected = -1;
    this.listeners = [];
  }

  function unpacked(packed) {
    const kinds = {
      households: Int32Array, residents: Int32Array, hectares: Float32Array,
      polsby_popper: Float32Array, reock: Float32Array, pieces: Uint16Array,
      barrier: Float32Array, street_share: Float32Array, class: Uint8Array, state: Int8Array,
      at: Float64Array,
    };
    const grids = { ...packed };
    Object.entries(kinds).forEach(function ([key, Type]) { grids[key] = numbers(packed[key], Type); });
    return grids;
  }

  /* ---- one grid in words ------------------------------------------------------------------ */

  /* Words for those who hear the page. */
  function unseen(text) { return make("span", { class: "wr-unseen" }, text); }

  App.prototype.deviation = function (i) {
    const value = this.grids.households[i] - this.data.band.target;
    return (value > 0 ? "+" : "") + this.number(value);
  };

  App.prototype.state = function (i) {
    return this.t[["state_below", "state_in", "state_above", "state_dedicated"][this.grids.state[i] + 1]];
  };

  App.prototype.home = function (i) {
    return this.data.communities.names[this.grids.community[i]];
  };

  /* Out of the band: a form as well as a colour. */
  App.prototype.mark = function (i) {
    return ["▼", "", "▲", ""][this.grids.state[i] + 1];
  };

  /* A button that shows a grid on the map. */
  App.prototype.chip = function (i, full) {
    const app = this, g = this.grids;
    const button = make("button", { type: "button", class: "wr-chip", "data-i": i },
      unseen(this.t.grid + " "), full ? make("span", { class: "wr-pre" }, g.codes[i].slice(0, -g.short[i].length)) : null, g.short[i]);
    button.addEventListener("click", function () { app.select(i, true); });
    button.addEventListener("mouseenter", function () { app.focus(i); });
    button.addEventListener("mouseleave", function () { app.focus(-1); });
    return button;
  };

  /* ---- what is looked at: every part listens ----------------------------------------------- */

  App.prototype.listen = function (listener) { this.listeners.push(listener); };

  App.prototype.tell = function () {
    const app = this;
    this.listeners.forEach(function (listener) { listener(app.focused, app.selected); });
  };

  App.prototype.focus = function (i) {
    if (i !== this.focused) {
      this.focused = i;
      this.tell();
    }
  };

  App.prototype.select = function (i, bring) {
    this.selected = i;
    this.focused = i;
    this.tell();
    if (i >= 0) { this.show(i, bring); }
  };

  /* ---- the page ----------------------------------------------------------------------------- */

  App.prototype.build = function () {
    const t = this.t;
    document.body.classList.add("wr-page");
    document.body.classList.toggle("wr-many", this.many);
    const main = make("main", { class: "wr-main" }, this.lead(), this.figures());
    document.body.prepend(this.head(), main);
    main.append(this.section("grids", t.grids, this.bars(), this.frame()));
    main.append(this.section("table", t.table, this.table()));
    main.append(this.section("limits", t.limits, ...this.limits()));
    if (this.data.change) { main.append(this.section("change", t.change, ...this.change())); }
    main.append(this.section("reading", t.reading, this.reading()));
    this.fold();
    this.start();
  };

  App.prototype.section = function (name, title, ...content) {
    return make("section", { id: name, class: "wr-" + name, "aria-labelledby": "h-" + name },
      make("h2", { id: "h-" + name }, title), ...content);
  };

  App.prototype.head = function () {
    const t = this.t, head = this.data.head;
    const parts = ["figures", "grids", "table", "limits"].concat(this.data.change ? ["change"] : []);
    const links = parts.map(function (name) {
      return make("li", {}, make("a", { href: "#" + name }, t[name]));
    });
    return make("header", { class: "wr-head" },
      make("div", { class: "wr-title" },
        make("h1", {}, this.data.title),
        make("p", {}, make("strong", {}, head.plan), ...head.said.map(said)),
        head.badges.length
          ? make("p", { class: "wr-badges" }, ...head.badges.map(function (text) {
            return make("span", { class: "wr-badge" }, text);
          }))
          : null),
      make("nav", { "aria-label": t.contents }, make("ul", {}, ...links)));
  };

  function said(text) { return make("span", {}, text); }

  App.prototype.lead = function () {
    const items = this.data.lead.map(function (item, place) {
      const kind = item.ok === null ? "plain" : item.ok ? "good" : "bad";
      const sign = { plain: "", good: "✓ ", bad: "! " }[kind];
      return make(place ? "li" : "p", { class: "wr-said wr-" + kind },
        sign ? make("span", { class: "wr-sign", "aria-hidden": "true" }, sign) : null, item.text);
    });
    return make("div", { class: "wr-lead" }, items[0], make("ul", {}, ...items.slice(1)));
  };

  App.prototype.figures = function () {
    const t = this.t, table = this.data.figures, change = this.data.change;
    const names = {
      previous: change ? fill(t.previous_plan, { name: change.name }) : "",
      metis: t.metis,
    };
    const heads = [t.this_plan, ...table.columns.map(function (name) { return names[name]; })];
    const rows = table.rows.map(function (row) {
      const cells = row.cells.map(function (text, place) {
        const mark = place ? row.marks[place - 1] : null;
        return make("td", { class: place ? null : "wr-mine" }, text,
          mark === null ? null : comparison(mark, t));
      });
      return make("tr", {}, make("th", { scope: "row" }, row.label), ...cells);
    });
    const head = make("thead", {}, make("tr", {}, make("td", {}),
      ...heads.map(function (text) { return make("th", { scope: "col" }, text); })));
    const grid = make("table", { class: "wr-table wr-compare" }, head, make("tbody", {}, ...rows));
    const note = table.columns.length ? make("p", { class: "wr-note" }, t.figures_note) : null;
    return this.section("figures", t.figures, note, this.scroller(grid, t.figures));
  };

  /* A mark has a sign, a colour and words. */
  function comparison(mark, t) {
    const kind = ["worse", "same", "better"][mark + 1];
    return make("span", { class: "wr-mark wr-" + kind },
      make("span", { "aria-hidden": "true" }, { worse: "▼ ", same: "= ", better: "▲ " }[kind]), t[kind]);
  }

  /* A frame for what may be wider than the screen; it can be scrolled by keyboard. */
  App.prototype.scroller = function (content, name) {
    return make("div", { class: "wr-scroll", role: "group", tabindex: "0", "aria-label": name }, content);
  };

  App.prototype.reading = function () {
    return make("dl", { class: "wr-words" }, ...this.data.reading.map(function (pair) {
      return make("div", {}, make("dt", {}, pair[0]), make("dd", {}, pair[1]));
    }));
  };

  /* On paper everything is unfolded; afterwards it is as it was. */
  App.prototype.fold = function () {
    const app = this;
    let closed = [];
    window.addEventListener("beforeprint", function () {
      closed = Array.from(document.querySelectorAll("details:not([open])"));
      closed.forEach(function (part) { part.open = true; });
      (app.fillers || []).forEach(function (filler) { filler(); });
      app.paper(true);
    });
    window.addEventListener("afterprint", function () {
      closed.forEach(function (part) { part.open = false; });
      app.paper(false);
    });
  };

  /* Details that are filled when they are first opened. */
  App.prototype.details = function (open, summary, fillIn, attributes) {
    const part = make("details", attributes || {}, make("summary", {}, ...summary));
    let empty = true;
    function filler() {
      if (empty && (part.isConnected || open)) {
        empty = false;
        part.append(...fillIn());
      }
    }
    if (open) {
      filler();
      part.open = true;
    } else {
      (this.fillers = this.fillers || []).push(filler);
    }
    part.addEventListener("toggle", function () {
      if (part.open) { filler(); }
    });
    return part;
  };

  Wangge.ReportApp = App;
  Wangge.unseen = unseen;
  window.WanggeReport = {
    start: function (map) {
      const data = JSON.parse(document.getElementById("wangge-data").textContent);
      const app = new App(map, data);
      window.WanggeReport.app = app;
      app.build();
      document.documentElement.setAttribute("data-ready", "true");
    },
  };
})();
