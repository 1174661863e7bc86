/* The command palette: a field, and the options that the server returns for its text. The field keeps the focus and
   names the chosen option. What was opened last is stored in this browser, as kinds and numbers only, by account. */
"use strict";
(() => {
  const MOST = 8;

  let moved = null; // the text of the option that was chosen by a key since the text was last changed

  const byId = (id) => document.getElementById(id);
  const dialog = () => byId("palette");
  const field = () => byId("palette-field");
  const options = () => [...dialog().querySelectorAll("[role=option]")];
  const place = () => `opened-${dialog().dataset.account}`;

  function opened() {
    try {
      return JSON.parse(localStorage.getItem(place())) ?? [];
    } catch {
      return [];
    }
  }

  function remember(item) {
    if (!item) return;
    const items = [item, ...opened().filter((other) => other !== item)].slice(0, MOST + 1);
    try {
      localStorage.setItem(place(), JSON.stringify(items));
    } catch {
      /* nothing can be stored: the palette offers nothing that was opened before */
    }
  }

  function choose(option) {
    for (const other of options()) other.setAttribute("aria-selected", other === option);
    if (option) field().setAttribute("aria-activedescendant", option.id);
    else field().removeAttribute("aria-activedescendant");
    field().setAttribute("aria-expanded", Boolean(option));
    option?.scrollIntoView({ block: "nearest" });
  }

  function move(key) {
    const all = options(),
      at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[key];
    if (!all.length) return;
    const option = all[(to + all.length) % all.length];
    moved = option.textContent;
    choose(option);
  }

  function open(option, { ctrlKey, metaKey, shiftKey }) {
    if (!option) return;
    option.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey, metaKey, shiftKey }));
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-open=palette]")) return;
    const { item } = dialog().dataset;
    dialog().querySelector("[name=recent]").value = opened()
      .filter((other) => other !== item)
      .slice(0, MOST)
      .join(" ");
    field().dispatchEvent(new Event("palette:open"));
  });

  /* In the capture phase, so that the palette is closed before an option opens another dialog. */
  document.addEventListener(
    "click",
    (event) => {
      const option = event.target.closest("#palette [role=option]");
      if (option ? !event.ctrlKey && !event.metaKey && !event.shiftKey : event.target === dialog()) dialog().close();
    },
    { capture: true },
  );

  document.addEventListener("keydown", (event) => {
    if (event.target !== field() || event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      dialog().close();
    } else if (
      ["ArrowDown", "ArrowUp"].includes(event.key) ||
      (["Home", "End"].includes(event.key) && !field().value)
    ) {
      event.preventDefault();
      move(event.key);
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(byId(field().getAttribute("aria-activedescendant")), event);
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target === field()) moved = null;
  });

  /* An answer can arrive after a key was pressed: what the key chose stays chosen. */
  document.addEventListener("htmx:after:swap", () => {
    const shown = byId("palette-entries")?.firstElementChild;
    if (!dialog()?.open || !shown || shown.dataset.shown) return;
    shown.dataset.shown = "1";
    choose(options().find((option) => option.textContent === moved) ?? options()[0]);
    const number = Number(shown.dataset.count);
    byId("palette-status").textContent = number === 1 ? "1 result" : `${number} results`;
  });

  document.addEventListener("DOMContentLoaded", () => {
    if (!dialog()) return;
    remember(dialog().dataset.item);
    dialog().addEventListener("close", () => {
      field().value = "";
      byId("palette-entries").replaceChildren();
      byId("palette-status").textContent = "";
      moved = null;
      choose(null);
    });
  });
})();
