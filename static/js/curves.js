/* From bins to the rows that a chart of curves draws: the only implementation of the mean over seeds, its bands and
   smoothing. curves.rows(store, about, state) returns {domain, panels: {metric: {layer: rows}}, counts: {metric:
   {drawn, total}}}: "store" is of static/js/bins.js, "about" is usermeta.curves of a spec, which has a layer for each
   kind of rows (webapp/charts/panel.py), and "state" is DEFAULTS with what the controls of the page have changed.

   The bold line is the mean over a series' finished seeds; until one has finished, it is the mean over all seeds that
   have started, as far as each of them has points. So every point is a mean over the same seeds, and a seed that starts
   late never pulls the line back. Seeds are averaged where they have come equally far: at each hundredth of a seed's
   length, since halves differ in size; or over the same steps, where they have too many points to send them all.
   It uses nothing of a browser, so that the program that draws pictures for the server runs it too. */
"use strict";
globalThis.curves = (() => {
  const SLOTS = 100, // parts of a seed's length
    SLOT_BINS = 4, // bins in a slot of seeds with too many points to send them all
    MOST_ROWS = 6000, // of the lines of one panel
    LEAST_ROWS = 64, // of each line
    MOST_MARKS = 64; // of one run at one edge of a panel
  const DRAWN = ["seeds", "level", "mean", "top", "bottom"]; // layers without which a panel looks empty
  const LAYERS = ["seeds", "extent", "band", "level", "raw", "mean", "end", "top", "bottom", "frame"];
  const DEFAULTS = {
    x: "step",
    smooth: 0,
    log: false,
    band: "t",
    seeds: false,
    steps: true,
    from: null,
    to: null,
    hidden: [],
    single: "",
    pinned: [],
    only: "",
  };
  const { FIRST, COUNT, SUM, LOW, HIGH, LAST_STEP, LAST, AT, LEAST_STEP, LEAST, GREATEST_STEP, GREATEST } = bins;

  /* What curves may be drawn over: the value of a point, and whether a run has it. */
  const timed = (run) => run.start > 0;
  const AXES = {
    step: { has: () => true, of: (run, step) => step, end: (run) => run.total },
    epoch: {
      has: (run) => run.epochs > 0 && run.total > 0,
      of: (run, step) => (run.epochs * step) / run.total,
      end: (run) => run.epochs,
    },
    examples: {
      // of a run that does not say how many it has read, as many as if all batches were of one size
      has: (run) => run.axes.has("examples") || run.batch > 0,
      of: (run, step) => (run.axes.has("examples") ? bins.read(run, "examples", step) : step * run.batch),
      end: (run) => (run.axes.has("examples") ? bins.read(run, "examples", run.total) : run.batch * run.total),
    },
    tokens: { has: (run) => run.axes.has("tokens"), of: (run, step) => bins.read(run, "tokens", step) },
    relative: { has: timed, of: (run, step, at) => at / 1000 },
    wall: { has: timed, of: (run, step, at) => run.start + at },
  };

  /* Statistics. */

  const mean = (values) => values.reduce((total, value) => total + value, 0) / values.length;

  /* The ends of a band around the mean of values, null for fewer than two: sd, se, range, or t, the 95% t interval of
     the mean. "half" has half its width in standard errors for 2, 3 and more values. */
  function interval(values, band, half) {
    if (values.length < 2 || band === "none") return null;
    if (band === "range") return [Math.min(...values), Math.max(...values)];
    const middle = mean(values);
    const sd = Math.sqrt((mean(values.map((value) => (value - middle) ** 2)) * values.length) / (values.length - 1));
    const se = sd / Math.sqrt(values.length);
    const width = { sd, se, t: se * half[values.length - 2] }[band];
    return [middle - width, middle + width];
  }

  /* The debiased exponential mean of points {progress, value, count}: "weight" is the weight of what came a hundredth
     of the training before. With a hundred points a run it is that of TensorBoard, and it is nearly the same for the
     bins of more points. */
  function smoothed(points, weight) {
    let total = 0,
      weights = 0,
      before = 0;
    return points.map(({ progress, value, count }) => {
      const decay = weight ** ((progress - before) * SLOTS);
      before = progress;
      total = total * decay + value * count;
      weights = weights * decay + count;
      return total / weights;
    });
  }

  /* Points of a run are {step, progress, x, value, count, first, low, high, least, leastStep, greatest, greatestStep}:
     "first" is the first step of their bin, and the last four are the extremes of single steps in it. */

  /* Made in one piece, since a page makes tens of thousands of them each time it draws. */
  function point(run, axis, step, value, at, each, count, low, high) {
    return {
      step,
      progress: step / run.total,
      x: axis.of(run, step, at),
      value,
      count,
      first: each[FIRST],
      low,
      high,
      least: each[LEAST],
      leastStep: each[LEAST_STEP],
      greatest: each[GREATEST],
      greatestStep: each[GREATEST_STEP],
    };
  }

  /* All points of bins of one or two, the least, the greatest and at the end the last of others. */
  function pointsOf(run, all, axis) {
    const points = [];
    all.forEach((each, index) => {
      for (const { step, value, at } of bins.pointsOf(each, all[index - 1]))
        points.push(point(run, axis, step, value, at, each, 1, value, value));
    });
    const last = all[all.length - 1];
    if (points[points.length - 1].step !== last[LAST_STEP])
      points.push(point(run, axis, last[LAST_STEP], last[LAST], last[AT], last, 1, last[LAST], last[LAST]));
    return points;
  }

  /* The mean of each bin, in the middle of its steps. */
  function meansOf(run, all, axis) {
    return all.map((each, index) => {
      const at = index && each[COUNT] > 1 ? (all[index - 1][AT] + each[AT]) / 2 : each[AT],
        middle = (each[FIRST] + each[LAST_STEP]) / 2;
      return point(run, axis, middle, each[SUM] / each[COUNT], at, each, each[COUNT], each[LOW], each[HIGH]);
    });
  }

  function runsOf(store, series, metric, axis) {
    const runs = [];
    for (const run of store.runs.values()) {
      const all = run.series === series.id && axis.has(run) ? bins.binsOf(run, metric) : [];
      if (!all.length) continue;
      let points, means; // made when they are needed
      runs.push({
        run,
        all,
        finished: !run.partial && all[all.length - 1][LAST_STEP] >= run.total,
        get points() {
          return (points ??= pointsOf(run, all, axis));
        },
        get means() {
          return (means ??= meansOf(run, all, axis));
        },
      });
    }
    return runs;
  }

  const beyond = (row) => row.least < row.low || row.greatest > row.high;

  /* The extremes of points, or those of single steps. */
  function reach(rows, steps) {
    const [low, high] = steps ? ["least", "greatest"] : ["low", "high"];
    return { lowest: Math.min(...rows.map((row) => row[low])), highest: Math.max(...rows.map((row) => row[high])) };
  }

  /* The mean over several runs, where all of them have points. */
  function averaged(runs, { band, steps }, half, [least, most]) {
    const dense = runs.some(({ all }) => all.some((each) => each[COUNT] > 2)),
      means = steps && runs.some((seed) => seed.means.some(beyond));
    const widest = (widths) => SLOT_BINS * Math.max(...widths);
    const coarse = widest(runs.map(({ run }) => run.width)),
      fine = widest(runs.map(({ run }) => run.fine?.width ?? 0));
    const slotOf = (run, { progress, first }) => {
      if (!dense) return Math.round(progress * SLOTS);
      const width = run.fine && first >= run.fine.first && first <= run.fine.last ? fine : coarse;
      return width * Math.floor(first / width);
    };
    const slots = new Map(); // slot -> for each run the points there
    runs.forEach((seed, index) => {
      const { run } = seed;
      for (const each of dense ? seed.means : seed.points) {
        const slot = slotOf(run, each);
        if (!slots.has(slot)) slots.set(slot, []);
        (slots.get(slot)[index] ??= []).push(each);
      }
    });
    return [...slots.entries()]
      .filter(([, seeds]) => seeds.length === runs.length && !seeds.includes(undefined))
      .sort(([slot], [other]) => slot - other)
      .map(([, seeds]) => {
        const counts = seeds.map((points) => points.reduce((count, each) => count + each.count, 0));
        const each = (name) =>
          seeds.map((points, seed) => points.reduce((sum, row) => sum + row.count * row[name], 0) / counts[seed]);
        const values = each("value"),
          ends = interval(values, band, half),
          several = counts.some((count) => count > 1),
          all = seeds.flat();
        return {
          step: mean(each("step")),
          progress: mean(each("progress")),
          x: mean(each("x")),
          value: mean(values),
          count: 1,
          here: runs.length,
          low: ends && Math.max(least, ends[0]),
          high: ends && Math.min(most, ends[1]),
          ...(several || means ? reach(all, steps) : { lowest: null, highest: null }),
        };
      });
  }

  /* What a series has in a panel: the values of its bold line, that line as it is drawn, and its runs. */
  function lineOf(series, panel, runs, state, about) {
    const finished = runs.some((each) => each.finished),
      chosen = finished ? runs.filter((each) => each.finished) : runs,
      alone = chosen.length === 1,
      own = (row) => ({ ...row, here: 1, low: null, high: null });
    const values = alone
      ? chosen[0].points.map(own)
      : averaged(chosen, state, about.half, panel.limits ?? [-Infinity, Infinity]);
    let line = values;
    if (state.smooth) {
      const base = alone ? chosen[0].means.map(own) : values,
        smooth = smoothed(base, state.smooth);
      line = base.map((row, index) => ({ ...row, unsmoothed: row.value, value: smooth[index] }));
    }
    const reference = about.students && series.role !== "student",
      level = reference && finished,
      thin = runs.length > 1 ? runs.filter((each) => !each.finished || (state.seeds && !reference)) : [];
    // those of a single run once for each of its bins, which may be drawn as two points
    const means = alone && state.steps && chosen[0].means.some(beyond) ? chosen[0].means : [],
      extents = alone ? means.map((row) => ({ ...row, ...reach([row], true) })) : values;
    return { series, runs, values, line, extents, level, alone, thin };
  }

  /* The rows within a domain, and one before and after them, so that lines reach the edges. */
  function within(rows, [from, to]) {
    const begin = rows.findIndex((row) => row.x >= from);
    let end = rows.length - 1;
    while (end >= 0 && rows[end].x > to) end--;
    return begin < 0 ? rows.slice(-1) : rows.slice(Math.max(0, begin - 1), end + 2);
  }

  /* Fewer rows of a line among many lines: the least and the greatest of each group of neighbours. */
  function fewer(rows, most) {
    if (rows.length <= most) return rows;
    const size = 2 ** Math.ceil(Math.log2((2 * rows.length) / most)),
      chosen = [];
    for (let from = 0; from < rows.length; from += size) {
      const group = rows.slice(from, from + size);
      let low = 0,
        high = 0;
      group.forEach(({ value }, index) => {
        if (value < group[low].value) low = index;
        if (value >= group[high].value) high = index;
      });
      for (const index of low === high ? [low] : [low, high].sort((index, other) => index - other))
        chosen.push(group[index]);
    }
    return chosen;
  }

  /* The points of one seed among many lines. Of far more points than are drawn, groups of bins are joined first. */
  function thinLine(each, smooth, axis, most) {
    if (smooth) {
      const values = smoothed(each.means, smooth);
      return each.means.map((row, index) => ({ ...row, value: values[index] }));
    }
    return each.all.length > 2 * most ? pointsOf(each.run, bins.joined(each.all, most), axis) : each.points;
  }

  const short = (value) =>
    Math.abs(value) < 10 ? value.toFixed(3).replace(/^(-?)0\./, "$1.") : String(Number(value.toPrecision(4)));

  /* The rows of the layers of one panel. On a logarithmic axis, what is not above zero is a mark at its lower edge. */
  class PanelRows {
    constructor(domain, log) {
      [this.domain, this.log, this.marked] = [domain, log, new Set()];
      this.layers = Object.fromEntries(LAYERS.map((layer) => [layer, []]));
    }

    mark(edge, series, seed, x, shape, text) {
      const share = (x - this.domain[0]) / (this.domain[1] - this.domain[0]),
        key = [edge, series.id, seed, Math.floor(share * MOST_MARKS)].join(" ");
      if (!(share >= 0 && share <= 1) || this.marked.has(key)) return;
      this.marked.add(key);
      const who = seed === undefined ? series.title : `${series.title}, seed ${seed}`;
      this.layers[edge].push({ series: series.id, x, shape, about: `${who}: ${text}` });
    }

    line(layer, series, rows, fields, seed) {
      const { layers, log } = this;
      for (const row of rows) {
        const { x, step, value } = row;
        if (!log || value > 0) layers[layer].push({ series: series.id, x, step, value, ...fields(row) });
        else this.mark("bottom", series, seed, x, "zero", `${short(value)} at step ${Math.round(step)}`);
      }
    }

    area(layer, series, rows, low, high) {
      const positive = rows.flatMap((row) => [row[low], row.value]).filter((value) => value > 0),
        least = this.log ? Math.min(...positive) : -Infinity;
      for (const row of rows)
        if (row[low] !== null && row[low] !== undefined && !(this.log && !(row[high] > 0)))
          this.layers[layer].push({ series: series.id, x: row.x, low: Math.max(row[low], least), high: row[high] });
    }

    end(series, x, value, label, level) {
      if (!this.log || value > 0) this.layers.end.push({ series: series.id, x, value, label, level });
    }
  }

  /* What the page shows of a row besides its value; of a single run also at which steps the extremes are. */
  const shownOf = ({ here, low, high, unsmoothed, least, leastStep, greatest, greatestStep }, extremes) => ({
    ...{ here, low, high, unsmoothed },
    ...(extremes && leastStep !== greatestStep ? { least, leastStep, greatest, greatestStep } : {}),
  });

  const NOT_FINITE = {
    nan: ["bottom", "nan", "NaN"],
    inf: ["top", "inf", "infinity"],
    "-inf": ["bottom", "-inf", "minus infinity"],
    "": ["bottom", "nan", "not a finite number"],
  };

  function panelRows(panel, lines, marked, domain, state, axis) {
    const rows = new PanelRows(domain, state.log),
      most = Math.max(LEAST_ROWS, MOST_ROWS / (1 + lines.reduce((count, { thin }) => count + 1 + thin.length, 0)));
    for (const [series, run] of marked)
      for (const [step, value, at] of bins.badOf(run, panel.metric)) {
        const [edge, shape, text] = NOT_FINITE[value],
          words = `${text} at step ${step.toLocaleString("en")}`;
        rows.mark(edge, series, run.seed, axis.of(run, step, at), shape, words);
      }
    for (const { series, values, line, extents, level, alone, thin } of lines) {
      for (const each of thin) {
        const { seed } = each.run,
          shown = fewer(within(thinLine(each, state.smooth, axis, most), domain), most);
        rows.line("seeds", series, shown, () => ({ seed }), seed);
      }
      const end = line[line.length - 1];
      if (!end) continue;
      const named = (row) => (panel.final ? `${series.title} ${short(row.unsmoothed ?? row.value)}` : series.title);
      if (level) {
        if (!panel.final) continue;
        rows.line("level", series, [{ ...end, x: domain[1] }], ({ here }) => ({ here, level: true }));
        rows.end(series, domain[1], end.value, named(end), true);
        continue;
      }
      const visible = within(line, domain),
        last = visible[visible.length - 1];
      rows.line("mean", series, alone ? fewer(visible, most) : visible, (row) => shownOf(row, state.steps && alone));
      if (state.smooth) rows.line("raw", series, fewer(within(values, domain), most), () => ({}));
      rows.area("band", series, within(values, domain), "low", "high");
      rows.area("extent", series, within(extents, domain), "lowest", "highest");
      const seen = line.findLast((row) => row.x <= domain[1]) ?? last; // the next one is drawn too, as far as the edge
      rows.end(series, Math.min(last.x, domain[1]), last.value, named(state.from === null ? end : seen), false);
    }
    if (state.from === null)
      for (const value of panel.domain) if (!state.log || value > 0) rows.layers.frame.push({ value });
    return rows.layers;
  }

  function domainOf(store, about, state, axis) {
    if (state.from !== null && state.to > state.from) return [state.from, state.to];
    if (state.x === "step") return [0, about.last];
    const values = state.x === "wall" ? [] : [0];
    for (const run of store.runs.values()) {
      if (!axis.has(run)) continue;
      if (axis.end) values.push(axis.end(run));
      else
        for (const { bins: curve } of run.curves.values()) {
          const all = [...curve.values()];
          for (const each of all.length ? [all[0], all[all.length - 1]] : [])
            values.push(axis.of(run, each[LAST_STEP], each[AT]));
        }
    }
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low < high ? [low, high] : [0, 1];
  }

  /* Why nothing is drawn in a panel, in one sentence. */
  function why(store, { metric }, series, state, axis) {
    const runs = [...store.runs.values()],
      known = runs.filter((run) => bins.binsOf(run, metric).length || bins.badOf(run, metric).length),
      shown = known.filter((run) => series.some(({ id }) => id === run.series));
    if (!runs.some((run) => run.curves.size)) return "No run has reported anything yet.";
    if (!known.length) return "No run has reported this.";
    if (!shown.length) return "All lines of this panel are hidden.";
    if (!shown.some(axis.has)) return "These runs have not said where they are on this axis.";
    const positive = shown.some((run) => bins.binsOf(run, metric).some((each) => each[HIGH] > 0));
    return state.log && !positive
      ? "A logarithmic axis has no place for values that are not above zero."
      : "No run has a point in this range.";
  }

  /* Why nothing is drawn in a panel: {metric: sentence}. "panels" are those of curves.rows. */
  function empty(store, about, panels, state) {
    const without = about.panels.filter(({ metric }) => !DRAWN.some((layer) => panels[metric][layer].length)),
      shown = shownSeries(about, state);
    return Object.fromEntries(without.map((panel) => [panel.metric, why(store, panel, shown, state, AXES[state.x])]));
  }

  function shownSeries(about, state) {
    const alone = about.series.filter((series) => series.id === state.single);
    return alone.length ? alone : about.series.filter((series) => !state.hidden.includes(series.id));
  }

  function rows(store, about, state) {
    const axis = AXES[state.x],
      domain = domainOf(store, about, state, axis),
      panels = {},
      counts = {},
      shown = shownSeries(about, state),
      marked = shown.flatMap((series) =>
        [...store.runs.values()].filter((run) => run.series === series.id && axis.has(run)).map((run) => [series, run]),
      );
    for (const panel of about.panels) {
      const lines = shown
        .map((series) => [series, runsOf(store, series, panel.metric, axis)])
        .filter(([, runs]) => runs.length)
        .map(([series, runs]) => lineOf(series, panel, runs, state, about));
      panels[panel.metric] = panelRows(panel, lines, marked, domain, state, axis);
      const runs = lines.flatMap((line) => line.runs),
        inside = ({ run, all }) =>
          all.filter((bin) => {
            const x = axis.of(run, bin[LAST_STEP], bin[AT]);
            return x >= domain[0] && x <= domain[1];
          });
      counts[panel.metric] = {
        drawn: runs.reduce(
          (count, each) => count + inside(each).reduce((sum, bin) => sum + Math.min(2, bin[COUNT]), 0),
          0,
        ),
        total: runs.reduce((count, each) => count + inside(each).reduce((sum, bin) => sum + bin[COUNT], 0), 0),
      };
    }
    return { domain, panels, counts };
  }

  /* The runs with a value that is not a finite number, with the first one of each: [{run, metric, step, value}]. */
  function firstBad(store) {
    const first = [];
    for (const run of store.runs.values()) {
      const all = [...run.curves.keys()].flatMap((metric) =>
        bins.badOf(run, metric).map(([step, value]) => ({ run, metric, step, value })),
      );
      if (all.length) first.push(all.reduce((first, other) => (other.step < first.step ? other : first)));
    }
    return first;
  }

  const dataset = (metric, layer) => `${metric}:${layer}`;

  /* A spec with the rows of its picture: those of a report, in datasets.live, or none. */
  function filled(spec) {
    const { live = [], ...others } = spec.datasets ?? {},
      { domain, panels } = rows(bins.ofRows(live), spec.usermeta.curves, DEFAULTS);
    const datasets = { ...others };
    for (const [metric, layers] of Object.entries(panels))
      for (const [layer, made] of Object.entries(layers)) datasets[dataset(metric, layer)] = made;
    const set = { xmin: domain[0], xmax: domain[1] },
      params = spec.params.map((each) => (each.name in set ? { ...each, value: set[each.name] } : each));
    return { ...spec, datasets, params };
  }

  const domain = (store, about, state) => domainOf(store, about, state, AXES[state.x]);

  return { DEFAULTS, AXES, LAYERS, rows, empty, domain, filled, firstBad, dataset, interval, smoothed, mean };
})();
