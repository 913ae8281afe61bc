/* Columns of maps/blob.py: one zlib stream, inflated by the browser, read where they are asked for. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const TYPES = {
    u1: Uint8Array,
    i1: Int8Array,
    u2: Uint16Array,
    i2: Int16Array,
    u4: Uint32Array,
    i4: Int32Array,
    f4: Float32Array,
    f8: Float64Array,
  };

  function Blobs(buffer) {
    this.buffer = buffer;
  }

  /* Promise of the columns; rejected by a browser that cannot inflate. */
  Wangge.openBlob = function (base64) {
    if (!("DecompressionStream" in window)) {
      return Promise.reject(new Error("DecompressionStream"));
    }
    const packed = new Blob([Wangge.bytes(base64)]);
    const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer().then(function (buffer) {
      return new Blobs(buffer);
    });
  };

  /* Read the page's data, then go on with them; until then, and in a browser too old, say so. */
  Wangge.openPage = function (map, go) {
    const data = JSON.parse(document.getElementById("wangge-data").textContent);
    const wait = Wangge.make("p", { class: "wg-wait", role: "status" }, data.texts.loading);
    map.getContainer().append(wait);
    Wangge.openBlob(data.blob)
      .then(
        function (blobs) {
          delete data.blob;
          data.blobs = blobs;
          return true;
        },
        function () {
          wait.textContent = data.texts.old_browser;
          return false;
        }
      )
      .then(function (read) {
        if (read) {
          wait.remove();
          Wangge.app = go(data);
          // After the canvases, which draw themselves before the next picture of the screen.
          requestAnimationFrame(function () {
            document.documentElement.setAttribute("data-ready", "true");
          });
        }
      });
  };

  Blobs.prototype.get = function (ref) {
    const bytes = new Uint8Array(this.buffer, ref.at, ref.bytes);
    if (ref.as === "texts") {
      return JSON.parse(new TextDecoder().decode(bytes));
    }
    if (ref.as === "shapes") {
      return bytes;
    }
    if (ref.as === "steps" || ref.as === "integers") {
      return integers(bytes, ref.n, ref.as === "steps");
    }
    const Type = TYPES[ref.as];
    return new Type(this.buffer, ref.at, ref.bytes / Type.BYTES_PER_ELEMENT);
  };

  function integers(bytes, count, steps) {
    const out = new Int32Array(count);
    let at = 0;
    let sum = 0;
    for (let i = 0; i < count; i += 1) {
      let byte = bytes[at];
      at += 1;
      let value = byte & 0x7f;
      let factor = 128;
      while (byte & 0x80) {
        byte = bytes[at];
        at += 1;
        value += (byte & 0x7f) * factor;
        factor *= 128;
      }
      value = value % 2 ? -(value + 1) / 2 : value / 2;
      sum = steps ? sum + value : value;
      out[i] = sum;
    }
    return out;
  }

  /* Rows of which each is told from an earlier one like it (maps.blob.chain_rows), read when asked. */
  Wangge.Rows = function (blobs, items, key) {
    this.blobs = blobs;
    this.items = items;
    this.key = key || "changes";
    this.read = [];
  };
  Wangge.Rows.prototype.get = function (k) {
    if (!this.read[k]) {
      const item = this.items[k];
      const row = this.blobs.get(item[this.key]);
      if (item.parent < 0) {
        for (let i = 1; i < row.length; i += 1) {
          row[i] += row[i - 1];
        }
      } else {
        const like = this.get(item.parent);
        for (let i = 0; i < row.length; i += 1) {
          row[i] += like[i];
        }
      }
      this.read[k] = row;
    }
    return this.read[k];
  };
})();
