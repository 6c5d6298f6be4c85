// Uploads with progress, and sources that tell when they have been read. Every page works without this file.
"use strict";

const WORDS = {
  201: "Stored and read",
  200: "Here already; nothing was stored twice",
  202: "Stored; being read",
};

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

class Sending {
  constructor(file) {
    this.file = file;
    this.item = element("li", "");
    this.state = element("span", "state", "waiting");
    this.bar = element("progress", "");
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
    this.said = element("span", "said");
    this.item.append(element("span", "name", file.name), this.state, this.bar, this.said);
  }

  moved(part) {
    this.bar.value = part;
    this.state.textContent = part < 1 ? `${Math.round(part * 100)} %` : "being read…";
  }

  ended(status, answer) {
    const stored = status in WORDS && answer.id;
    this.item.className = stored ? "stored" : "failed";
    this.state.textContent = stored ? "done" : "not stored";
    this.bar.remove();
    if (!stored) {
      this.said.textContent = answer.message || "The connection was lost. Check it, then send this file again.";
      return `${this.file.name}: ${this.said.textContent}`;
    }
    const link = element("a", "", answer.title || answer.name || this.file.name);
    link.href = `/sources/${encodeURIComponent(answer.id)}`;
    const more = answer.known_as ? `. ${answer.known_as.message}` : "";
    this.said.append(`${WORDS[status]}: `, link, more);
    return `${this.file.name}: ${WORDS[status]}${more}`;
  }
}

function send(sending, csrf, limit) {
  return new Promise((resolve) => {
    if (sending.file.size > limit) {
      resolve([413, { message: `The file is larger than ${Math.round(limit / 1048576)} MB. Divide it, or leave out what you do not need.` }]);
      return;
    }
    const body = new FormData();
    body.append("file", sending.file, sending.file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/api/sources");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => sending.moved(event.lengthComputable ? event.loaded / event.total : 0));
    request.upload.addEventListener("load", () => sending.moved(1));
    request.addEventListener("loadend", () => resolve([request.status, request.response || {}]));
    request.send(body);
  });
}

async function upload(form, files) {
  const list = form.querySelector("[data-sending]");
  const told = form.querySelector("[data-told]");
  list.hidden = false;
  const sendings = [...files].map((file) => new Sending(file));
  list.append(...sendings.map((sending) => sending.item));
  for (const sending of sendings) {
    const [status, answer] = await send(sending, form.elements.csrf.value, Number(form.dataset.limit));
    told.textContent = sending.ended(status, answer);
  }
  await refresh(["[data-newest]", "[data-known]", ".counts"]);
}

// Replaces parts of the page by what the server shows now; the focus stays where it is, unless what had it is gone.
async function refresh(selectors) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const selector of selectors) {
    const [old, now] = [document.querySelector(selector), fresh.querySelector(selector)];
    if (!old || !now) continue;
    const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceWith(now);
    if (held) now.querySelector(`[href="${CSS.escape(held)}"]`)?.focus();
  }
}

function dropping(form) {
  const input = form.elements.file;
  let inside = 0;
  const over = (change) => form.classList.toggle("over", (inside = Math.max(0, inside + change)) > 0);
  form.addEventListener("dragenter", (event) => { event.preventDefault(); over(1); });
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("dragleave", () => over(-1));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-inside);
    if (event.dataTransfer.files.length) upload(form, event.dataTransfer.files);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    upload(form, [...input.files]);
    input.value = "";
  });
}

async function watching(live) {
  let seconds = 1;
  while (live.dataset.live === "processing") {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    seconds = Math.min(seconds * 1.5, 10);
    if (document.hidden) continue;
    const response = await fetch(live.dataset.address, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response || response.status >= 500) continue;
    if (!response.ok) return;
    if ((await response.json()).status === "processing") continue;
    await refresh(["h1", "[data-live]"]);
    document.querySelector("[data-live] [role=status]").textContent = "The source has been read.";
    return;
  }
}

for (const form of document.querySelectorAll("[data-drop]")) dropping(form);
for (const live of document.querySelectorAll("[data-live]")) watching(live);
