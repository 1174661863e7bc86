/* A report: the switch of the theme, citations to copy, and closed sections that open for printing. */
"use strict";
(() => {
  const root = document.documentElement,
    COPIED_MS = 1500;

  document.addEventListener("click", async (event) => {
    if (event.target.closest("[data-theme-toggle]")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        /* remembered for this page only */
      }
    }
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, COPIED_MS);
    } catch {
      getSelection().selectAllChildren(source);
    } // copying is not allowed here: the text is selected and can be copied by hand
  });

  addEventListener("beforeprint", () =>
    document.querySelectorAll("details:not([open])").forEach((fold) => {
      fold.open = fold.dataset.printed = true;
    }),
  );
  addEventListener("afterprint", () =>
    document.querySelectorAll("details[data-printed]").forEach((fold) => {
      fold.open = false;
      delete fold.dataset.printed;
    }),
  );
})();
