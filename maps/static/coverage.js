/* The coverage map: fills Folium's empty layers, recolours them, and answers clicks. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const SUPPRESSED = -1;

  Wangge.start = function (map, layers) {
    const data = JSON.parse(document.getElementById("wangge-data").textContent);
    const app = new App(map, layers, data);
    Wangge.app = app;
    app.build();
    // After the canvases, which draw themselves before the next picture of the screen.
    requestAnimationFrame(function () {
      document.documentElement.setAttribute("data-ready", "true");
    });
  };

  const App = (Wangge.App = function (map, layers, data) {
    const format = new Intl.NumberFormat(data.language);
    const percent = new Intl.NumberFormat(data.language, {
      style: "percent",
      maximumFractionDigits: 1,
    });
    this.map = map;
    this.layers = layers;
    this.data = data;
    this.t = data.texts;
    this.number = function (value) {
      return format.format(value).replace("-", "−");
    };
    this.percent = function (value) {
      return percent.format(value);
    };
    this.read();
  });

  /* What the page's own data become before anything is drawn. */
  App.prototype.read = function () {
    const data = this.data;
    const chosen = data.choices.scenarios[data.choices.scenario];
    this.state = {
      service: chosen[0],
      moment: chosen[1],
      threshold: data.choices.threshold,
      metric: Wangge.wantedMetric(window.location.hash),
      number: this.number,
    };
    const b = data.buildings;
    b.metres = Wangge.numbers(b.distances, Uint16Array);
    b.station = Wangge.numbers(b.nearest, Int16Array);
    b.gridOf = Wangge.numbers(b.grid, Int32Array);
    b.communityOf = Wangge.numbers(b.community, Int32Array);
    Object.values(data.uncovered).forEach(function (item) {
      item.counts = Wangge.numbers(item.counts, Int32Array);
    });
  };

  App.prototype.scenario = function () {
    const state = this.state;
    const pairs = this.data.choices.scenarios;
    const last = pairs[this._scenario];
    if (!last || last[0] !== state.service || last[1] !== state.moment) {
      this._scenario = pairs.findIndex(function (pair) {
        return pair[0] === state.service && pair[1] === state.moment;
      });
    }
    return this._scenario;
  };

  App.prototype.radius = function () {
    return this.data.choices.thresholds[this.state.threshold];
  };

  /* People of a group out of reach in an area; -1: suppressed. */
  App.prototype.uncovered = function (level, group, area) {
    const item = this.data.uncovered[level];
    const rank =
      (this.scenario() * this.data.choices.thresholds.length + this.state.threshold) *
        this.data.groups.length +
      group;
    return item.counts[rank * item.areas + area];
  };

  App.prototype.total = function (level, group, area) {
    return this.data.uncovered[level].totals[group][area];
  };

  App.prototype.count = function (value) {
    return value === SUPPRESSED ? this.t.suppressed : this.number(value);
  };

  /* Share of households within reach; null: nobody lives there. */
  App.prototype.share = function (level, area) {
    const total = this.total(level, 0, area);
    return total ? 1 - this.uncovered(level, 0, area) / total : null;
  };

  /* ---- building the page ------------------------------------------------------------------ */

  App.prototype.build = function () {
    const map = this.map;
    this.patterns();
    this.page();
    // The panel's height decides the map's on a phone, so it is filled before the map is fitted.
    this.drawSummary();
    map.invalidateSize({ animate: false });
    new ResizeObserver(function () {
      map.invalidateSize({ animate: false });
    }).observe(map.getContainer());
    map.fitBounds(this.data.bounds, { padding: [16, 16], animate: false });
    map.setMaxBounds(L.latLngBounds(this.data.bounds).pad(1));
    map.attributionControl.setPrefix(false);
    const note = make("span", null, this.data.head.attribution);
    map.attributionControl.addAttribution(note.innerHTML);
    L.control
      .zoom({ position: "topright", zoomInTitle: this.t.zoom_in, zoomOutTitle: this.t.zoom_out })
      .addTo(map);
    L.control.scale({ position: "bottomright", imperial: false }).addTo(map);
    this.controls();
    this.base();
    this.buildings();
    this.stations();
    this.labels();
    map.on("click", this.clicked, this);
    map.on("zoomend", this.zoomed, this);
    map.on("overlayadd overlayremove", this.drawLegend, this);
    this.zoomed();
    this.refresh();
  };

  App.prototype.zoomed = function () {
    this.map.getContainer().classList.toggle("wg-far", this.map.getZoom() < 13.5);
  };

  App.prototype.patterns = function () {
    function hatch(id, colour, gap, width, ground) {
      return make(
        "pattern",
        {
          id: id,
          width: gap,
          height: gap,
          patternUnits: "userSpaceOnUse",
          patternTransform: "rotate(45)",
        },
        make("rect", { width: gap, height: gap, fill: ground }),
        make("line", { x1: 0, y1: 0, x2: 0, y2: gap, stroke: colour, "stroke-width": width })
      );
    }
    document.body.append(
      make(
        "svg",
        { width: 0, height: 0, class: "wg-defs", "aria-hidden": "true", focusable: "false" },
        make(
          "defs",
          null,
          hatch("wg-hatch-dedicated", "#8d8677", 7, 1.6, "#e3dfd6"),
          hatch("wg-hatch-gap", "#d55e00", 6, 1.2, "transparent")
        )
      )
    );
  };

  App.prototype.page = function () {
    const t = this.t;
    const head = this.data.head;
    const self = this;
    const made = {
      all: { badge: t.synthetic, note: t.synthetic_note },
      matters: { badge: t.synthetic_matters, note: t.synthetic_matters_note },
    }[head.synthetic];
    const header = make(
      "header",
      { class: "wg-head" },
      make("h1", null, head.title || t.title),
      make("p", { class: "wg-plan" }, head.plan),
      make("p", { class: "wg-date" }, fill(t.drawn, { date: head.drawn })),
      head.synthetic !== "none"
        ? make("strong", { class: "wg-badge", title: made.note }, made.badge)
        : null
    );
    this.summary = make("div", { class: "wg-summary", role: "status" });
    this.legend = make("div", { class: "wg-legends" });
    this.table = make("div", { class: "wg-table" });
    const toggle = make(
      "button",
      { type: "button", class: "wg-toggle", "aria-expanded": "false", "aria-controls": "wg-body" },
      t.show_panel
    );
    const body = make(
      "div",
      { class: "wg-body", id: "wg-body" },
      Wangge.searchBox(this.data, this.entries.bind(this)),
      ...this.choices(),
      this.legend,
      make("details", { class: "wg-more" }, make("summary", null, t.communities_table), this.table),
      make("p", { class: "wg-note" }, this.measured()),
      make("p", { class: "wg-note" }, this.withholding()),
      head.synthetic !== "none" ? make("p", { class: "wg-note" }, made.note) : null,
      head.estimated ? make("p", { class: "wg-note" }, t.estimated_note) : null
    );
    const panel = make(
      "aside",
      { class: "wg-panel", "aria-label": t.panel },
      this.summary,
      toggle,
      body
    );
    toggle.addEventListener("click", function () {
      const open = panel.classList.toggle("wg-unfolded");
      toggle.setAttribute("aria-expanded", String(open));
      toggle.textContent = open ? t.hide_panel : t.show_panel;
      self.map.closePopup();
    });
    this.panel = panel;
    this.toggle = toggle;
    this.map.getContainer().setAttribute("aria-label", t.map);
    document.body.prepend(header, panel);
    document.body.classList.add("wg-page");
  };

  /* The panel's own choices, and how it says that distances are measured. */
  App.prototype.choices = function () {
    const refresh = this.refresh.bind(this);
    return [
      Wangge.settings(this.data, this.state, refresh),
      Wangge.metricChoice(this.data, this.state, refresh),
    ];
  };
  App.prototype.measured = function () {
    return this.t.straight_line;
  };

  /* Why some numbers are not told: to this reader, or to anybody. */
  App.prototype.withholding = function () {
    const head = this.data.head;
    return head.people_within ? fill(this.t.small_note, { n: head.below }) : this.t.homes_note;
  };

  App.prototype.collapse = function () {
    if (this.panel.classList.contains("wg-unfolded")) {
      this.toggle.click();
    }
  };

  /* Texts that Leaflet and its plugins leave in English. */
  App.prototype.controls = function () {
    const t = this.t;
    const container = this.map.getContainer();
    const name = function (selector, text) {
      container.querySelectorAll(selector).forEach(function (node) {
        node.title = text;
        node.setAttribute("aria-label", text);
      });
    };
    name(".leaflet-control-layers-toggle", t.layers);
    name(".leaflet-control-measure-toggle", t.measure);
    container.querySelectorAll(".leaflet-control-layers-toggle").forEach(function (node) {
      node.setAttribute("role", "button");
    });
    this.map.on("popupopen", function (event) {
      const node = event.popup.getElement();
      node.querySelectorAll(".leaflet-popup-close-button").forEach(function (button) {
        button.setAttribute("aria-label", t.close);
        button.title = t.close;
      });
      // What scrolls can be scrolled by keyboard as well.
      node.querySelectorAll(".leaflet-popup-content").forEach(function (content) {
        content.tabIndex = content.scrollHeight > content.clientHeight ? 0 : -1;
      });
    });
  };

  /* ---- drawing what is chosen --------------------------------------------------------------- */

  App.prototype.refresh = function () {
    const self = this;
    this.styleGrids();
    this.houses.redraw();
    this.drawGaps();
    this.markers.forEach(function (marker, i) {
      if (marker.getElement()) {
        marker.getElement().classList.toggle("wg-idle", !self.serves(self.data.stations[i]));
      }
    });
    this.drawSummary();
    this.drawLegend();
    this.drawTable();
    this.map.closePopup();
  };
})();
