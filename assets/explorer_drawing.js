// How the explorer is drawn: sizes, colours, grids, marks, the sum. It changes nothing but canvases and text.
import { exact, inside, runs, short, valueAt, viewLimits, weightAt } from "./explorer_logic.js";

const GAP = 6; // between the panels of a grid, CSS pixels
const LARGEST = 44; // CSS pixels of a cell
const READABLE = 20; // a cell with fewer CSS pixels shows no number
const SMALLEST = 8.5; // CSS pixels of a number's height
const LETTER = 0.55; // a figure's width for its height
const DIM = 0.85; // of its colour that a cell of the input or the kernel keeps which does not belong
const ANNOTATED = 38; // from here on an input cell also shows the weight on it

/**
 * Draws what an explorer knows: model (unpacked data), view (places in sight), told (of the cell under attention).
 * A grid is {name, figure, canvas, base, dim: canvases with all cells, first, count: what is in sight, panels, px}.
 */
export class Drawing {
  find = (selector) => this.root.querySelector(selector);

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
    const products =
      model.kind === "transposed"
        ? model.axes.reduce((all, axis) => all * Math.ceil(axis.kernel / axis.stride), 1) // where patches overlap most
        : down;
    const lines = model.weights ? (products + 1) * (width > 780 ? 1 : channels) + channels : deep * 2;
    const sum = this.find(".sum");
    sum.style.height = `calc(${Math.min(lines + 2, 14) * 1.45}em + 0.6rem)`; // its margins and gaps
    this.paint();
    const cut = sum.scrollHeight - sum.clientHeight; // where lines are broken
    if (cut > 0 && lines + 2 <= 14) sum.style.height = `${sum.scrollHeight}px`;
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

  /** The cells themselves, bright and dimmed, on canvases that only change with the data and the view. */
  drawBase(grid) {
    const [rows, cols] = grid.count;
    const scale = this.scale(grid);
    const image = new ImageData(cols, rows * grid.panels);
    const pixels = new Uint32Array(image.data.buffer); // little-endian: alpha, blue, green, red
    const written = grid.px >= READABLE * this.dpr ? [] : null;
    for (let panel = 0; panel < grid.panels; panel++) {
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          const numbers = this.numbers(grid, row + grid.first[0], col + grid.first[1], panel);
          if (!numbers) continue;
          const colour = this.colours(numbers, scale);
          if (colour)
            pixels[(panel * rows + row) * cols + col] = 0xff000000 | (colour[2] << 16) | (colour[1] << 8) | colour[0];
          written?.push({ panel, row, col, numbers, colour });
        }
      }
    }
    [this.scratch.width, this.scratch.height] = [image.width, image.height];
    this.scratch.getContext("2d").putImageData(image, 0, 0);
    this.drawCells(grid, grid.base, written, 1);
    if (this.dims(grid)) this.drawCells(grid, grid.dim, written, DIM);
  }

  /** Whether cells that do not belong step back; those of the output keep the colours of its bar. */
  dims(grid) {
    return grid.name === "source" || grid.name === "weights";
  }

  /** Cells that keep so much of their colour, each number black or white on what is left of it. */
  drawCells(grid, canvas, written, kept) {
    const [rows, cols] = grid.count;
    const context = canvas.getContext("2d", { alpha: false });
    context.fillStyle = this.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    for (let panel = 0; panel < grid.panels; panel++) {
      const top = panel * (rows * grid.px + grid.gap);
      context.globalAlpha = kept;
      context.drawImage(this.scratch, 0, panel * rows, cols, rows, 0, top, cols * grid.px, rows * grid.px);
      context.globalAlpha = 1;
      this.drawLines(context, grid, top);
    }
    context.textAlign = "center";
    context.textBaseline = "middle";
    const left = (level, n) => level * kept + this.behind[n] * (1 - kept);
    for (const { colour, ...cell } of written ?? []) {
      this.drawNumbers(context, grid, { ...cell, ink: colour ? readable(Array.from(colour, left)) : this.ink });
    }
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

  drawNumbers(context, grid, { panel, row, col, numbers, ink }) {
    const { px } = grid;
    const least = SMALLEST * this.dpr;
    if (numbers.length * least > px) return;
    const largest = Math.min((px * 0.9) / numbers.length, px * 0.42, 15 * this.dpr);
    const middle = panel * (grid.count[0] * px + grid.gap) + (row + 0.5) * px;
    context.fillStyle = ink;
    numbers.forEach((number, n) => {
      const text = short(number, Math.floor((px * 0.94) / (Math.max(least, largest * 0.8) * LETTER)));
      const height = Math.max(least, Math.min(largest, (px * 0.94) / (text.length * LETTER)));
      const font = `${Math.round(height * 2) / 2}px ${this.font}`;
      context.font = font;
      context.fillText(text, (col + 0.5) * px, middle + ((n + 0.5) / numbers.length - 0.5) * px * 0.9, px);
    });
  }

  drawMarks(grid, focus) {
    const context = grid.canvas.getContext("2d", { alpha: false });
    const marks = grid.name === "parts" ? null : this.told.marks[grid.name];
    context.drawImage(marks && this.dims(grid) ? grid.dim : grid.base, 0, 0);
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
    const [x, y, width, height] = this.area(grid, [focus.row, focus.row], [focus.col, focus.col], panel);
    const weight = this.pinned ? 3.5 : 2.5;
    const [left, top] = [x, y].map((at) => Math.max(at - weight * this.dpr, 0)); // around the cell, where there is room
    const right = Math.min(x + width + weight * this.dpr, grid.canvas.width);
    const bottom = Math.min(y + height + weight * this.dpr, grid.canvas.height);
    this.twice(context, left, top, right - left, bottom - top, weight, this.accent);
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
    if (this.mapped !== overview) this.map = coloured(overview);
    this.mapped = overview;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.map, 0, 0, canvas.width, canvas.height);
    const [y, x] = this.view.map(({ first }, n) => (first / axes[n].size) * [canvas.height, canvas.width][n]);
    const [h, w] = this.view.map(({ count }, n) => (count / axes[n].size) * [canvas.height, canvas.width][n]);
    this.twice(context, x, y, w, h, 1.5);
    const [rows, cols] = this.view.map(({ first, count }) => `${first} to ${first + count - 1}`);
    canvas.setAttribute("aria-label", `The whole picture; rows ${rows}, columns ${cols} are in view`);
  }
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

/** A canvas with the pixels of an RGB array. */
function coloured({ values, shape: [height, width] }) {
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    image.data.set(values.subarray(at * 3, at * 3 + 3), at * 4);
    image.data[at * 4 + 3] = 255;
  }
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
