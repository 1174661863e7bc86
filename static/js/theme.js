/* Sets the chosen theme, or that of the system, before the first paint. */
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    /* no storage, so the choice is not remembered */
  }
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  root.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  if (!chosen)
    system.addEventListener("change", () => {
      root.dataset.theme = system.matches ? "dark" : "light";
    });
})();
