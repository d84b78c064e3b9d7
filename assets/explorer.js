// The explorer's drawing: three canvases, the pointer, the keys, the scan. Streamlit calls the default function for
// every new block of data and every change of theme, without its cleanup: listeners are therefore assigned, not added,
// and what outlives a call is kept on the element, because several explorers share this module.
// pages/shared/explorer.py puts explorer_logic.js in the place of this line:
import {
  MOST,
  channelNames,
  exact,
  explain,
  inside,
  outsInView,
  reach,
  runs,
  short,
  unpack,
  valueAt,
  viewLimits,
  weightAt,
} from "./explorer_logic.js";

const GAP = 6; // between the panels of a grid, CSS pixels
const LARGEST = 44; // CSS pixels of a cell
const READABLE = 20; // a cell with fewer CSS pixels shows no number
const SMALLEST = 8.5; // CSS pixels of a number's height
const LETTER = 0.55; // a figure's width for its height
const DIM = 0.5; // of its colour that a cell keeps which does not belong
const ANNOTATED = 38; // from here on an input cell also shows the weight on it
const SPOKEN_AFTER = 150; // milliseconds of rest before a cell is spoken
const ASKED_AFTER = 250; // milliseconds of rest before another crop is asked for

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".explorer");
  root.explorer ??= new Explorer(root);
  root.explorer.say = setStateValue;
  root.explorer.receive(data);
  return () => root.explorer.stop();
}

class Explorer {
  constructor(root) {
    this.root = root;
    this.cursor = [0, 0]; // of the output
    this.hover = this.pinned = this.playing = null;
    this.grids = Object.fromEntries(
      ["source", "weights", "parts", "result"].map((name) => {
        const figure = this.find(`figure.${name}`);
        const [base, dim] = [document.createElement("canvas"), document.createElement("canvas")];
        return [name, { name, figure, canvas: figure.querySelector("canvas"), base, dim }];
      }),
    );
    this.scratch = document.createElement("canvas");
    this.wire();
  }

  find = (selector) => this.root.querySelector(selector);

  /** New data, or the same again: any run of the page sends it, and so does a change of theme. */
  receive(bytes) {
    const known = this.bytes?.length === bytes.length && this.bytes.every((byte, n) => byte === bytes[n]);
    this.bytes = bytes;
    if (!known) this.show(unpack(bytes));
    this.watcher ??= new ResizeObserver(() => this.width !== this.root.clientWidth && this.layout());
    this.watcher.observe(this.root);
    this.layout();
  }

  show(model) {
    const before = this.model;
    const same = before?.kind === model.kind && model.axes.every((axis, n) => axis.size === before.axes[n].size);
    const stays = same && String(before.at) === String(model.at);
    this.halt();
    this.model = model;
    this.hover = null;
    if (!same) this.cells = model.cells;
    if (!stays) {
      this.view = model.axes.map((axis, n) => ({ first: centreOf(axis, model.at?.[n]), centred: true, count: 0 }));
      this.pinned = null;
      this.look(0, 0);
      const spare = model.axes.map(({ stride, before }, n) => (this.view[n].first + before) % stride);
      if (model.kind !== "transposed") this.look(-spare[0], -spare[1]); // so that a window begins where the view does
      this.cursor = model.at ?? this.outs.map(([first, count]) => first + (count >> 1));
    }
    this.look(0, 0);
    this.clampCursor();
    if (this.pinned && !this.exists(this.pinned)) this.pinned = null;
  }

  /** The first and the last row (or column) of a grid. */
  ends(name, axis) {
    if (name === "weights") return [0, axis.kernel - 1];
    return name === "result" ? [0, axis.outs - 1] : [-axis.before, axis.size + axis.after - 1];
  }

  exists({ grid, row, col }) {
    if (grid === "weights" && !this.model.weights) return false;
    return this.model.axes.every((axis, n) => {
      const [first, last] = this.ends(grid, axis);
      return [row, col][n] >= first && [row, col][n] <= last;
    });
  }

  stop() {
    this.halt();
    this.watcher?.disconnect();
    this.watcher = null;
  }

  // --- the view ---------------------------------------------------------------------------------------------------------

