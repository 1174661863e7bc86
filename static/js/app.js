/* What every page has: the theme's switch, the keyboard, menus that close, fields that say when they are wrong. */
"use strict";
(() => {
  const root = document.documentElement;

  document.addEventListener("click", event => {
    if (event.target.closest("[data-theme-toggle]")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* remembered for this page only */ }
    }
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || opener) menu.open = false;
    }
  });

  /* Selected as well: where the browser does not let a page copy, the person can. */
  async function copy(button) {
    const text = document.getElementById(button.dataset.copy);
    getSelection().selectAllChildren(text);
    try { await navigator.clipboard.writeText(text.textContent); button.textContent = "Copied"; } catch { /* selected it is */ }
  }

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      const search = document.getElementById("search");
      if (search) { search.focus(); search.select(); } else location.href = `${document.querySelector(".brand").href}#search`;
    } else if (/^[a-z0-9]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`)) {
      const target = document.querySelector(`[data-key="${event.key}"]`);
      if (target.matches("input, textarea")) { event.preventDefault(); target.focus(); } else target.click();
    } else if (event.key === "?") {
      document.getElementById("help").showModal();
    } else if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    }
  });

  if (location.hash === "#search") document.getElementById("search")?.focus();

  /* Messages come into place by themselves; here the fields beside them learn of it, and the fold that hides one opens. */
  function mark() {
    for (const help of document.querySelectorAll(".help[data-for]")) {
      const wrong = help.classList.contains("wrong");
      for (const field of help.closest(".row")?.querySelectorAll("input, select, textarea") ?? []) {
        if (wrong) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
      }
      if (wrong) { const fold = help.closest("details"); if (fold) fold.open = true; }
    }
  }

  /* A form that came back with errors: the first of them is brought into view, and its field has the focus. */
  function focusFirstError() {
    const message = document.querySelector("main form :is(.help.wrong:not(:empty), .err .help, .msg.bad[role=alert])");
    if (!message) return;
    const field = message.closest(".row, .err")?.querySelector("input:not([type=hidden]), select, textarea");
    (field ?? message).scrollIntoView({ block: "center" });
    field?.focus({ preventScroll: true });
  }
  document.addEventListener("htmx:after:swap", mark);
  document.addEventListener("DOMContentLoaded", () => { mark(); focusFirstError(); });
})();
