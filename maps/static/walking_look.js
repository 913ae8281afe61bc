/* How the walking map looks: its choices, colours of buildings and areas, legends. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const NOBODY = "#dcd7cf";
  const UNREACHED = "#4a4a4a";
  const EDGE = "rgba(30,36,42,0.6)";

  /* ---- choices ------------------------------------------------------------------------------- */

  App.prototype.choices = function () {
    const box = make("div", { class: "wg-settings" });
    this.settingsBox = box;
    this.drawChoices(null);
    return [box];
  };

  App.prototype.chose = function (key, value, id) {
    this.state[key] = value;
    this.drawChoices(id);
    this.refresh();
  };

  function options(keys, text) {
    return keys.map(function (key) {
      return { value: key, label: text(key) };
    });
  }

  App.prototype.drawChoices = function (focus) {
    const self = this;
    const t = this.t;
    const state = this.state;
    const data = this.data;
    const segments = function (key, legend, list) {
      const set = Wangge.choice("wg-" + key, legend, list, state[key], function (value) {
        self.chose(key, value, ["wg-" + key, value]);
      });
      return set;
    };
    if (!this.travels() && ["delivery", "together"].includes(state.method)) {
      state.method = "walking";
    }
    const methods = ["walking", "straight"].concat(this.travels() ? ["delivery", "together"] : []);
    const services = data.week.services.map(function (label, i) {
      return { value: i, label: label };
    });
    const parts = [
      Wangge.menu("wg-service", t.service, services, state.service, function (value) {
        self.chose("service", value, "wg-service");
      }),
      segments("method", t.method, options(methods, (key) => t["method_" + key])),
    ];
    parts[0].classList.add("wg-wide");
    if (state.method !== "delivery") {
      parts.push(...this.limitChoices(segments));
    }
    parts.push(
      this.viewMenu(),
      this.metricMenu()
    );
    this.settingsBox.replaceChildren(...parts);
    if (typeof focus === "string") {
      document.getElementById(focus).focus();
    } else if (focus) {
      this.settingsBox.querySelector("input[name='" + focus[0] + "'][value='" + focus[1] + "']").focus();
    }
  };

  App.prototype.limitChoices = function (segments) {
    const self = this;
    const t = this.t;
    const state = this.state;
    const choices = this.data.choices;
    const parts = [];
    if (state.method !== "straight") {
      parts.push(segments("unit", t.unit, options(["m", "min"], (key) => t["unit_" + key])));
    }
    const minutes = state.unit === "min" && state.method !== "straight";
    if (minutes) {
      parts.push(
        segments("min", t.within, options(choices.minutes, (n) => fill(t.minutes_value, { n: n }))),
        segments("speed", t.speed, options(Object.keys(choices.speeds), (key) => t["speed_" + key]))
      );
    } else {
      parts.push(
        segments("m", t.within, options(choices.thresholds, (n) => fill(t.metres, { n: self.number(n) })))
      );
    }
    return parts;
  };

  App.prototype.viewMenu = function () {
    const self = this;
    const t = this.t;
    const views = ["reach", "minutes", "station"].concat(
      this.data.access[this.state.service] ? ["access"] : []
    );
    if (!views.includes(this.state.view)) {
      this.state.view = "reach";
    }
    const list = views.map(function (key, i) {
      return { value: i, label: t["view_" + key] };
    });
    return Wangge.menu("wg-view", t.view, list, views.indexOf(this.state.view), function (i) {
      self.choseView(views[i]);
    });
  };

  /* Colours of coverage under buildings of another meaning would be read together. */
  App.prototype.choseView = function (view) {
    const metric = this.state.metric;
    if (view !== "reach" && metric === "coverage") {
      this.state.metric = "none";
    } else if (view === "reach" && metric === "none") {
      this.state.metric = "coverage";
    }
    this.chose("view", view, "wg-view");
  };

  /* Grids, or communities, are coloured by coverage, by size, or by an indicator. */
  App.prototype.metricMenu = function () {
    const self = this;
    const t = this.t;
    const list = Wangge.METRICS.map(function (key) {
      return { key: key, label: t["metric_" + key] };
    });
    this.data.indicators.forEach(function (each, k) {
      if (each.grids) {
        list.push({ key: "grids:" + k, label: each.label + " · " + t.level_grids });
      }
      list.push({ key: "communities:" + k, label: each.label + " · " + t.level_communities });
    });
    const numbered = list.map(function (item, i) {
      return { value: i, label: item.label };
    });
    const chosen = list.findIndex(function (item) {
      return item.key === self.state.metric;
    });
    return Wangge.menu("wg-metric", t.colour_by, numbered, chosen, function (i) {
      self.chose("metric", list[i].key, "wg-metric");
    });
  };

  /* ---- buildings ----------------------------------------------------------------------------- */

  /* Colours by rank (0: nobody lives there), and the rank of each building. */
  App.prototype.houseView = function () {
    const self = this;
    const data = this.data;
    const homes = data.buildings.households;
    const lived = function (rank) {
      return function (i) {
        return homes[i] ? rank(i) : 0;
      };
    };
    const view = this.state.view;
    if (view === "minutes") {
      const classes = data.classes.minutes;
      return {
        colours: [NOBODY].concat(classes.colours, [UNREACHED]),
        rank: lived(function (i) {
          const minutes = self.walkMinutes(i);
          return 1 + (minutes === null ? classes.colours.length : Wangge.classOf(classes, minutes));
        }),
      };
    }
    if (view === "station") {
      const table = this.rows[this.state.method === "straight" ? "straightStation" : "walkingStation"];
      const nearest = table.get(this.set());
      return {
        colours: [NOBODY].concat(data.colours.stations, [UNREACHED]),
        rank: lived(function (i) {
          const station = data.stations[nearest[i]];
          return 1 + (station ? station.colour : data.colours.stations.length);
        }),
      };
    }
    if (view === "access") {
      const access = data.access[this.state.service];
      return {
        colours: [NOBODY].concat(access.colours),
        rank: lived(function (i) {
          return Number.isNaN(access.values[i]) ? 0 : 1 + Wangge.classOf(access, access.values[i]);
        }),
      };
    }
    const colours = data.colours.building;
    const reaches = this.reaches();
    return {
      colours: [colours.empty, colours.covered, colours.uncovered],
      rank: lived(function (i) {
        return reaches(i) ? 1 : 2;
      }),
    };
  };

  App.prototype.buildings = function () {
    const self = this;
    const b = this.data.buildings;
    this.houseLook = this.houseView();
    const options = {
      pane: "buildings",
      styles: function (zoom) {
        return self.houseLook.colours.map(function (colour) {
          return {
            fill: colour,
            strokes: zoom >= 15.5 ? [{ colour: EDGE, width: zoom >= 17 ? 0.8 : 0.5 }] : [],
          };
        });
      },
      styleOf: function (i) {
        return self.houseLook.rank(i);
      },
    };
    this.houses = b.tiles
      ? new Wangge.TiledLayer(this.data, options)
      : new Wangge.PackedLayer(Wangge.shapes(b.shapes, b.count, this.data.origin), options);
    this.layers.buildings.addLayer(this.houses);
  };

  App.prototype.buildingLegends = function () {
    const own = this.viewLegends();
    const streets = this.layers.ways && this.map.hasLayer(this.layers.ways);
    if (streets && this.state.view !== "minutes") {
      own.push(this.minuteLegend(this.t.legend_ways));
    }
    const chosen = this.indicator();
    if (chosen && chosen.item.target !== null) {
      const lines = [make("p", { class: "wg-note" }, fill(this.t.target_line, {
        target: this.indicatorText(chosen.item, chosen.item.target),
      }))];
      if (chosen.item.source) {
        lines.push(make("p", { class: "wg-note" }, fill(this.t.target_source, chosen.item)));
      }
      own.unshift(make("div", null, ...lines));
    }
    return own;
  };

  App.prototype.minuteLegend = function (heading, more) {
    const classes = this.data.classes.minutes;
    const rows = classes.colours.map(function (colour, k) {
      return [Wangge.swatch(colour), classes.labels[k]];
    });
    return Wangge.legendList(heading, rows.concat(more || []));
  };

  App.prototype.indicatorText = function (item, value) {
    if (value === null) {
      return "–";
    }
    return item.unit === "share" ? this.percent(value) : this.number(value);
  };

  /* Indicators of an area with their targets, below what its pop-up says anyway. */
  App.prototype.indicatorTable = function (level, i) {
    const t = this.t;
    const rows = this.data.indicators
      .filter((item) => item[level])
      .map((item) => {
        const value = item[level][i];
        const short = value !== null && item.target !== null &&
          (item.higher ? value < item.target : value > item.target);
        const note = level === "communities" ? item.notes[i] : "";
        return make("tr", null,
          make("th", { scope: "row" }, item.label, note ? make("small", null, note) : ""),
          make("td", { class: short ? "wg-short" : null }, this.indicatorText(item, value)),
          make("td", null, this.indicatorText(item, item.target)));
      });
    if (!rows.length) {
      return null;
    }
    const heads = [t.indicators, t.value, t.target].map((text) => make("th", { scope: "col" }, text));
    return make("table", { class: "wg-people" },
      make("thead", null, make("tr", null, ...heads)), make("tbody", null, ...rows));
  };

  ["grid", "community"].forEach(function (kind) {
    const popup = App.prototype[kind + "Popup"];
    App.prototype[kind + "Popup"] = function (i) {
      const section = popup.call(this, i);
      const table = this.indicatorTable(kind === "grid" ? "grids" : "communities", i);
      if (table) {
        section.append(table);
      }
      return section;
    };
  });

  App.prototype.viewLegends = function () {
    const t = this.t;
    const data = this.data;
    const nobody = [Wangge.swatch(NOBODY), t.no_households];
    const nowhere = [Wangge.swatch(UNREACHED), t.no_way];
    const rows = function (item) {
      return item.colours.map(function (colour, k) {
        return [Wangge.swatch(colour), item.labels[k]];
      });
    };
    const view = this.state.view;
    if (view === "minutes") {
      const heading = fill(t.legend_minutes, { speed: t["speed_" + this.state.speed] });
      return [this.minuteLegend(heading, [nowhere, nobody])];
    }
    if (view === "station") {
      const sample = make("span", { class: "wg-many" }, ...data.colours.stations.slice(0, 5).map(
        function (colour) { return Wangge.swatch(colour); }));
      return [Wangge.legendList(t.layer_buildings, [[sample, t.legend_station], nowhere, nobody])];
    }
    if (view === "access") {
      const heading = fill(t.legend_access, { service: data.week.services[this.state.service] });
      return [Wangge.legendList(heading, rows(data.access[this.state.service]).concat([nobody]))];
    }
    const colours = data.colours.building;
    const list = [
      [Wangge.swatch(colours.covered), t.covered],
      [Wangge.swatch(colours.uncovered), t.uncovered],
      nobody,
    ];
    if (this.gapsShown && this.gapsShown.length) {
      list.push([Wangge.swatch("#d55e00", "wg-hatched wg-gap"), t.gap]);
    }
    return [Wangge.legendList(t.layer_buildings, list)];
  };

  /* ---- areas --------------------------------------------------------------------------------- */

  App.prototype.indicator = function () {
    const parts = this.state.metric.split(":");
    return parts.length < 2
      ? null
      : { level: parts[0], item: this.data.indicators[Number(parts[1])] };
  };

  App.prototype.metricClasses = function () {
    const chosen = this.indicator();
    return chosen ? chosen.item.classes : this.data.classes[this.state.metric];
  };

  App.prototype.metricHeading = function () {
    const chosen = this.indicator();
    if (chosen) {
      return chosen.item.label;
    }
    return fill(this.t["legend_" + this.state.metric], { n: this.number(this.data.classes.target) });
  };

  const gridLook = App.prototype.gridLook;
  App.prototype.gridLook = function (i) {
    const chosen = this.indicator();
    if (!chosen) {
      return gridLook.call(this, i);
    }
    const edge = { color: "#3d4f63", weight: 1.2, opacity: 0.85 };
    // The value of a community colours its grids, so that buildings stay on top.
    const value = chosen.level === "grids"
      ? chosen.item.grids[i]
      : chosen.item.communities[this.data.grids.community[i]];
    return Object.assign(edge, this.indicatorFill(chosen.item, value));
  };

  /* Grids are drawn on a canvas: of two thousand elements a browser takes a second to move. */
  App.prototype.styleGrids = function () {
    const self = this;
    const grids = this.data.grids;
    const looks = new Map();
    const ranks = grids.code.map(function (_, i) {
      const look = self.gridLook(i);
      const key = look.fillColor + look.fillOpacity;
      if (!looks.has(key)) {
        looks.set(key, { rank: looks.size, fill: self.fillOf(look) });
      }
      return looks.get(key).rank;
    });
    const styles = Array.from(looks.values(), function (item) {
      return { fill: item.fill, strokes: [{ colour: "rgba(61,79,99,0.85)", width: 1.2 }] };
    });
    if (!this.ground) {
      const shapes = Wangge.shapes(this.data.blobs.get(grids.shapes), grids.code.length, this.data.origin);
      this.ground = new Wangge.PackedLayer(shapes, {
        pane: "grids",
        styles: () => this.groundStyles,
        styleOf: (i) => this.groundRanks[i],
      });
      this.layers.grids.addLayer(this.ground);
    }
    this.groundStyles = styles;
    this.groundRanks = ranks;
    this.ground.redraw();
  };

  App.prototype.gridAt = function (latlng) {
    const found = this.map.hasLayer(this.layers.grids) ? this.ground.at(latlng) : [];
    return found.length ? found[0] : null;
  };

  /* What a canvas fills with for a look of Leaflet's. */
  App.prototype.fillOf = function (look) {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    if (look.fillColor.startsWith("url(")) {
      canvas.width = canvas.height = 10;
      context.fillStyle = "rgba(227,223,214,0.75)";
      context.fillRect(0, 0, 10, 10);
      context.strokeStyle = "rgba(141,134,119,0.85)";
      context.lineWidth = 1.5;
      context.beginPath();
      for (let x = -10; x <= 20; x += 10) {
        context.moveTo(x, 10);
        context.lineTo(x + 10, 0);
      }
      context.stroke();
      return context.createPattern(canvas, "repeat");
    }
    const part = function (at) {
      return parseInt(look.fillColor.slice(at, at + 2), 16);
    };
    return "rgba(" + [part(1), part(3), part(5), look.fillOpacity].join(",") + ")";
  };

  App.prototype.indicatorFill = function (item, value) {
    return value === null
      ? { fillColor: "#e8e4db", fillOpacity: 0.5 }
      : { fillColor: item.classes.colours[Wangge.classOf(item.classes, value)], fillOpacity: 0.7 };
  };

  /* Areas of data.areas[name] that belong to what is chosen. */
  App.prototype.chosenAreas = function (name) {
    const set = this.set();
    const limit = this.limit();
    const state = this.state;
    return this.data.areas[name].filter(function (item) {
      if (item.set !== set) {
        return false;
      }
      if (name === "gaps") {
        return (
          item.method === state.method &&
          item.unit === limit[1] &&
          item.value === limit[2] &&
          (item.speed || null) === limit[3]
        );
      }
      return name !== "isochrones" || item.speed === state.speed;
    });
  };

  App.prototype.areaShape = function (item) {
    item.bytes = item.bytes || this.data.blobs.get(item.shape);
    return item.bytes;
  };

  App.prototype.drawGaps = function () {
    const self = this;
    const origin = this.data.origin;
    this.layers.gaps.clearLayers();
    this.gapsShown = this.chosenAreas("gaps");
    this.gapsShown.forEach(function (item) {
      item.layer = Wangge.gapArea(self.areaShape(item), origin);
      self.layers.gaps.addLayer(item.layer);
    });
    if (this.layers.isochrones) {
      this.drawIsochrones();
    }
    if (this.layers.catchments) {
      this.drawCatchments();
    }
  };

  App.prototype.drawIsochrones = function () {
    const self = this;
    const classes = this.data.classes.minutes;
    this.layers.isochrones.clearLayers();
    this.chosenAreas("isochrones")
      .sort(function (a, b) { return b.value - a.value; })
      .forEach(function (item) {
        const colour = classes.colours[Wangge.classOf(classes, item.value)];
        self.layers.isochrones.addLayer(
          L.polygon(Wangge.latLngs(self.areaShape(item), self.data.origin), {
            pane: "isochrones", interactive: false, color: colour, weight: 2, opacity: 0.95,
            fillColor: colour, fillOpacity: 0.16, fillRule: "evenodd",
          })
        );
      });
  };

  App.prototype.drawCatchments = function () {
    const self = this;
    const colours = this.data.colours.stations;
    this.layers.catchments.clearLayers();
    this.chosenAreas("catchments").forEach(function (item) {
      const colour = colours[self.data.stations[item.station].colour];
      self.layers.catchments.addLayer(
        L.polygon(Wangge.latLngs(self.areaShape(item), self.data.origin), {
          pane: "isochrones", interactive: false, color: "#1f2a35", weight: 1.4, opacity: 0.8,
          fillColor: colour, fillOpacity: 0.28, fillRule: "evenodd",
        })
      );
    });
  };

  /* ---- the whole page ------------------------------------------------------------------------ */

  const page = App.prototype.page;
  App.prototype.page = function () {
    page.call(this);
    this.map.getContainer().after(this.timeBar());
    document.body.classList.add("wg-timed");
    // The bar has its height before the map is fitted, or all would be drawn twice.
    this.drawTime();
  };

  const drawSummary = App.prototype.drawSummary;
  App.prototype.drawSummary = function () {
    drawSummary.call(this);
    this.summary.append(make("p", { class: "wg-said" }, this.saidChoice()));
    const falsely = this.falselyNear();
    if (falsely) {
      this.summary.append(make("p", { class: "wg-falsely" }, fill(this.t.falsely, {
        n: this.number(falsely),
      })));
    }
  };

  App.prototype.saidChoice = function () {
    const t = this.t;
    const state = this.state;
    const limit = this.limit();
    const parts = [this.data.week.services[state.service], t["method_" + state.method]];
    if (state.method !== "delivery") {
      parts.push(limit[1] === "m"
        ? fill(t.metres, { n: this.number(limit[2]) })
        : fill(t.minutes_value, { n: limit[2] }) + " (" + t["speed_" + limit[3]] + ")");
    }
    return parts.join(" · ");
  };

  /* Households within the same metres by straight line that are not on foot. */
  App.prototype.falselyNear = function () {
    if (this.state.method !== "walking" || this.limit()[1] !== "m") {
      return 0;
    }
    const metres = this.limit()[4];
    const walking = this.rows.walking.get(this.set());
    const straight = this.rows.straight.get(this.set());
    return this.data.buildings.households.reduce(function (sum, count, i) {
      return straight[i] <= metres && walking[i] > metres ? sum + count : sum;
    }, 0);
  };

  const refresh = App.prototype.refresh;
  App.prototype.refresh = function () {
    this.houseLook = this.houseView();
    this.drawTime();
    if (this.drawWays) {
      this.drawWays();
    }
    refresh.call(this);
  };
})();
