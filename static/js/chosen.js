/* The boxes at the beginning of the rows of a list: the box of the whole page, a range with Shift, a key for the
   current row. What is chosen stays chosen when the list is renewed. */
"use strict";
(() => {
  const boxes = () => [...document.querySelectorAll("input[type=checkbox][form=bulk]")];
  let chosen = new Set(); // values of the boxes that are on
  let last = ""; // value of the box that was clicked last

  function show() {
    const list = boxes();
    chosen = new Set(list.filter((box) => box.checked).map((box) => box.value));
    const all = document.getElementById("choose-all");
    if (all) {
      all.closest("label").hidden = false;
      all.checked = list.length > 0 && chosen.size === list.length;
      all.indeterminate = chosen.size > 0 && chosen.size < list.length;
    }
    const count = document.querySelector("#bulk [role=status]");
    if (count) count.textContent = chosen.size ? `${chosen.size} chosen` : "";
  }

  function between(box) {
    const list = boxes();
    const ends = [list.findIndex((other) => other.value === last), list.indexOf(box)];
    if (ends[0] < 0) return;
    for (const other of list.slice(Math.min(...ends), Math.max(...ends) + 1)) other.checked = box.checked;
  }

  document.addEventListener("click", (event) => {
    const box = event.target;
    if (box.matches("input[type=checkbox][form=bulk]")) {
      if (event.shiftKey) between(box);
      last = box.value;
      show();
    } else if (box.id === "choose-all") {
      for (const other of boxes()) other.checked = box.checked;
      show();
    } else if (box.matches("[data-choose-row]")) {
      document.querySelector("tr.current input[form=bulk]")?.click();
    }
  });

  document.addEventListener("htmx:after:swap", () => {
    for (const box of boxes()) if (chosen.has(box.value)) box.checked = true;
    show();
  });
  /* A form that is older than the list under it sends the address of now. */
  document.addEventListener(
    "submit",
    ({ target }) => {
      for (const field of target.querySelectorAll("[data-now=query]")) field.value = location.search.slice(1);
      const address = location.pathname + location.search;
      for (const field of target.querySelectorAll("[data-now=address]")) field.value = address;
    },
    { capture: true },
  );
  addEventListener("pageshow", show); // the browser's Back brings boxes back as they were
})();
