/* Checks whether a page is still open to its reader. <body data-access> is the path of a socket that the server
   closes with code 4404 when the page is no longer open. A page with a live socket needs no second one: when that
   socket is closed with this code, it calls access.check(). The page is then emptied, and <template id="not-open">
   says why. As long as the server does not answer, the page stays as it is. */
"use strict";
globalThis.access ??= (() => {
  // once, even where htmx replaces the body together with its scripts
  const NOT_FOUND = 4404,
    FIRST_WAIT_MS = 500,
    LONGEST_WAIT_MS = 2000,
    REFUSED_WAIT_MS = 60000;
  const HANDSHAKE_MS = 10000,
    SILENCE_MS = 3000,
    BEAT_MS = 2000,
    ASLEEP_MS = 6000;
  let socket = null,
    timer = null,
    silent = null,
    wait = FIRST_WAIT_MS,
    opened = false,
    over = false,
    beat = Date.now();
  let answered = () => {}; // called when the server has confirmed that the page is open

  function empty() {
    over = true;
    clearTimeout(timer);
    const notice = document.getElementById("not-open").content.cloneNode(true);
    document.title = notice.querySelector("h1").textContent;
    document.body.replaceChildren(notice);
  }

  function connect() {
    clearTimeout(timer);
    if (over) return;
    const connection = new WebSocket(
      `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${document.body.dataset.access}`,
    );
    socket = connection;
    expect(connection, HANDSHAKE_MS);
    connection.onmessage = () => {
      if (connection !== socket) return;
      clearTimeout(silent);
      opened = true;
      wait = FIRST_WAIT_MS;
      document.body.dataset.open = "yes"; // for tests
      answered();
    };
    connection.onclose = (closed) => {
      if (connection !== socket) return;
      if (closed.code === NOT_FOUND) empty();
      else lost();
    };
  }

  function lost() {
    clearTimeout(silent);
    socket = null;
    timer = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
    wait = Math.min(2 * wait, opened ? LONGEST_WAIT_MS : REFUSED_WAIT_MS);
  }

  /* A connection can be lost without an event, for instance after sleep: without an answer, a new one is made. */
  function expect(connection, within) {
    clearTimeout(silent);
    silent = setTimeout(() => {
      if (connection !== socket) return;
      lost();
      connection.close();
    }, within);
  }

  function ask() {
    if (over) return;
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send("{}");
      expect(socket, SILENCE_MS);
    } else if (!socket) {
      connect();
    }
  }

  /* A machine that was asleep has missed beats. Nothing is sent while it is awake. */
  function wake() {
    const asleep = Date.now() - beat > ASLEEP_MS;
    beat = Date.now();
    if (asleep) ask();
  }

  /* The author may have changed what a live share shows. The page is then loaded again. */
  function check() {
    if (!document.body.dataset.access) return empty();
    answered = () => location.reload();
    connect();
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!document.body.dataset.access || document.getElementById("wire")) return;
    connect();
    setInterval(wake, BEAT_MS);
    addEventListener("pageshow", (shown) => {
      if (shown.persisted) ask();
    });
    addEventListener("online", ask);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) ask();
    });
  });

  return { check };
})();
