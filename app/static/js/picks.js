// What is ticked: how many that is, ranges, and all that match beyond the page.
import { $, $$, asShown, focusRow, members, picked, rows, say } from "./dom.js";

const every = () => $("#every");
let last = null; // where a range begins

// A stack stands for all that is in it, also where some of that is ticked below it.
function count() {
  if (every()?.checked && every().dataset.total) return Number(every().dataset.total);
  const some = picked(), inside = new Set(some.flatMap(members));
  return some.reduce((sum, row) => sum + (inside.has(row) ? 0 : Number(row.dataset.count ?? 1)), 0);
}

function show() {
  const n = count();
  $(".bulk__n").dataset.n = n;
  return n;
}

export function tick(row, isOn = true) {
  $(".tile input", row).checked = isOn;
}

const tell = () => say($("#say").dataset.selected.replace("{n}", show()));

export function clearPicks() {
  for (const row of $$("#list .row")) tick(row, false);
  if (every()) every().checked = false;
}

export function unpick() {
  clearPicks();
  tell();
}

export function range(to) {
  const all = rows(), some = picked(), from = all.indexOf(last?.isConnected ? last : some.at(-1) ?? to), at = all.indexOf(to);
  for (const row of all.slice(Math.min(from, at), Math.max(from, at) + 1)) tick(row);
  last = to;
  tell();
}

// How many there are beyond the page is only asked when somebody ticks something.
async function total() {
  if (!$("#list > .turn") || every().dataset.total) return;
  every().dataset.total = 0;
  await htmx.ajax("GET", `${every().dataset.url}?${asShown($("#view").value)}`, { source: every(), target: "#total", swap: "innerHTML" });
  every().dataset.total = $("#total [data-total]")?.dataset.total ?? "";
  show();
}

document.addEventListener("change", ({ target }) => {
  if (target === every()) for (const row of rows()) tick(row, target.checked);
  else if (!target.closest("#list .tile")) return;
  else if (!target.checked && every()) every().checked = false;
  if (target !== every()) last = target.checked ? target.closest(".row") : null;
  total();
  tell();
});
document.addEventListener("click", (event) => {
  if (event.shiftKey && event.target.matches("#list .tile input")) range(event.target.closest(".row"));
  if (event.target.closest(".bulk [type=reset]")) {
    event.preventDefault();
    const row = picked()[0];
    unpick();
    focusRow(row);
  }
});
document.addEventListener("htmx:after:swap", () => {
  if (!every()) return;
  if (!picked().length) { every().checked = false; delete every().dataset.total; }
  show();
});
