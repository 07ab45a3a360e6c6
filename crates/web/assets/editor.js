// Rich text for a letter, by Squire and DOMPurify. Without this file the plain field is what is sent.
"use strict";

function edit(area) {
  const page = document.createElement("div");
  page.className = "rich";
  page.setAttribute("role", "textbox");
  page.setAttribute("aria-multiline", "true");
  page.setAttribute("aria-label", "Text");
  area.before(page);
  const editor = new Squire(page, { sanitizeToDOMFragment: cleaned });
  editor.setHTML(area.dataset.html || htmlOf(area.value));
  const bar = toolbar(editor);
  page.before(bar);
  area.hidden = true;
  // Each button sends the text as it is by then, twice: the house makes the plain text of the HTML anew.
  area.form.addEventListener("submit", () => {
    document.getElementById("html").value = editor.getHTML();
    area.value = page.innerText;
  });
  editor.addEventListener("pasteImage", (event) => {
    for (const item of event.detail.clipboardData.items) if (item.kind === "file") putIn(editor, item.getAsFile());
  });
  if (area.autofocus) {
    editor.focus();
    editor.moveCursorToStart();
  }
}

// Whatever is quoted or pasted: no script, no form, no styles that the page's policy would refuse anyway.
function cleaned(html) {
  const options = {
    RETURN_DOM_FRAGMENT: true,
    FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select"],
    FORBID_ATTR: ["style", "class", "id", "name", "srcset"],
    // No place of this site: what somebody pasted asks nothing of it.
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:|data:image\/)/i,
  };
  return document.importNode(DOMPurify.sanitize(html, options), true);
}

// Lines of plain text, each a block of its own.
function htmlOf(text) {
  const holder = document.createElement("div");
  for (const line of text.split("\n")) {
    const block = document.createElement("div");
    block.append(line === "" ? document.createElement("br") : line);
    holder.append(block);
  }
  return holder.innerHTML;
}

const BUTTONS = [
  ["Bold", "B", "Ctrl+B", (editor) => toggle(editor, "B", "bold", "removeBold")],
  ["Italic", "I", "Ctrl+I", (editor) => toggle(editor, "I", "italic", "removeItalic")],
  ["List", "UL", "", (editor) => toggle(editor, "UL", "makeUnorderedList", "removeList")],
  ["Link", "A", "", link],
  ["Picture", "IMG", "", picture],
  ["Quote", "BLOCKQUOTE", "", (editor) => toggle(editor, "BLOCKQUOTE", "increaseQuoteLevel", "decreaseQuoteLevel")],
];

function toolbar(editor) {
  const bar = document.createElement("div");
  bar.className = "rich-bar";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Form of the text");
  const buttons = BUTTONS.filter(([, tag]) => tag !== "IMG" || files()).map(([label, tag, keys, act]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = label;
    button.dataset.tag = tag;
    if (keys) button.title = keys;
    // The selection stays where it is.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => { act(editor); editor.focus(); tell(); });
    return button;
  });
  const tell = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(editor.hasFormat(button.dataset.tag))));
  for (const event of ["pathChange", "select", "cursor"]) editor.addEventListener(event, tell);
  tell();
  bar.append(...buttons);
  return bar;
}

function toggle(editor, tag, on, off) {
  editor[editor.hasFormat(tag) ? off : on]();
}

// A link to a page or an address, and to nothing else.
function link(editor) {
  if (editor.hasFormat("A")) return editor.removeLink();
  const typed = prompt("Where does it lead?", "https://");
  if (!typed) return;
  const place = /^(https?|mailto):/i.test(typed) ? typed : "https://" + typed;
  if (URL.canParse(place)) editor.makeLink(place);
}

// Pictures of these types, and of this size, stand in the text; others are attached.
const SHOWN = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const PICTURE_MAX = 1_000_000;
const PICTURES_MAX = 2_000_000;

function files() {
  return document.getElementById("files");
}

function picture(editor) {
  const chooser = document.createElement("input");
  chooser.type = "file";
  chooser.accept = SHOWN.join(",");
  chooser.multiple = true;
  chooser.addEventListener("change", () => { for (const file of chooser.files) putIn(editor, file); });
  chooser.click();
}

function putIn(editor, file) {
  if (!file || !files()) return;
  const fits = file.size <= PICTURE_MAX && editor.getHTML().length + file.size * 1.4 <= PICTURES_MAX;
  if (!SHOWN.includes(file.type) || !fits) return attach(file);
  const reader = new FileReader();
  reader.addEventListener("load", () => editor.insertImage(reader.result, { alt: file.name }));
  reader.readAsDataURL(file);
}

// What cannot stand in the text goes along beside it.
function attach(file) {
  const all = new DataTransfer();
  for (const each of files().files) all.items.add(each);
  all.items.add(file);
  files().files = all.files;
}

const area = document.getElementById("text");
if (area && globalThis.Squire && DOMPurify.isSupported) edit(area);
