// Puts in what the server renders anew, and lets clocks of what still runs go on.
"use strict";

const main = document.querySelector("main");

function put(place, replace) {
  const log = place.querySelector("pre.log");
  const follows = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  const open = new Set([...place.querySelectorAll("details[open]")].map((each) => each.id));
  const fresh = replace();
  fresh.querySelectorAll("details").forEach((each) => { if (open.has(each.id)) each.open = true; });
  const there = fresh.querySelector("pre.log");
  if (there && follows) there.scrollTop = there.scrollHeight;
  tick();
}

const source = document.body.dataset.events;
if (source) {
  const events = new EventSource(source);
  events.addEventListener("part", (event) => {
    const part = JSON.parse(event.data);
    const place = document.getElementById(part.id);
    if (place) put(place, () => { place.innerHTML = part.html; place.hidden = part.html === ""; return place; });
  });
  events.addEventListener("end", () => { events.close(); document.body.dataset.ended = "true"; });
}

async function renew() {
  if (document.hidden || main.contains(document.activeElement)) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  put(main, () => { main.replaceChildren(...page.querySelector("main").childNodes); return main; });
}
if ("fresh" in document.body.dataset) setInterval(() => renew().catch(() => undefined), 3000);

function duration(seconds) {
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tick() {
  document.querySelectorAll("[data-since]").forEach((each) => {
    each.textContent = duration(Math.max(0, (Date.now() - Number(each.dataset.since)) / 1000));
  });
  document.querySelectorAll("time[datetime]").forEach((each) => {
    each.textContent = new Date(each.dateTime).toLocaleString();
  });
}
tick();
setInterval(tick, 500);
document.querySelectorAll("pre.log").forEach((each) => { each.scrollTop = each.scrollHeight; });
