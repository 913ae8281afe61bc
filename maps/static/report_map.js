/* The map of the report: grids by deviation from the target, lines, barriers, and what each is. */
(function () {
  "use strict";
  const { make, unpack } = Wangge;
  const App = Wangge.ReportApp;
  const LABEL = '600 12px "Noto Sans SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif';

  App.prototype.frame = function () {
    const t = this.t, classes = this.data.classes;
    const box = this.map.getContainer();
    box.setAttribute("aria-label", t.map);
    box.setAttribute("role", "region");
    const items = classes.colours.map(function (colour, rank) {
      const swatch = make("span", { class: "wr-swatch" });
      swatch.style.backgroundColor = colour;
      return make("li", {}, swatch, classes.labels[rank]);
    });
    items.push(make("li", {}, make("span", { class: "wr-swatch wr-swatch-out" }), "▲▼ " + t.outside));
    if (this.data.grids.dedicated.length) {
      items.push(make("li", {}, make("span", { class: "wr-swatch wr-swatch-given" }), t.dedicated));
    }
    const legend = make("div", { class: "wr-legend" },
      make("p", {}, t.grids), make("ul", {}, ...items));
    return make("div", { class: "wr-map" }, box, legend);
  };

  App.prototype.start = function () {
    const app = this, map = this.map, t = this.t;
    ["grids", "barriers", "communities", "chosen", "labels"].forEach(function (name, place) {
      const pane = map.createPane(name);
      pane.style.zIndex = 310 + 10 * place;
      pane.style.pointerEvents = "none";
    });
    this.draw();
    L.control.zoom({ position: "topright", zoomInTitle: t.zoom_in, zoomOutTitle: t.zoom_out }).addTo(map);
    this.wholeButton();
    L.control.scale({ imperial: false }).addTo(map);
    map.attributionControl.setPrefix(false);
    if (this.data.attribution) {
      const note = document.createElement("span");
      note.textContent = this.data.attribution; // never as HTML
      map.attributionControl.addAttribution(note.innerHTML);
    }
    map.scrollWheelZoom.disable();
    map.on("click", function () { map.scrollWheelZoom.enable(); });
    map.on("mouseout", function () { map.scrollWheelZoom.disable(); });
    this.pointer();
    map.invalidateSize();
    this.whole();
  };

  App.prototype.wholeButton = function () {
    const app = this, t = this.t;
    const control = L.control({ position: "topright" });
    control.onAdd = function () {
      const link = make("a", { href: "#", role: "button", title: t.whole_plan, "aria-label": t.whole_plan }, "⤢");
      L.DomEvent.disableClickPropagation(link);
      link.addEventListener("click", function (event) {
        event.preventDefault();
        app.whole();
      });
      return make("div", { class: "leaflet-bar leaflet-control" }, link);
    };
    control.addTo(this.map);
  };

  App.prototype.whole = function () {
    this.map.fitBounds(this.data.bounds, { padding: [12, 12], animate: false });
  };

  /* ---- layers ------------------------------------------------------------------------------- */

  App.prototype.draw = function () {
    const map = this.map, data = this.data, g = this.grids;
    const shapes = unpack(g.shapes, g.count, data.origin);
    const colours = data.classes.colours;
    const hatch = hatching();
    this.ground = new Wangge.PackedLayer(shapes, {
      pane: "grids",
      styleOf: function (i) { return g.state[i] === 2 ? colours.length : g.class[i]; },
      styles: function () {
        return [...colours, hatch].map(function (colour) {
          return { fill: colour, strokes: [{ colour: "#4a545d", width: 1 }] };
        });
      },
    }).addTo(map);
    data.barriers.forEach(function (barrier) {
      const look = barrierLook(barrier.class, data.base);
      new Wangge.PackedLayer(unpack(barrier.shapes, barrier.count, data.origin), {
        pane: "barriers", styles: function (zoom) { return [look(zoom)]; },
      }).addTo(map);
    });
    const homes = data.communities;
    new Wangge.PackedLayer(unpack(homes.shapes, homes.names.length, data.origin), {
      pane: "communities",
      styles: function () { return [{ strokes: [
        { colour: "#ffffff", width: 4.5 }, { colour: "#1f2a35", width: 2.2, dash: [9, 4, 2, 4] },
      ] }]; },
    }).addTo(map);
    const outside = shapes.filter(function (_, i) { return Math.abs(g.state[i]) === 1; });
    new Wangge.PackedLayer(outside, {
      pane: "communities",
      styles: function () { return [{ strokes: [{ colour: "#1f2a35", width: 2.6 }] }]; },
    }).addTo(map);
    this.highlight(shapes);
    new Wangge.LabelLayer(this.labels(), { pane: "labels" }).addTo(map);
  };

  App.prototype.highlight = function (shapes) {
    const app = this;
    let shown = [];
    const layer = new Wangge.PackedLayer(shapes, {
      pane: "chosen",
      styleOf: function (i) { return i === shown[1] ? 1 : i === shown[0] ? 0 : -1; },
      styles: function () {
        return [
          { strokes: [{ colour: "#ffffff", width: 6 }, { colour: "#0b4f7a", width: 3.2 }] },
          { strokes: [{ colour: "#ffffff", width: 8 }, { colour: "#0b4f7a", width: 5 }] },
        ];
      },
    }).addTo(this.map);
    this.listen(function (focused, selected) {
      shown = [focused, selected];
      layer.redraw();
    });
    app.chosen = layer;
  };

  App.prototype.labels = function () {
    const app = this, g = this.grids, homes = this.data.communities;
    const labels = homes.names.map(function (name, c) {
      return {
        text: name, at: homes.at[c], span: Wangge.span(homes.boxes[c]), room: app.many ? 70 : 110,
        font: LABEL.replace("12px", "13px"), size: 13, colour: "#1f2a35", upTo: app.many ? 15 : 14,
      };
    });
    const width = (this.data.bounds[1][1] - this.data.bounds[0][1]) / 360 / Math.sqrt(g.count);
    for (let i = 0; i < g.count; i += 1) {
      labels.push({
        text: [g.short[i], this.mark(i)].join(" ").trim(), at: [g.at[2 * i + 1], g.at[2 * i]], span: width,
        room: 34, font: LABEL, size: 12, colour: "#1f2a35",
      });
    }
    return labels;
  };

  /* Walls are many and short: they are drawn from near. */
  function barrierLook(name, base) {
    const looks = {
      river: [{ colour: "#ffffff", width: 6 }, { colour: "#3a86b4", width: 3.5 }],
      railway: [{ colour: base.railway, width: 4 }, { colour: "#ffffff", width: 2, dash: [7, 7] }],
    };
    return function (zoom) {
      const wall = zoom < 16.5 ? [] : [{ colour: "#6b6254", width: 1.2 }];
      return { cap: "butt", strokes: looks[name] || wall };
    };
  }

  function hatching() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, 8, 8);
    context.strokeStyle = "#8a949d";
    context.lineWidth = 1.2;
    context.beginPath();
    [-8, 0, 8].forEach(function (x) {
      context.moveTo(x, 8);
      context.lineTo(x + 8, 0);
    });
    context.stroke();
    return context.createPattern(tile, "repeat");
  }

  /* ---- pointer and popup -------------------------------------------------------------------- */

  App.prototype.pointer = function () {
    const app = this, map = this.map;
    let waiting = null;
    map.on("mousemove", function (event) {
      if (!waiting) { window.requestAnimationFrame(look); }
      waiting = event.latlng;
    });
    function look() {
      if (waiting) { app.focus(app.at(waiting)); }
      waiting = null;
    }
    map.on("mouseout", function () {
      waiting = null;
      app.focus(-1);
    });
    map.on("click", function (event) {
      const i = app.at(event.latlng);
      if (i >= 0) {
        app.reveal(i);
        app.select(i, false);
      }
    });
    map.on("popupopen", function (event) {
      const popup = event.popup.getElement();
      popup.querySelector(".leaflet-popup-close-button").setAttribute("aria-label", app.t.close);
      // What scrolls can be scrolled by keyboard.
      popup.querySelector(".leaflet-popup-content").tabIndex = 0;
    });
    map.on("popupclose", function () {
      app.selected = -1;
      app.tell();
    });
  };

  App.prototype.at = function (latlng) {
    const found = this.ground.at(latlng);
    return found.length ? found[0] : -1;
  };

  /* Open the popup of a grid; `bring`: the map comes into view as well. */
  App.prototype.show = function (i, bring) {
    const map = this.map, g = this.grids;
    const place = L.latLng(g.at[2 * i + 1], g.at[2 * i]);
    if (bring) {
      this.reveal(i);
      map.getContainer().scrollIntoView({ block: "nearest" });
    }
    if (!map.getBounds().pad(-0.1).contains(place) || (this.many && map.getZoom() < 14)) {
      map.setView(place, Math.max(map.getZoom(), this.many ? 15 : map.getZoom()), { animate: false });
    }
    const room = map.getSize();
    // The controls at the right stay free, and on a small map the grid stays in sight.
    L.popup({
      maxWidth: Math.min(320, room.x - 100), minWidth: Math.min(240, room.x - 100),
      maxHeight: room.y < 420 ? room.y * 0.5 : room.y - 90,
      autoPanPaddingTopLeft: [8, 8], autoPanPaddingBottomRight: [54, 8],
    }).setLatLng(place).setContent(this.popup(i)).openOn(map);
    this.selected = i;
    this.tell();
  };

  App.prototype.popup = function (i) {
    const app = this, t = this.t, g = this.grids, n = this.number;
    const facts = [[t.community, this.home(i)]];
    if (g.state[i] !== 2) {
      facts.push([t.households, n(g.households[i]) + " (" + this.deviation(i) + ")"]);
    }
    if (this.hasResidents) { facts.push([t.residents, n(g.residents[i])]); }
    facts.push([t.area, n(g.hectares[i], 1)], [t.polsby_popper, n(g.polsby_popper[i], 2)]);
    if (!Number.isNaN(g.reock[i])) { facts.push([t.reock, n(g.reock[i], 2)]); }
    if (!Number.isNaN(g.street_share[i])) {
      facts.push([t.street_share, n(100 * g.street_share[i]) + "%"]);
    }
    if (g.barrier[i] >= 1) { facts.push([t.barrier, n(g.barrier[i])]); }
    if (g.pieces[i] > 1) { facts.push([t.pieces, n(g.pieces[i])]); }
    (this.data.reasons.largest[i] || []).slice(0, 3).forEach(function (unit, place) {
      facts.push([place ? "" : t.largest, unit[0] + " " + n(unit[1])]);
    });
    const list = make("dl", {}, ...facts.map(function (fact) {
      return make("div", {}, make("dt", {}, fact[0]), make("dd", {}, fact[1]));
    }));
    return make("div", { class: "wr-popup" },
      make("h3", {}, t.grid + " " + g.codes[i], g.names.length && g.names[i] ? " " + g.names[i] : null),
      make("p", { class: "wr-popup-state" }, app.mark(i), " ", app.state(i)),
      list, ...app.remarks(i));
  };

  /* Exceptions of a grid, and why it is not nearer to the target. */
  App.prototype.remarks = function (i) {
    const t = this.t, reasons = this.data.reasons;
    const exceptions = this.exceptionsOf(i), why = this.reasonsOf(i);
    const parts = [];
    if (exceptions.length) {
      parts.push(make("ul", { class: "wr-remarks wr-remarks-bad" }, ...exceptions.map(line)));
    }
    if (why.length) {
      parts.push(make("h4", {}, t.why), make("ul", { class: "wr-remarks" },
        ...why.map(function (sentence) { return line(reasons.sentences[sentence]); })));
    }
    return parts;
  };

  function line(text) { return make("li", {}, text); }

  /* On paper the map takes the width of the page. */
  App.prototype.paper = function (on) {
    document.body.classList.toggle("wr-paper", on);
    this.map.closePopup();
    this.map.invalidateSize({ animate: false });
    this.whole();
  };
})();
