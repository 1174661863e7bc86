/* The spec of a chart of curves for a state of its controls: what is drawn over, a logarithmic axis, the order of
   panels and a single panel. curveSpec(spec, state, height) returns a changed copy; "height" is that of a panel alone.
   For the default state it returns the spec as it is. */
"use strict";
globalThis.curveSpec = (() => {
  const X = {
    step: ["Training step", "format(datum.value, ',d')"],
    epoch: ["Epoch", "format(datum.value, '~g')"],
    examples: ["Examples seen (steps × batch size)", "format(datum.value, ',d')"],
    tokens: ["Tokens read", "format(datum.value, '~s')"],
    relative: [
      "Time since the start of a run",
      "datum.value < 60 ? format(datum.value, '~g') + ' s' : datum.value < 3600 ? " +
        "format(datum.value / 60, '.3~g') + ' min' : format(datum.value / 3600, '.3~g') + ' h'",
    ],
    wall: ["Time of day", "timeFormat(datum.value, '%H:%M:%S')"],
  };

  /* All encodings of a panel's layers. */
  const encodings = (panel) => (panel.layer ?? []).flatMap((layer) => [layer.encoding ?? {}, ...encodings(layer)]);

  function overX(panel, x, last) {
    const [title, labelExpr] = X[x];
    for (const { x: channel } of encodings(panel)) {
      if (!channel?.axis) continue;
      Object.assign(channel.axis, { labels: last, ticks: last, domain: last, title: last ? title : null });
      if (x !== "step") Object.assign(channel.axis, { labelExpr });
    }
  }

  /* Labels at 1, 2 and 5 of each power of ten. */
  const DIGIT = "round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))",
    LOG_LABEL = `indexof([1, 2, 5], ${DIGIT}) < 0 ? '' : format(datum.value, '~g')`;

  function logarithmic(panel) {
    for (const { y } of encodings(panel)) {
      if (!y?.scale) continue;
      y.scale = { type: "log", nice: false };
      y.axis = {
        ...y.axis,
        format: undefined,
        labelExpr: LOG_LABEL,
        gridOpacity: { condition: { test: `indexof([1, 2, 5], ${DIGIT}) >= 0`, value: 1 }, value: 0.3 },
      };
    }
  }

  return (spec, state, height) => {
    const { panels } = spec.usermeta.curves,
      all = panels.map((panel, index) => ({ panel, index })),
      pinned = ({ panel }) => state.pinned.includes(panel.metric),
      alone = all.filter(({ panel }) => panel.metric === state.only);
    const order = alone.length ? alone : [...all.filter(pinned), ...all.filter((each) => !pinned(each))];
    const vconcat = order.map(({ index }, place) => {
      // names of scales have the number of the panel
      const text = JSON.stringify(spec.vconcat[index]).replaceAll(`concat_${index}_`, `concat_${place}_`),
        panel = JSON.parse(text);
      overX(panel, state.x, place === order.length - 1);
      if (state.log) logarithmic(panel);
      if (alone.length && height) panel.height = height;
      return panel;
    });
    const about = { ...spec.usermeta.curves, panels: order.map(({ panel }) => panel) };
    return { ...spec, usermeta: { ...spec.usermeta, curves: about }, vconcat };
  };
})();
