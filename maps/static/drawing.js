/* What the map draws once: roads and water, buildings, stations, names. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const FONT = (Wangge.FONT =
    '"Noto Sans SC","PingFang SC","Microsoft YaHei","WenQuanYi Micro Hei",sans-serif');
  Wangge.TIERS = {
    hub: { size: 30, path: "M15 2l3.8 8.2 9 1-6.7 6.1 1.9 8.8-8-4.5-8 4.5 1.9-8.8L2.2 11.200l9-1z" },
    center: { size: 26, path: "M13 2l11 8-4.200 13H6.200L2 10z" },
    community: { size: 22, path: "M11 2a9 9 0 1 0 .01 0z" },
    quarter: { size: 18, path: "M3 3h12v12H3z" },
    partner: { size: 20, path: "M10 2l8 8-8 8-8-8z" },
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
    this.houses = new Wangge.PackedLayer(Wangge.shapes(b.shapes, b.count, this.data.origin), {
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
    const form = Wangge.TIERS[station.tier];
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
    const order = Object.keys(Wangge.TIERS);
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
})();
