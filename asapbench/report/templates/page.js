// Draws the charts in the colours of the theme; those of one link are zoomed together.
(() => {
  const began = performance.now();
  const charts = JSON.parse(document.getElementById("figures").textContent);
  const touch = matchMedia("(pointer: coarse)").matches;
  const config = {
    displaylogo: false, responsive: true, displayModeBar: touch ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], // none that would share
  };
  const place = (chart) => document.getElementById("chart-" + chart.name);

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const paint = (value, key) => {
      if (Array.isArray(value)) return value.map((inner) => paint(inner, key));
      if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([k, inner]) => [k, paint(inner, k)]));
      }
      return /color$/.test(key) && String(value).startsWith("--") ? colour(value) : value;
    };
    return { colour, paint };
  }

  function layout(chart, { colour, paint }) {
    const axis = {
      gridcolor: colour("--grid"), linecolor: colour("--line"), zeroline: false, automargin: true,
      nticks: 7, spikecolor: colour("--line"), spikethickness: 1, spikedash: "solid", tickfont: { color: colour("--muted") },
    };
    const given = paint(chart.layout);
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { size: 12 } },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--muted"), activecolor: colour("--ink") },
      dragmode: touch ? false : "zoom",
      ...given,
      xaxis: { ...axis, showgrid: false, ...given.xaxis },
      yaxis: { ...axis, ...given.yaxis },
    };
  }

  // names of lanes stand beside them, or above where the page is narrow
  function inLanes({ lanes }, box, layout, ink) {
    if (!lanes.length) return;
    const narrow = box.clientWidth < 480;
    const short = (name) => narrow || name.length < 35 ? name : name.slice(0, 33) + "…";
    box.style.height = lanes.length * (narrow ? 34 : 26) + 110 + "px";
    Object.assign(layout.yaxis, {
      tickvals: lanes.map((_, lane) => lane), ticktext: lanes.map(short), showticklabels: !narrow,
      range: [lanes.length - 0.5, narrow ? -0.8 : -0.5], fixedrange: true, showgrid: false,
    });
    const above = { x: 0, xref: "paper", xanchor: "left", yanchor: "middle", showarrow: false, font: { size: 11, color: ink } };
    if (narrow) layout.annotations = lanes.map((name, lane) => ({ ...above, y: lane - 0.44, text: name }));
  }

  // on paper a chart is as wide as its box is there, which no event tells
  function draw() {
    const now = theme(), printing = document.documentElement.classList.contains("printing");
    return charts.map((chart) => {
      const box = place(chart), given = layout(chart, now);
      if (printing) given.width = box.clientWidth;
      inLanes(chart, box, given, now.colour("--muted"));
      return Plotly.react(box, now.paint(chart.data), given, config);
    });
  }

  function link() {
    let busy = false;
    for (const chart of charts.filter((one) => one.link)) {
      place(chart).on("plotly_relayout", (change) => {
        const keys = ["xaxis.range[0]", "xaxis.range[1]", "xaxis.autorange"];
        const same = Object.fromEntries(keys.filter((key) => key in change).map((key) => [key, change[key]]));
        if (busy || !Object.keys(same).length) return;
        busy = true;
        const others = charts.filter((other) => other.link === chart.link && other !== chart);
        Promise.all(others.map((other) => Plotly.relayout(place(other), same)))
          .finally(() => { busy = false; });
      });
    }
  }

  // zoomed in, a logarithmic axis makes its own ticks
  function refine() {
    for (const chart of charts) {
      const axes = ["xaxis", "yaxis"].filter((name) => chart.layout[name]?.tickvals && chart.layout[name].type === "log");
      if (axes.length) place(chart).on("plotly_relayout", () => {
        const now = place(chart).layout;
        const mode = (name) => now[name].range[1] - now[name].range[0] < 1 ? "auto" : "array";
        const changed = axes.filter((name) => now[name].tickmode !== mode(name));
        if (changed.length) Plotly.relayout(place(chart), Object.fromEntries(changed.map((name) => [name + ".tickmode", mode(name)])));
      });
    }
  }

  Promise.all(draw()).then(() => {
    link();
    refine();
    document.documentElement.dataset.drawing = Math.round(performance.now() - began);
    document.documentElement.dataset.drawn = Math.round(performance.now());
  });
  addEventListener("theme", draw);
})();
