/* Search, clicks and pop-ups. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const NO_DISTANCE = 65535;

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
      const open = self.showBuilding.bind(self, i);
      add(b.name[i] || b.address[i], t.building, open);
      add(b.code && b.code[i], t.building, open);
    }
    return list;
  };

  App.prototype.showBuilding = function (i) {
    const at = this.houses.center(i);
    this.show(i, at);
    this.popup(at, this.buildingPopup(i));
    this.picked(i);
  };

  App.prototype.show = function (i, at) {
    this.map.setView(at, 18, { animate: false });
  };

  /* A building was chosen; and what else lies under a click. A page may do more. */
  App.prototype.picked = function () {};
  App.prototype.under = function () {
    return [];
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
    // Beside the controls where there is room beside them.
    const right = this.map.getSize().x > 600 ? 64 : 12;
    L.popup({
      maxWidth: 320,
      minWidth: 200,
      autoPanPaddingTopLeft: [12, 12],
      autoPanPaddingBottomRight: [right, 12],
    })
      .setLatLng(at)
      .setContent(content)
      .openOn(this.map);
  };

  /* One click answers for everything under it, so that no layer hides another's facts. */
  App.prototype.clicked = function (event) {
    const found = this.map.hasLayer(this.layers.buildings) ? this.houses.at(event.latlng) : [];
    const house = found.length ? found[found.length - 1] : null;
    const parts = house === null ? [] : [this.buildingPopup(house)];
    parts.push(...this.under(event.latlng));
    const cell = this.hit(this.layers.density, event.latlng);
    if (cell) {
      parts.push(
        Wangge.facts([[this.t.incidents_here, this.number(cell.feature.properties.n)]])
      );
    }
    const grid = this.gridAt(event.latlng);
    const community = this.hit(this.layers.communities, event.latlng);
    if (grid !== null) {
      parts.push(this.gridPopup(grid));
    } else if (community) {
      parts.push(this.communityPopup(community.feature.properties.i));
    }
    if (parts.length) {
      this.popup(event.latlng, make("div", null, ...parts));
      if (house !== null) {
        this.picked(house);
      }
    }
  };

  /* The grid under a point; null: none, or they are not shown. */
  App.prototype.gridAt = function (latlng) {
    const found = this.hit(this.layers.grids, latlng);
    return found ? found.feature.properties.i : null;
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
        [t.residents, this.count(grids.residents[i])],
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
          [t.code, b.code && b.code[i]],
          [t.use, b.uses[b.use[i]]],
          [t.floors, b.floors[i]],
          [t.grid, grid >= 0 ? this.data.grids.code[grid] : null],
          [t.households, this.number(b.households[i])],
          [t.residents, this.count(b.residents[i])],
        ]
          .concat(groups)
          .concat(this.reachFacts(i))
      ),
      b.estimated[i] ? make("p", { class: "wg-note" }, t.estimated) : null
    );
  };

  App.prototype.reachFacts = function (i) {
    return [[this.t.distance, this.distanceText(i)]];
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
