/* A proposed siting: today at the left, the proposal at the right, both maps moving together. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const NOWHERE = 65535;
  const NEWLY = "#1f9bd8";
  const LOST = "#7a1f5c";

  Wangge.startSiting = function (map) {
    Wangge.openPage(map, function (data) {
      const page = new Page(map, data);
      page.build();
      return page;
    });
  };

  /* One of the two maps, drawn by the coverage map's own means. */
  function Side(page, map, after) {
    Object.assign(this, {
      page: page, map: map, after: after, data: page.data, t: page.t,
      number: page.number, percent: page.percent, count: App.prototype.count,
    });
    this.layers = {};
    ["base", "grids", "buildings", "stations", "labels"].forEach((name) => {
      this.layers[name] = L.layerGroup().addTo(map);
    });
  }
  Side.prototype = Object.create(App.prototype);
  Side.prototype.serves = function () {
    return true;
  };

  Side.prototype.build = function () {
    const page = this.page;
    this.base();
    this.layers.grids.addLayer(new Wangge.PackedLayer(page.gridShapes, {
      pane: "grids",
      styles: () => [{ strokes: [{ colour: "rgba(61,79,99,0.7)", width: 1.1 }] }],
    }));
    const colours = this.data.colours.building;
    const looks = [colours.empty, colours.covered, colours.uncovered, NEWLY, LOST];
    this.houses = new Wangge.PackedLayer(page.houseShapes, {
      pane: "buildings",
      styleOf: (i) => page.state(i, this.after),
      styles: (zoom) => looks.map((colour) => ({
        fill: colour,
        strokes: zoom >= 15.5 ? [{ colour: "rgba(30,36,42,0.6)", width: 0.6 }] : [],
      })),
    });
    this.layers.buildings.addLayer(this.houses);
    this.stations();
    this.labels();
    if (this.after) {
      this.places();
    }
    this.map.on("click", this.clicked, this);
  };

  Side.prototype.clicked = function (event) {
    const found = this.houses.at(event.latlng);
    if (found.length) {
      L.popup({ maxWidth: 300, autoPanPadding: [12, 12] })
        .setLatLng(event.latlng)
        .setContent(this.page.housePopup(found[found.length - 1]))
        .openOn(this.map);
    }
  };

  /* Chosen places carry a number; candidates that an exchange would take are small and open. */
  Side.prototype.places = function () {
    this.data.candidates.forEach((place) => {
      const text = this.page.placeName(place);
      const marker = L.marker(place.at, {
        icon: L.divIcon({
          className: "ws-place " + (place.chosen ? "ws-chosen" : "ws-candidate"),
          html: make("span", null, place.chosen ? String(place.rank) : ""),
          iconSize: place.chosen ? [30, 30] : [24, 24],
        }),
        title: text, alt: text, zIndexOffset: place.chosen ? 9000 : 0,
      });
      marker.bindPopup(() => make("section", null,
        make("h2", null, text),
        place.chosen
          ? make("p", null, fill(this.t.brings, { n: this.number(place.brings) }))
          : make("p", null, this.t.candidate)), { maxWidth: 280 });
      marker.on("add", () => marker.getElement().setAttribute("aria-label",
        place.chosen ? place.rank + " " + text : text));
      this.layers.stations.addLayer(marker);
      place.marker = marker;
    });
  };

  /* ---- the page ------------------------------------------------------------------------------ */

  function Page(map, data) {
    const format = new Intl.NumberFormat(data.language, { maximumFractionDigits: 1 });
    const percent = new Intl.NumberFormat(data.language, {
      style: "percent", maximumFractionDigits: 1,
    });
    this.first = map;
    this.data = data;
    this.t = data.texts;
    this.number = (value) => format.format(value).replace("-", "−");
    this.percent = (value) => percent.format(value);
  }

  Page.prototype.build = function () {
    this.read();
    this.frame();
    const options = {
      zoomControl: false, minZoom: this.first.getMinZoom(), maxZoom: this.first.getMaxZoom(),
      zoomSnap: this.first.options.zoomSnap,
    };
    this.second = L.map(this.afterBox, options);
    Object.entries(this.data.panes).forEach(([name, z]) => {
      const pane = this.second.createPane(name);
      pane.style.zIndex = z;
      pane.style.pointerEvents = "none";
    });
    this.maps = [this.first, this.second];
    this.maps.forEach((map) => {
      map.invalidateSize({ animate: false });
      map.attributionControl.setPrefix(false);
      map.fitBounds(this.data.bounds, { padding: [14, 14], animate: false });
      map.on("popupopen", (event) => this.namePopup(event.popup.getElement()));
    });
    const note = make("span", null, this.data.head.attribution);
    this.second.attributionControl.addAttribution(note.innerHTML);
    L.control.zoom({
      position: "topright", zoomInTitle: this.t.zoom_in, zoomOutTitle: this.t.zoom_out,
    }).addTo(this.second);
    L.control.scale({ position: "bottomright", imperial: false }).addTo(this.second);
    this.sides = this.maps.map((map, k) => new Side(this, map, k === 1));
    this.sides.forEach((side) => side.build());
    this.together();
    new ResizeObserver(() => this.maps.forEach((map) => map.invalidateSize({ animate: false })))
      .observe(this.afterBox);
  };

  Page.prototype.read = function () {
    const data = this.data;
    const b = data.buildings;
    this.houseShapes = Wangge.shapes(data.blobs.get(b.shapes), b.count, data.origin);
    this.gridShapes = Wangge.shapes(data.blobs.get(data.grids.shapes), data.grids.code.length, data.origin);
    ["name", "address", "households", "grid", "before", "after", "beforeStation", "afterStation"]
      .forEach((name) => { b[name] = data.blobs.get(b[name]); });
    data.base.forEach((item) => {
      item.count = item.shapes.n;
      item.shapes = data.blobs.get(item.shapes);
    });
    let rank = 0;
    data.candidates.forEach((place) => {
      place.rank = place.chosen ? (rank += 1) : 0;
    });
  };

  /* The second map follows the first and the first the second, without answering each other. */
  Page.prototype.together = function () {
    let moving = false;
    this.maps.forEach((map, k) => {
      const other = this.maps[1 - k];
      map.on("move zoomend", () => {
        if (!moving) {
          moving = true;
          other.setView(map.getCenter(), map.getZoom(), { animate: false });
          moving = false;
        }
      });
    });
    this.second.setView(this.first.getCenter(), this.first.getZoom(), { animate: false });
  };

  Page.prototype.namePopup = function (node) {
    node.querySelectorAll(".leaflet-popup-close-button").forEach((button) => {
      button.setAttribute("aria-label", this.t.close);
      button.title = this.t.close;
    });
  };

  /* 0 nobody, 1 within reach, 2 out of reach, 3 newly within reach, 4 no longer. */
  Page.prototype.state = function (i, after) {
    const b = this.data.buildings;
    const limit = this.data.limit[4];
    if (!b.households[i]) {
      return 0;
    }
    const was = b.before[i] <= limit;
    const becomes = b.after[i] <= limit;
    if (!after) {
      return was ? 1 : 2;
    }
    return becomes ? (was ? 1 : 3) : was ? 4 : 2;
  };

  Page.prototype.stationName = function (row) {
    const stations = this.data.stations;
    if (row < stations.length) {
      return stations[row].name;
    }
    const place = this.data.candidates.find((item) => item.row === row - stations.length);
    return place ? this.placeName(place) : "";
  };

  Page.prototype.placeName = function (place) {
    const n = place.rank || place.row + 1;
    const number = fill(this.t.candidate_number, { n: n });
    return place.name ? place.name : place.chosen ? number : this.t.candidate + " " + n;
  };

  Page.prototype.housePopup = function (i) {
    const t = this.t;
    const b = this.data.buildings;
    const states = [t.no_households, t.covered, t.uncovered, t.newly, t.lost];
    const said = (metres, station) => metres === NOWHERE || station < 0
      ? t.nobody_near
      : fill(t.distance_value, { name: this.stationName(station), n: this.number(metres) });
    return make("section", null,
      make("h2", null, b.name[i] || b.address[i] || t.building),
      make("p", { class: "wg-state" }, states[this.state(i, true)]),
      Wangge.facts([
        [t.households, this.number(b.households[i])],
        [t.grid, b.grid[i] >= 0 ? this.data.grids.code[b.grid[i]] : null],
        [t.was, said(b.before[i], b.beforeStation[i])],
        [t.becomes, said(b.after[i], b.afterStation[i])],
      ]));
  };

  /* ---- around the maps ----------------------------------------------------------------------- */

  Page.prototype.frame = function () {
    const t = this.t;
    const head = this.data.head;
    const main = this.first.getContainer();
    const badge = { all: t.synthetic, matters: t.synthetic_matters }[head.synthetic];
    this.afterBox = make("section", { class: "ws-after folium-map", "aria-label": t.after_map });
    main.classList.add("ws-before");
    main.setAttribute("aria-label", t.before_map);
    const toggle = make("button", {
      type: "button", class: "wg-toggle", "aria-expanded": "false", "aria-controls": "wg-body",
    }, t.show_details);
    const panel = make("aside", { class: "wg-panel", "aria-label": t.panel },
      this.summary(), toggle,
      make("div", { class: "wg-body", id: "wg-body" },
        this.peopleTable(), this.proof(), this.chosenList(), this.exchangeTable(), this.legend(),
        head.synthetic === "all" ? make("p", { class: "wg-note" }, t.synthetic_note) : null,
        head.estimated ? make("p", { class: "wg-note" }, t.estimated_note) : null));
    toggle.addEventListener("click", () => {
      const open = panel.classList.toggle("wg-unfolded");
      toggle.setAttribute("aria-expanded", String(open));
      toggle.textContent = open ? t.hide_details : t.show_details;
    });
    this.fold = () => panel.classList.contains("wg-unfolded") && toggle.click();
    const caption = (text, side) => make("h2", { class: "ws-caption ws-caption-" + side }, text);
    document.body.classList.add("wg-page", "ws-page");
    document.body.prepend(make("header", { class: "wg-head" },
      make("h1", null, head.title || t.title),
      make("p", { class: "wg-plan" }, head.plan),
      make("p", { class: "wg-date" }, fill(t.drawn, { date: head.drawn })),
      badge ? make("strong", { class: "wg-badge" }, badge) : null), panel);
    main.before(caption(t.before, "before"), caption(t.after, "after"));
    main.after(this.afterBox);
  };

  Page.prototype.limitText = function () {
    const limit = this.data.limit;
    return limit[1] === "m"
      ? fill(this.t.metres, { n: this.number(limit[2]) })
      : `${fill(this.t.minutes_value, { n: limit[2] })} (${this.t[`speed_${limit[3]}`]})`;
  };

  Page.prototype.summary = function () {
    const t = this.t;
    const homes = this.data.people[0];
    const gained = homes.before - homes.after;
    const share = (out) => this.percent(homes.total ? 1 - out / homes.total : 0);
    const count = this.data.candidates.filter((place) => place.chosen).length;
    return make("div", { class: "wg-summary", role: "status" },
      make("p", { class: "wg-line" }, fill(t.gain_line, {
        count: this.number(count), households: this.number(gained),
      })),
      make("p", { class: "wg-said" }, [
        this.data.service, this.limitText(),
        fill(t.reach_line, { share: share(homes.before), after: share(homes.after) }),
      ].join(" · ")));
  };

  Page.prototype.peopleTable = function () {
    const t = this.t;
    const count = (value) => (value === -1 ? t.suppressed : this.number(value));
    const head = [t.people_table, t.before, t.after, t.newly].map((text) =>
      make("th", { scope: "col" }, text));
    const rows = this.data.people.map((item, k) => make("tr", null,
      make("th", { scope: "row" }, t[this.data.groups[k]]),
      make("td", null, count(item.before)),
      make("td", null, count(item.after)),
      make("td", null, item.before < 0 ? "–" : this.number(item.before - item.after))));
    return make("div", { class: "wg-table" }, make("table", null,
      make("thead", null, make("tr", null, ...head)), make("tbody", null, ...rows)));
  };

  Page.prototype.proof = function () {
    const t = this.t;
    const item = this.data.proof;
    const known = item.objective !== null && item.bound !== null;
    const open = item.kind === "gap" || item.kind === "stopped";
    const gap = item.objective ? Math.abs(item.objective - item.bound) / Math.abs(item.objective) : 0;
    const least = item.kind === "gap" && item.bound < item.objective;
    const said = open && !known ? t.proof_unknown
      : fill(t["proof_" + item.kind + (least ? "_least" : "")], {
        bound: this.number(item.bound), gap: this.percent(gap),
      });
    return make("div", { class: "ws-proof" },
      Wangge.facts([[t.objective, item.label], [t.comes_to, this.told(item.objective)]]),
      make("p", { class: "wg-note" }, said));
  };

  Page.prototype.told = function (value) {
    return value === null ? this.t.suppressed : this.number(value);
  };

  Page.prototype.goTo = function (place) {
    this.fold();
    this.second.setView(place.at, Math.max(this.second.getZoom(), 17), { animate: false });
    place.marker.openPopup();
  };

  Page.prototype.placeButton = function (place) {
    const button = make("button", { type: "button" }, this.placeName(place));
    button.addEventListener("click", () => this.goTo(place));
    return button;
  };

  Page.prototype.chosenList = function () {
    const t = this.t;
    const chosen = this.data.candidates.filter((place) => place.chosen);
    return make("section", null, make("h3", null, t.chosen),
      make("ol", { class: "ws-chosen-list" }, ...chosen.map((place) => make("li", null,
        this.placeButton(place),
        make("span", null, fill(t.brings, { n: this.number(place.brings) }))))));
  };

  Page.prototype.exchangeTable = function () {
    const t = this.t;
    if (!this.data.exchanges.length) {
      return null;
    }
    const place = (row) => this.placeButton(this.data.candidates.find((item) => item.row === row));
    const change = (value) => {
      if (value === null || this.data.proof.objective === null) {
        return "";
      }
      const by = value - this.data.proof.objective;
      return (by > 0 ? "+" : "") + this.number(by);
    };
    const rows = this.data.exchanges.map((item) => make("tr", null,
      make("td", null, place(item[0])), make("td", null, place(item[1])),
      make("td", null, this.told(item[2]), make("small", null, change(item[2])))));
    const heads = [t.instead_of, t.take, t.comes_to].map((text) => make("th", { scope: "col" }, text));
    return make("section", null, make("h3", null, t.exchanges),
      make("p", { class: "wg-note" }, t.exchanges_note),
      make("div", { class: "wg-table ws-exchanges" }, make("table", null,
        make("thead", null, make("tr", null, ...heads)), make("tbody", null, ...rows))));
  };

  Page.prototype.legend = function () {
    const t = this.t;
    const colours = this.data.colours.building;
    const rows = [
      [Wangge.swatch(colours.covered), t.covered], [Wangge.swatch(NEWLY), t.newly],
      [Wangge.swatch(colours.uncovered), t.uncovered], [Wangge.swatch(colours.empty), t.no_households],
    ];
    const b = this.data.buildings;
    if (b.households.some((_, i) => this.state(i, true) === 4)) {
      rows.push([Wangge.swatch(LOST), t.lost]);
    }
    const mark = (kind) => make("i", { class: "ws-place ws-sample " + kind },
      make("span", null, kind === "ws-chosen" ? "1" : ""));
    rows.push([mark("ws-chosen"), t.chosen]);
    if (this.data.exchanges.length) {
      rows.push([mark("ws-candidate"), t.candidate]);
    }
    return Wangge.legendList(t.layer_buildings, rows);
  };
})();
