/* Households of each grid as a bar, with the band and the target behind it. */
(function () {
  "use strict";
  const { make, draw, fill, unseen } = Wangge;
  const App = Wangge.ReportApp;

  App.prototype.bars = function () {
    const app = this, t = this.t;
    this.rows = new Map();
    const list = make("div", { class: "wr-bars" });
    const panel = make("div", { class: "wr-panel" }, this.orders(), this.axis(), list);
    this.list = list;
    this.panel = panel;
    const band = this.data.band;
    ["minimum", "target", "maximum"].forEach(function (name) {
      panel.style.setProperty("--" + name, (100 * band[name]) / band.longest + "%");
    });
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", t.bars);
    this.arrange("code");
    this.listen(function (focused, selected) { app.light(focused, selected); });
    return panel;
  };

  App.prototype.orders = function () {
    const app = this, t = this.t;
    const buttons = [["code", t.by_code], ["households", t.by_households]].map(function ([order, text]) {
      const button = make("button", {
        type: "button", "data-order": order, "aria-pressed": String(order === "code"),
      }, text);
      button.addEventListener("click", function () {
        buttons.forEach(function (other) { other.setAttribute("aria-pressed", String(other === button)); });
        app.arrange(order);
      });
      return button;
    });
    return make("div", { class: "wr-orders", role: "group", "aria-label": t.sort_by }, ...buttons);
  };

  App.prototype.axis = function () {
    const app = this, band = this.data.band, t = this.t;
    const ticks = ["minimum", "target", "maximum"].map(function (name) {
      return make("span", { class: "wr-tick wr-tick-" + name, style: "left:var(--" + name + ")" },
        app.number(band[name]));
    });
    const said = [
      make("span", { class: "wr-key wr-key-band" }),
      fill(t.band, { minimum: this.number(band.minimum), maximum: this.number(band.maximum) }),
      make("span", { class: "wr-key wr-key-target" }),
      fill(t.target, { n: this.number(band.target) }),
    ];
    return make("div", { class: "wr-axis" },
      make("p", { class: "wr-keys" }, ...said),
      make("div", { class: "wr-ticks", "aria-hidden": "true" }, make("div", {}, ...ticks)));
  };

  /* By number: community by community; by households: all grids, the largest first. */
  App.prototype.arrange = function (order) {
    const app = this, g = this.grids;
    this.rows.clear();
    this.order = order;
    if (order === "households") {
      const places = Array.from({ length: g.count }, function (_, i) { return i; });
      places.sort(function (a, b) {
        return (g.state[a] === 2) - (g.state[b] === 2) || g.households[b] - g.households[a] || a - b;
      });
      this.list.replaceChildren(this.rowList(places, true));
    } else {
      const parts = this.data.communities.names.map(function (_, c) { return app.community(c); });
      this.list.replaceChildren(...parts.filter(Boolean));
    }
    this.light(this.focused, this.selected);
  };

  App.prototype.community = function (c) {
    const app = this, first = this.data.communities.first;
    const places = [];
    for (let i = first[c]; i < first[c + 1]; i += 1) { places.push(i); }
    if (!places.length) { return null; }
    const name = make("span", { class: "wr-name" }, this.data.communities.names[c]);
    const summary = [name, make("span", { class: "wr-sum" }, ...this.summary(places))];
    if (this.many) { summary.push(this.strip(places)); }
    return this.details(!this.many, summary, function () {
      const list = app.rowList(places, false);
      window.setTimeout(function () { app.light(app.focused, app.selected); });
      return [list];
    }, { class: "wr-community", "data-c": c });
  };

  App.prototype.summary = function (places) {
    const t = this.t, g = this.grids;
    const basic = places.filter(function (i) { return g.state[i] !== 2; });
    if (!basic.length) { return [t.community_none]; }
    const sizes = basic.map(function (i) { return g.households[i]; });
    const text = fill(basic.length === 1 ? t.community_one : t.community_summary, {
      grids: this.number(basic.length),
      low: this.number(Math.min(...sizes)),
      high: this.number(Math.max(...sizes)),
    });
    const outside = basic.filter(function (i) { return g.state[i] !== 0; }).length;
    return outside
      ? [text, make("span", { class: "wr-out" }, "! " + fill(t.outside_count, { count: outside }))]
      : [text];
  };

  /* All grids of a community as points on one axis: what a folded community looks like. */
  App.prototype.strip = function (places) {
    const g = this.grids, band = this.data.band;
    const x = function (value) { return (100 * Math.min(value, band.longest)) / band.longest; };
    const points = places.filter(function (i) { return g.state[i] !== 2; }).map(function (i) {
      return draw("line", {
        x1: x(g.households[i]), x2: x(g.households[i]), y1: 2, y2: 12,
        class: g.state[i] ? "wr-outside" : "wr-inside",
      });
    });
    return draw("svg", { class: "wr-strip", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" },
      draw("rect", { x: x(band.minimum), width: x(band.maximum) - x(band.minimum), y: 0, height: 14 }),
      ...points);
  };

  /* One list is one stop of the tab key; arrows go from bar to bar. */
  App.prototype.rowList = function (places, mixed) {
    const app = this;
    const buttons = places.map(function (i) { return app.row(i, mixed); });
    buttons.forEach(function (button, at) {
      button.tabIndex = at ? -1 : 0;
      button.addEventListener("keydown", function (event) {
        const step = { ArrowDown: 1, ArrowUp: -1, Home: -buttons.length, End: buttons.length }[event.key];
        if (step) {
          event.preventDefault();
          const next = Math.max(0, Math.min(buttons.length - 1, at + step));
          button.tabIndex = -1;
          buttons[next].tabIndex = 0;
          buttons[next].focus();
        }
      });
    });
    return make("ul", { class: "wr-list" }, ...buttons.map(function (button) { return make("li", {}, button); }));
  };

  App.prototype.row = function (i, mixed) {
    const app = this, g = this.grids, band = this.data.band, t = this.t;
    const long = g.households[i] > band.longest;
    const fillBar = make("span", { class: "wr-fill" + (long ? " wr-long" : "") });
    fillBar.style.width = Math.min(100, (100 * g.households[i]) / band.longest) + "%";
    fillBar.style.backgroundColor = this.data.classes.colours[g.class[i]];
    const dedicated = g.state[i] === 2;
    const given = make("span", { class: "wr-given" }, t.state_dedicated);
    const button = make("button", {
      type: "button", class: "wr-bar wr-state-" + (g.state[i] + 1), "data-i": i,
    },
    make("span", { class: "wr-id" }, unseen(t.grid + " "), mixed ? this.home(i) + " " + g.short[i] : g.short[i]),
    make("span", { class: "wr-track" }, dedicated ? given : fillBar),
    make("span", { class: "wr-value" },
      make("span", { "aria-hidden": "true" }, this.mark(i), " "),
      dedicated ? "–" : this.number(g.households[i]),
      dedicated ? null : unseen(" " + t.households + ", " + this.state(i))));
    button.addEventListener("mouseenter", function () { app.focus(i); });
    button.addEventListener("mouseleave", function () { app.focus(-1); });
    button.addEventListener("focus", function () { app.focus(i); });
    button.addEventListener("click", function () { app.select(i, false); });
    this.rows.set(i, button);
    return button;
  };

  App.prototype.light = function (focused, selected) {
    const app = this;
    (this.lit || []).forEach(function (button) { button.classList.remove("wr-focused", "wr-selected"); });
    this.lit = [];
    [[focused, "wr-focused"], [selected, "wr-selected"]].forEach(function ([i, name]) {
      const button = app.rows.get(i);
      if (button) {
        button.classList.add(name);
        app.lit.push(button);
      }
    });
  };

  /* Bring the bar of a grid into its list, without moving the page. */
  App.prototype.reveal = function (i) {
    if (this.order === "code") {
      const part = this.list.querySelector('[data-c="' + this.grids.community[i] + '"]');
      if (part && !part.open) {
        part.open = true;
        part.dispatchEvent(new Event("toggle"));
      }
    }
    const button = this.rows.get(i), list = this.list;
    if (button && list.scrollHeight > list.clientHeight) {
      const top = button.getBoundingClientRect().top - list.getBoundingClientRect().top;
      if (top < 0 || top > list.clientHeight - 40) { list.scrollTop += top - list.clientHeight / 2; }
    }
    this.light(this.focused, this.selected);
  };
})();
