// The explorer's arithmetic: which cells belong together, what their numbers are, and how that is said. No page here.
//
// Along an axis, a *place* is a row (or column) of the padded picture; 0 is the picture's first, padding before it is
// negative. An *out* is a row of the output, a *tap* a row of the kernel. Rows and columns never mix, so everything is
// worked out axis by axis:
//   {kind, size, kernel, stride, dilation, before, after, mode, cut, outs}

export const MOST = 64; // cells of a side in view

const range = (count) => Array.from({ length: count }, (_, n) => n);
const sorted = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

// --- along one axis -------------------------------------------------------------------------------------------------

/** Places from the first tap to the last. */
export const reach = (axis) => (axis.kernel - 1) * axis.dilation + 1;

/** Which pixel of the picture stands at a place; -1 where none does. */
export function sourceOf({ size, mode }, place) {
  if (place >= 0 && place < size) return place;
  if (mode === "replicate") return Math.min(Math.max(place, 0), size - 1);
  if (mode === "circular") return ((place % size) + size) % size;
  if (mode !== "reflect") return -1;
  const period = Math.max(2 * (size - 1), 1);
  const at = ((place % period) + period) % period;
  return size > 1 ? Math.min(at, period - at) : 0;
}

/** What an out is made of: [{tap, place}]. */
export function tapsOf(axis, out) {
  const taps = range(axis.kernel);
  if (axis.kind !== "transposed") {
    return taps.map((tap) => ({ tap, place: out * axis.stride - axis.before + tap * axis.dilation }));
  }
  const found = taps.reverse().map((tap) => ({ tap, place: (out + axis.cut - tap) / axis.stride }));
  return found.filter(({ place }) => Number.isInteger(place) && place >= 0 && place < axis.size);
}

/** Which outs a place feeds, and through which tap: [{tap, out}]. */
export function outsOf(axis, place) {
  const goesTo = (tap) =>
    axis.kind === "transposed"
      ? place * axis.stride + tap - axis.cut
      : (place + axis.before - tap * axis.dilation) / axis.stride;
  const found = range(axis.kernel).map((tap) => ({ tap, out: goesTo(tap) }));
  const legal = found.filter(({ out }) => Number.isInteger(out) && out >= 0 && out < axis.outs);
  return legal.sort((a, b) => a.out - b.out);
}

/** All places that hold the same pixel: the place itself, and what padding repeats of it. */
export function copiesOf(axis, place) {
  const source = sourceOf(axis, place);
  if (source < 0 || axis.mode === "zero") return [place];
  const all = range(axis.before + axis.size + axis.after).map((at) => at - axis.before);
  return all.filter((at) => sourceOf(axis, at) === source);
}

/** All places that a tap multiplies, in order. */
export function placesOf(axis, tap) {
  const found = range(axis.outs).flatMap((out) => tapsOf(axis, out));
  return sorted(found.filter((one) => one.tap === tap).map(({ place }) => place));
}

/** The outs to show beside `count` places from `first` on: [first, count], at least one. */
export function outsInView(axis, first, count) {
  let low, high;
  if (axis.kind === "transposed") {
    low = first * axis.stride - axis.cut;
    high = (first + count - 1) * axis.stride + Math.max(axis.kernel, axis.stride) - 1 - axis.cut;
  } else {
    const slack = reach(axis) > count ? Math.floor(reach(axis) / 2) : 0;
    low = Math.ceil((first + axis.before - slack) / axis.stride);
    high = Math.floor((first + count - reach(axis) + axis.before + slack) / axis.stride);
  }
  low = Math.min(Math.max(low, 0), axis.outs - 1);
  high = Math.min(Math.max(high, low), axis.outs - 1);
  return [low, Math.min(high - low + 1, MOST)];
}

/** Of the outs that were sent, those whose every place was sent too, which is what a scan goes over: [first, count]. */
export function outsToScan(axis, [first, count], [firstOut, countOfOuts]) {
  const whole = (out) => tapsOf(axis, out).every(({ place }) => place >= first && place < first + count);
  let [low, high] = [firstOut, firstOut + countOfOuts - 1];
  while (low < high && !whole(low)) low++;
  while (high > low && !whole(high)) high--;
  return [low, high - low + 1];
}

