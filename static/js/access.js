/* Whether a page is still open to who looks at it. <body data-access> is the path of a socket that the server closes with 4404 when
   it is not; a page with a live socket has no use for another one and calls access.check() when that socket is closed so. Then the
   page is emptied, and <template id="not-open"> says why. Without an answer of the server the page stays as it is. */
"use strict";
const access = (() => {
  const NOT_FOUND = 4404, FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 2000, REFUSED_WAIT_MS = 60000, SILENCE_MS = 2000;
  let socket = null, timer = null, silent = null, wait = FIRST_WAIT_MS, opened = false, over = false;

  function empty() {
    over = true;
    clearTimeout(timer);
    const notice = document.getElementById("not-open").content.cloneNode(true);
    document.title = notice.querySelector("h1").textContent;
    document.body.replaceChildren(notice);
  }

  function connect(answered = () => {}) {
    clearTimeout(timer);
    if (over) return;
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${document.body.dataset.access}`);
    socket = mine;
    expect(mine);
    mine.onmessage = () => {
      if (mine !== socket) return;
      clearTimeout(silent);
      opened = true;
      wait = FIRST_WAIT_MS;
      document.body.dataset.open = "yes";  // for tests
      answered();
    };
    mine.onclose = closed => {
      if (mine !== socket) return;
      if (closed.code === NOT_FOUND) empty(); else lost();
    };
  }

  function lost() {
    clearTimeout(silent);
    socket = null;
    timer = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
    wait = Math.min(2 * wait, opened ? LONGEST_WAIT_MS : REFUSED_WAIT_MS);
  }

  /* A connection can be gone without a word, as after a sleep: without an answer another one is made. */
  function expect(mine) {
    clearTimeout(silent);
    silent = setTimeout(() => {
      if (mine !== socket) return;
      lost();
      mine.close();
    }, SILENCE_MS);
  }

  function ask() {
    if (over) return;
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send("{}");
      expect(socket);
    } else if (!socket) {
      connect();
    }
  }

  /* What a page of a live share showed may have been changed by its author instead: then it is loaded again. */
  function check() {
    if (document.body.dataset.access) connect(() => location.reload()); else empty();
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!document.body.dataset.access || document.getElementById("wire")) return;
    connect();
    addEventListener("pageshow", shown => { if (shown.persisted) ask(); });
    addEventListener("online", ask);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  });

  return {check};
})();
