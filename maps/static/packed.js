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

  /* Decode `count` shapes; `packed` is base64, or bytes in which each shape begins where the one
     before it ended. Points are taken by `point(x, y)` in degrees, after `ring()` and `shape()`. */
  function decode(packed, count, origin, into) {
    const chained = typeof packed !== "string";
    const data = chained ? packed : bytes(packed);
    let at = 0;
    function next() {
      let byte = data[at];
      at += 1;
      // Sums of products instead of shifts: a zigzag value may pass 31 bits.
      let value = byte & 0x7f;
      let factor = 128;
      while (byte & 0x80) {
        byte = data[at];
        at += 1;
        value += (byte & 0x7f) * factor;
        factor *= 128;
      }
      return value % 2 ? -(value + 1) / 2 : value / 2;
    }
    const west = Math.round(origin[0] * SCALE);
    const south = Math.round(origin[1] * SCALE);
    let x = west;
    let y = south;
    for (let i = 0; i < count; i += 1) {
      x = chained ? x : west;
      y = chained ? y : south;
      into.shape();
      for (let r = next(); r > 0; r -= 1) {
        const n = next();
        into.ring(n);
        for (let k = 0; k < n; k += 1) {
          x += next();
          y += next();
          into.point(x / SCALE, y / SCALE);
        }
      }
    }
  }

  /* Shapes as rings of [lon, lat, lon, lat …] degrees. */
  Wangge.unpack = function (packed, count, origin) {
    const shapes = [];
    let rings, ring, k;
    decode(packed, count, origin, {
      shape: function () {
        rings = [];
        shapes.push(rings);
      },
      ring: function (n) {
        ring = new Float64Array(2 * n);
        rings.push(ring);
        k = 0;
      },
      point: function (lon, lat) {
        ring[k] = lon;
        ring[k + 1] = lat;
        k += 2;
      },
    });
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

  /* Many shapes in a few arrays, projected: coordinates, where rings and shapes begin, and boxes. */
  function Shapes(shapes, rings, points) {
    this.xy = new Float64Array(2 * points);
    this.ring = new Uint32Array(rings + 1);
    this.first = new Uint32Array(shapes + 1);
    this.box = new Float64Array(4 * shapes);
    this.length = shapes;
  }

  function filler(out) {
    let i = -1;
    let r = -1;
    let k = 0;
    let b = 0;
    return {
      shape: function () {
        i += 1;
        b = 4 * i;
        out.first[i] = r + 1;
        out.box[b] = out.box[b + 1] = Infinity;
        out.box[b + 2] = out.box[b + 3] = -Infinity;
      },
      ring: function () {
        r += 1;
        out.ring[r] = k;
      },
      point: function (lon, lat) {
        this.place(worldX(lon), worldY(lat));
      },
      place: function (x, y) {
        const box = out.box;
        out.xy[k] = x;
        out.xy[k + 1] = y;
        k += 2;
        box[b] = x < box[b] ? x : box[b];
        box[b + 1] = y < box[b + 1] ? y : box[b + 1];
        box[b + 2] = x > box[b + 2] ? x : box[b + 2];
        box[b + 3] = y > box[b + 3] ? y : box[b + 3];
      },
      done: function () {
        out.first[i + 1] = r + 1;
        out.ring[r + 1] = k;
        return out;
      },
    };
  }

  /* Packed shapes as they are drawn; for many buildings this spares an array per ring. */
  Wangge.shapes = function (packed, count, origin) {
    const data = typeof packed === "string" ? bytes(packed) : packed;
    let numbers = 0;
    for (let k = 0; k < data.length; k += 1) {
      numbers += data[k] < 128;
    }
    // Rings and points are told by numbers of their own, so there are no more than half as many.
    const into = filler(new Shapes(count, numbers, Math.ceil(numbers / 2)));
    decode(packed, count, origin, into);
    return into.done();
  };

  /* Room for shapes that are then filled ring by ring: see filler. */
  Wangge.fillShapes = function (shapes, rings, points) {
    return filler(new Shapes(shapes, rings, points));
  };
  Wangge.worldX = worldX;
  Wangge.worldY = worldY;

  /* Latitude and longitude of a place on the world of width 1. */
  Wangge.latLng = function (x, y) {
    return L.latLng((Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI, (x - 0.5) * 360);
  };

  function flat(shapes) {
    const rings = shapes.reduce((sum, shape) => sum + shape.length, 0);
    const points = shapes.reduce(
      (sum, shape) => sum + shape.reduce((n, ring) => n + ring.length / 2, 0), 0);
    const into = filler(new Shapes(shapes.length, rings, points));
    shapes.forEach(function (shape) {
      into.shape();
      shape.forEach(function (ring) {
        into.ring();
        for (let k = 0; k < ring.length; k += 2) {
          into.point(ring[k], ring[k + 1]);
        }
      });
    });
    return into.done();
  }

  function crossings(xy, begin, end, x, y) {
    let inside = false;
    for (let k = begin, p = end - 2; k < end; p = k, k += 2) {
      if (
        xy[k + 1] > y !== xy[p + 1] > y &&
        x < ((xy[p] - xy[k]) * (y - xy[k + 1])) / (xy[p + 1] - xy[k + 1]) + xy[k]
      ) {
        inside = !inside;
      }
    }
    return inside;
  }

  /* Whether a shape holds a place of the world of width 1. */
  Wangge.holds = function (shapes, i, x, y) {
    const box = shapes.box;
    const b = 4 * i;
    let inside = false;
    if (x >= box[b] && x <= box[b + 2] && y >= box[b + 1] && y <= box[b + 3]) {
      for (let r = shapes.first[i]; r < shapes.first[i + 1]; r += 1) {
        inside = crossings(shapes.xy, shapes.ring[r], shapes.ring[r + 1], x, y) ? !inside : inside;
      }
    }
    return inside;
  };

  /* What of the world of width 1 a view shows, with a little around it. */
  Wangge.seen = function (view) {
    const margin = 12 / view.scale;
    return {
      west: view.x / view.scale - margin,
      north: view.y / view.scale - margin,
      east: (view.x + view.width) / view.scale + margin,
      south: (view.y + view.height) / view.scale + margin,
    };
  };

  /* Draw shapes in styles. `parts` are pairs: shapes, and which of them are drawn in each style. */
  Wangge.paint = function (context, looks, parts, view) {
    const paths = looks.map(function (look, rank) {
      return parts.flatMap(function (part) {
        return batches(part[0], part[1][rank], view, Boolean(look.fill));
      });
    });
    looks.forEach(function (look, rank) {
      paintUnder(context, paths[rank], look);
    });
    // The top strokes of all styles come last, so that streets of two classes join without a seam.
    looks.forEach(function (look, rank) {
      stroke(context, paths[rank], (look.strokes || []).slice(-1), look.cap);
    });
  };

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
    /* Drawn before the next picture of the screen, once however often it is asked for. */
    redraw: function () {
      if (!this._asked) {
        this._asked = L.Util.requestAnimFrame(this._paint, this);
      }
      return this;
    },
    _paint: function () {
      this._asked = null;
      if (!this._map || !this._bounds) {
        return;
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
    },
    draw: function () {},
  });

  /* Lines or polygons in a few styles; `styleOf(i)` says which (-1: none), `styles(zoom)` how they
     look. `shapes` comes from Wangge.shapes, or is a list of rings. */
  Wangge.PackedLayer = Wangge.CanvasLayer.extend({
    initialize: function (shapes, options) {
      L.Renderer.prototype.initialize.call(this, options);
      this._shapes = Array.isArray(shapes) ? flat(shapes) : shapes;
    },
    /* Positions of the polygons that hold the point. */
    at: function (latlng) {
      const x = worldX(latlng.lng);
      const y = worldY(latlng.lat);
      const found = [];
      for (let i = 0; i < this._shapes.length; i += 1) {
        if (Wangge.holds(this._shapes, i, x, y)) {
          found.push(i);
        }
      }
      return found;
    },
    center: function (i) {
      const box = this._shapes.box.subarray(4 * i, 4 * i + 4);
      return Wangge.latLng((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    },
    draw: function (context, view) {
      const looks = this.options.styles(view.zoom);
      const drawn = looks.map(function () {
        return [];
      });
      const seen = Wangge.seen(view);
      const styleOf = this.options.styleOf;
      const shapes = this._shapes;
      const box = shapes.box;
      for (let i = 0, b = 0; i < shapes.length; i += 1, b += 4) {
        if (
          box[b + 2] >= seen.west &&
          box[b] <= seen.east &&
          box[b + 3] >= seen.north &&
          box[b + 1] <= seen.south
        ) {
          const rank = styleOf ? styleOf(i) : 0;
          if (rank >= 0) {
            drawn[rank].push(i);
          }
        }
      }
      Wangge.paint(context, looks, [[shapes, drawn]], view);
    },
  });

  /* A canvas slows down with the square of a path's length, so shapes go in small batches. */
  function batches(shapes, chosen, view, closed) {
    const paths = [];
    for (let first = 0; first < chosen.length; first += BATCH) {
      const path = new Path2D();
      const last = Math.min(first + BATCH, chosen.length);
      for (let k = first; k < last; k += 1) {
        trace(path, shapes, chosen[k], view, closed);
      }
      paths.push(path);
    }
    return paths;
  }

  function trace(path, shapes, i, view, closed) {
    const box = shapes.box;
    const b = 4 * i;
    if (
      closed &&
      (box[b + 2] - box[b]) * view.scale < 2 &&
      (box[b + 3] - box[b + 1]) * view.scale < 2
    ) {
      path.rect(box[b] * view.scale - view.x, box[b + 1] * view.scale - view.y, 1.5, 1.5);
      return;
    }
    const xy = shapes.xy;
    for (let r = shapes.first[i]; r < shapes.first[i + 1]; r += 1) {
      const begin = shapes.ring[r];
      const end = shapes.ring[r + 1];
      let px = xy[begin] * view.scale - view.x;
      let py = xy[begin + 1] * view.scale - view.y;
      path.moveTo(px, py);
      for (let k = begin + 2; k < end; k += 2) {
        const x = xy[k] * view.scale - view.x;
        const y = xy[k + 1] * view.scale - view.y;
        // Points closer than half a pixel cannot be seen; the last one is kept.
        if (Math.abs(x - px) + Math.abs(y - py) > 0.5 || k === end - 2) {
          path.lineTo(x, y);
          px = x;
          py = y;
        }
      }
      if (closed) {
        path.closePath();
      }
    }
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
