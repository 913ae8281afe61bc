/* Buildings from vector tiles: outlines are asked for where one looks, everything else is in the page.
   A tile tells buildings by their numbers; the page knows each number's row, and so its verdicts. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const SCALE = 1e6;
  const FIRST = 14;
  const LAST = 16;
  /* Tiles in memory; a large screen shows about forty at a time. */
  const KEPT = 240;
  const RETRY_MS = 5000;
  const MOVE = 1;
  const CLOSE = 7;

  /* Buildings of a tile: [{ number, geometry }], and how many units the tile is wide. */
  function readTile(buffer) {
    const pbf = new Pbf.PbfReader(new Uint8Array(buffer));
    const out = { extent: 4096, features: [] };
    let field = pbf.nextField();
    while (field) {
      if (field === 3) {
        readLayer(pbf, pbf.readVarint() + pbf.pos, out);
      }
      field = pbf.nextField();
    }
    return out;
  }

  function readLayer(pbf, end, out) {
    let field = pbf.nextField(end);
    while (field) {
      if (field === 2) {
        out.features.push(readFeature(pbf, pbf.readVarint() + pbf.pos));
      } else if (field === 5) {
        out.extent = pbf.readVarint();
      }
      field = pbf.nextField(end);
    }
  }

  function readFeature(pbf, end) {
    const out = { number: -1, geometry: [] };
    let field = pbf.nextField(end);
    while (field) {
      if (field === 1) {
        out.number = pbf.readVarint();
      } else if (field === 4) {
        pbf.readPackedVarint(out.geometry);
      }
      field = pbf.nextField(end);
    }
    return out;
  }

  function unzigzag(value) {
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  /* Shapes of a tile on the world of width 1, and the row of each. */
  function place(tile, z, x, y, rowOf) {
    const known = tile.features.filter(function (feature) {
      feature.row = rowOf.get(feature.number);
      return feature.row !== undefined;
    });
    const numbers = known.reduce((sum, feature) => sum + feature.geometry.length, 0);
    const into = Wangge.fillShapes(known.length, numbers, numbers);
    const wide = 1 / (tile.extent * Math.pow(2, z));
    known.forEach(function (feature) {
      into.shape();
      trace(feature.geometry, into, wide, x * tile.extent, y * tile.extent);
    });
    return { shapes: into.done(), rows: Uint32Array.from(known, (feature) => feature.row) };
  }

  function trace(commands, into, wide, west, north) {
    let x = west;
    let y = north;
    let at = 0;
    while (at < commands.length) {
      const command = commands[at] & 7;
      let count = commands[at] >> 3;
      at += 1;
      if (command === MOVE) {
        into.ring();
      }
      for (; command !== CLOSE && count > 0; count -= 1) {
        x += unzigzag(commands[at]);
        y += unzigzag(commands[at + 1]);
        at += 2;
        into.place(x * wide, y * wide);
      }
    }
  }

  /* Looks like a PackedLayer to the page: at, center, redraw. */
  Wangge.TiledLayer = Wangge.CanvasLayer.extend({
    initialize: function (data, options) {
      L.Renderer.prototype.initialize.call(this, options);
      const b = data.buildings;
      const get = (ref) => data.blobs.get(ref);
      const lon = get(b.lon);
      const lat = get(b.lat);
      const numbers = get(b.numbers);
      this._address = b.tiles;
      this._text = data.texts.tiles_failed;
      this._size = b.count;
      this._xy = new Float64Array(2 * b.count);
      this._rowOf = new Map();
      for (let i = 0; i < b.count; i += 1) {
        this._xy[2 * i] = Wangge.worldX(lon[i] / SCALE);
        this._xy[2 * i + 1] = Wangge.worldY(lat[i] / SCALE);
        this._rowOf.set(numbers[i], i);
      }
      this._tiles = new Map();
      this._drawn = new Uint8Array(b.count);
      this._here = [];
    },
    /* How many tiles are on their way. */
    loading: function () {
      return Array.from(this._tiles.values()).filter((tile) => tile.state === "asked").length;
    },
    at: function (latlng) {
      const x = Wangge.worldX(latlng.lng);
      const y = Wangge.worldY(latlng.lat);
      const found = new Set();
      this._here.forEach(function (tile) {
        for (let k = 0; k < tile.rows.length; k += 1) {
          if (Wangge.holds(tile.shapes, k, x, y)) {
            found.add(tile.rows[k]);
          }
        }
      });
      return Array.from(found);
    },
    center: function (i) {
      return Wangge.latLng(this._xy[2 * i], this._xy[2 * i + 1]);
    },
    draw: function (context, view) {
      const looks = this.options.styles(view.zoom);
      const seen = Wangge.seen(view);
      const styleOf = this.options.styleOf;
      this._here = view.zoom < FIRST ? [] : this._tilesOf(seen, Math.min(Math.floor(view.zoom), LAST));
      this._drawn.fill(0);
      const parts = this._here.map((tile) => {
        const drawn = looks.map(() => []);
        for (let k = 0; k < tile.rows.length; k += 1) {
          const row = tile.rows[k];
          const rank = this._drawn[row] ? -1 : styleOf(row);
          this._drawn[row] = 1;
          if (rank >= 0) {
            drawn[rank].push(k);
          }
        }
        return [tile.shapes, drawn];
      });
      this._dots(context, looks, seen, view);
      Wangge.paint(context, looks, parts, view);
    },
    /* A building whose outline is not here, from afar or until its tile comes, is a dot. */
    _dots: function (context, looks, seen, view) {
      const xy = this._xy;
      const size = view.zoom < FIRST ? 1.5 : 3;
      const paths = looks.map(() => new Path2D());
      for (let i = 0, k = 0; i < this._size; i += 1, k += 2) {
        const x = xy[k];
        const y = xy[k + 1];
        if (x < seen.west || x > seen.east || y < seen.north || y > seen.south || this._drawn[i]) {
          continue;
        }
        const rank = this.options.styleOf(i);
        if (rank >= 0) {
          paths[rank].rect(x * view.scale - view.x, y * view.scale - view.y, size, size);
        }
      }
      looks.forEach(function (look, rank) {
        context.fillStyle = look.fill;
        context.fill(paths[rank]);
      });
    },
    /* Those tiles of what is seen that are here; the others are asked for, and those that did not
       come are told of until they do. */
    _tilesOf: function (seen, z) {
      const size = Math.pow(2, z);
      const column = (x) => Math.max(0, Math.min(size - 1, Math.floor(x * size)));
      const here = [];
      let failed = false;
      for (let y = column(seen.north); y <= column(seen.south); y += 1) {
        for (let x = column(seen.west); x <= column(seen.east); x += 1) {
          const tile = this._tile(z, x, y);
          failed = failed || tile.state === "failed" || (tile.state === "asked" && tile.again);
          if (tile.state === "here") {
            here.push(tile);
          }
        }
      }
      this._say(failed ? this._text : "");
      return here;
    },
    _tile: function (z, x, y) {
      const key = [z, x, y].join("/");
      let tile = this._tiles.get(key);
      const again = Boolean(tile) && tile.state === "failed" && Date.now() - tile.since > RETRY_MS;
      if (!tile || again) {
        tile = { state: "asked", again: again };
        this._ask(tile, z, x, y);
      }
      // Those used last are the last to go.
      this._tiles.delete(key);
      this._tiles.set(key, tile);
      while (this._tiles.size > KEPT) {
        this._tiles.delete(this._tiles.keys().next().value);
      }
      return tile;
    },
    _ask: function (tile, z, x, y) {
      const address = this._address.replace("{z}", z).replace("{x}", x).replace("{y}", y);
      fetch(address)
        .then(function (answer) {
          if (!answer.ok) {
            throw new Error(String(answer.status));
          }
          return answer.arrayBuffer();
        })
        .then((buffer) => {
          Object.assign(tile, place(readTile(buffer), z, x, y, this._rowOf), { state: "here" });
        })
        .catch(() => {
          Object.assign(tile, { state: "failed", since: Date.now() });
          setTimeout(() => this.redraw(), RETRY_MS + 1);
        })
        .then(() => this.redraw());
    },
    /* What is amiss, in one line on the map; nothing when outlines come again. */
    _say: function (text) {
      if (this._line ? this._line.textContent === text : !text) {
        return;
      }
      if (!this._line) {
        this._line = Wangge.make("p", { class: "wg-amiss", role: "status" });
        this._map.getContainer().append(this._line);
      }
      this._line.textContent = text;
      this._line.hidden = !text;
    },
  });
})();
