/* Before the first paint: the theme that was chosen, or the one that the system wants. */
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    /* no storage, no memory */
  }
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  root.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  if (!chosen)
    system.addEventListener("change", () => {
      root.dataset.theme = system.matches ? "dark" : "light";
    });
})();
