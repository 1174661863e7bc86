/* The title and the icon of the tab follow the part of the page with data-tab-title and data-tab-icon, whenever htmx
   has replaced it. The icons are addresses in the link of the icon. */
"use strict";
(() => {
  let drawn = "";

  function show() {
    const part = document.querySelector("[data-tab-title]"),
      link = document.querySelector("link[rel=icon]");
    if (!part) return;
    const lab = document.title.slice(document.title.lastIndexOf(" · "));
    document.title = part.dataset.tabTitle + lab;
    const { tabIcon } = part.dataset;
    if (tabIcon === drawn) return;
    drawn = tabIcon;
    link.dataset.plain ??= link.href;
    link.href = link.dataset[tabIcon] ?? link.dataset.plain;
  }

  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("htmx:after:swap", show);
})();
