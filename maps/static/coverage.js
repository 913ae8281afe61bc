/* The coverage map: fills Folium's empty layers, recolours them, and answers clicks. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const NO_DISTANCE = 65535;
  const SUPPRESSED = -1;
  const FONT = '"Noto Sans SC","PingFang SC","Microsoft YaHei","WenQuanYi Micro Hei",sans-serif';
  const TIERS = {
    hub: { size: 30, path: "M15 2l3.8 8.2 9 1-6.7 6.1 1.9 8.8-8-4.5-8 4.5 1.9-8.8L2.2 11.200l9-1z" },
    center: { size: 26, path: "M13 2l11 8-4.200 13H6.200L2 10z" },
    community: { size: 22, path: "M11 2a9 9 0 1 0 .01 0z" },
    quarter: { size: 18, path: "M3 3h12v12H3z" },
    partner: { size: 20, path: "M10 2l8 8-8 8-8-8z" },
  };

  Wangge.start = function (map, layers) {
    const data = JSON.parse(document.getElementById("wangge-data").textContent);
    const app = new App(map, layers, data);
    Wangge.app = app;
    app.build();
    document.documentElement.setAttribute("data-ready", "true");
  };

  function App(map, layers, data) {
    const chosen = data.choices.scenarios[data.choices.scenario];
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
  }

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
    const refresh = function () {
      self.refresh();
    };
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
      Wangge.searchBox(this.data, this.entries()),
      Wangge.settings(this.data, this.state, refresh),
      Wangge.metricChoice(this.data, this.state, refresh),
      this.legend,
      make("details", { class: "wg-more" }, make("summary", null, t.communities_table), this.table),
      make("p", { class: "wg-note" }, t.straight_line),
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
    });
  };

  App.prototype.base = function () {
    const self = this;
    // Rivers and railways divide grids, so they are drawn over the grids' colours.
    const over = ["river", "railway"];
    [
      ["base", (item) => !over.includes(item.kind)],
      ["ways", (item) => over.includes(item.kind)],
    ].forEach(function (pair) {
      const items = self.data.base.filter(pair[1]);
      const shapes = [];
      const ranks = [];
      items.forEach(function (item, rank) {
        Wangge.unpack(item.shapes, item.count, self.data.origin).forEach(function (shape) {
          shapes.push(shape);
          ranks.push(rank);
        });
      });
      self.layers.base.addLayer(
        new Wangge.PackedLayer(shapes, {
          pane: pair[0],
          styleOf: function (i) {
            return ranks[i];
          },
          styles: function (zoom) {
            return items.map(function (item) {
              return baseLook(item.kind, zoom, self.data.colours.base);
            });
          },
        })
      );
    });
  };

  function baseLook(kind, zoom, colours) {
    const scale = Math.pow(2, zoom - 16);
    const wide = function (metres, least) {
      return Math.max(least, metres * 0.42 * scale);
    };
    const road = function (metres, least) {
      const width = wide(metres, least);
      return {
        strokes: [
          { colour: colours.casing, width: width + 1.4 },
          { colour: colours.road, width: width },
        ],
      };
    };
    const looks = {
      quarter: { fill: colours.quarter },
      river: { strokes: [{ colour: colours.river, width: wide(26, 2.5) }] },
      wall: { strokes: [{ colour: colours.wall, width: wide(1.5, 0.6) }] },
      railway: {
        cap: "butt",
        strokes: [
          { colour: colours.railway, width: wide(7, 2.4) },
          { colour: "#ffffff", width: wide(4, 1.2), dash: [8, 8] },
        ],
      },
      motorway: road(28, 2.6),
      arterial: road(24, 2.2),
      collector: road(14, 1.4),
      local: road(9, 0.9),
      service: road(5, 0.5),
      path: { strokes: [{ colour: colours.path, width: wide(2, 0.6), dash: [4, 3] }] },
      steps: { strokes: [{ colour: colours.path, width: wide(2, 0.6), dash: [2, 2] }] },
    };
    return looks[kind];
  }

  App.prototype.buildings = function () {
    const self = this;
    const colours = this.data.colours.building;
    const b = this.data.buildings;
    const look = function (colour, edge) {
      return function (zoom) {
        return {
          fill: colour,
          strokes: zoom >= 15.5 ? [{ colour: edge, width: zoom >= 17 ? 0.8 : 0.5 }] : [],
        };
      };
    };
    const looks = [
      look(colours.empty, "#b7b0a3"),
      look(colours.covered, "#414b55"),
      look(colours.uncovered, "#7d3600"),
    ];
    this.houses = new Wangge.PackedLayer(Wangge.unpack(b.shapes, b.count, this.data.origin), {
      pane: "buildings",
      styles: function (zoom) {
        return looks.map(function (item) {
          return item(zoom);
        });
      },
      styleOf: function (i) {
        return self.houseState(i);
      },
    });
    this.layers.buildings.addLayer(this.houses);
  };

  /* 0 nobody lives here, 1 within reach, 2 out of reach. */
  App.prototype.houseState = function (i) {
    const b = this.data.buildings;
    if (!b.households[i]) {
      return 0;
    }
    return b.metres[this.scenario() * b.count + i] <= this.radius() ? 1 : 2;
  };

  App.prototype.stationIcon = function (station, serves) {
    const form = TIERS[station.tier];
    const size = Math.max(form.size, 24);
    const svg = make(
      "svg",
      {
        width: form.size,
        height: form.size,
        viewBox: "0 0 " + form.size + " " + form.size,
        "aria-hidden": "true",
      },
      make("path", { d: form.path })
    );
    if (station.status === "closed") {
      const s = form.size;
      svg.append(make("line", { class: "wg-cross", x1: 3, y1: s - 3, x2: s - 3, y2: 3 }));
    }
    return L.divIcon({
      className: [
        "wg-station",
        "wg-" + station.tier,
        "wg-" + station.status,
        serves ? "" : "wg-idle",
      ].join(" "),
      html: svg,
      iconSize: [size, size],
    });
  };

  App.prototype.serves = function (station) {
    return station.serves.length ? Boolean(station.serves[this.scenario()]) : true;
  };

  App.prototype.stations = function () {
    const self = this;
    const order = Object.keys(TIERS);
    this.markers = this.data.stations.map(function (station) {
      const marker = L.marker(station.at, {
        icon: self.stationIcon(station, true),
        zIndexOffset: (order.length - order.indexOf(station.tier)) * 1000,
        // The accessible name of a button of a map; Leaflet sets it as text.
        title: station.name,
        alt: station.name,
        riseOnHover: true,
      });
      marker.bindPopup(
        function () {
          return self.stationPopup(station);
        },
        { maxWidth: 320, minWidth: 200, autoPanPadding: [12, 12] }
      );
      marker.on("add", function () {
        marker.getElement().setAttribute("aria-label", station.name);
      });
      self.layers.stations.addLayer(marker);
      return marker;
    });
  };

  App.prototype.labels = function () {
    const grids = this.data.grids;
    const communities = this.data.communities;
    const labels = [];
    communities.name.forEach(function (name, i) {
      if (name) {
        labels.push({
          text: name,
          at: communities.at[i],
          span: Wangge.span(communities.bounds[i]),
          room: name.length * 13,
          size: 15,
          font: "600 15px " + FONT,
          colour: "#1f2a35",
          upTo: 15.9,
        });
      }
    });
    grids.sequence.forEach(function (sequence, i) {
      labels.push({
        text: String(sequence).padStart(2, "0"),
        at: grids.at[i],
        span: Wangge.span(grids.bounds[i]),
        room: 46,
        size: 13,
        font: "700 13px " + FONT,
        colour: grids.dedicated[i] ? "#6b6353" : "#11324d",
      });
    });
    this.layers.labels.addLayer(new Wangge.LabelLayer(labels, { pane: "labels" }));
  };

  /* ---- drawing what is chosen --------------------------------------------------------------- */

  App.prototype.refresh = function () {
    const self = this;
    this.styleGrids();
    this.houses.redraw();
    this.drawGaps();
    this.markers.forEach(function (marker, i) {
      const station = self.data.stations[i];
      if (station.serves.length && marker.getElement()) {
        marker.getElement().classList.toggle("wg-idle", !self.serves(station));
      }
    });
    this.drawSummary();
    this.drawLegend();
    this.drawTable();
    this.map.closePopup();
  };

  App.prototype.gridValue = function (i) {
    if (this.state.metric === "coverage") {
      return this.share("grids", i);
    }
    const households = this.total("grids", 0, i);
    return this.state.metric === "households"
      ? households
      : households - this.data.classes.target;
  };

  function classOf(classes, value) {
    let rank = 0;
    while (rank < classes.breaks.length && value > classes.breaks[rank]) {
      rank += 1;
    }
    return rank;
  }

  App.prototype.gridLook = function (i) {
    const edge = { color: "#3d4f63", weight: 1.2, opacity: 0.85 };
    if (this.data.grids.dedicated[i]) {
      return Object.assign(edge, { fillColor: "url(#wg-hatch-dedicated)", fillOpacity: 0.75 });
    }
    if (this.state.metric === "none") {
      return Object.assign(edge, { fillColor: "#ffffff", fillOpacity: 0 });
    }
    const value = this.gridValue(i);
    if (value === null) {
      return Object.assign(edge, { fillColor: "#e8e4db", fillOpacity: 0.5 });
    }
    const classes = this.data.classes[this.state.metric];
    return Object.assign(edge, {
      fillColor: classes.colours[classOf(classes, value)],
      fillOpacity: 0.58,
    });
  };

  App.prototype.styleGrids = function () {
    const self = this;
    this.layers.grids.eachLayer(function (layer) {
      layer.setStyle(self.gridLook(layer.feature.properties.i));
    });
  };

  App.prototype.drawGaps = function () {
    const group = this.layers.gaps;
    const scenario = this.scenario();
    const radius = this.radius();
    const origin = this.data.origin;
    group.clearLayers();
    const shapes = this.data.gaps.shapes;
    this.data.gaps.items.forEach(function (item) {
      if (item[0] !== scenario || item[1] !== radius) {
        return;
      }
      const rings = Wangge.unpack(shapes[item[2]], 1, origin)[0].map(function (ring) {
        const out = [];
        for (let k = 0; k < ring.length; k += 2) {
          out.push([ring[k + 1], ring[k]]);
        }
        return out;
      });
      group.addLayer(
        L.polygon(rings, {
          pane: "gaps",
          interactive: false,
          color: "#a84600",
          weight: 1.5,
          opacity: 0.8,
          dashArray: "4 3",
          fillColor: "url(#wg-hatch-gap)",
          fillOpacity: 0.55,
          fillRule: "evenodd",
        })
      );
    });
  };

  App.prototype.drawSummary = function () {
    const self = this;
    const t = this.t;
    const out = this.uncovered("all", 0, 0);
    const total = this.total("all", 0, 0);
    const line = fill(t.summary_line, {
      uncovered: this.number(out),
      total: this.number(total),
      share: this.percent(total ? out / total : 0),
    });
    const rows = ["elderly", "children", "low_income_households"].map(function (group, k) {
      return [
        t[group],
        fill(t.of_total, {
          part: self.count(self.uncovered("all", k + 1, 0)),
          total: self.count(self.total("all", k + 1, 0)),
        }),
      ];
    });
    this.summary.replaceChildren(make("p", { class: "wg-line" }, line), Wangge.facts(rows));
  };

  App.prototype.drawLegend = function () {
    const t = this.t;
    const colours = this.data.colours.building;
    const sections = [];
    const classes = this.data.classes[this.state.metric];
    const rows = function (item) {
      return item.colours.map(function (colour, k) {
        return [Wangge.swatch(colour, "wg-area"), item.labels[k]];
      });
    };
    if (classes) {
      const list = rows(classes);
      if (this.data.grids.dedicated.includes(1)) {
        const kind = this.data.grids.kind[this.data.grids.dedicated.indexOf(1)];
        list.push([Wangge.swatch("#8d8677", "wg-hatched"), kind]);
      }
      const heading = fill(t["legend_" + this.state.metric], {
        n: this.number(this.data.classes.target),
      });
      sections.push(Wangge.legendList(heading, list));
    }
    sections.push(
      Wangge.legendList(t.layer_buildings, [
        [Wangge.swatch(colours.covered), t.covered],
        [Wangge.swatch(colours.uncovered), t.uncovered],
        [Wangge.swatch(colours.empty), t.no_households],
        [Wangge.swatch("#d55e00", "wg-hatched wg-gap"), t.gap],
      ]),
      this.stationLegend()
    );
    if (this.data.classes.density && this.map.hasLayer(this.layers.density)) {
      sections.push(Wangge.legendList(t.legend_density, rows(this.data.classes.density)));
    }
    this.legend.replaceChildren(...sections);
  };

  App.prototype.stationLegend = function () {
    const self = this;
    const t = this.t;
    const seen = new Map();
    const sample = function (station, serves) {
      const icon = self.stationIcon(station, serves).options;
      return make("i", { class: icon.className + " wg-sample" }, icon.html);
    };
    Object.keys(TIERS).forEach(function (tier) {
      const station = self.data.stations.find(function (item) {
        return item.tier === tier;
      });
      if (station) {
        seen.set(tier, [sample({ tier: tier, status: "open" }, true), station.tierLabel]);
      }
    });
    ["planned", "closed"].forEach(function (status) {
      const station = self.data.stations.find(function (item) {
        return item.status === status;
      });
      if (station) {
        const look = { tier: "community", status: status };
        seen.set(status, [sample(look, true), station.statusLabel]);
      }
    });
    const idle = self.data.stations.some(function (station) {
      return !self.serves(station);
    });
    if (idle) {
      seen.set("idle", [sample({ tier: "community", status: "open" }, false), t.not_serving]);
    }
    return Wangge.legendList(t.layer_stations, Array.from(seen.values()));
  };

  App.prototype.drawTable = function () {
    const self = this;
    const t = this.t;
    const names = this.data.communities;
    const grids = names.name.map(function (_, i) {
      return self.data.grids.community.filter(function (place) {
        return place === i;
      }).length;
    });
    const body = make("tbody");
    names.name.forEach(function (name, i) {
      const share = self.share("communities", i);
      const go = make("button", { type: "button" }, name || names.code[i]);
      go.addEventListener("click", function () {
        self.collapse();
        self.go(names.bounds[i], names.at[i], self.communityPopup(i));
      });
      body.append(
        make(
          "tr",
          null,
          make("th", { scope: "row" }, go),
          make("td", null, self.number(grids[i])),
          make("td", null, self.number(self.total("communities", 0, i))),
          make("td", null, share === null ? "–" : self.percent(share))
        )
      );
    });
    const heads = [t.community, t.layer_grids, t.households, t.coverage_share];
    this.table.replaceChildren(
      make(
        "table",
        null,
        make(
          "thead",
          null,
          make(
            "tr",
            null,
            ...heads.map(function (text) {
              return make("th", { scope: "col" }, text);
            })
          )
        ),
        body
      )
    );
  };

  /* ---- finding ------------------------------------------------------------------------------- */

  App.prototype.entries = function () {
    const self = this;
    const t = this.t;
    const data = this.data;
    const list = [];
    const add = function (label, kind, open) {
      if (label) {
        list.push({ label: label, key: label.toLowerCase(), kind: kind, open: open });
      }
    };
    data.communities.name.forEach(function (name, i) {
      add(name, t.community, function () {
        self.go(data.communities.bounds[i], data.communities.at[i], self.communityPopup(i));
      });
    });
    data.grids.code.forEach(function (code, i) {
      add(code, t.grid, function () {
        self.go(data.grids.bounds[i], data.grids.at[i], self.gridPopup(i));
      });
    });
    data.stations.forEach(function (station, i) {
      add(station.name, t.station, function () {
        self.map.setView(station.at, 17, { animate: false });
        if (self.map.hasLayer(self.layers.stations)) {
          self.markers[i].openPopup();
        } else {
          self.popup(station.at, self.stationPopup(station));
        }
      });
    });
    data.quarters.name.forEach(function (name, i) {
      add(name, t.quarter, function () {
        const box = data.quarters.bounds[i];
        const middle = [(box[1] + box[3]) / 2, (box[0] + box[2]) / 2];
        self.go(box, middle, make("h2", null, name));
      });
    });
    const b = data.buildings;
    for (let i = 0; i < b.count; i += 1) {
      const text = b.name[i] || b.address[i];
      add(text, t.building, self.showBuilding.bind(self, i));
    }
    return list;
  };

  App.prototype.showBuilding = function (i) {
    const at = this.houses.center(i);
    this.map.setView(at, 18, { animate: false });
    this.popup(at, this.buildingPopup(i));
  };

  App.prototype.go = function (box, at, content) {
    this.map.fitBounds(
      [
        [box[1], box[0]],
        [box[3], box[2]],
      ],
      { maxZoom: 18, animate: false, padding: [24, 24] }
    );
    this.popup(at, content);
  };

  App.prototype.popup = function (at, content) {
    this.collapse();
    L.popup({ maxWidth: 320, minWidth: 200, autoPanPadding: [12, 12] })
      .setLatLng(at)
      .setContent(content)
      .openOn(this.map);
  };

  /* One click answers for everything under it, so that no layer hides another's facts. */
  App.prototype.clicked = function (event) {
    const parts = [];
    if (this.map.hasLayer(this.layers.buildings)) {
      const found = this.houses.at(event.latlng);
      if (found.length) {
        parts.push(this.buildingPopup(found[found.length - 1]));
      }
    }
    const cell = this.hit(this.layers.density, event.latlng);
    if (cell) {
      parts.push(
        Wangge.facts([[this.t.incidents_here, this.number(cell.feature.properties.n)]])
      );
    }
    const grid = this.hit(this.layers.grids, event.latlng);
    const community = this.hit(this.layers.communities, event.latlng);
    if (grid) {
      parts.push(this.gridPopup(grid.feature.properties.i));
    } else if (community) {
      parts.push(this.communityPopup(community.feature.properties.i));
    }
    if (parts.length) {
      this.popup(event.latlng, make("div", null, ...parts));
    }
  };

  App.prototype.hit = function (group, latlng) {
    let found = null;
    if (group && this.map.hasLayer(group)) {
      group.eachLayer(function (layer) {
        if (layer.getBounds().contains(latlng) && holds(layer.feature.geometry, latlng)) {
          found = layer;
        }
      });
    }
    return found;
  };

  function holds(geometry, latlng) {
    const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return parts.some(function (rings) {
      return rings.reduce(function (odd, ring) {
        let inside = false;
        for (let k = 0, p = ring.length - 1; k < ring.length; p = k, k += 1) {
          const a = ring[k];
          const b = ring[p];
          if (
            a[1] > latlng.lat !== b[1] > latlng.lat &&
            latlng.lng < ((b[0] - a[0]) * (latlng.lat - a[1])) / (b[1] - a[1]) + a[0]
          ) {
            inside = !inside;
          }
        }
        return inside ? !odd : odd;
      }, false);
    });
  }

  /* ---- pop-ups -------------------------------------------------------------------------------- */

  /* Who lives in an area, and how many of them are out of reach. */
  App.prototype.areaTable = function (level, area) {
    const self = this;
    const t = this.t;
    const body = make("tbody");
    this.data.groups.forEach(function (name, k) {
      const total = self.total(level, k, area);
      if (total) {
        body.append(
          make(
            "tr",
            null,
            make("th", { scope: "row" }, t[name]),
            make("td", null, self.count(total)),
            make("td", null, self.count(self.uncovered(level, k, area)))
          )
        );
      }
    });
    if (!body.childElementCount) {
      return make("p", { class: "wg-note" }, t.no_households);
    }
    const share = this.share(level, area);
    return make(
      "div",
      null,
      make("p", { class: "wg-state" }, t.coverage_share + " " + this.percent(share)),
      make(
        "table",
        { class: "wg-people" },
        make(
          "thead",
          null,
          make(
            "tr",
            null,
            make("th", { scope: "col" }, make("span", { class: "wg-hidden" }, t.group)),
            make("th", { scope: "col" }, t.total),
            make("th", { scope: "col" }, t.uncovered)
          )
        ),
        body
      )
    );
  };

  App.prototype.gridPopup = function (i) {
    const t = this.t;
    const grids = this.data.grids;
    const deviation = this.total("grids", 0, i) - this.data.classes.target;
    const basic = !grids.dedicated[i];
    return make(
      "section",
      null,
      make("h2", null, t.grid + " " + grids.code[i]),
      this.areaTable("grids", i),
      Wangge.facts([
        [t.residents, this.number(grids.residents[i])],
        [t.deviation_from_target, basic ? signed(this, deviation) : null],
        [t.community, this.data.communities.name[grids.community[i]]],
        [t.number, String(grids.sequence[i]).padStart(2, "0")],
        [t.kind, grids.kind[i]],
        [t.compactness, basic ? this.number(grids.compactness[i]) : null],
        [t.exceptions, grids.exceptions[i].join("; ")],
      ])
    );
  };

  function signed(app, value) {
    return (value > 0 ? "+" : "") + app.number(value);
  }

  App.prototype.communityPopup = function (i) {
    const t = this.t;
    const communities = this.data.communities;
    return make(
      "section",
      null,
      make("h2", null, communities.name[i] || communities.code[i]),
      this.areaTable("communities", i),
      Wangge.facts([[t.code, communities.code[i]]]),
      communities.derived[i] ? make("p", { class: "wg-note" }, t.derived) : null
    );
  };

  App.prototype.buildingPopup = function (i) {
    const self = this;
    const t = this.t;
    const b = this.data.buildings;
    const state = this.houseState(i);
    const grid = b.gridOf[i];
    const groups = ["elderly", "children", "low_income_households"].map(function (name) {
      return [t[name], b[name][i] ? self.count(b[name][i]) : null];
    });
    return make(
      "section",
      null,
      make("h2", null, b.name[i] || b.address[i] || t.building),
      make("p", { class: "wg-state wg-state-" + state }, [t.no_households, t.covered, t.uncovered][state]),
      Wangge.facts(
        [
          [t.address, b.name[i] ? b.address[i] : null],
          [t.use, b.uses[b.use[i]]],
          [t.floors, b.floors[i]],
          [t.grid, grid >= 0 ? this.data.grids.code[grid] : null],
          [t.households, this.number(b.households[i])],
          [t.residents, this.number(b.residents[i])],
        ]
          .concat(groups)
          .concat([[t.distance, this.distanceText(i)]])
      ),
      b.estimated[i] ? make("p", { class: "wg-note" }, t.estimated) : null
    );
  };

  App.prototype.distanceText = function (i) {
    const b = this.data.buildings;
    const at = this.scenario() * b.count + i;
    if (b.metres[at] === NO_DISTANCE) {
      return this.t.no_station_open;
    }
    const metres = this.number(b.metres[at]);
    const station = this.data.stations[b.station[at]];
    return station
      ? fill(this.t.distance_value, { name: station.name, n: metres })
      : fill(this.t.metres, { n: metres });
  };

  App.prototype.stationPopup = function (station) {
    const t = this.t;
    const self = this;
    const services = station.services.map(function (item) {
      const facts = [item.hours || t.hours_unknown, item.fee];
      if (item.capacity !== null) {
        facts.push(fill(t.capacity, { n: self.number(item.capacity) }));
      }
      return make("li", null, make("b", null, item.label), make("span", null, facts.join(" · ")));
    });
    const dates = [
      station.opens && station.status === "planned" ? fill(t.opens_on, { date: station.opens }) : null,
      station.closes
        ? fill(station.status === "closed" ? t.closed_on : t.closes_on, { date: station.closes })
        : null,
    ].filter(Boolean);
    const area =
      station.area === null ? null : fill(t.square_metres, { n: self.number(station.area) });
    return make(
      "section",
      null,
      make("h2", null, station.name),
      make(
        "p",
        { class: "wg-status wg-status-" + station.status },
        [station.tierLabel, station.statusLabel].concat(dates).join(" · ")
      ),
      station.temporary ? make("p", { class: "wg-note" }, t.temporary) : null,
      Wangge.facts([
        [t.address, station.address],
        [t.floor_area, area],
      ]),
      services.length ? make("h3", null, t.services) : null,
      services.length ? make("ul", { class: "wg-services" }, ...services) : null
    );
  };
})();
