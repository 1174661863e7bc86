/* Lists of a form, such as the methods: "Add another" and "Remove" work in the page, on the markup that the server
   has rendered, so that quick clicks and text being typed are never lost. Without this script the server answers
   both, with the whole page. <div data-rows="methods">: its blocks are numbered in names, ids and titles; the event
   "change" renews the plan. */
"use strict";
(() => {
  const blocks = (rows) => [...rows.querySelectorAll(":scope > .block")];
  const fields = (block) => [...block.querySelectorAll("input, select, textarea")];

  /* Renumbers a block, as the server would have rendered it. */
  function number(rows, block, from, to) {
    const name = rows.dataset.rows,
      path = name.replaceAll("__", ".");
    for (const element of block.querySelectorAll("*")) {
      for (const { name: attribute, value } of [...element.attributes]) {
        if (value === `remove:${path}.${from}`) element.setAttribute(attribute, `remove:${path}.${to}`);
        else if (value.includes(`${name}__${from}__`)) {
          element.setAttribute(attribute, value.replaceAll(`${name}__${from}__`, `${name}__${to}__`));
        }
      }
    }
    const label = block.querySelector(".kind label");
    if (label) label.textContent = label.textContent.replace(/\d+$/, to + 1);
  }

  /* A new block like the last one, with the values entered there. */
  function add(rows) {
    const all = blocks(rows),
      last = all.at(-1),
      copy = last.cloneNode(true),
      twins = fields(copy);
    fields(last).forEach((field, index) => {
      if (field.type === "checkbox") twins[index].checked = field.checked;
      else twins[index].value = field.value;
    });
    number(rows, copy, all.length - 1, all.length);
    last.after(copy);
  }

  function remove(rows, block) {
    const all = blocks(rows),
      index = all.indexOf(block);
    block.remove();
    all.slice(index + 1).forEach((other, place) => number(rows, other, index + 1 + place, index + place));
    (blocks(rows)[index]?.querySelector("button.remove") ?? rows.querySelector(":scope > button")).focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-rows] button[name=do]");
    if (!button) return;
    event.preventDefault();
    const rows = button.closest("[data-rows]"),
      block = button.closest(".block");
    if (block) remove(rows, block);
    else add(rows);
    rows.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
