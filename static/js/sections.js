/* Parts of a page, shown one at a time. <nav data-switch="section"> holds links such as ?section=errors, and the
   part is <div data-panel="section" data-value="errors">. The server shows the part that the address names and hides
   the others with hidden="until-found": the browser's search and links to a fragment reach them, and all are printed.
   Without this script each link loads the page; with it, a click changes the address and the part shown. After a
   fragment was replaced the address still decides. */
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const names = () => new Set(all("[data-switch]").map((nav) => nav.dataset.switch));
  const panels = (name) => all(`[data-panel="${name}"]`);
  const links = (name) => all(`[data-switch="${name}"] a`);
  const valueOf = (link, name) => new URL(link.href).searchParams.get(name);

  function show(name, value) {
    if (!panels(name).some((panel) => panel.dataset.value === value)) return;
    for (const panel of panels(name)) {
      if (panel.dataset.value === value) panel.removeAttribute("hidden");
      else panel.setAttribute("hidden", "until-found");
    }
    for (const link of links(name)) {
      if (valueOf(link, name) === value) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const link of all("a[data-keeps]")) {
      const to = new URL(link.href);
      to.searchParams.set(name, value);
      link.href = to.search;
    }
  }

  /* Shows the part that the address names, or else the first. Among the sections that is the one that fits the state
     of the page, unless the reader has scrolled below. */
  function follow({ wait = false } = {}) {
    const query = new URLSearchParams(location.search);
    const reading = wait && document.getElementById("sections").getBoundingClientRect().top < 0;
    for (const name of names()) {
      const first =
        name === "section" ? document.getElementById("head").dataset.section : panels(name)[0]?.dataset.value;
      if (query.has(name) || !(reading && name === "section")) show(name, query.get(name) ?? first);
    }
  }

  /* Shows the parts that contain an element, also nested ones. */
  function reveal(element) {
    for (let panel = element?.closest("[data-panel]"); panel; panel = panel.parentElement.closest("[data-panel]")) {
      keep(panel.dataset.panel, panel.dataset.value, "replaceState");
    }
  }

  function keep(name, value, how = "pushState") {
    const to = new URL(location.href);
    to.searchParams.set(name, value);
    if (to.href !== location.href) history[how](null, "", to);
    show(name, value);
  }

  const target = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));

  function toTarget() {
    const element = target();
    if (!element?.closest("[data-panel]")) return;
    reveal(element);
    element.scrollIntoView();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-switch] a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const nav = link.closest("[data-switch]"),
      name = nav.dataset.switch,
      value = valueOf(link, name);
    if (name === "section" && location.hash) history.replaceState(null, "", location.pathname + location.search);
    keep(name, value);
    const top = document.getElementById("sections");
    if (name === "section" && top.getBoundingClientRect().top < 0) top.scrollIntoView();
  });

  document.addEventListener("beforematch", (event) => reveal(event.target));
  document.addEventListener("htmx:after:swap", () => follow({ wait: true }));
  addEventListener("popstate", () => {
    follow();
    toTarget();
  });
  addEventListener("hashchange", toTarget);
  document.addEventListener("DOMContentLoaded", toTarget);
})();
