/* Shapes packed by maps/packing.py, drawn together on one canvas per layer. */
(function () {
  "use strict";
  const Wangge = (window.Wangge = {});
  const SCALE = 1e6;
  const BATCH = 128;

  function bytes(base64) {
    const text = atob(base64);
    const out = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) {
      out[i] = text.charCodeAt(i);
    }
    return out;
  }

  Wangge.bytes = bytes;

  /* A typed array from base64; the data are little-endian, as every browser's machine is. */
  Wangge.numbers = function (base64, Type) {
    return new Type(bytes(base64).buffer);
  };

  /* Decode `count` shapes into rings of [lon, lat, lon, lat …] degrees; `packed` is base64, or bytes
     in which each shape begins where the one before it ended. */
  Wangge.unpack = function (packed, count, origin) {
    const chained = typeof packed !== "string";
    const data = chained ? packed : bytes(packed);
    let at = 0;
    function next() {
      // Sums of products instead of shifts: a zigzag value may pass 31 bits.
      let value = 0;
      let factor = 1;
      let byte;
      do {
        byte = data[at];
        at += 1;
        value += (byte & 0x7f) * factor;
        factor *= 128;
      } while (byte & 0x80);
      return value % 2 ? -(value + 1) / 2 : value / 2;
    }
    const shapes = [];
    let x = Math.round(origin[0] * SCALE);
    let y = Math.round(origin[1] * SCALE);
    for (let i = 0; i < count; i += 1) {
      if (!chained) {
        x = Math.round(origin[0] * SCALE);
        y = Math.round(origin[1] * SCALE);
      }
      const rings = [];
      for (let r = next(); r > 0; r -= 1) {
        const n = next();
        const ring = new Float64Array(2 * n);
        for (let k = 0; k < n; k += 1) {
          x += next();
          y += next();
          ring[2 * k] = x / SCALE;
          ring[2 * k + 1] = y / SCALE;
        }
        rings.push(ring);
      }
      shapes.push(rings);
    }
    return shapes;
  };

  /* Web-Mercator position on a world of width 1. */
  function worldX(lon) {
    return lon / 360 + 0.5;
  }
  function worldY(lat) {
    const sin = Math.sin((lat * Math.PI) / 180);
    return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
  }

  function project(rings) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    const projected = rings.map(function (ring) {
      const out = new Float64Array(ring.length);
      for (let k = 0; k < ring.length; k += 2) {
        const x = worldX(ring[k]);
        const y = worldY(ring[k + 1]);
        out[k] = x;
        out[k + 1] = y;
        box[0] = Math.min(box[0], x);
        box[1] = Math.min(box[1], y);
        box[2] = Math.max(box[2], x);
        box[3] = Math.max(box[3], y);
      }
      return out;
    });
    return { rings: projected, box: box };
  }

  function crossings(ring, x, y) {
    let inside = false;
    for (let k = 0, p = ring.length - 2; k < ring.length; p = k, k += 2) {
      if (
        ring[k + 1] > y !== ring[p + 1] > y &&
        x < ((ring[p] - ring[k]) * (y - ring[k + 1])) / (ring[p + 1] - ring[k + 1]) + ring[k]
      ) {
        inside = !inside;
      }
    }
    return inside;
  }

  /* A renderer that is a layer of its own: it keeps its canvas in step with the map. */
  Wangge.CanvasLayer = L.Renderer.extend({
    onRemove: function () {
      L.Renderer.prototype.onRemove.call(this);
      this._bounds = null;
    },
    _initContainer: function () {
      this._container = document.createElement("canvas");
      this._container.setAttribute("aria-hidden", "true");
      this._context = this._container.getContext("2d");
    },
    _destroyContainer: function () {
      L.DomUtil.remove(this._container);
      delete this._container;
      delete this._context;
    },
    _updatePaths: function () {},
    _update: function () {
      if (this._map._animatingZoom && this._bounds) {
        return;
      }
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize();
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      this._container.width = size.x * ratio;
      this._container.height = size.y * ratio;
      this._container.style.width = size.x + "px";
      this._container.style.height = size.y + "px";
      L.DomUtil.setPosition(this._container, this._bounds.min);
      this._ratio = ratio;
      this.redraw();
    },
    redraw: function () {
      if (!this._map || !this._bounds) {
        return this;
      }
      const context = this._context;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this._container.width, this._container.height);
      context.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
      const origin = this._map.getPixelOrigin().add(this._bounds.min);
      this.draw(context, {
        scale: 256 * Math.pow(2, this._zoom),
        x: origin.x,
        y: origin.y,
        width: this._bounds.getSize().x,
        height: this._bounds.getSize().y,
        zoom: this._zoom,
      });
      return this;
    },
    draw: function () {},
  });

  /* Lines or polygons in a few styles; `styleOf(i)` says which (-1: none), `styles(zoom)` how they look. */
  Wangge.PackedLayer = Wangge.CanvasLayer.extend({
    initialize: function (shapes, options) {
      L.Renderer.prototype.initialize.call(this, options);
      this._shapes = shapes.map(project);
    },
    /* Positions of the polygons that hold the point. */
    at: function (latlng) {
      const x = worldX(latlng.lng);
      const y = worldY(latlng.lat);
      const found = [];
      this._shapes.forEach(function (shape, i) {
        const box = shape.box;
        if (x < box[0] || x > box[2] || y < box[1] || y > box[3]) {
          return;
        }
        const inside = shape.rings.reduce(function (odd, ring) {
          return crossings(ring, x, y) ? !odd : odd;
        }, false);
        if (inside) {
          found.push(i);
        }
      });
      return found;
    },
    center: function (i) {
      const box = this._shapes[i].box;
      const y = Math.PI * (1 - (box[1] + box[3]));
      return L.latLng(
        (Math.atan(Math.sinh(y)) * 180) / Math.PI,
        ((box[0] + box[2]) / 2 - 0.5) * 360
      );
    },
    draw: function (context, view) {
      const looks = this.options.styles(view.zoom);
      const drawn = looks.map(function () {
        return [];
      });
      const margin = 12 / view.scale;
      const west = view.x / view.scale - margin;
      const north = view.y / view.scale - margin;
      const east = (view.x + view.width) / view.scale + margin;
      const south = (view.y + view.height) / view.scale + margin;
      const styleOf = this.options.styleOf;
      this._shapes.forEach(function (shape, i) {
        const box = shape.box;
        if (box[2] >= west && box[0] <= east && box[3] >= north && box[1] <= south) {
          const rank = styleOf ? styleOf(i) : 0;
          if (rank >= 0) {
            drawn[rank].push(shape);
          }
        }
      });
      const paths = looks.map(function (look, rank) {
        return batches(drawn[rank], view, Boolean(look.fill));
      });
      looks.forEach(function (look, rank) {
        paintUnder(context, paths[rank], look);
      });
      // The top strokes of all styles come last, so that streets of two classes join without a seam.
      looks.forEach(function (look, rank) {
        stroke(context, paths[rank], (look.strokes || []).slice(-1), look.cap);
      });
    },
  });

  /* A canvas slows down with the square of a path's length, so shapes go in small batches. */
  function batches(shapes, view, closed) {
    const paths = [];
    for (let first = 0; first < shapes.length; first += BATCH) {
      const path = new Path2D();
      shapes.slice(first, first + BATCH).forEach(function (shape) {
        trace(path, shape, view, closed);
      });
      paths.push(path);
    }
    return paths;
  }

  function trace(path, shape, view, closed) {
    const box = shape.box;
    if (closed && (box[2] - box[0]) * view.scale < 2 && (box[3] - box[1]) * view.scale < 2) {
      path.rect(box[0] * view.scale - view.x, box[1] * view.scale - view.y, 1.5, 1.5);
      return;
    }
    shape.rings.forEach(function (ring) {
      let px = ring[0] * view.scale - view.x;
      let py = ring[1] * view.scale - view.y;
      path.moveTo(px, py);
      for (let k = 2; k < ring.length; k += 2) {
        const x = ring[k] * view.scale - view.x;
        const y = ring[k + 1] * view.scale - view.y;
        // Points closer than half a pixel cannot be seen; the last one is kept.
        if (Math.abs(x - px) + Math.abs(y - py) > 0.5 || k === ring.length - 2) {
          path.lineTo(x, y);
          px = x;
          py = y;
        }
      }
      if (closed) {
        path.closePath();
      }
    });
  }

  function paintUnder(context, paths, look) {
    if (look.fill) {
      context.fillStyle = look.fill;
      paths.forEach(function (path) {
        context.fill(path, "nonzero");
      });
    }
    stroke(context, paths, (look.strokes || []).slice(0, -1), look.cap);
  }

  function stroke(context, paths, strokes, cap) {
    context.lineJoin = "round";
    context.lineCap = cap || "round";
    strokes.forEach(function (line) {
      context.setLineDash(line.dash || []);
      context.strokeStyle = line.colour;
      context.lineWidth = line.width;
      paths.forEach(function (path) {
        context.stroke(path);
      });
    });
    context.setLineDash([]);
  }

  /* Texts with a halo, the important ones first; a text that would cover another is left out. */
  Wangge.LabelLayer = Wangge.CanvasLayer.extend({
    initialize: function (labels, options) {
      L.Renderer.prototype.initialize.call(this, options);
      this._labels = labels;
    },
    draw: function (context, view) {
      const taken = [];
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      this._labels.forEach(function (label) {
        const room = label.span * view.scale;
        if (room < label.room || (label.upTo && view.zoom > label.upTo)) {
          return;
        }
        const x = worldX(label.at[1]) * view.scale - view.x;
        const y = worldY(label.at[0]) * view.scale - view.y;
        context.font = label.font;
        const half = context.measureText(label.text).width / 2 + 3;
        const box = [x - half, y - label.size * 0.7, x + half, y + label.size * 0.7];
        const clash = taken.some(function (other) {
          return (
            box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]
          );
        });
        if (clash) {
          return;
        }
        taken.push(box);
        context.strokeStyle = "rgba(255,255,255,0.92)";
        context.lineWidth = label.size / 4 + 1;
        context.strokeText(label.text, x, y);
        context.fillStyle = label.colour;
        context.fillText(label.text, x, y);
      });
    },
  });

  /* Width of a box [west, south, east, north] on the world of width 1. */
  Wangge.span = function (box) {
    return (box[2] - box[0]) / 360;
  };
})();
