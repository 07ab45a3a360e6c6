// Offers whom one may write to while an address is typed. The form works without this file.
"use strict";

const list = document.createElement("ul");
list.className = "suggested";
list.id = "suggested";
list.hidden = true;
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "People found");

let field = null;
let chosen = -1;
let asked = 0;

for (const each of document.querySelectorAll("[data-recipients]")) {
  each.setAttribute("role", "combobox");
  each.setAttribute("aria-controls", "suggested");
  each.setAttribute("aria-expanded", "false");
  each.addEventListener("input", () => ask(each));
  each.addEventListener("keydown", (event) => { if (move(event.key)) event.preventDefault(); });
  each.addEventListener("blur", hide);
}
document.body.append(list);

// What stands behind the last name in the field.
function last(text) {
  return text.slice(Math.max(text.lastIndexOf(","), text.lastIndexOf(";"), text.lastIndexOf("\n")) + 1);
}

async function ask(of) {
  const words = last(of.value).trim();
  const mine = ++asked;
  if (words.length < 2) return hide();
  const answer = await fetch("/write/recipients?who=" + encodeURIComponent(words));
  // Somebody typed on meanwhile.
  if (!answer.ok || mine !== asked || document.activeElement !== of) return;
  show(of, await answer.json());
}

function show(of, people) {
  list.replaceChildren(...people.map((person) => {
    const line = document.createElement("li");
    line.setAttribute("role", "option");
    line.dataset.written = person.written;
    const more = document.createElement("span");
    more.className = "dim";
    more.textContent = " " + person.address + (person.context ? " · " + person.context : "");
    line.append(person.name, more);
    line.addEventListener("mousedown", (event) => { event.preventDefault(); take(line); });
    return line;
  }));
  field = of;
  chosen = -1;
  list.hidden = people.length === 0;
  of.setAttribute("aria-expanded", String(!list.hidden));
  const box = of.getBoundingClientRect();
  list.style.left = box.left + scrollX + "px";
  list.style.top = box.bottom + scrollY + 2 + "px";
}

function move(key) {
  if (list.hidden) return false;
  const lines = [...list.children];
  switch (key) {
    case "ArrowDown": chosen = (chosen + 1) % lines.length; break;
    case "ArrowUp": chosen = (chosen + lines.length - 1) % lines.length; break;
    case "Enter": case "Tab": return take(lines[Math.max(chosen, 0)]);
    case "Escape": hide(); return true;
    default: return false;
  }
  lines.forEach((line, number) => line.setAttribute("aria-selected", String(number === chosen)));
  return true;
}

function take(line) {
  const before = field.value.slice(0, field.value.length - last(field.value).length);
  field.value = (before ? before.trimEnd() + " " : "") + line.dataset.written + ", ";
  hide();
  return true;
}

function hide() {
  list.hidden = true;
  field?.setAttribute("aria-expanded", "false");
}
