/* Notifies the person who asked for it, through the browser, when the experiment of this page has come to rest. The
   choice is stored in this browser; <body data-notify="on"> passes it to live.js, which then also loads fragments in
   a hidden tab. */
"use strict";
(() => {
  const able = "Notification" in window;
  const head = () => document.getElementById("head");
  let atWork = false;

  const wanted = () => able && Notification.permission === "granted" && localStorage.getItem("notify") === "on";

  function show() {
    document.body.dataset.notify = wanted() ? "on" : "off";
    const button = document.querySelector("[data-notify-me]");
    if (!button) return;
    button.hidden = !able;
    button.setAttribute("aria-pressed", wanted());
    button.textContent =
      able && Notification.permission === "denied"
        ? "Notifications are blocked"
        : wanted()
          ? "You will be notified"
          : "Notify me";
  }

  function update() {
    const now = head()?.dataset.atWork === "1";
    if (atWork && !now && wanted()) {
      const name = head().querySelector("h1").textContent,
        state = head().querySelector("[role=status]").textContent;
      const notification = new Notification(name, { body: state, tag: location.pathname });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    }
    atWork = now;
    show();
  }

  document.addEventListener("click", async (event) => {
    if (!event.target.closest("[data-notify-me]")) return;
    const on = !wanted();
    if (on) await Notification.requestPermission();
    localStorage.setItem("notify", on ? "on" : "off");
    show();
  });
  document.addEventListener("htmx:after:swap", update);
  document.addEventListener("DOMContentLoaded", update);
})();
