/* Whether a page is still open to who looks at it. <body data-access> is the path of a socket that the server closes with 4404 when
   it is not; a page with a live socket has no use for another one and calls access.check() when that socket is closed so. Then the
   page is emptied, and <template id="not-open"> says why. Without an answer of the server the page stays as it is. */
"use strict";
globalThis.access ??= (() => {
  // once, also where htmx puts a body in place again with the scripts in it
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
  let answered = () => {}; // what to do once the server has said that the page is open

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

  /* A connection can be gone without a word, as after a sleep: without an answer another one is made. */
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

  /* A machine that slept has missed beats; nothing is sent while it is awake. */
  function wake() {
    const asleep = Date.now() - beat > ASLEEP_MS;
    beat = Date.now();
    if (asleep) ask();
  }

  /* What a page of a live share showed may have been changed by its author instead: then it is loaded again. */
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
