// What changes while a page is open. Pieces of pages come from the same templates as the pages; output is only ever text.
"use strict";

const MOST_SPANS = 4000; // of the output, so that a page that follows for days stays light
const announcer = document.getElementById("announcer");
const live = document.getElementById("live");

function announce(sentences) {
  const some = sentences.slice(0, 3);
  if (some.length) announcer.textContent = some.join(". ");
}

// Puts a piece in its place; who is in one of its fields stays there, with what was typed.
function put(id, html) {
  const place = document.getElementById(id);
  if (!place) return;
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  const typed = new Map();
  for (const field of place.querySelectorAll("input[id]")) {
    if (field.value !== field.defaultValue) typed.set(field.id, field.value);
  }
  const open = [...place.querySelectorAll("details")].map((one) => one.open);
  place.innerHTML = html;
  place.querySelectorAll("details").forEach((one, index) => { one.open = Boolean(open[index]); });
  for (const [key, value] of typed) {
    const field = document.getElementById(key);
    if (field) field.value = value;
  }
  if (active && active.id) document.getElementById(active.id)?.focus();
}

function rows(change) {
  const body = document.getElementById("rows");
  const focused = document.activeElement?.closest?.("#rows tr")?.id;
  const known = new Map([...body.children].map((row) => [row.id, row]));
  for (const html of Object.values(change.rows)) {
    const holder = document.createElement("tbody");
    holder.innerHTML = html;
    const row = holder.querySelector("tr");
    if (known.size && change.told.length) row.classList.add("changed");
    known.set(row.id, row);
  }
  body.replaceChildren(...change.order.map((number) => known.get(`r${number}`)).filter(Boolean));
  document.getElementById("none").hidden = change.order.length > 0;
  if (focused) document.getElementById(focused)?.querySelector("a")?.focus();
}

function output(parts) {
  const log = document.getElementById("log");
  const end = document.getElementById("follow").checked;
  for (const part of parts) {
    const attempt = log.dataset.last;
    if (attempt && attempt !== String(part.attempt)) aside(log, log.dataset.attempt, part.attempt);
    log.dataset.last = part.attempt;
    if (part.left_out) aside(log, log.dataset.leftOut, part.left_out);
    const span = document.createElement("span");
    if (part.stderr) span.className = "stderr";
    span.textContent = part.text;
    log.append(span);
  }
  while (log.childNodes.length > MOST_SPANS) log.firstChild.remove();
  document.getElementById("log-empty").hidden = true;
  if (end) log.scrollTop = log.scrollHeight;
}

function aside(log, words, value) {
  const span = document.createElement("span");
  span.className = "aside";
  span.textContent = words.replace("#", value).replace(/[,\s]+$/, "");
  log.append(span);
}

// The stream: closed while nobody looks, as a browser opens only a few connections to one place.
class Stream {
  constructor(place) {
    this.place = place;
    this.words = place.querySelector(".words");
    this.button = place.querySelector("button");
    this.wanted = true;
    this.over = false;
    this.from = null;
    place.hidden = false;
    this.button.addEventListener("click", () => {
      this.wanted = !this.wanted;
      this.turn();
    });
    document.addEventListener("visibilitychange", () => this.turn());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.turn());
    this.turn();
  }

  turn() {
    if (this.over) return;
    if (this.wanted && document.visibilityState === "visible") this.open();
    else this.close();
    this.button.textContent = this.wanted ? this.place.dataset.stop : this.place.dataset.start;
    if (!this.wanted) this.say("off");
  }

  say(state) {
    this.place.dataset.state = state;
    this.words.textContent = this.place.dataset[state];
  }

  open() {
    if (this.source) return;
    const address = new URL(this.place.dataset.live, location.href);
    if (this.from) address.searchParams.set("from", this.from);
    this.source = new EventSource(address);
    this.source.addEventListener("open", () => this.say("on"));
    this.source.addEventListener("error", () => {
      if (this.source?.readyState === EventSource.CLOSED) this.end("none");
      else this.say("lost");
    });
    this.source.addEventListener("rows", (event) => {
      const change = JSON.parse(event.data);
      rows(change);
      this.pieces(change);
    });
    this.source.addEventListener("pieces", (event) => this.pieces(JSON.parse(event.data)));
    this.source.addEventListener("log", (event) => {
      this.from = event.lastEventId;
      output(JSON.parse(event.data));
    });
    this.source.addEventListener("over", () => {
      this.end();
      this.place.hidden = true;
      document.querySelector(".follow").hidden = true;
    });
  }

  pieces(change) {
    for (const [id, html] of Object.entries(change.pieces)) put(id, html);
    announce(change.told);
  }

  end(state) {
    this.over = true;
    this.close();
    this.button.hidden = true;
    if (state) this.say(state);
  }

  close() {
    this.source?.close();
    this.source = null;
  }
}

// What runs counts on, second by second.
function count() {
  for (const place of document.querySelectorAll("[data-running]")) {
    const began = Number(place.dataset.began) || performance.now() - Number(place.dataset.running) * 1000;
    place.dataset.began = began;
    place.textContent = span(Math.floor((performance.now() - began) / 1000));
  }
}

function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  let rest = seconds;
  const found = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    if (rest >= size) found.push(`${Math.floor(rest / size)}${name}`);
    rest %= size;
  }
  return found.join(" ");
}

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// Filters that are empty do not make the address longer.
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

const follow = document.querySelector(".follow");
if (follow) {
  follow.hidden = !live;
  const log = document.getElementById("log");
  log.scrollTop = log.scrollHeight;
}
if (live) new Stream(live);
setInterval(count, 1000);
