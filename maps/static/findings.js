/* The map of findings: a list by kind beside the map; each finding can be jumped to. */
(function () {
  "use strict";
  const { make, draw, fill } = Wangge;
  const LISTED = 100;

  /* Severity has a form as well as a colour: a square, a triangle, a ring. */
  function mark(colour, severity) {
    const shapes = [
      "M2 2h12v12H2z",
      "M8 1.5 15 14.5H1z",
      "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11zm0 3a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5z",
    ];
    return draw("svg", { viewBox: "0 0 16 16", class: "wf-mark", "aria-hidden": "true" },
      draw("path", { d: shapes[severity], fill: colour }));
  }

  function App(map, data) {
    const format = new Intl.NumberFormat(data.language, { maximumFractionDigits: 2 });
    this.map = map;
    this.data = data;
    this.t = data.texts;
    this.number = function (value) { return format.format(value); };
    this.groups = data.kinds.map(function () { return L.layerGroup(); });
    this.layers = [];
    this.boxes = [];
  }

  App.prototype.build = function () {
    this.frame();
    this.ground();
    this.draw();
    this.fit();
  };

  /* ---- the page ------------------------------------------------------------------------- */

  App.prototype.frame = function () {
    const app = this, t = this.t, data = this.data;
    const main = this.map.getContainer();
    document.body.classList.add("wf-page");
    main.setAttribute("aria-label", t.map);
    const head = make("header", { class: "wf-head" },
      make("h1", {}, data.title), make("p", {}, data.audited));
    const said = data.total
      ? fill(t.summary, {
        errors: app.number(data.summary[0]),
        warnings: app.number(data.summary[1]),
        notes: app.number(data.summary[2]),
      })
      : t.nothing;
    const shown = data.findings.length < data.total
      ? make("p", { class: "wf-only" }, fill(t.drawn_only, {
        shown: app.number(data.findings.length), total: app.number(data.total),
      }))
      : null;
    const toggle = make("button", {
      type: "button", class: "wf-toggle", "aria-expanded": "false", "aria-controls": "wf-kinds",
    }, t.show_panel);
    const list = make("div", { class: "wf-kinds", id: "wf-kinds" });
    const panel = make("section", { class: "wf-panel", "aria-label": t.panel },
      make("div", { class: "wf-summary" }, make("p", { class: "wf-line" }, said), shown),
      toggle, list);
    toggle.addEventListener("click", function () { app.fold(!panel.classList.contains("wf-open")); });
    data.kinds.forEach(function (kind, place) { list.append(app.kind(kind, place)); });
    this.panel = panel;
    this.toggle = toggle;
    main.before(head, panel);
    L.control.zoom({ position: "topright", zoomInTitle: t.zoom_in, zoomOutTitle: t.zoom_out })
      .addTo(this.map);
    L.control.scale({ imperial: false }).addTo(this.map);
    this.map.attributionControl.setPrefix(false);
    if (this.data.attribution) {
      const note = document.createElement("span");
      note.textContent = this.data.attribution; // never as HTML
      this.map.attributionControl.addAttribution(note.innerHTML);
    }
    // Leaflet says this in English only.
    this.map.on("popupopen", function (event) {
      const close = event.popup.getElement().querySelector(".leaflet-popup-close-button");
      close.setAttribute("aria-label", t.close);
    });
    this.map.invalidateSize();
  };

  App.prototype.fold = function (open) {
    this.panel.classList.toggle("wf-open", open);
    this.toggle.setAttribute("aria-expanded", String(open));
    this.toggle.textContent = open ? this.t.hide_panel : this.t.show_panel;
    this.map.invalidateSize();
  };

  App.prototype.kind = function (kind, place) {
    const app = this, t = this.t;
    const id = "wf-list-" + place;
    const mine = [];
    this.data.findings.forEach(function (finding, i) {
      if (finding.k === place) { mine.push(i); }
    });
    const box = make("input", { type: "checkbox", "aria-label": t.show_kind + ": " + kind.label });
    box.checked = this.open(kind);
    this.boxes.push(box);
    box.addEventListener("change", function () {
      app.groups[place][box.checked ? "addTo" : "removeFrom"](app.map);
    });
    const size = kind.size === null ? "" : fill(t.square_metres, { n: app.number(kind.size) });
    const head = make("button", {
      type: "button", class: "wf-kind-head", "aria-expanded": "false", "aria-controls": id,
    },
    mark(kind.colour, kind.severity),
    make("span", { class: "wf-name" }, kind.label,
      make("small", {}, [app.data.severities[kind.severity], size].filter(Boolean).join(" · "))),
    make("span", { class: "wf-count" }, app.number(kind.count)));
    const list = make("ul", { id: id, class: "wf-list", hidden: "" });
    head.addEventListener("click", function () {
      const open = list.hidden;
      if (open && !list.childElementCount) { app.fillList(list, mine, kind); }
      list.hidden = !open;
      head.setAttribute("aria-expanded", String(open));
    });
    return make("div", { class: "wf-kind" }, make("div", { class: "wf-row" }, box, head), list);
  };

  /* Notes are many and quiet: they are shown when somebody asks for them. */
  App.prototype.open = function (kind) {
    return kind.severity < 2 || this.data.kinds[0].severity === 2;
  };

  App.prototype.fillList = function (list, mine, kind) {
    const app = this, t = this.t;
    list.append(make("li", { class: "wf-remedy" }, kind.remedy));
    mine.slice(0, LISTED).forEach(function (i) {
      const finding = app.data.findings[i];
      const button = make("button", { type: "button", class: "wf-go", "data-i": String(i) },
        make("span", { class: "wf-id" }, finding.n),
        make("span", { class: "wf-size" }, app.sizes(finding)));
      if (finding.p) {
        button.addEventListener("click", function () { app.go(i); });
      } else {
        button.disabled = true;
        button.title = t.no_place;
      }
      list.append(make("li", {}, button));
    });
    if (kind.count > LISTED) {
      list.append(make("li", { class: "wf-remedy" },
        fill(t.more, { count: app.number(kind.count - LISTED) })));
    }
  };

  App.prototype.sizes = function (finding) {
    const parts = [];
    if (finding.rows > 1) { parts.push("×" + this.number(finding.rows)); }
    if (finding.m2 !== null) { parts.push(fill(this.t.square_metres, { n: this.number(finding.m2) })); }
    else if (finding.m !== null) { parts.push(fill(this.t.metres, { n: this.number(finding.m) })); }
    return parts.join(" · ");
  };

  /* ---- the map -------------------------------------------------------------------------- */

  App.prototype.ground = function () {
    const app = this;
    const renderer = L.canvas({ pane: this.pane("ground", 300), padding: 0.3 });
    function lay(areas, style) {
      areas.forEach(function (area) {
        L.geoJSON(area.g, { renderer: renderer, interactive: false, style: style, pane: "ground" })
          .addTo(app.map);
      });
    }
    lay(this.data.grids, { color: "#9aa4ad", weight: 0.8, fill: false });
    lay(this.data.communities, {
      color: "#4d5a66", weight: 1.6, dashArray: "8 4 2 4", fillColor: "#ffffff", fillOpacity: 0.45,
    });
    this.pane("names", 350);
    this.data.communities.forEach(function (area) {
      const name = make("span", {}, area.n);
      L.marker(area.p, {
        pane: "names", interactive: false, keyboard: false,
        icon: L.divIcon({ className: "wf-community", html: name, iconSize: [0, 0] }),
      }).addTo(app.map);
    });
  };

  App.prototype.pane = function (name, level) {
    const pane = this.map.createPane(name);
    pane.style.zIndex = level;
    pane.style.pointerEvents = level < 400 ? "none" : "auto";
    return name;
  };

  App.prototype.draw = function () {
    const app = this;
    const renderer = L.canvas({ padding: 0.3, tolerance: 4 });
    this.data.findings.forEach(function (finding, i) {
      if (!finding.p) { app.layers.push(null); return; }
      const colour = app.data.kinds[finding.k].colour;
      const look = { renderer: renderer, color: colour, weight: 2, fillColor: colour, fillOpacity: 0.35 };
      const shape = L.geoJSON(finding.g, {
        style: look,
        pointToLayer: function (_, at) { return L.circleMarker(at, { ...look, radius: 3.5 }); },
      });
      const spot = L.circleMarker(finding.p, {
        renderer: renderer, radius: finding.s === 0 ? 6 : 4.5, color: "#ffffff", weight: 1.5,
        fillColor: colour, fillOpacity: 1,
      });
      const layer = L.featureGroup([shape, spot]);
      layer.bindPopup(function () { return app.popup(finding); },
        { maxWidth: 320, minWidth: 220, maxHeight: 340, autoPanPadding: [16, 16] });
      app.layers.push(layer);
      app.groups[finding.k].addLayer(layer);
    });
    // The worst are drawn last, on top of the others.
    this.groups.map(function (group, place) {
      return app.open(app.data.kinds[place]) ? group : null;
    }).reverse().forEach(function (group) {
      if (group) { group.addTo(app.map); }
    });
  };

  App.prototype.fit = function () {
    this.map.fitBounds(this.data.bounds, { padding: [24, 24], animate: false });
  };

  App.prototype.go = function (i) {
    const finding = this.data.findings[i], layer = this.layers[i];
    if (!layer) { return; }
    const group = this.groups[finding.k];
    if (!this.map.hasLayer(group)) {
      group.addTo(this.map);
      this.boxes[finding.k].checked = true;
    }
    if (window.matchMedia("(max-width: 760px)").matches) { this.fold(false); }
    const bounds = layer.getBounds();
    this.map.fitBounds(bounds.isValid() ? bounds : L.latLngBounds([finding.p]),
      { padding: [60, 60], maxZoom: 19, animate: false });
    layer.openPopup(L.latLng(finding.p));
  };

  App.prototype.popup = function (finding) {
    const app = this, t = this.t, kind = this.data.kinds[finding.k];
    const facts = make("dl", {});
    function add(name, value) {
      facts.append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
    }
    if (finding.m2 !== null) { add(t.size, fill(t.square_metres, { n: app.number(finding.m2) })); }
    if (finding.m !== null) { add(t.length, fill(t.metres, { n: app.number(finding.m) })); }
    finding.f.forEach(function (fact) { add(fact[0], fact[1]); });
    const ids = make("ul", { class: "wf-ids" });
    finding.ids.forEach(function (id) { ids.append(make("li", {}, id)); });
    if (finding.rows > finding.ids.length) {
      ids.append(make("li", {}, fill(t.more_rows, { count: app.number(finding.rows - finding.ids.length) })));
    }
    facts.append(make("div", {}, make("dt", {}, t.rows + " (" + finding.l + ")"), make("dd", {}, ids)));
    return make("div", { class: "wf-popup" },
      make("h2", {}, mark(kind.colour, finding.s), kind.label),
      make("p", { class: "wf-severity" }, app.data.severities[finding.s],
        finding.x ? make("span", { class: "wf-fix" }, t.fixable) : null),
      facts,
      make("p", { class: "wf-todo" }, make("strong", {}, t.remedy + " "), kind.remedy));
  };

  window.WanggeFindings = {
    start: function (map) {
      const data = JSON.parse(document.getElementById("wangge-data").textContent);
      const app = new App(map, data);
      window.WanggeFindings.app = app;
      app.build();
      document.documentElement.setAttribute("data-ready", "true");
    },
  };
})();