/** How few and how many places a view may have. */
export function viewLimits(axis) {
  const all = axis.before + axis.size + axis.after;
  if (axis.kind !== "transposed") return [Math.min(all, MOST, reach(axis) + axis.stride), Math.min(all, MOST)];
  const most = Math.max(1, Math.floor((MOST - Math.max(axis.kernel, axis.stride)) / axis.stride) + 1);
  return [Math.min(all, most, 2), Math.min(all, most)];
}

/** Consecutive numbers as [first, last]. */
export function runs(numbers) {
  const found = [];
  for (const number of sorted(numbers)) {
    const last = found.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

// --- numbers in words -----------------------------------------------------------------------------------------------

/** A number as it is written out: whole numbers whole, others with six figures, more only before the point. */
export function exact(x) {
  if (x === undefined) return "…";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const size = Math.abs(x);
  let text = String(Number.isInteger(x) ? x : Number(x.toPrecision(size < 1e6 ? 6 : 9)));
  if (size >= 1e9) text = Number(x.toPrecision(6)).toExponential();
  return (Object.is(x, -0) ? "0" : text).replace("e+", "e").replaceAll("-", "−");
}

/** A number in at most so many letters, for a cell: to three figures, or "" where that is more than 1 % off. */
export function short(x, letters) {
  const whole = Number.isInteger(x) || !Number.isFinite(x);
  if (exact(x).length <= (whole ? letters : Math.min(letters, 5))) return exact(x);
  for (let figures = 3; figures > 0; figures--) {
    const near = Number(x.toPrecision(figures));
    if (Math.abs(near - x) > 0.01 * Math.abs(x)) return "";
    const powers = near.toExponential().replace("e+", "e").replaceAll("-", "−");
    const text = [exact(near).replace(/^(−?)0\./, "$1."), powers].find((one) => one.length <= letters);
    if (text) return text;
  }
  return "";
}

// --- the data -------------------------------------------------------------------------------------------------------

/** A model from the bytes that the page sent: a length, a header in JSON, arrays one after the other. */
export function unpack(bytes) {
  const copy = bytes.slice(); // begins where its buffer does, so that arrays are aligned
  const length = new DataView(copy.buffer).getUint32(0, true);
  const model = JSON.parse(new TextDecoder().decode(copy.subarray(4, 4 + length)));
  const types = { u1: Uint8Array, f4: Float32Array };
  for (const { name, type, shape, offset } of model.arrays) {
    const values = new types[type](
      copy.buffer,
      4 + length + offset,
      shape.reduce((a, b) => a * b, 1),
    );
    model[name] = { ...model[name], values, shape };
  }
  return model;
}

/** The number at a row and column of an array that may be a crop; undefined where it was not sent. */
export function valueAt(array, row, col, channel = 0) {
  const [height, width, channels] = array.shape;
  const [y, x] = [row - array.origin[0], col - array.origin[1]];
  if (y < 0 || x < 0 || y >= height || x >= width) return undefined;
  return array.values[(y * width + x) * channels + channel];
}

/** A weight; a kernel with one channel lies on every channel alike. */
export const weightAt = ({ weights: { values, shape } }, row, col, channel = 0) =>
  values[(row * shape[1] + col) * shape[2] + (shape[2] > 1 ? channel : 0)];

/** Whether a place lies in the picture, not in its padding. */
export const inside = ({ axes }, row, col) => row >= 0 && col >= 0 && row < axes[0].size && col < axes[1].size;

/** What the channels are called; nothing where there is one. */
export function channelNames({ source }) {
  const channels = source.shape[2];
  if (channels === 1) return [""];
  return channels === 3 ? ["red", "green", "blue"] : range(channels).map((n) => `channel ${n}`);
}

// --- what a cell means ----------------------------------------------------------------------------------------------

/**
 * What belongs to a cell, and how its number comes about.
 *
 * focus is {grid: "source" | "weights" | "result", row, col, channel}; a row of the source is a place. It gives
 *   title, spoken  in words
 *   blocks         of lines {terms, equals, strong}; a line without equals is a note
 *   sums           the numbers of an output cell, as doubles
 *   parts          [channel][row][col] for the small grid in the middle, null where nothing stands
 *   marks          {source, weights, result}, each {rows, cols} or null
 *   rings          the winners of a window: {row, col, tap, channel}
 */
export function explain(model, focus) {
  const tell = EXPLAIN[focus.grid][model.kind] ?? EXPLAIN[focus.grid].convolution;
  const told = { rings: [], parts: null, blocks: [], ...tell(model, focus) };
  if (!isHere(model, focus, told)) {
    const title = `${told.title.split(":")[0]}: its numbers are on their way`;
    return { ...told, title, spoken: title, rings: [], parts: null, blocks: [] };
  }
  return told;
}

/** Whether the numbers that it takes were sent; of a large picture only a crop is. */
function isHere({ source, result }, { grid, row, col }, { marks }) {
  if (grid === "weights") return true;
  if (grid === "result" && valueAt(result, row, col) === undefined) return false;
  const { rows, cols } = grid === "source" ? { rows: [row], cols: [col] } : marks.source;
  if (!rows.length || !cols.length) return true;
  const corners = [
    [Math.min(...rows), Math.min(...cols)],
    [Math.max(...rows), Math.max(...cols)],
  ];
  return corners.every((corner) => valueAt(source, ...corner) !== undefined);
}

const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
const at = (row, col) => `row ${exact(row)}, column ${exact(col)}`;
const sumOf = (numbers) => numbers.reduce((total, number) => total + number, 0);
const added = (terms) => terms.reduce((sum, term) => sum + (term[0] === "−" ? ` − ${term.slice(1)}` : ` + ${term}`));
const listed = (numbers) => added(numbers.map(exact));
const named = (name, words) => (name ? `${name}: ${words}` : words);
const note = (terms) => ({ terms, equals: "" });
const step = (terms, number, strong = false) => ({ terms, equals: exact(number), strong });
const cross = (rows, cols) => ({ rows, cols });
const places = (found) => found.map(({ place }) => place);
const taps = (found) => found.map(({ tap }) => tap);
const outs = (found) => found.map(({ out }) => out);

/** Rows or columns, such as "3 to 9" or "0 to 8 in steps of 2". */
function spanned(numbers) {
  const [first, second] = sorted(numbers);
  const last = Math.max(...numbers);
  if (first === last) return exact(first);
  const through = `${exact(first)} to ${exact(last)}`;
  if (runs(numbers).length === 1) return through;
  const steps = sorted(numbers).every((number, n) => number === first + n * (second - first));
  return steps ? `${through} in steps of ${second - first}` : `${through}, not all`;
}

/** The same with what they are: "row 3", "columns 3 to 9". */
const along = (thing, numbers) => `${thing}${sorted(numbers).length === 1 ? "" : "s"} ${spanned(numbers)}`;

function cellOfConvolution(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const pairs = (down, channel) =>
    cols.map((across) => [
      valueAt(model.source, down.place, across.place, channel),
      weightAt(model, down.tap, across.tap, channel),
    ]);
  const marks = { source: cross(places(rows), places(cols)), weights: cross(taps(rows), taps(cols)) };
  const blocks = channelNames(model).map((name, channel) => {
    const terms = rows.map((down) => pairs(down, channel));
    const sums = terms.map((line) => sumOf(line.map(([value, weight]) => value * weight)));
    const lines = terms.map((line, n) => step(added(line.map((pair) => pair.map(exact).join(" × "))), sums[n]));
    const total = sumOf(sums);
    if (name || rows.length > 1) lines.push(step(named(name, listed(sums)), total, true));
    return { lines, total, part: terms.map((line) => line.map(([value, weight]) => value * weight)) };
  });
  const each = model.result.shape[2] > 1; // every channel stays by itself
  const products = rows.length * cols.length * (each ? 1 : blocks.length);
  return output(model, row, col, blocks, { marks, how: `the sum of ${counted(products, "product")}` });
}

function cellOfTransposed(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const [kh, kw] = model.axes.map(({ kernel }) => kernel);
  const blocks = channelNames(model).map((name, channel) => {
    const part = range(kh).map(() => Array(kw).fill(null));
    const lines = rows.flatMap((down) =>
      cols.map((across) => {
        const value = valueAt(model.source, down.place, across.place, channel);
        const weight = weightAt(model, down.tap, across.tap, channel);
        part[down.tap][across.tap] = value * weight;
        return step(`input ${at(down.place, across.place)}: ${exact(value)} × ${exact(weight)}`, value * weight);
      }),
    );
    const products = rows.flatMap((down) => cols.map((across) => part[down.tap][across.tap]));
    const total = sumOf(products);
    if (products.length && (name || products.length > 1)) lines.push(step(named(name, listed(products)), total, true));
    return { lines, total, part };
  });
  const overlaps = rows.length * cols.length;
  const sum = `the sum of ${overlaps} overlapping patches`;
  const how = overlaps > 1 ? sum : overlaps ? "one patch, no overlap" : "no patch reaches this place";
  const marks = { source: cross(places(rows), places(cols)), weights: cross(taps(rows), taps(cols)) };
  return output(model, row, col, blocks, { marks, how, remark: how });
}

function cellOfPool(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const rings = [];
  const blocks = channelNames(model).map((name, channel) => {
    const cells = rows.flatMap((down) =>
      cols.map((across) => ({
        value: inside(model, down.place, across.place)
          ? valueAt(model.source, down.place, across.place, channel)
          : null,
        row: down.place,
        col: across.place,
        tap: [down.tap, across.tap],
        channel,
      })),
    );
    const counting = cells.filter(({ value }) => value !== null);
    const values = counting.map(({ value }) => value);
    const part = rows.map((_, n) => cells.slice(n * cols.length, (n + 1) * cols.length).map(({ value }) => value));
    if (model.mode === "average") {
      const total = sumOf(values) / values.length;
      return { lines: [step(named(name, `(${listed(values)}) / ${values.length}`), total, true)], total, part };
    }
    const best = counting.reduce((a, b) => (Number.isNaN(a.value) || a.value >= b.value ? a : b));
    rings.push(best);
    const lines = [
      step(named(name, `the largest of ${values.map(exact).join(", ")}`), best.value, true),
      note(named(name, `it stands at ${at(best.row, best.col)} of the input`)),
    ];
    return { lines, total: best.value, part };
  });
  const left = blocks[0].part.flat().filter((value) => value === null).length;
  const remark = left ? `${counted(left, "cell")} of the window outside the picture: not counted` : "";
  const how =
    (model.mode === "average" ? "the mean of its window" : "the largest value of its window") +
    (left ? `, ${remark}` : "");
  const marks = { source: cross(places(rows), places(cols)), weights: null };
  return output(model, row, col, blocks, { marks, rings, how, remark });
}

/** What every cell of the output is told with: its sum, and what the array holds where rounding made that another. */
function output(model, row, col, blocks, { marks, how, remark = "", rings = [] }) {
  const each = model.result.shape[2] > 1;
  const names = each ? channelNames(model) : [""];
  const totals = blocks.map(({ total }) => total);
  const sums = each || model.kind === "pooling" ? totals : [sumOf(totals) + model.bias];
  const last = [];
  if (!each && (totals.length > 1 || model.bias) && model.kind !== "pooling") {
    last.push(step(listed(totals) + (model.bias ? ` + bias ${exact(model.bias)}` : ""), sums[0], true));
  }
  if (remark) last.push(note(remark));
  sums.forEach((sum, n) => {
    const held = valueAt(model.result, row, col, n);
    if (held !== undefined && exact(Math.fround(sum)) !== exact(held)) {
      last.push(note(named(names[n], `the output holds ${exact(held)}, as it was rounded to float32 on the way`)));
    }
  });
  const told = sums.map((sum, n) => `${names[n] ? `${names[n]} ` : ""}${exact(sum)}`).join(", ");
  const title = `Output ${at(row, col)}: ${told}`;
  return {
    title,
    spoken: `${title}, ${how}`,
    sums,
    rings,
    blocks: [...blocks.map(({ lines }) => lines), last],
    parts: blocks.map(({ part }) => part),
    marks: { ...marks, result: cross([row], [col]) },
  };
}

function cellOfPadding(model, { row, col }) {
  const [down, across] = [row - model.axes[0].before, col - model.axes[1].before];
  const [y, x] = [sourceOf(model.axes[0], down), sourceOf(model.axes[1], across)];
  const empty = y < 0 || x < 0;
  const sums = channelNames(model).map((_, channel) => valueAt(model.result, row, col, channel));
  const title = `Padded picture, ${at(down, across)}: ${sums.map(exact).join(", ")}`;
  const why = `outside the picture, ${empty ? "where zero stands" : `where ${model.axes[0].mode} repeats ${at(y, x)}`}`;
  const how = inside(model, down, across) ? "a pixel of the picture itself" : why;
  const marks = { source: empty ? cross([], []) : cross([y], [x]), weights: null, result: cross([row], [col]) };
  return { title, spoken: `${title}, ${how}`, sums, blocks: [[note(how)]], marks };
}

const LISTED = 9; // products of an input cell that are written out

function cellOfInput(model, { row, col }) {
  const copies = model.axes.map((axis, n) => copiesOf(axis, [row, col][n]));
  const [downs, acrosses] = model.axes.map((axis, n) => copies[n].flatMap((place) => outsOf(axis, place)));
  const values = channelNames(model).map((_, channel) => valueAt(model.source, row, col, channel));
  const padding = inside(model, row, col) ? "" : " (padding)";
  const title = `Input ${at(row, col)}${padding}: ${values.map(exact).join(", ")}`;
  const fed = sorted(outs(downs)).length * sorted(outs(acrosses)).length;
  const where = fed ? `: ${along("row", outs(downs))}, ${along("column", outs(acrosses))}` : "";
  const feeds = `feeds ${fed ? counted(fed, "output cell") : "no output cell"}${where}`;
  const lines = [note(feeds)];
  const shown = copies[0].length * copies[1].length;
  if (shown > 1) lines.push(note(`with its padding this pixel is there ${shown} times`));
  const marks = { source: cross(...copies), weights: null, result: cross(outs(downs), outs(acrosses)) };
  const told = { title, spoken: `${title}, ${feeds}`, marks, blocks: [lines] };
  if (!model.weights || !fed) return told;
  marks.weights = cross(taps(downs), taps(acrosses));
  const pairs = downs.flatMap((down) => acrosses.map((across) => ({ down, across })));
  const blocks = values.map((value, channel) =>
    pairs.slice(0, LISTED).map(({ down, across }) => {
      const weight = weightAt(model, down.tap, across.tap, channel);
      return step(`output ${at(down.out, across.out)}: ${exact(value)} × ${exact(weight)}`, value * weight);
    }),
  );
  const more = pairs.length > LISTED ? [[note(`and ${pairs.length - LISTED} more`)]] : [];
  const used = (i, j) => downs.some(({ tap }) => tap === i) && acrosses.some(({ tap }) => tap === j);
  const [kh, kw] = model.axes.map(({ kernel }) => kernel);
  const part = (value, channel) =>
    range(kh).map((i) => range(kw).map((j) => (used(i, j) ? value * weightAt(model, i, j, channel) : null)));
  return { ...told, blocks: [lines, ...blocks, ...more], parts: values.map(part) };
}

function cellOfKernel(model, { row, col, channel = 0 }) {
  const touched = model.axes.map((axis, n) => placesOf(axis, [row, col][n]));
  const count = touched[0].length * touched[1].length;
  const where = count ? `: ${along("row", touched[0])}, ${along("column", touched[1])}` : "";
  const says = `multiplies ${count ? counted(count, "input cell") : "no input cell"}${where}`;
  const title = `Weight ${at(row, col)}: ${exact(weightAt(model, row, col, channel))}`;
  const reached = model.axes.map((axis, n) => {
    const found = touched[n].flatMap((place) => outsOf(axis, place));
    return outs(found.filter(({ tap }) => tap === [row, col][n]));
  });
  const marks = { source: cross(...touched), weights: cross([row], [col]), result: cross(...reached) };
  return { title, spoken: `${title}, ${says}`, blocks: [[note(says)]], marks };
}

const EXPLAIN = {
  result: {
    convolution: cellOfConvolution,
    pooling: cellOfPool,
    transposed: cellOfTransposed,
    padding: cellOfPadding,
  },
  source: { convolution: cellOfInput },
  weights: { convolution: cellOfKernel },
};
