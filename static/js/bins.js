/* Curves as bins: what webapp/charts/bins.py makes of the events of a run, to which new events are added here.
   A store is {most, runs: Map of run id -> run}, and a run {id, series, seed, title, epochs, batch, total, start,
   width, seq, curves, axes, partial, fine}. "curves" has a curve for each metric: {bins: Map, bad: Map, last}, both by
   the number of the bin; "axes" the same of what a run had read by each step: examples and tokens; "partial" is true
   where events cannot be read and are left out; "fine" has the curves of a range of steps that was read in narrower
   bins: {first, last, width, curves}.
   A bad value is [step, nan or inf or -inf or an empty text, at], the first one of each bin.
   A bin is [first, count, sum, low step, low, high step, high, last step, last, at, least step, least, greatest step,
   greatest]: at is in ms since the start, and the last four are the extremes of single steps, where points are means.
   It uses nothing of a browser, so that the program that draws pictures for the server runs it too. */
"use strict";
globalThis.bins = (() => {
  const MOST = 512;
  const FIRST = 0,
    COUNT = 1,
    SUM = 2,
    LOW_STEP = 3,
    LOW = 4,
    HIGH_STEP = 5,
    HIGH = 6,
    LAST_STEP = 7,
    LAST = 8,
    AT = 9,
    LEAST_STEP = 10,
    LEAST = 11,
    GREATEST_STEP = 12,
    GREATEST = 13,
    POINT = 3, // numbers of a packed bin of one point, without extremes
    WHOLE = 10; // of one of several

  function widthOf(steps, most = MOST) {
    let width = 1;
    while (Math.ceil(steps / width) > most) width *= 2;
    return width;
  }

  const bin = (step, value, at, extremes = [step, value, step, value]) => [
    ...[step, 1, value, step, value, step, value, step, value, at],
    ...extremes,
  ];
  function whole(packed) {
    if (packed.length >= WHOLE)
      return packed.length > WHOLE ? [...packed] : [...packed, ...packed.slice(LOW_STEP, LAST_STEP)];
    const [step, value, at, ...extremes] = packed;
    return bin(step, value, at, packed.length > POINT ? extremes : undefined);
  }
  const empty = () => ({ bins: new Map(), bad: new Map(), last: -1 });

  function unpacked({ bins: packed, bad }, width) {
    const curve = empty();
    for (const each of packed) {
      const all = whole(each);
      curve.bins.set(Math.floor(all[FIRST] / width), all);
      curve.last = all[LAST_STEP];
    }
    for (const each of bad) curve.bad.set(Math.floor(each[FIRST] / width), each);
    return curve;
  }

  const unpackedAll = (curves, width) =>
    new Map(Object.entries(curves).map(([metric, packed]) => [metric, unpacked(packed, width)]));

  /* A run of the page, with what the server has packed of it (webapp/findings/run_curves.py). */
  function load(store, id, place, packed = {}) {
    const { seq = 0, total = 0, start = 0, width = 1, curves = {}, axes = {}, partial = false } = packed;
    store.runs.set(id, {
      ...place,
      id,
      seq,
      total,
      start,
      width,
      curves: unpackedAll(curves, width),
      axes: unpackedAll(axes, width),
      partial,
      fine: null,
    });
  }

  function make(places, packed = {}, most = MOST) {
    const store = { most, runs: new Map() };
    for (const [id, place] of Object.entries(places)) load(store, Number(id), place, packed[id]);
    return store;
  }

  /* A store of the rows of a report: {series, seed, total, step, metric, value}, some with extremes of steps. */
  function ofRows(rows) {
    const store = { most: MOST, runs: new Map() };
    for (const row of rows) {
      const id = `${row.series} ${row.seed}`;
      if (!store.runs.has(id)) {
        load(store, id, { series: row.series, seed: row.seed });
        Object.assign(store.runs.get(id), { total: row.total, width: widthOf(row.total) });
      }
      add(store.runs.get(id), row.metric, row.step, row.value, 0, row);
    }
    return store;
  }

  function put(curves, width, metric, step, value, at, extremes) {
    if (!curves.has(metric)) curves.set(metric, empty());
    const curve = curves.get(metric),
      place = Math.floor(step / width);
    if (typeof value !== "number") {
      if (!curve.bad.has(place)) curve.bad.set(place, [step, value, at]);
      return;
    }
    if (step <= curve.last) return; // of another attempt, which has measured the same
    curve.last = step;
    const old = curve.bins.get(place),
      own = extremes && [extremes.least_step, extremes.least, extremes.greatest_step, extremes.greatest],
      added = bin(step, value, at, own);
    if (old) merge(old, added);
    else curve.bins.set(place, added);
  }

  /* Adds a number, or the name of a value that is not finite: nan, inf, -inf, or an empty text. A number that is the
     mean of several steps has their extremes: {least, least_step, greatest, greatest_step}. */
  function add(run, metric, step, value, at, extremes) {
    const own = Number.isFinite(extremes?.least) ? extremes : undefined;
    put(run.curves, run.width, metric, step, value, at, own);
    const { fine } = run;
    if (fine && step >= fine.first && step <= fine.last) put(fine.curves, fine.width, metric, step, value, at, own);
  }

  /* Adds what a run had read by a step, in examples or tokens. */
  const addAxis = (run, axis, step, value, at) => put(run.axes, run.width, axis, step, value, at);

  /* What a run had read by a step, in proportion between two steps at which it is known; NaN where it never is. */
  function read(run, axis, step) {
    const known = run.axes.get(axis);
    if (!known?.bins.size) return NaN;
    if (known.size !== known.bins.size || known.steps.at(-1) !== known.last) {
      const all = [...known.bins.values()];
      known.size = all.length;
      known.steps = [0, ...all.map((each) => each[LAST_STEP])];
      known.values = [0, ...all.map((each) => each[LAST])];
    }
    const { steps, values } = known;
    let low = 1,
      high = steps.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] < step) low = middle + 1;
      else high = middle;
    }
    const from = step > steps[low] ? 0 : low - 1; // after the last one, as fast as until then
    if (steps[low] === steps[from]) return values[low];
    return values[from] + ((step - steps[from]) * (values[low] - values[from])) / (steps[low] - steps[from]);
  }

  /* Removes the points of one curve after a step. Returns false if one bin has points before and after it. */
  function cut(curve, width, step) {
    let whole = true;
    for (const [place, each] of curve.bins) {
      if (each[LAST_STEP] <= step) continue;
      if (each[FIRST] <= step) whole = false;
      curve.bins.delete(place);
    }
    for (const [place, [first]] of curve.bad) if (first > step) curve.bad.delete(place);
    curve.last = Math.max(-1, ...[...curve.bins.values()].map((each) => each[LAST_STEP]));
    return whole;
  }

  /* A trainer has started at a step: what older attempts measured after it is void. Returns false if the run has to be
     read again, since bins contain void points. */
  function started(store, run, total, from, at) {
    run.start ||= at;
    const width = Math.max(run.width, widthOf(total, store.most));
    const whole = !run.curves.size || (width === run.width && total === run.total);
    run.total = total;
    run.width = width;
    run.fine = null;
    for (const curve of run.axes.values()) cut(curve, width, from);
    return [...run.curves.values()].map((curve) => cut(curve, width, from)).every(Boolean) && whole;
  }

  /* Sets the narrower bins of a range of steps, as the server packs them. */
  function refine(run, first, last, { width, curves }) {
    run.fine = { first, last, width, curves: unpackedAll(curves, width) };
  }

  /* The bins of a metric by their steps, narrower ones within the range that was read. */
  function binsOf(run, metric) {
    const coarse = run.curves.get(metric)?.bins.values() ?? [],
      fine = run.fine;
    if (!fine) return [...coarse];
    const all = [...coarse],
      inside = fine.curves.get(metric)?.bins.values() ?? [];
    return [
      ...all.filter((each) => each[LAST_STEP] < fine.first),
      ...inside,
      ...all.filter((each) => each[FIRST] > fine.last),
    ];
  }

  /* The number of points of all curves. */
  function count(store) {
    let points = 0;
    for (const run of store.runs.values())
      for (const curve of run.curves.values()) for (const each of curve.bins.values()) points += each[COUNT];
    return points;
  }

  const badOf = (run, metric) => [...(run.curves.get(metric)?.bad.values() ?? [])];

  /* Fewer bins, of 2, 4 or more neighbours each: at least as many as "least". */
  function joined(all, least) {
    const size = 2 ** Math.floor(Math.log2(all.length / least)),
      groups = new Map();
    all.forEach((each, index) => {
      const place = Math.floor(index / size),
        group = groups.get(place);
      if (!group) groups.set(place, [...each]);
      else merge(group, each);
    });
    return [...groups.values()];
  }

  function merge(earlier, later) {
    earlier[COUNT] += later[COUNT];
    earlier[SUM] += later[SUM];
    if (later[LOW] < earlier[LOW]) [earlier[LOW_STEP], earlier[LOW]] = [later[LOW_STEP], later[LOW]];
    if (later[HIGH] >= earlier[HIGH]) [earlier[HIGH_STEP], earlier[HIGH]] = [later[HIGH_STEP], later[HIGH]];
    [earlier[LAST_STEP], earlier[LAST], earlier[AT]] = [later[LAST_STEP], later[LAST], later[AT]];
    if (later[LEAST] < earlier[LEAST]) [earlier[LEAST_STEP], earlier[LEAST]] = [later[LEAST_STEP], later[LEAST]];
    if (later[GREATEST] > earlier[GREATEST])
      [earlier[GREATEST_STEP], earlier[GREATEST]] = [later[GREATEST_STEP], later[GREATEST]];
  }

  /* The points of a bin that are drawn, by their steps: all of one or two, the least and the greatest of more. */
  function pointsOf(each, before) {
    const between = (step) => {
      if (!before || each[LAST_STEP] === before[LAST_STEP]) return each[AT];
      const share = (step - before[LAST_STEP]) / (each[LAST_STEP] - before[LAST_STEP]);
      return before[AT] + share * (each[AT] - before[AT]);
    };
    const low = [each[LOW_STEP], each[LOW]],
      high = [each[HIGH_STEP], each[HIGH]];
    const ends = low[0] === high[0] ? [low] : low[0] < high[0] ? [low, high] : [high, low];
    return ends.map(([step, value]) => ({ step, value, at: between(step) }));
  }

  return {
    FIRST,
    COUNT,
    SUM,
    LOW_STEP,
    LOW,
    HIGH_STEP,
    HIGH,
    LAST_STEP,
    LAST,
    AT,
    LEAST_STEP,
    LEAST,
    GREATEST_STEP,
    GREATEST,
    widthOf,
    make,
    load,
    ofRows,
    add,
    addAxis,
    read,
    started,
    refine,
    binsOf,
    count,
    joined,
    badOf,
    pointsOf,
  };
})();
