// The list: focus that is never lost, rows that come back when the server did not take an action.
import { $, $$, clearPicks, current, focusRow, picked, rows, say } from "./dom.js";
import { close, open, openId } from "./pane.js";

// Rows that this page sent away: a count taken before that must not announce them as new.
export const sentAway = new Set();

const idOf = (row) => row.id.slice(2);

// Where focus goes when this row leaves: the next one, else the one before.
function neighbour(row) {
  const all = rows(), at = all.indexOf(row);
  return all[at + 1] ?? all[at - 1] ?? null;
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const body = ctx.request.body;
  if (ctx.sourceElement.id === "filters" && !body.get("q")) body.delete("q");
  // A list that comes back keeps the length that it has here.
  if (body.has("view") && rows().length > 50) body.set("view", `${body.get("view")}&limit=${rows().length}`);
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const from = ctx.sourceElement;
  const row = from.matches("[data-act]") ? from.closest(".row")
    : from.matches("[data-pane]") ? $(`#n-${openId()}`) : null;
  if (row) delete row.dataset.failed;
  if (row && "leaves" in from.dataset) {
    // At once, before the answer: the next key must meet the next row.
    const next = neighbour(row), hadFocus = row.contains(document.activeElement), wasOpen = idOf(row) === openId();
    row.setAttribute("aria-busy", "true");
    sentAway.add(idOf(row));
    if (hadFocus) focusRow(next);
    if (wasOpen) next ? open($(".row__link", next)) : close();
  }
  if (ctx.target?.id === "list" && !row) $("#list").setAttribute("aria-busy", "true");
});

// Where the focus may go after a swap: the same row, else the nearest one that stays.
let lost = null;
document.addEventListener("htmx:before:swap", () => {
  const row = current(), all = rows(), gone = picked();
  const near = row ? [row, ...all.slice(all.indexOf(row)), ...all.slice(0, all.indexOf(row)).reverse()] : all;
  const isHere = document.activeElement?.closest("#list, .bulk, .toast, .turn");
  const more = document.activeElement?.closest(".turn") ? all.length : null;
  lost = isHere ? { more, ids: near.filter((other) => other === row || !gone.includes(other)).map((other) => other.id) } : null;
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  $("#list")?.removeAttribute("aria-busy");
  const from = ctx.sourceElement;
  if (from?.matches?.("[data-undo], #bulk")) clearPicks();
  // What was sent away with others is no longer read; what a filter hides still is.
  if (from?.matches?.("#bulk, [form=bulk]") && openId() && !$(`#n-${openId()}`)) close();
  if (lost && document.activeElement === document.body) {
    focusRow(rows()[lost.more ?? -1] ?? document.getElementById(lost.ids.find((id) => document.getElementById(id))));
  }
  lost = null;
});

// The server did not take it: the row stands where it stood and says so.
export function failed(source) {
  $("#list")?.removeAttribute("aria-busy");
  for (const row of $$("#list .row[aria-busy]")) {
    row.removeAttribute("aria-busy");
    row.dataset.failed = "";
    sentAway.delete(idOf(row));
  }
  source?.closest?.(".row")?.setAttribute("data-failed", "");
}

document.addEventListener("change", (event) => {
  if (event.target.closest("#list .tile")) say($("#say").dataset.selected.replace("{n}", picked().length));
});
document.addEventListener("click", (event) => {
  if (event.target.closest(".bulk [type=reset]")) {
    event.preventDefault();
    const row = picked()[0];
    clearPicks();
    focusRow(row);
  }
});
