/* The walking map: what is chosen (service, hour, way, limit) and what follows for people. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const fill = Wangge.fill;
  const HOURS = (Wangge.HOURS = 168);
  const NOWHERE = (Wangge.NOWHERE = 65535);

  Wangge.startWalking = function (map, layers) {
    Wangge.openPage(map, function (data) {
      const app = new App(map, layers, data);
      app.build();
      return app;
    });
  };

  /* ---- the data ------------------------------------------------------------------------------ */

  App.prototype.read = function () {
    const data = this.data;
    const blobs = data.blobs;
    const b = data.buildings;
    const get = function (ref) {
      return ref && blobs.get(ref);
    };
    b.gridOf = get(b.grid);
    b.communityOf = get(b.community);
    ["shapes", "use", "name", "address", "code", "households", "residents", "estimated"]
      .concat(data.groups.slice(1))
      .forEach(function (name) {
        b[name] = get(b[name]);
      });
    b.floors = Array.from(get(b.floors), function (floors) {
      return floors < 0 ? null : floors;
    });
    data.base.forEach(function (item) {
      item.count = item.shapes.n;
      item.shapes = get(item.shapes);
    });
    data.week.hours = get(data.week.hours);
    data.week.pairs = get(data.week.pairs);
    data.stations.forEach(function (station, i) {
      station.i = i;
    });
    this.rows = {};
    Object.entries(data.reach).forEach(([name, items]) => {
      this.rows[name] = new Wangge.Rows(blobs, items);
    });
    if (data.delivery) {
      this.rows.delivered = new Wangge.Rows(blobs, data.delivery.station);
      this.rows.minutes = new Wangge.Rows(blobs, data.delivery.minutes);
    }
    Object.values(data.access).forEach(function (item) {
      item.values = get(item.values);
    });
    this.counted = {};
    this.state = {
      service: data.week.opens[0],
      hour: data.week.opens[1],
      method: "walking",
      unit: "m",
      m: data.choices.thresholds[Math.min(1, data.choices.thresholds.length - 1)],
      min: data.choices.minutes[data.choices.minutes.length - 1],
      speed: "adult",
      view: "reach",
      metric: Wangge.wantedMetric(window.location.hash),
      level: "communities",
      number: this.number,
    };
  };

  /* ---- what is chosen ------------------------------------------------------------------------ */

  App.prototype.at = function (hour) {
    return this.state.service * HOURS + (hour === undefined ? this.state.hour : hour);
  };
  App.prototype.set = function (hour) {
    return this.data.week.hours[this.at(hour)];
  };
  App.prototype.pair = function (hour) {
    return this.data.week.pairs[this.at(hour)];
  };
  App.prototype.scenario = function () {
    return this.set();
  };
  App.prototype.travels = function () {
    return this.data.week.travels[this.state.service];
  };

  /* Rank of the limit in data.choices.limits; delivery has none, and together means on foot. */
  App.prototype.limitRank = function () {
    const state = this.state;
    const method = state.method === "straight" ? "straight" : "walking";
    const unit = method === "straight" ? "m" : state.unit;
    return this.data.choices.limits.findIndex(function (limit) {
      return (
        limit[0] === method &&
        limit[1] === unit &&
        limit[2] === state[unit] &&
        (unit === "m" || limit[3] === state.speed)
      );
    });
  };
  App.prototype.limit = function () {
    return this.data.choices.limits[this.limitRank()];
  };

  /* ---- people -------------------------------------------------------------------------------- */

  App.prototype.counts = function (level, kind, row) {
    const key = level + kind + row;
    if (!this.counted[key]) {
      this.counted[key] = this.data.blobs.get(this.data.uncovered[level][kind][row]);
    }
    return this.counted[key];
  };

  App.prototype.uncovered = function (level, group, area, hour) {
    const item = this.data.uncovered[level];
    const groups = this.data.groups.length;
    const place = function (rank) {
      return (rank * groups + group) * item.areas + area;
    };
    const method = this.state.method;
    const pair = this.pair(hour);
    if (method === "delivery" && pair < 0) {
      return item.totals[group][area];
    }
    if (pair >= 0 && (method === "delivery" || method === "together")) {
      const rank = method === "delivery" ? 0 : 1 + this.limitRank() - this.data.choices.thresholds.length;
      return this.counts(level, "pairs", pair)[place(rank)];
    }
    return this.counts(level, "sets", this.set(hour))[place(this.limitRank())];
  };

  /* Share of households within reach in the whole scope at an hour of the week. */
  App.prototype.shareAt = function (hour) {
    const total = this.total("all", 0, 0);
    return total ? 1 - this.uncovered("all", 0, 0, hour) / total : 0;
  };

  /* ---- buildings ----------------------------------------------------------------------------- */

  /* Whether a building is within reach in the way that is chosen. */
  App.prototype.reaches = function () {
    const method = this.state.method;
    const set = this.set();
    const limit = this.limit();
    const straight = method === "straight";
    const metres = this.rows[straight ? "straight" : "walking"].get(set);
    const extra = limit[1] === "min" ? this.rows.extra.get(set) : null;
    const pair = this.pair();
    const row = pair >= 0 ? this.data.delivery.pairs[pair][1] : -1;
    const delivered = row >= 0 ? this.rows.delivered.get(row) : null;
    const walks = function (i) {
      return metres[i] !== NOWHERE && metres[i] + (extra ? extra[i] : 0) <= limit[4];
    };
    const comes = function (i) {
      return delivered !== null && delivered[i] >= 0;
    };
    if (method === "delivery") {
      return comes;
    }
    return method === "together"
      ? function (i) {
          return walks(i) || comes(i);
        }
      : walks;
  };

  /* 0 nobody lives here, 1 within reach, 2 out of reach. */
  App.prototype.houseState = function (i) {
    if (!this.data.buildings.households[i]) {
      return 0;
    }
    return this.reaches()(i) ? 1 : 2;
  };

  App.prototype.serves = function (station) {
    const set = this.set();
    if (this._servingOf !== set) {
      this._servingOf = set;
      this._serving = new Set(this.data.week.serving[set]);
    }
    return this._serving.has(station.i);
  };

  /* Minutes on foot of a building for a speed; null: no station can be reached. */
  App.prototype.walkMinutes = function (i, speed) {
    const metres = this.rows.walking.get(this.set())[i];
    if (metres === NOWHERE) {
      return null;
    }
    const level = metres + this.rows.extra.get(this.set())[i];
    return level / 60 / this.data.choices.speeds[speed || this.state.speed];
  };

  App.prototype.reachFacts = function (i) {
    const self = this;
    const t = this.t;
    const set = this.set();
    const metres = function (table) {
      const value = self.rows[table].get(set)[i];
      const station = self.data.stations[self.rows[table + "Station"].get(set)[i]];
      return value === NOWHERE || !station
        ? null
        : { n: value, text: fill(t.distance_value, { name: station.name, n: self.number(value) }) };
    };
    const walk = metres("walking");
    const air = metres("straight");
    const rounded = function (speed) {
      return self.number(Math.ceil(self.walkMinutes(i, speed)));
    };
    const rows = [
      [t.by_foot, walk ? walk.text : air ? t.no_way : t.no_station_open],
      [t.walk_minutes, walk ? fill(t.walk_minutes_value, {
        adult: rounded("adult"), elderly: rounded("elderly"), frail: rounded("frail"),
      }) : null],
      [t.by_air, air ? air.text : null],
      [t.detour, walk && air && air.n > 30 ? "× " + (walk.n / air.n).toFixed(1) : null],
    ];
    if (this.travels()) {
      const pair = this.pair();
      const row = pair >= 0 ? this.data.delivery.pairs[pair][1] : -1;
      const from = row >= 0 ? this.data.stations[this.rows.delivered.get(row)[i]] : null;
      rows.push([t.delivered_from, from
        ? fill(t.delivered_value, { name: from.name, n: this.number(this.rows.minutes.get(row)[i]) })
        : t.not_delivered]);
    }
    const access = this.data.access[this.state.service];
    if (access && !Number.isNaN(access.values[i])) {
      rows.push([t.accessibility, fill(t.accessibility_value, {
        n: this.number(Number(access.values[i].toPrecision(3))),
      })]);
    }
    return rows;
  };

  App.prototype.measured = function () {
    return this.t.walking_note;
  };
})();