  /** Move the view by so many places, keep it legal, and find the outputs that belong to it. */
  look(down, across) {
    const { axes, source } = this.model;
    this.view = this.view.map(({ first, count, centred }, n) => {
      const [least, most] = viewLimits(axes[n]);
      const wanted = Math.min(Math.max(this.cells, least), most);
      const centre = centred ? first : first + count / 2;
      const low = -axes[n].before;
      const high = axes[n].size + axes[n].after - wanted;
      const start = Math.round(centre - wanted / 2) + [down, across][n];
      return { first: Math.min(Math.max(start, low), high), count: wanted };
    });
    this.outs = axes.map((axis, n) => outsInView(axis, this.view[n].first, this.view[n].count));
    const missing = this.view.some(
      ({ first, count }, n) => first < source.origin[n] || first + count > source.origin[n] + source.shape[n],
    );
    clearTimeout(this.asking);
    if (missing) {
      const place = this.view.map(({ first, count }) => Math.round(first + count / 2));
      this.asking = setTimeout(() => this.say("place", place), ASKED_AFTER);
    }
  }

  zoom(factor) {
    const limits = this.model.axes.map(viewLimits);
    const [least, most] = [Math.max(...limits.map(([low]) => low)), Math.max(...limits.map(([, high]) => high))];
    this.cells = Math.min(Math.max(Math.round(Math.min(this.cells, most) * factor), Math.min(least, 4)), MOST);
    this.look(0, 0);
    this.clampCursor();
    this.layout();
  }

  pan(down, across) {
    this.look(down, across);
    this.clampCursor();
    this.measure();
    this.paint();
  }

  clampCursor() {
    this.cursor = this.cursor.map((at, n) =>
      Math.min(Math.max(at, this.outs[n][0]), this.outs[n][0] + this.outs[n][1] - 1),
    );
  }

  /** Sizes of everything for the width there is. */
  layout() {
    const width = (this.width = this.root.clientWidth);
    if (!width || !this.model) return;
    const { model } = this;
    const narrow = width <= 700;
    const deep = model.source.shape[2];
    const channels = model.weights ? deep : 1;
    this.dpr = window.devicePixelRatio || 1;
    this.root.classList.toggle("deep", channels > 1);
    this.grids.weights.figure.hidden = !model.weights;
    this.grids.parts.figure.hidden = model.kind === "padding";
    this.find(".middle").hidden = model.kind === "padding";
    this.measure();
    const [down, across] = model.axes.map((axis) => axis.kernel);
    const panels = { weights: model.weights?.shape[2] ?? 1, parts: deep };
    const middle =
      model.kind === "padding"
        ? 0
        : narrow || channels > 1
          ? (narrow ? width : Math.min(width * 0.3, 330)) / 2 - 10
          : Math.min(width * 0.2, 190);
    const most = Math.max(panels.weights, panels.parts);
    const small = Math.min(LARGEST, middle / across, ((narrow ? 300 : 420) - most * GAP) / most / down);
    for (const name of ["weights", "parts"]) {
      Object.assign(this.grids[name], {
        first: [0, 0],
        count: [down, across],
        panels: panels[name],
        cell: Math.max(small, 3),
      });
    }
    const taken = channels > 1 ? 2 * small * across + 20 : Math.max(small * across, 90);
    const each = narrow ? width - 2 : (width - 44 - (middle && taken)) / 2 - 4;
    const high = narrow ? 360 : 460;
    const fits = ["source", "result"].map((name) =>
      Math.min(LARGEST, each / this.grids[name].count[1], high / this.grids[name].count[0]),
    );
    const alike = Math.min(...fits) >= Math.min(READABLE, fits[1] * 0.6);
    this.grids.source.cell = alike ? Math.min(...fits) : fits[0];
    this.grids.result.cell = alike ? Math.min(...fits) : fits[1];
    for (const grid of Object.values(this.grids)) this.size(grid);
    this.style();
    this.captions();
    const lines = model.weights ? (down + 1) * (width > 1000 ? 1 : channels) + channels : deep * 2;
    this.find(".sum").style.height = `${Math.min(lines + 4, 14) * 1.45}em`;
    this.paint();
  }

  /** Which cells the two large grids show. */
  measure() {
    Object.assign(this.grids.source, {
      first: this.view.map(({ first }) => first),
      count: this.view.map(({ count }) => count),
      panels: 1,
    });
    Object.assign(this.grids.result, {
      first: this.outs.map(([first]) => first),
      count: this.outs.map(([, count]) => count),
      panels: 1,
    });
  }

