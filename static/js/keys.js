/* The keys of a page. Its help is the declaration, made from webapp/pages/keys.py: <div data-presses="j k"> lists keys,
   and each acts on the element with data-key, or moves through the rows of <table data-list> (data-moves). A key is
   valid where its element, or what data-where selects, is on the page; the help hides the others. Keys without Ctrl do
   nothing while text is typed or a dialog is open, nor for who switched them off. */
"use strict";
(() => {
  const TYPED = "input, select, textarea, [contenteditable]";
  const SWITCH = "keys";

  const help = () => document.getElementById("help");
  const declared = () => [...(help()?.querySelectorAll("[data-presses]") ?? [])];
  const presses = (row) => row.dataset.presses.split(" ");
  const element = (key) => {
    const named = `[data-key~="${CSS.escape(key)}"]`;
    return document.querySelector(`main ${named}`) ?? document.querySelector(named);
  };
  const listed = () => [...document.querySelectorAll("[data-list] > tbody > tr, ul[data-list] > li")];
  function valid(row) {
    if (row.dataset.where) return document.querySelector(row.dataset.where) !== null;
    if (row.hasAttribute("data-moves")) return listed().length > 0;
    return row.hasAttribute("data-own") || presses(row).some(element);
  }

  function single() {
    try {
      return localStorage.getItem(SWITCH) !== "off";
    } catch {
      return true;
    }
  }

  /* On keyboards without Latin letters the place of the key counts. */
  function pressed(event) {
    if (!event.ctrlKey && !event.metaKey) return event.key;
    const letter = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace("Key", "");
    return `Ctrl+${letter.toLowerCase()}`;
  }

  function move(step) {
    const rows = listed(),
      at = rows.findIndex((row) => row.classList.contains("current"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (at < 0 ? 1 : step)))];
    rows[at]?.classList.remove("current");
    next.classList.add("current");
    next.querySelector("a").focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || event.target.closest("dialog[open]")) return;
    const key = pressed(event);
    if (!key.startsWith("Ctrl+") && (event.target.closest(TYPED) || !single())) return;
    const row = declared().find((keys) => presses(keys).includes(key) && !keys.hasAttribute("data-own") && valid(keys));
    if (!row) return;
    const target = element(key);
    if (!target && !row.hasAttribute("data-moves")) return;
    event.preventDefault();
    if (row.hasAttribute("data-moves")) move(presses(row)[0] === key ? 1 : -1);
    else if (target.matches(TYPED)) {
      target.focus();
      target.select?.();
    } else if (!event.repeat) target.click();
  });

  /* Before the help is opened, in the capture phase: what is valid may have changed with the page. */
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest("[data-open=help]")) return;
      for (const row of declared()) row.hidden = !valid(row);
      help().querySelector("[data-single-keys]").checked = single();
    },
    { capture: true },
  );
  document.addEventListener("change", (event) => {
    if (!event.target.closest("[data-single-keys]")) return;
    try {
      localStorage.setItem(SWITCH, event.target.checked ? "on" : "off");
    } catch {
      /* for this page only: nothing can be stored */
    }
  });
})();
