/* The walking network: the way of a building that was clicked, and streets by minutes. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const ENDS = 128;
  const NO_WAY = 255;

  /* The network of maps/walking_ways.py; lengths are tenths of a metre, costs those of level ground. */
  function Ways(blobs, data, origin) {
    const get = function (ref) {
      return blobs.get(ref);
    };
    this.data = data;
    this.origin = origin;
    this.from = get(data.from);
    this.to = get(data.to);
    this.length = get(data.length);
    this.cost = get(data.extra).map((extra, e) => extra + this.length[e]);
    this.trees = new Wangge.Rows(blobs, data.trees, "codes");
    this.lines = Wangge.unpack(get(data.lines), data.edges, origin).map(function (rings) {
      return rings[0];
    });
    this.houses = places(data.buildings);
    this.stations = places(data.stations);
    this.costs = {};
    this.atNodes();

    function places(item) {
      return { edge: get(item.edge), along: get(item.along), access: get(item.access) };
    }
  }

  /* Edges at each node by their number, a ring twice: what the codes of the trees count. */
  Ways.prototype.atNodes = function () {
    const n = this.data.nodes;
    const m = this.data.edges;
    const first = new Int32Array(n + 1);
    for (let e = 0; e < m; e += 1) {
      first[this.from[e] + 1] += 1;
      first[this.to[e] + 1] += 1;
    }
    for (let i = 0; i < n; i += 1) {
      first[i + 1] += first[i];
    }
    const next = first.slice(0, n);
    const edges = new Int32Array(2 * m);
    for (let e = 0; e < m; e += 1) {
      edges[next[this.from[e]]++] = e;
      edges[next[this.to[e]]++] = e;
    }
    this.first = first;
    this.edges = edges;
  };

  Ways.prototype.other = function (edge, node) {
    return this.from[edge] === node ? this.to[edge] : this.from[edge];
  };

  /* How far it is from the `from` end of an edge, as a cost. */
  Ways.prototype.part = function (edge, tenths) {
    return this.length[edge] ? (tenths / this.length[edge]) * this.cost[edge] : 0;
  };

  /* The station on an edge that is nearest from one of its ends; null: none serves there. */
  Ways.prototype.ending = function (edge, node, serving) {
    let best = null;
    this.stations.edge.forEach((at, station) => {
      if (at !== edge || !serving.has(station)) {
        return;
      }
      const along = this.stations.along[station];
      const options = [];
      if (this.from[edge] === node) {
        options.push(along);
      }
      if (this.to[edge] === node) {
        options.push(this.length[edge] - along);
      }
      const tenths = Math.min(...options);
      const cost = this.part(edge, tenths) + this.stations.access[station];
      if (!best || cost < best.cost) {
        best = { station: station, cost: cost, tenths: tenths };
      }
    });
    return best;
  };

  /* From a node to its station: the edges in order, where it ends, metres and cost in tenths. */
  Ways.prototype.follow = function (node, set, serving) {
    const codes = this.trees.get(set);
    const steps = [];
    let cost = 0;
    let length = 0;
    let at = node;
    for (let guard = 0; guard <= this.data.nodes; guard += 1) {
      const code = codes[at];
      if (code === NO_WAY) {
        return null;
      }
      const edge = this.edges[this.first[at] + (code % ENDS)];
      if (code >= ENDS) {
        const end = this.ending(edge, at, serving);
        if (!end) {
          return null;
        }
        const access = this.stations.access[end.station];
        return {
          steps: steps, last: edge, node: at, station: end.station,
          cost: cost + end.cost, length: length + end.tenths + access,
        };
      }
      steps.push([edge, at]);
      cost += this.cost[edge];
      length += this.length[edge];
      at = this.other(edge, at);
    }
    return null;
  };

  /* The way of a building: the cheapest of both ends of its edge and of a station on the edge itself. */
  Ways.prototype.way = function (i, set, serving) {
    const edge = this.houses.edge[i];
    if (edge < 0) {
      return null;
    }
    const along = this.houses.along[i];
    const access = this.houses.access[i];
    let best = null;
    const offer = function (way) {
      if (way && (!best || way.cost < best.cost)) {
        best = way;
      }
    };
    [[this.from[edge], along], [this.to[edge], this.length[edge] - along]].forEach(([node, tenths]) => {
      const rest = this.follow(node, set, serving);
      if (rest) {
        rest.cost += this.part(edge, tenths) + access;
        rest.length += tenths + access;
        rest.begin = [edge, along, node === this.from[edge] ? 0 : this.length[edge]];
        offer(rest);
      }
    });
    this.stations.edge.forEach((at, station) => {
      if (at === edge && serving.has(station)) {
        const tenths = Math.abs(this.stations.along[station] - along);
        const legs = this.stations.access[station] + access;
        offer({
          direct: [edge, along, this.stations.along[station]], station: station,
          cost: this.part(edge, tenths) + legs, length: tenths + legs,
        });
      }
    });
    return best;
  };

  /* Points of an edge between two places on it, in tenths from its beginning, as [lat, lon]. */
  Ways.prototype.points = function (edge, begin, end) {
    const line = this.lines[edge];
    const whole = this.length[edge] || 1;
    const lengths = [0];
    const shrink = Math.cos((line[1] * Math.PI) / 180);
    for (let k = 2; k < line.length; k += 2) {
      const x = (line[k] - line[k - 2]) * shrink;
      lengths.push(lengths[lengths.length - 1] + Math.hypot(x, line[k + 1] - line[k - 1]));
    }
    const total = lengths[lengths.length - 1] || 1;
    const at = function (tenths) {
      const want = (tenths / whole) * total;
      let k = 1;
      while (k < lengths.length - 1 && lengths[k] < want) {
        k += 1;
      }
      const span = lengths[k] - lengths[k - 1] || 1;
      const part = Math.max(0, Math.min(1, (want - lengths[k - 1]) / span));
      return [
        line[2 * k - 1] + part * (line[2 * k + 1] - line[2 * k - 1]),
        line[2 * k - 2] + part * (line[2 * k] - line[2 * k - 2]),
      ];
    };
    const low = (Math.min(begin, end) / whole) * total;
    const high = (Math.max(begin, end) / whole) * total;
    const inner = [];
    lengths.forEach(function (value, k) {
      if (value > low && value < high) {
        inner.push([line[2 * k + 1], line[2 * k]]);
      }
    });
    if (begin > end) {
      inner.reverse();
    }
    return [at(begin)].concat(inner, [at(end)]);
  };

  /* A way as points from the edge beside the building to the edge beside the station. */
  Ways.prototype.drawn = function (way) {
    if (way.direct) {
      return this.points(...way.direct);
    }
    const out = this.points(...way.begin);
    way.steps.forEach(([edge, node]) => {
      const whole = this.length[edge];
      const forward = this.from[edge] === node;
      out.push(...this.points(edge, forward ? 0 : whole, forward ? whole : 0));
    });
    const along = this.stations.along[way.station];
    const start = this.from[way.last] === way.node ? 0 : this.length[way.last];
    return out.concat(this.points(way.last, start, along));
  };

  /* Cost of each node to its station in tenths, Infinity where there is none. */
  Ways.prototype.nodeCosts = function (set, serving) {
    if (this.costs[set]) {
      return this.costs[set];
    }
    const codes = this.trees.get(set);
    const out = new Float64Array(this.data.nodes).fill(-1);
    const stack = [];
    for (let begin = 0; begin < out.length; begin += 1) {
      let at = begin;
      while (out[at] < 0) {
        const code = codes[at];
        const edge = code === NO_WAY ? -1 : this.edges[this.first[at] + (code % ENDS)];
        if (edge < 0) {
          out[at] = Infinity;
        } else if (code >= ENDS) {
          const end = this.ending(edge, at, serving);
          out[at] = end ? end.cost : Infinity;
        } else {
          stack.push([at, edge]);
          at = this.other(edge, at);
        }
      }
      while (stack.length) {
        const [node, edge] = stack.pop();
        out[node] = out[this.other(edge, node)] + this.cost[edge];
      }
    }
    this.costs[set] = out;
    return out;
  };

  /* ---- on the map ---------------------------------------------------------------------------- */

  App.prototype.network = function () {
    if (!this._ways && this.data.ways) {
      this._ways = new Ways(this.data.blobs, this.data.ways, this.data.origin);
    }
    return this._ways;
  };

  App.prototype.wayOf = function (i) {
    const ways = this.network();
    this.serves({ i: -1 });
    return ways ? ways.way(i, this.set(), this._serving) : null;
  };

  /* A building that was searched for is shown with its whole way. */
  App.prototype.show = function (i, at) {
    const way = this.wayOf(i);
    const points = way ? this.network().drawn(way) : [];
    this.map.fitBounds(L.latLngBounds(points.concat([at])), {
      maxZoom: 18, padding: [40, 40], animate: false,
    });
  };

  App.prototype.picked = function (i) {
    const way = this.wayOf(i);
    if (this.pathLayer) {
      this.pathLayer.remove();
    }
    if (!way) {
      return;
    }
    const station = this.data.stations[way.station];
    const house = this.houses.center(i);
    const points = this.network().drawn(way);
    const line = function (latlngs, look) {
      return L.polyline(latlngs, Object.assign({ pane: "path", interactive: false }, look));
    };
    const leg = { color: "#6d28d9", weight: 3, dashArray: "2 6", opacity: 0.95 };
    this.pathLayer = L.featureGroup([
      line(points, { color: "#ffffff", weight: 8, opacity: 0.9 }),
      line(points, { color: "#6d28d9", weight: 4.5, opacity: 1 }),
      line([[house.lat, house.lng], points[0]], leg),
      line([points[points.length - 1], station.at], leg),
    ]).addTo(this.map);
    this.map.once("popupclose", () => this.pathLayer.remove());
  };

  App.prototype.under = function (latlng) {
    const shown = this.layers.gaps && this.map.hasLayer(this.layers.gaps) ? this.gapsShown || [] : [];
    return shown
      .filter((item) => item.people && item.layer.getBounds().contains(latlng) && holds(item, latlng))
      .map((item) => {
        const rows = this.data.groups.map((name, k) => [
          this.t[name], item.people[k] ? this.count(item.people[k]) : null,
        ]);
        return Wangge.make("section", null, Wangge.make("h2", null, this.t.gap_people), Wangge.facts(rows));
      });
  };

  function holds(item, latlng) {
    return item.layer.getLatLngs().reduce(function (odd, points) {
      let inside = false;
      for (let k = 0, p = points.length - 1; k < points.length; p = k, k += 1) {
        const a = points[k];
        const b = points[p];
        if (
          a.lat > latlng.lat !== b.lat > latlng.lat &&
          latlng.lng < ((b.lng - a.lng) * (latlng.lat - a.lat)) / (b.lat - a.lat) + a.lng
        ) {
          inside = !inside;
        }
      }
      return inside ? !odd : odd;
    }, false);
  }

  /* Streets in the colours of minutes on foot, for the speed that is chosen. */
  App.prototype.drawWays = function () {
    const self = this;
    if (!this.layers.ways || !this.map.hasLayer(this.layers.ways)) {
      return;
    }
    const ways = this.network();
    this.serves({ i: -1 });
    const costs = ways.nodeCosts(this.set(), this._serving);
    const classes = this.data.classes.minutes;
    const metresPerMinute = 60 * this.data.choices.speeds[this.state.speed];
    this.wayRank = function (e) {
      const cost = Math.min(costs[ways.from[e]], costs[ways.to[e]]) + ways.cost[e] / 2;
      return Number.isFinite(cost) ? Wangge.classOf(classes, cost / 10 / metresPerMinute) : -1;
    };
    if (!this.streets) {
      this.streets = new Wangge.PackedLayer(ways.lines.map((line) => [line]), {
        pane: "streets",
        styleOf: (e) => self.wayRank(e),
        styles: function (zoom) {
          return classes.colours.map(function (colour) {
            return { strokes: [{ colour: colour, width: Math.max(2, 2 + (zoom - 14)) }] };
          });
        },
      });
      this.layers.ways.addLayer(this.streets);
    } else {
      this.streets.redraw();
    }
  };

  const build = App.prototype.build;
  App.prototype.build = function () {
    build.call(this);
    this.map.on("overlayadd", function () {
      this.drawWays();
    }, this);
    this.hover();
  };

  /* The building under the pointer is outlined, and told in one line. */
  App.prototype.hover = function () {
    const self = this;
    const tip = L.tooltip({ className: "wg-tip", direction: "top", offset: [0, -8] });
    let last = -1;
    let waiting = 0;
    const show = function (event) {
      waiting = 0;
      const shown = self.map.hasLayer(self.layers.buildings) && self.map.getZoom() >= 15;
      const found = shown ? self.houses.at(event.latlng) : [];
      const i = found.length ? found[found.length - 1] : -1;
      if (i < 0) {
        tip.remove();
      } else {
        tip.setLatLng(event.latlng);
        if (i !== last) {
          tip.setContent(self.hoverText(i));
        }
        tip.addTo(self.map);
      }
      last = i;
    };
    this.map.on("mousemove", function (event) {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(function () {
        show(event);
      });
    });
    this.map.on("mouseout", function () {
      cancelAnimationFrame(waiting);
      tip.remove();
      last = -1;
    });
  };

  App.prototype.hoverText = function (i) {
    const b = this.data.buildings;
    const t = this.t;
    const state = [t.no_households, t.covered, t.uncovered][this.houseState(i)];
    const name = b.name[i] || b.address[i] || (b.code && b.code[i]) || t.building;
    const walk = this.reachFacts(i)[0][1];
    return Wangge.make("div", null,
      Wangge.make("b", null, name),
      Wangge.make("span", null, state + " · " + walk));
  };
})();
