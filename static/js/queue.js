/* Rows of the queue can be dragged before one another; the buttons in them do the same without a mouse. A row that
   may be moved is <tr draggable="true" data-experiment="ID"> and contains its form. */
"use strict";
(() => {
  let dragged = null;
  const rowOf = (event) => event.target.closest?.("#queue tr[draggable=true]");

  document.addEventListener("dragstart", (event) => {
    dragged = rowOf(event);
    if (dragged) event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", (event) => {
    const row = rowOf(event);
    document.querySelectorAll("#queue .over").forEach((other) => other.classList.toggle("over", other === row));
    if (!dragged || !row || row === dragged) return;
    event.preventDefault(); // it may be dropped here
    row.classList.add("over");
  });
  document.addEventListener("dragend", () => {
    document.querySelectorAll("#queue .over").forEach((other) => other.classList.remove("over"));
    dragged = null;
  });
  document.addEventListener("drop", (event) => {
    const row = rowOf(event);
    if (!dragged || !row || row === dragged) return;
    event.preventDefault();
    const form = dragged.querySelector("form"),
      values = { before: row.dataset.experiment, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value };
    htmx.ajax("POST", form.action, { values, target: "#queue", select: "#queue", swap: "outerMorph" });
  });
})();