  /** A canvas of whole device pixels. */
  size(grid) {
    const cell = (grid.px = Math.max(1, Math.floor(grid.cell * this.dpr)));
    grid.gap = Math.round(GAP * this.dpr);
    const [rows, cols] = grid.count;
    const [width, height] = [cols * cell, grid.panels * (rows * cell + grid.gap) - grid.gap];
    for (const canvas of [grid.canvas, grid.base, grid.dim]) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
    }
    grid.canvas.style.width = `${width / this.dpr}px`;
    grid.canvas.style.height = `${height / this.dpr}px`;
  }

  style() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    this.behind = channelsOf(this.scratch, read("--st-background-color", "#fdfcfa"));
    this.ink = read("--st-text-color", "#20262b");
    this.paper = read("--st-background-color", "#fdfcfa");
    this.accent = read("--st-primary-color", "#17636b");
    this.font = read("--st-font", "sans-serif");
  }

  captions() {
    const { axes, labels, kind, source, weights, result } = this.model;
    const pads = axes.flatMap(({ before, after }) => [before, after]);
    const sides = ["top", "bottom", "left", "right"].map((side, n) => `${side} ${pads[n]}`).join(", ");
    const padded = pads.every((pad) => pad === pads[0])
      ? pads[0]
        ? `, padding ${pads[0]}`
        : ""
      : `, padding ${sides}`;
    const deep = (shape) => (shape[2] > 1 ? ` × ${shape[2]}` : "");
    const part = (all, { count }) => (all.some((size, n) => size > count[n]) ? `, ${count.join(" × ")} in view` : "");
    const [sizes, kernel, outs] = ["size", "kernel", "outs"].map((what) => axes.map((axis) => axis[what]));
    const told = {
      source: [labels.source, `${sizes.join(" × ")}${deep(source.shape)}${padded}${part(sizes, this.grids.source)}`],
      weights: [labels.weights, kernel.join(" × ") + (weights ? deep(weights.shape) : "")],
      parts: kind === "pooling" ? ["Window", kernel.join(" × ")] : ["Products", "value × weight"],
      result: [labels.result, `${outs.join(" × ")}${deep(result.shape)}${part(outs, this.grids.result)}`],
    };
    for (const [name, [title, size]] of Object.entries(told)) {
      const small = document.createElement("small");
      small.textContent = size;
      this.grids[name].figure.querySelector("figcaption").replaceChildren(title, small);
      const keys = "Arrow keys move, Enter pins, Escape frees, plus and minus zoom.";
      if (name !== "parts") this.grids[name].canvas.setAttribute("aria-label", `${title}, ${size}. ${keys}`);
    }
    for (const name of ["source", "result"]) this.bar(name);
    const limits = axes.map(viewLimits);
    this.find(".closer").disabled = this.view.every(({ count }, n) => count <= limits[n][0]);
    this.find(".farther").disabled = this.view.every(({ count }, n) => count >= limits[n][1]);
  }

  /** What the colours mean. */
  bar(name) {
    const { look, limits } = this.model[name];
    const stops = Array.from({ length: 9 }, (_, n) => {
      const level = Math.round((n * 255) / 8);
      return `rgb(${look === "picture" ? [level, level, level] : this.table(look, level)})`;
    });
    const bar = this.grids[name].figure.querySelector(".bar");
    bar.hidden = look === "picture" && this.model[name].shape[2] === 3; // colours that mean themselves
    const strip = document.createElement("i");
    strip.style.background = `linear-gradient(to right, ${stops})`;
    const figures = limits.map((limit) => exact(Number(limit.toPrecision(4))));
    bar.replaceChildren(figures[0], strip, figures[1]);
  }

  // --- painting ---------------------------------------------------------------------------------------------------------

  table(look, level) {
    const at = (["signed", "magnitude", "weights"].indexOf(look) * 256 + level) * 3;
    return this.model.tables.values.subarray(at, at + 3);
  }

  /** The colour of one number. */
  level(value, look, [low, high]) {
    if (look === "magnitude" || look === "picture")
      return Math.min(Math.max(Math.round(((value - low) * 255) / (high - low || 1)), 0), 255);
    const scaled = Math.min(Math.max(value / (high || 1), -1), 1);
    return Math.round(128 + scaled * (scaled < 0 ? 128 : 127));
  }

  /** The numbers of a cell: one, or one for each channel; null where there is none. */
  numbers(grid, row, col, panel) {
    const { model } = this;
    if (grid.name === "weights") return [weightAt(model, row, col, panel)];
    if (grid.name === "parts") {
      const part = this.told?.parts?.[panel]?.[row]?.[col];
      return part === null || part === undefined ? null : [part];
    }
    const array = model[grid.name];
    const empty = (model.kind === "pooling" || model.kind === "padding") && grid.name === "source";
    if (valueAt(array, row, col) === undefined || (empty && !inside(model, row, col))) return null;
    return Array.from({ length: array.shape[2] }, (_, channel) => valueAt(array, row, col, channel));
  }

  scale(grid) {
    const { model } = this;
    if (grid.name in model && "look" in model[grid.name]) return model[grid.name];
    const high = model.weights
      ? model.weights.values.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1
      : 1;
    if (grid.name === "weights") return { look: "weights", limits: [-high, high] };
    if (model.kind === "pooling") return { look: model.source.look, limits: model.source.limits };
    const most = high * Math.max(...model.source.limits.map(Math.abs));
    return { look: "signed", limits: [-most, most] };
  }

  colours(numbers, { look, limits }) {
    if (numbers.some(Number.isNaN)) return null;
    if (numbers.length === 3 && look === "picture") return numbers.map((value) => this.level(value, look, limits));
    const level = this.level(numbers.reduce((a, b) => a + b, 0) / numbers.length, look, limits);
    return look === "picture" ? [level, level, level] : this.table(look, level);
  }

  paint() {
    this.told = explain(this.model, this.focus());
    for (const grid of Object.values(this.grids)) if (grid.name !== "parts" && !grid.figure.hidden) this.drawBase(grid);
    this.overview();
    this.refresh();
  }

  /** The cells themselves, bright and dimmed, on canvases that only change with the data and the view. */
  drawBase(grid) {
    const [rows, cols] = grid.count;
    const scale = this.scale(grid);
    const cells = [];
    for (let panel = 0; panel < grid.panels; panel++) {
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          const numbers = this.numbers(grid, row + grid.first[0], col + grid.first[1], panel);
          if (numbers) cells.push({ panel, row, col, numbers, colour: this.colours(numbers, scale) });
        }
      }
    }
    this.drawCells(grid, grid.base, cells);
    if (grid.name === "parts") return;
    const dimmed = (colour) =>
      colour && [...colour].map((level, n) => Math.round(level * DIM + this.behind[n] * (1 - DIM)));
    this.drawCells(
      grid,
      grid.dim,
      cells.map((cell) => ({ ...cell, colour: dimmed(cell.colour) })),
    );
  }

  drawCells(grid, canvas, cells) {
    const [rows, cols] = grid.count;
    const context = canvas.getContext("2d");
    const image = new ImageData(cols, rows * grid.panels);
    for (const { panel, row, col, colour } of cells) {
      if (colour) image.data.set([...colour, 255], ((panel * rows + row) * cols + col) * 4);
    }
    [this.scratch.width, this.scratch.height] = [image.width, image.height];
    this.scratch.getContext("2d").putImageData(image, 0, 0);
    context.fillStyle = this.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    for (let panel = 0; panel < grid.panels; panel++) {
      const top = panel * (rows * grid.px + grid.gap);
      context.drawImage(this.scratch, 0, panel * rows, cols, rows, 0, top, cols * grid.px, rows * grid.px);
      this.drawLines(context, grid, top);
    }
    if (grid.px < READABLE * this.dpr) return;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const cell of cells) this.drawNumbers(context, grid, cell);
  }

  drawLines(context, grid, top) {
    const {
      px,
      count: [rows, cols],
    } = grid;
    context.strokeStyle = this.ink;
    context.lineWidth = 1;
    context.globalAlpha = 0.22;
    context.beginPath();
    if (px >= 7 * this.dpr) {
      for (let row = 0; row <= rows; row++) line(context, 0, top + row * px, cols * px, top + row * px);
      for (let col = 0; col <= cols; col++) line(context, col * px, top, col * px, top + rows * px);
    }
    context.stroke();
    context.globalAlpha = 1;
    if (grid.name !== "source" && !(grid.name === "result" && this.model.kind === "padding")) return;
    this.drawPadding(context, grid);
  }

  /** Padding is hatched, and the picture has a frame. */
  drawPadding(context, grid) {
    const { axes } = this.model;
    const shift = grid.name === "result" ? axes.map(({ before }) => before) : [0, 0];
    const { px, first, count } = grid;
    context.beginPath();
    for (let row = 0; row < count[0]; row++) {
      for (let col = 0; col < count[1]; col++) {
        if (inside(this.model, row + first[0] - shift[0], col + first[1] - shift[1])) continue;
        line(context, col * px, (row + 1) * px, (col + 1) * px, row * px);
      }
    }
    context.globalAlpha = 0.45;
    context.stroke();
    context.globalAlpha = 1;
    const [y, x] = axes.map((_, n) => (shift[n] - first[n]) * px);
    this.twice(context, x, y, axes[1].size * px, axes[0].size * px, 1.5);
  }

  drawNumbers(context, grid, { panel, row, col, numbers, colour }) {
    const { px } = grid;
    const least = SMALLEST * this.dpr;
    if (numbers.length * least > px) return;
    const largest = Math.min((px * 0.9) / numbers.length, px * 0.42, 15 * this.dpr);
    const middle = panel * (grid.count[0] * px + grid.gap) + (row + 0.5) * px;
    context.fillStyle = colour ? readable(colour) : this.ink;
    numbers.forEach((number, n) => {
      const text = short(number, Math.floor((px * 0.94) / (Math.max(least, largest * 0.8) * LETTER)));
      const height = Math.max(least, Math.min(largest, (px * 0.94) / (text.length * LETTER)));
      context.font = `${height}px ${this.font}`;
      context.fillText(text, (col + 0.5) * px, middle + ((n + 0.5) / numbers.length - 0.5) * px * 0.9, px);
    });
  }

  // --- what belongs together --------------------------------------------------------------------------------------------

  focus() {
    return this.pinned ?? this.hover ?? { grid: "result", row: this.cursor[0], col: this.cursor[1] };
  }

  /** After the cell under attention changed: marks, sum, speech; nothing leaves the browser. */
  refresh() {
    const started = performance.now();
    const focus = this.focus();
    this.told = explain(this.model, focus);
    if (!this.grids.parts.figure.hidden) this.drawBase(this.grids.parts);
    for (const grid of Object.values(this.grids)) if (!grid.figure.hidden) this.drawMarks(grid, focus);
    this.write();
    const scrub = this.find(".scrub");
    scrub.max = this.outs[0][1] * this.outs[1][1] - 1;
    scrub.value = (this.cursor[0] - this.outs[0][0]) * this.outs[1][1] + this.cursor[1] - this.outs[1][0];
    scrub.setAttribute("aria-valuetext", `output row ${this.cursor[0]}, column ${this.cursor[1]}`);
    clearTimeout(this.speaking);
    if (!this.playing)
      this.speaking = setTimeout(() => (this.find(".said").textContent = this.told.spoken), SPOKEN_AFTER);
    this.root.dataset.milliseconds = (performance.now() - started).toFixed(2);
  }

  drawMarks(grid, focus) {
    const context = grid.canvas.getContext("2d");
    const marks = grid.name === "parts" ? null : this.told.marks[grid.name];
    context.drawImage(marks ? grid.dim : grid.base, 0, 0);
    if (marks) {
      const seen = (numbers, n) => numbers.filter((at) => at >= grid.first[n] && at < grid.first[n] + grid.count[n]);
      const [rows, cols] = [runs(seen(marks.rows, 0)), runs(seen(marks.cols, 1))];
      const areas = [];
      for (let panel = 0; panel < grid.panels; panel++) {
        for (const down of rows) for (const across of cols) areas.push(this.area(grid, down, across, panel));
      }
      context.save();
      context.beginPath();
      for (const area of areas) context.rect(...area);
      context.clip();
      context.drawImage(grid.base, 0, 0);
      context.restore();
      for (const area of areas) this.twice(context, ...area, areas.length > 400 ? 0.75 : 1.5);
      if (grid.name === "source" && focus.grid === "result" && this.model.weights) this.drawWeights(context, grid);
    }
    for (const ring of this.told.rings) this.drawRing(context, grid, ring);
    if (focus.grid !== grid.name) return;
    const panel = grid.name === "weights" ? (focus.channel ?? 0) : 0;
    this.twice(
      context,
      ...this.area(grid, [focus.row, focus.row], [focus.col, focus.col], panel),
      this.pinned ? 3.5 : 2.5,
      this.accent,
    );
  }

  area(grid, rows, cols, panel) {
    const top = panel * (grid.count[0] * grid.px + grid.gap);
    const [y, x] = [rows[0] - grid.first[0], cols[0] - grid.first[1]];
    return [x * grid.px, top + y * grid.px, (cols[1] - cols[0] + 1) * grid.px, (rows[1] - rows[0] + 1) * grid.px];
  }

  /** A frame that is seen on every colour: light within dark. */
  twice(context, x, y, width, height, weight, colour = "#000") {
    const [wide, thin] = [weight * this.dpr, Math.min(weight, 1.25) * this.dpr];
    const inset = (by) => [x + by, y + by, width - 2 * by, height - 2 * by];
    context.strokeStyle = "#fff";
    context.lineWidth = thin;
    context.strokeRect(...inset(wide + thin / 2));
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.strokeRect(...inset(wide / 2));
  }

  /** In large cells, the weight that lies on each. */
  drawWeights(context, grid) {
    if (grid.px < ANNOTATED * this.dpr || this.model.source.shape[2] > 1) return;
    const { marks } = this.told;
    const height = 10 * this.dpr;
    context.font = `${height}px ${this.font}`;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    marks.source.rows.forEach((row, i) =>
      marks.source.cols.forEach((col, j) => {
        const weight = weightAt(this.model, marks.weights.rows[i], marks.weights.cols[j]);
        const numbers = this.numbers(grid, row, col, 0);
        const colour = numbers && this.colours(numbers, this.scale(grid));
        context.fillStyle = colour ? readable(colour) : this.ink;
        const [x, y] = this.area(grid, [row, row], [col, col], 0);
        context.fillText(`×${short(weight, 5)}`, x + grid.px - 4 * this.dpr, y + grid.px - 2 * this.dpr);
      }),
    );
  }

  /** The winner of a window. */
  drawRing(context, grid, { row, col, tap, channel }) {
    if (grid.name !== "source" && grid.name !== "parts") return;
    const panel = grid.name === "parts" ? channel : 0;
    const [x, y, width] = this.area(grid, ...(grid.name === "parts" ? tap : [row, col]).map((at) => [at, at]), panel);
    for (const [colour, wide] of [
      ["#fff", 4.5],
      ["#000", 2],
    ]) {
      context.beginPath();
      context.strokeStyle = colour;
      context.lineWidth = wide * this.dpr;
      context.arc(x + width / 2, y + width / 2, Math.max(width * 0.44, 2), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** The sum, as text nodes: nothing that came from outside becomes markup. */
  write() {
    this.find(".title").textContent = this.told.title + (this.pinned ? " (pinned)" : "");
    const text = (words, name) => {
      const one = document.createElement("span");
      one.textContent = words;
      one.className = name;
      return one;
    };
    const blocks = this.told.blocks.map((lines) => {
      const block = document.createElement("div");
      for (const { terms, equals, strong } of lines) {
        block.append(text(terms, equals ? (strong ? "strong" : "") : "note"));
        if (equals) block.append(text(`= ${equals}`, strong ? "equals strong" : "equals"));
      }
      return block;
    });
    this.find(".blocks").replaceChildren(...blocks);
  }

  /** The whole picture, small, with the view in it. */
  overview() {
    const canvas = this.find(".overview");
    const { axes, overview } = this.model;
    const whole = this.view.every(({ count }, n) => count >= axes[n].size);
    canvas.hidden = whole;
    if (whole) return;
    const [height, width] = overview.shape;
    const scale = Math.max(1, Math.floor((72 / Math.max(height, width)) * this.dpr));
    [canvas.width, canvas.height] = [width * scale, height * scale];
    canvas.style.width = `${canvas.width / this.dpr}px`;
    canvas.style.height = `${canvas.height / this.dpr}px`;
    const image = new ImageData(width, height);
    for (let at = 0; at < width * height; at++)
      image.data.set([...overview.values.subarray(at * 3, at * 3 + 3), 255], at * 4);
    [this.scratch.width, this.scratch.height] = [width, height];
    this.scratch.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.scratch, 0, 0, canvas.width, canvas.height);
    const [y, x] = this.view.map(({ first }, n) => (first / axes[n].size) * [canvas.height, canvas.width][n]);
    const [h, w] = this.view.map(({ count }, n) => (count / axes[n].size) * [canvas.height, canvas.width][n]);
    this.twice(context, x, y, w, h, 1.5);
    canvas.setAttribute(
      "aria-label",
      `The whole picture; rows ${this.view[0].first} to ${this.view[0].first + this.view[0].count - 1}, columns ${this.view[1].first} to ${this.view[1].first + this.view[1].count - 1} are in view`,
    );
  }

  // --- pointer, keys, scan ------------------------------------------------------------------------------------------------

  wire() {
    for (const name of ["source", "weights", "result"]) {
      const { canvas } = this.grids[name];
      canvas.onpointermove = (event) => this.pointed(name, event);
      canvas.onpointerleave = () => this.left();
      canvas.onpointerdown = (event) =>
        (this.drag = { name, x: event.clientX, y: event.clientY, moved: false, mouse: event.pointerType === "mouse" });
      canvas.onpointerup = (event) => this.released(name, event);
      canvas.onpointercancel = () => (this.drag = null);
      canvas.onkeydown = (event) => this.key(name, event);
      canvas.onwheel = (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
      };
    }
    const overview = this.find(".overview");
    overview.onpointerdown = overview.onpointermove = (event) => {
      if (!event.buttons) return;
      const box = overview.getBoundingClientRect();
      const shares = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
      this.view = this.view.map(({ count }, n) => ({
        first: Math.round(shares[n] * this.model.axes[n].size),
        count,
        centred: true,
      }));
      this.pan(0, 0);
    };
    this.find(".play").onclick = () => (this.playing ? this.halt() : this.play());
    this.find(".back").onclick = () => this.stepped(-1);
    this.find(".step").onclick = () => this.stepped(1);
    this.find(".scrub").oninput = (event) => this.goTo(Number(event.target.value));
    this.find(".closer").onclick = () => this.zoom(0.7);
    this.find(".farther").onclick = () => this.zoom(1.4);
    this.root.onkeydown = (event) => {
      if (event.key === "Escape" && this.pinned) this.pin(null);
    };
  }

  /** The cell under the pointer. */
  cellAt(name, event) {
    const grid = this.grids[name];
    const box = grid.canvas.getBoundingClientRect();
    const [x, y] = [
      (event.clientX - box.left) * (grid.canvas.width / box.width),
      (event.clientY - box.top) * (grid.canvas.height / box.height),
    ];
    const tall = grid.count[0] * grid.px + grid.gap;
    const panel = Math.min(Math.max(Math.floor(y / tall), 0), grid.panels - 1);
    const clamp = (at, count) => Math.min(Math.max(at, 0), count - 1);
    const row = clamp(Math.floor((y - panel * tall) / grid.px), grid.count[0]) + grid.first[0];
    const col = clamp(Math.floor(x / grid.px), grid.count[1]) + grid.first[1];
    return { grid: name, row, col, channel: panel };
  }

  pointed(name, event) {
    if (this.drag?.mouse && this.drag.name === name && event.buttons && name !== "weights") {
      const { px } = this.grids[name];
      const stride =
        name === "result" && this.model.kind !== "transposed" ? this.model.axes.map((axis) => axis.stride) : [1, 1];
      const [down, across] = [this.drag.y - event.clientY, this.drag.x - event.clientX].map((by, n) =>
        Math.trunc((by * this.dpr * stride[n]) / px),
      );
      if (!down && !across) return;
      Object.assign(this.drag, { moved: true, x: event.clientX, y: event.clientY });
      this.pan(down, across);
      return;
    }
    const cell = this.cellAt(name, event);
    if (
      this.hover &&
      this.hover.grid === cell.grid &&
      this.hover.row === cell.row &&
      this.hover.col === cell.col &&
      this.hover.channel === cell.channel
    )
      return;
    this.hover = cell;
    if (name === "result" && !this.playing) this.cursor = [cell.row, cell.col];
    if (!this.pinned) this.soon();
  }

  /** Once a frame is enough. */
  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.refresh();
    });
  }

  left() {
    this.hover = null;
    if (!this.pinned) this.soon();
  }

  released(name, event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved || drag.name !== name) return;
    const cell = this.cellAt(name, event);
    const again = this.pinned && ["grid", "row", "col", "channel"].every((part) => this.pinned[part] === cell[part]);
    this.pin(again ? null : cell);
  }

  pin(cell) {
    const kept = (one) => (one?.grid === "result" ? [one.row, one.col] : null);
    const changed = String(kept(this.pinned)) !== String(kept(cell));
    this.pinned = cell;
    if (kept(cell)) this.cursor = kept(cell);
    if (changed && this.model.pins) this.say("pinned", kept(cell));
    this.halt();
    this.refresh();
  }

  key(name, event) {
    const moves = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-8, 0],
      PageDown: [8, 0],
      Home: [0, -1e9],
      End: [0, 1e9],
    };
    if (event.key === "Enter" || event.key === " ") {
      const { grid, row, col, channel = 0 } = this.focus();
      this.pin(this.pinned ? null : { grid, row, col, channel });
    } else if (event.key === "+" || event.key === "=") this.zoom(0.7);
    else if (event.key === "-") this.zoom(1.4);
    else if (moves[event.key] && !event.altKey && !event.ctrlKey && !event.metaKey)
      this.move(name, ...moves[event.key]);
    else return;
    event.preventDefault();
  }

  /** The cell under attention moves, and the view follows it. */
  move(name, down, across) {
    const { axes } = this.model;
    const now = this.focus();
    const grid = this.grids[name];
    const start =
      now.grid === name
        ? [now.row, now.col]
        : name === "result"
          ? this.cursor
          : grid.first.map((first, n) => first + (grid.count[n] >> 1));
    const ends = axes.map((axis) => this.ends(name, axis));
    const cell = start.map((at, n) => Math.min(Math.max(at + [down, across][n], ends[n][0]), ends[n][1]));
    if (this.pinned) this.pin(null);
    this.halt();
    this.hover = { grid: name, row: cell[0], col: cell[1], channel: now.grid === name ? (now.channel ?? 0) : 0 };
    if (name === "result") this.cursor = cell;
    if (name !== "weights") this.follow(name, cell);
    this.refresh();
  }

  follow(name, cell) {
    const { first, count } = this.grids[name];
    const off = cell.map((at, n) => Math.min(at - first[n], 0) + Math.max(at - (first[n] + count[n] - 1), 0));
    if (!off[0] && !off[1]) return;
    const { axes, kind } = this.model;
    const by = axes.map((axis, n) => {
      if (name === "source") return off[n];
      return kind === "transposed"
        ? Math.sign(off[n]) * Math.ceil(Math.abs(off[n]) / axis.stride)
        : off[n] * axis.stride;
    });
    const kept = this.cursor;
    this.look(...by);
    if (name === "result") this.cursor = kept;
    this.clampCursor();
    this.measure();
    this.paint();
  }

  stepped(by) {
    this.halt();
    const [rows, cols] = [this.outs[0][1], this.outs[1][1]];
    const now = (this.cursor[0] - this.outs[0][0]) * cols + this.cursor[1] - this.outs[1][0];
    this.goTo((now + by + rows * cols) % (rows * cols));
  }

  goTo(index) {
    const cols = this.outs[1][1];
    this.cursor = [this.outs[0][0] + Math.floor(index / cols), this.outs[1][0] + (index % cols)];
    this.hover = this.pinned = null;
    this.refresh();
  }

  /** The window slides over all outputs in view. Where the system asks for less motion it makes one step. */
  play() {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return this.stepped(1);
    const all = this.outs[0][1] * this.outs[1][1];
    let index = Number(this.find(".scrub").value);
    if (index >= all - 1) index = 0;
    let due = performance.now();
    this.find(".play").textContent = "Pause";
    this.goTo(index);
    const tick = (now) => {
      const pause = 1000 / Number(this.find(".speed").value);
      if (now - due >= pause - 4) {
        due = now;
        if (index >= all - 1) return this.halt();
        this.goTo(++index);
      }
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    return undefined;
  }

  halt() {
    if (this.playing) cancelAnimationFrame(this.playing);
    this.playing = null;
    this.find(".play").textContent = "Play";
  }
}

/** The place in the middle of what an output is made of. */
function centreOf(axis, out) {
  if (out === undefined) return axis.size >> 1;
  if (axis.kind === "transposed") return Math.floor((out + axis.cut) / axis.stride);
  return out * axis.stride - axis.before + (reach(axis) >> 1);
}

/** Red, green and blue of any colour that CSS can name. */
function channelsOf(canvas, colour) {
  [canvas.width, canvas.height] = [1, 1];
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
}

function line(context, x, y, toX, toY) {
  context.moveTo(x, y);
  context.lineTo(toX, toY);
}

/** Black or white, whichever can be read better on a colour (WCAG 2.2, relative luminance). */
function readable(colour) {
  const [r, g, b] = [...colour].map((level) => (level <= 10 ? level / 3294.6 : ((level / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
