/* Shows the progress of an upload. Without this script the form works as a plain form. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("upload"),
    shown = document.getElementById("uploading");
  if (!form) return;
  const LARGEST = 2 ** 30,
    bar = shown.querySelector(".bar"),
    words = shown.querySelector("[role=status]");
  const error = document.getElementById("upload-error");

  const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0);

  function show(done, total) {
    const percent = total ? Math.round((100 * done) / total) : 0;
    bar.firstElementChild.style.width = `${percent}%`;
    bar.setAttribute("aria-valuenow", percent);
    words.textContent = done < total ? `${megabytes(done)} of ${megabytes(total)} MB` : form.dataset.then;
  }

  function refuse(text) {
    shown.hidden = true;
    form.dispatchEvent(new Event("form:done", { bubbles: true }));
    const message = document.createElement("p");
    message.textContent = text;
    message.className = "help wrong";
    error.replaceChildren(message);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [file] = form.elements.file.files;
    if (file.size > LARGEST) {
      refuse("The file is larger than 1 GB, and at most 1 GB can be read.");
      return;
    }
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", ({ loaded, total }) => show(loaded, total));
    request.addEventListener("load", () => {
      if (request.status === 200) {
        location.assign(request.responseURL);
        return;
      }
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const reason = answer.querySelector("#upload-error .message p, .plain-page .subtitle");
      refuse(reason ? reason.textContent : "The upload was refused.");
    });
    request.addEventListener("error", () => refuse("The connection broke. Nothing was kept; upload the file again."));
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/html");
    request.send(new FormData(form));
    error.replaceChildren();
    shown.hidden = false;
    show(0, file.size);
  });
});
