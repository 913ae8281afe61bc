/* What follows a choice: colours of grids, areas out of reach, figures, legends. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const fill = Wangge.fill;

  App.prototype.gridValue = function (i) {
    if (this.state.metric === "coverage") {
      return this.share("grids", i);
    }
    const households = this.total("grids", 0, i);
    return this.state.metric === "households"
      ? households
      : households - this.data.classes.target;
  };

  const classOf = (Wangge.classOf = function (classes, value) {
    let rank = 0;
    while (rank < classes.breaks.length && value > classes.breaks[rank]) {
      rank += 1;
    }
    return rank;
  });

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
    const classes = this.metricClasses();
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
      group.addLayer(Wangge.gapArea(shapes[item[2]], origin));
    });
  };

  /* Rings of a packed shape as Leaflet wants them. */
  Wangge.latLngs = function (packed, origin) {
    return Wangge.unpack(packed, 1, origin)[0].map(function (ring) {
      const out = [];
      for (let k = 0; k < ring.length; k += 2) {
        out.push([ring[k + 1], ring[k]]);
      }
      return out;
    });
  };

  Wangge.gapArea = function (packed, origin) {
    return L.polygon(Wangge.latLngs(packed, origin), {
      pane: "gaps",
      interactive: false,
      color: "#a84600",
      weight: 1.5,
      opacity: 0.8,
      dashArray: "4 3",
      fillColor: "url(#wg-hatch-gap)",
      fillOpacity: 0.55,
      fillRule: "evenodd",
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
    const sections = [];
    const classes = this.metricClasses();
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
      sections.push(Wangge.legendList(this.metricHeading(), list));
    }
    sections.push(...this.buildingLegends(), this.stationLegend());
    if (this.data.classes.density && this.map.hasLayer(this.layers.density)) {
      sections.push(Wangge.legendList(t.legend_density, rows(this.data.classes.density)));
    }
    this.legend.replaceChildren(...sections);
  };

  App.prototype.metricClasses = function () {
    return this.data.classes[this.state.metric];
  };

  App.prototype.metricHeading = function () {
    return fill(this.t["legend_" + this.state.metric], {
      n: this.number(this.data.classes.target),
    });
  };

  App.prototype.buildingLegends = function () {
    const t = this.t;
    const colours = this.data.colours.building;
    return [
      Wangge.legendList(t.layer_buildings, [
        [Wangge.swatch(colours.covered), t.covered],
        [Wangge.swatch(colours.uncovered), t.uncovered],
        [Wangge.swatch(colours.empty), t.no_households],
        [Wangge.swatch("#d55e00", "wg-hatched wg-gap"), t.gap],
      ]),
    ];
  };

  App.prototype.stationLegend = function () {
    const self = this;
    const t = this.t;
    const seen = new Map();
    const sample = function (station, serves) {
      const icon = self.stationIcon(station, serves).options;
      return make("i", { class: icon.className + " wg-sample" }, icon.html);
    };
    Object.keys(Wangge.TIERS).forEach(function (tier) {
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
})();
