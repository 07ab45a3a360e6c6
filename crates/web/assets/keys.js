// Keys for those who like them. Every page works without this file.
"use strict";

const places = { t: "/", m: "/mail", o: "/outbox", s: "/search", p: "/people", c: "/companies", l: "/leads" };
let afterG = false;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const wentThere = afterG && event.key in places;
  if (wentThere) location.assign(places[event.key]);
  afterG = !wentThere && event.key === "g";
  if (!wentThere && act(event.key)) event.preventDefault();
});

// Whether the key meant something here.
function act(key) {
  switch (key) {
    case "/": return focus(document.getElementById("search"));
    case "j": return step(1);
    case "k": return step(-1);
    case "c": return goTo("/write");
    case "r": return goTo(document.querySelector("a[data-key=r]")?.href);
    case "u": return back();
    case "?": return toggleKeys();
    default: return false;
  }
}

function goTo(place) {
  if (place) location.assign(place);
  return Boolean(place);
}

function isTyping(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}

function focus(element) {
  element?.focus();
  element?.select?.();
  return element !== null;
}

function step(by) {
  const lines = [...document.querySelectorAll("a.line")];
  if (lines.length === 0) return false;
  const current = lines.indexOf(document.activeElement);
  const next = current < 0 ? (by > 0 ? 0 : lines.length - 1) : Math.min(Math.max(current + by, 0), lines.length - 1);
  lines[next].focus();
  lines[next].scrollIntoView({ block: "nearest" });
  return true;
}

function back() {
  const cameFromHere = document.referrer.startsWith(location.origin + "/");
  const up = document.querySelector("a[rel=up]");
  if (cameFromHere) history.back();
  else if (up) location.assign(up.href);
  return cameFromHere || up !== null;
}

function toggleKeys() {
  document.getElementById("keys")?.togglePopover();
  return true;
}
