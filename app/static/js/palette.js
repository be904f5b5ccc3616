// The palette (Ctrl K or Cmd K): one field to go anywhere, to act on what is selected, and to find a person.
import { Combobox } from "./combobox.js";
import { $, $$, selectedRows } from "./dom.js";
import { actedRow } from "./reading-pane.js";
import { run } from "./shortcuts.js";

const dialog = $("#palette");
const box = $("#palette-q");
const list = $("#palette-list");
const combobox = new Combobox(box, list, { isFirstActive: true });

// Milliseconds without a key before names are asked for.
const ASK_AFTER = 120;
const MAX_RECENT = 4;

const recentIds = () => JSON.parse(localStorage.getItem("palette") ?? "[]");

function remember(option) {
  if (!option.closest("[data-recent], #palette-recent")) return;
  const ids = [option.id, ...recentIds().filter((id) => id !== option.id)];
  localStorage.setItem("palette", JSON.stringify(ids.slice(0, MAX_RECENT)));
}

function putRecentFirst() {
  const group = $("#palette-recent", list);
  const options = recentIds().map((id) => $(`#${CSS.escape(id)}`, list)).filter(Boolean);
  group.append(...options);
}

const load = (url, target) =>
  htmx.ajax("GET", url, { source: target, target, swap: "innerHTML", isQuiet: true });

async function open() {
  if ($(":popover-open, dialog[open]")) return;
  const hasTarget = selectedRows().length || actedRow() || $("[data-pane=done]");
  box.value = "";
  dialog.showModal();
  await load(dialog.dataset.url, "#palette-list");
  if (!hasTarget) $("[data-acts]", list)?.remove();
  if (!$("#palette-recent", list)) return; // It could not be loaded.
  putRecentFirst();
  filter();
}

// Each typed word begins a word of the label, in whatever order.
function isMatch(option, words) {
  const parts = $("span", option).textContent.toLocaleLowerCase().split(/[^\p{L}\p{N}]+/u);
  return words.every((word) => parts.some((part) => part.startsWith(word)));
}

function filter() {
  const words = box.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  for (const option of $$("[data-filter] [role=option]", list)) option.hidden = !isMatch(option, words);
  combobox.refresh();
}

let timer;

box.addEventListener("input", () => {
  filter();
  clearTimeout(timer);
  const query = new URLSearchParams({ q: box.value.trim() });
  timer = setTimeout(async () => {
    await load(`${dialog.dataset.found}?${query}`, "#palette-found");
    combobox.refresh();
  }, ASK_AFTER);
});

list.addEventListener("click", ({ target }) => {
  const option = target.closest("[role=option]");
  if (!option) return;
  remember(option);
  dialog.close(); // The focus returns to where it was.
  const { run: name } = option.dataset;
  if (name) run(name);
  if (option.name === "theme") showTheme(option.value);
});

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const choice = $(`[data-own] [name=theme][value=${theme}]`); // On the page of preferences.
  if (choice) choice.checked = true;
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-palette]")) {
    $("#more:popover-open")?.hidePopover();
    open();
  }
  if (target === dialog) dialog.close(); // Its backdrop.
});

document.addEventListener("keydown", (event) => {
  const hasModifier = event.ctrlKey || event.metaKey;
  if (event.key.toLowerCase() !== "k" || !hasModifier || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (dialog.open) dialog.close();
  else open();
});
