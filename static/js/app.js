/* Behaviour of every page: the switch of the theme, menus that close, forms that are being sent,
   and fields that are marked as wrong. */
"use strict";
(() => {
  const root = document.documentElement;

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        /* remembered for this page only */
      }
    }
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || opener) menu.open = false;
    }
  });

  /* The text is selected too, so that the person can copy it where the browser does not let a page copy. */
  async function copy(button) {
    const text = document.getElementById(button.dataset.copy);
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      /* the text stays selected */
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  });

  /* A form that changes something is sent once, and shows at once that it is being sent: its buttons look disabled,
     and the pressed one shows the text of its data-busy. The form is restored when the answer does not load a page:
     after Escape, the browser's Back, or a request of htmx that ends. A part of the page that is replaced meanwhile
     keeps this state, since it is stored by the address of the form. */
  const atWork = new Map(); // address of a form -> name, value and text of the button that was pressed

  const changes = (form) => form.method === "post" && !form.matches("dialog form");
  const buttons = (form) =>
    [...form.elements].filter((field) => field.matches("button:not([type=button]), input[type=submit]"));
  const identity = (button) =>
    button && (button.name ? `${button.name}=${button.value}` : (button.dataset.text ?? button.textContent.trim()));

  function showWork(form) {
    form.setAttribute("aria-busy", "true");
    for (const button of buttons(form).filter((other) => other.dataset.text === undefined)) {
      const pressed = identity(button) === atWork.get(form.action);
      button.dataset.text = button.textContent.trim();
      button.setAttribute("data-was-disabled", button.getAttribute("aria-disabled") ?? "");
      button.setAttribute("aria-disabled", "true");
      if (!pressed) continue;
      button.style.minWidth = `${button.offsetWidth}px`;
      if (button.dataset.busy) button.textContent = button.dataset.busy;
    }
  }

  function endWork(address) {
    atWork.delete(address);
    for (const form of document.forms) {
      if (form.action !== address || !form.hasAttribute("aria-busy")) continue;
      form.removeAttribute("aria-busy");
      buttons(form)
        .filter((button) => button.dataset.text !== undefined)
        .forEach(comeBack);
    }
  }

  function comeBack(button) {
    const was = button.getAttribute("data-was-disabled");
    if (was) button.setAttribute("aria-disabled", was);
    else button.removeAttribute("aria-disabled");
    if (button.dataset.busy === button.textContent) button.textContent = button.dataset.text;
    button.removeAttribute("data-was-disabled");
    delete button.dataset.text;
    button.style.minWidth = "";
  }

  const endAll = () => [...atWork.keys()].forEach(endWork);

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!changes(form)) return;
      if (atWork.has(form.action)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      if ((event.submitter?.formTarget || form.target) === "_blank") return; // this page stays as it is
      atWork.set(form.action, identity(event.submitter) ?? "");
      showWork(form);
    },
    { capture: true },
  );

  /* A part with data-polls is loaded again and again, but not in a hidden tab, nor while something in it has the focus.
     Not by a condition in hx-trigger, which htmx evaluates as code and the policy of the page refuses. */
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.detail.ctx.sourceElement;
    if (part.matches?.("[data-polls]") && (document.hidden || part.querySelector(":focus"))) event.preventDefault();
  });

  const requests = new WeakMap(); // request of htmx -> address of the form that it sends, which the answer may replace
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.matches?.("form")) requests.set(ctx, ctx.sourceElement.action);
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (requests.has(ctx)) endWork(requests.get(ctx));
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const form of document.forms) if (changes(form) && atWork.has(form.action)) showWork(form);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) endAll();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") endAll();
  });
  // Sent by scripts that submit a form themselves.
  document.addEventListener("form:done", (event) => endWork(event.target.action));

  /* Messages are placed by the server. Here the fields beside them are marked, and a closed section with one is
     opened. */
  function mark() {
    for (const help of document.querySelectorAll(".help[data-for]")) {
      const wrong = help.classList.contains("wrong");
      for (const field of help.closest(".row")?.querySelectorAll("input, select, textarea") ?? []) {
        if (wrong) field.setAttribute("aria-invalid", "true");
        else field.removeAttribute("aria-invalid");
      }
      if (wrong) {
        const fold = help.closest("details");
        if (fold) fold.open = true;
      }
    }
  }

  /* After a form came back with errors, the first error is scrolled into view and its field gets the focus. */
  function focusFirstError() {
    const message = document.querySelector(
      "main form :is(.help.wrong:not(:empty), .invalid .help, .message.bad[role=alert])",
    );
    if (!message) return;
    const field = message.closest(".row, .invalid")?.querySelector("input:not([type=hidden]), select, textarea");
    (field ?? message).scrollIntoView({ block: "center" });
    field?.focus({ preventScroll: true });
  }
  document.addEventListener("htmx:after:swap", mark);
  document.addEventListener("DOMContentLoaded", () => {
    mark();
    focusFirstError();
  });
})();
