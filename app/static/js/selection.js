// Selecting rows: the count, ranges, and everything that matches beyond this page.
import { $, $$, focusRow, listQuery, rows, selectedRows, speak, stackMembers } from "./dom.js";

const everyBox = () => $("#every");
let rangeStart = null;

// A stack counts for all its notifications, whether or not some of them are also selected below it.
function countSelected() {
  const every = everyBox();
  if (every?.checked && every.dataset.total) return Number(every.dataset.total);
  const selected = selectedRows();
  const insideStacks = new Set(selected.flatMap(stackMembers));
  let count = 0;
  for (const row of selected) {
    if (!insideStacks.has(row)) count += Number(row.dataset.count ?? 1);
  }
  return count;
}

function showCount() {
  const count = countSelected();
  $(".bulk__n").dataset.n = count;
  return count;
}

function speakCount() {
  speak($("#say").dataset.selected.replace("{n}", showCount()));
}

function setSelected(row, isSelected) {
  $(".tile input", row).checked = isSelected;
}

export function clearSelection() {
  for (const row of $$("#list .row")) setSelected(row, false);
  if (everyBox()) everyBox().checked = false;
}

export function deselectAll() {
  clearSelection();
  speakCount();
}

export function selectRange(end) {
  const all = rows();
  const start = rangeStart?.isConnected ? rangeStart : selectedRows().at(-1) ?? end;
  const indexes = [all.indexOf(start), all.indexOf(end)];
  for (const row of all.slice(Math.min(...indexes), Math.max(...indexes) + 1)) setSelected(row, true);
  rangeStart = end;
  speakCount();
}

// Loads how many notifications match beyond this page. Only a selection needs that number.
async function loadTotal() {
  const every = everyBox();
  if (!$("#list > .turn") || every.dataset.total) return;
  every.dataset.total = 0;
  const url = `${every.dataset.url}?${listQuery($("#view").value)}`;
  await htmx.ajax("GET", url, { source: every, target: "#total", swap: "innerHTML" });
  everyBox().dataset.total = $("#total [data-total]")?.dataset.total ?? "";
  showCount();
}

document.addEventListener("toggle", async ({ target: menu, newState }) => {
  if (menu.id !== "acts" || newState !== "open") return;
  const url = `${menu.dataset.total}?${listQuery($("#view").value)}`;
  await htmx.ajax("GET", url, { source: "#acts", target: "#acts-total", swap: "innerHTML", isQuiet: true });
}, true);

document.addEventListener("change", ({ target }) => {
  const every = everyBox();
  if (target === every) {
    for (const row of rows()) setSelected(row, target.checked);
  } else {
    if (!target.closest("#list .tile")) return;
    if (!target.checked && every) every.checked = false;
    rangeStart = target.checked ? target.closest(".row") : null;
  }
  loadTotal();
  speakCount();
});

document.addEventListener("click", (event) => {
  if (event.shiftKey && event.target.matches("#list .tile input")) selectRange(event.target.closest(".row"));
  if (event.target.closest(".bulk [type=reset]")) {
    event.preventDefault();
    const row = selectedRows()[0];
    deselectAll();
    focusRow(row);
  }
});

document.addEventListener("htmx:after:swap", () => {
  const every = everyBox();
  if (!every) return;
  if (!selectedRows().length) {
    every.checked = false;
    delete every.dataset.total;
  }
  showCount();
});
