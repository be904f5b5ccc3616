// The list: what is done to a row shows at once, focus is never lost, and what the server did not take comes back.
import { $, $$, asShown, byId, current, focusRow, members, picked, rows } from "./dom.js";
import { isUndo, offer } from "./again.js";
import { clearPicks } from "./picks.js";
import { close, open, openId } from "./pane.js";

// Changes that are not answered yet, with the way back of each; how many there have been.
export const writes = { open: new Map(), begun: 0 };
export const isBulkBusy = () => [...writes.open.keys()].some(({ sourceElement: from }) => from.matches("#bulk, [form=bulk]"));
// What was read or changed here and does not leave by that: it stays in a list of the unread until that is loaded anew.
export const stays = new Set();

const idOf = (row) => row.id.slice(2);

// Where focus goes when these rows leave: the next one, else the one before.
function neighbour(some) {
  const all = rows(), at = all.indexOf(some[0]);
  return all.slice(at).find((row) => !some.includes(row)) ?? all[at - 1] ?? null;
}

// At once, before the answer: the next key must meet the next row.
function sendAway(some) {
  const next = neighbour(some), hadFocus = some.includes(current()), wasOpen = some.some((row) => idOf(row) === openId());
  for (const row of some) row.setAttribute("aria-busy", "true");
  if (hadFocus) focusRow(next);
  if (wasOpen) next && !next.dataset.count ? open($(".row__link", next)) : close();
}

// The button turns with its row: pressed again before the answer, it takes back.
function turn(some) {
  for (const row of some) {
    const isUnread = row.toggleAttribute("data-unread"), button = $("[data-act=read]", row);
    if (isUnread) { button.removeAttribute("name"); button.removeAttribute("value"); }
    else { button.name = "_method"; button.value = "delete"; }
  }
}

// Which rows a button is about: its own, with what stands open below; the opened one; what is ticked.
function meant(button) {
  if (button.matches("[data-act]")) { const row = button.closest(".row"); return [row, ...members(row)]; }
  if (button.matches("[data-pane], #opening")) return [byId(`n-${openId()}`)].filter(Boolean);
  return button.matches("[data-bulk]") ? picked() : [];
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const body = ctx.request.body;
  if (ctx.sourceElement.id === "filters" && !body.get("q")) body.delete("q");
  if (body.has("view") && $("#list")) body.set("view", asShown(body.get("view")));
});

// Requests whose answer is the whole list: until the last of them is here it is dimmed, whatever else arrives meanwhile.
const loads = new Set();
const showLoads = () => $("#list")?.[loads.size ? "setAttribute" : "removeAttribute"]("aria-busy", "true");
function loaded({ detail: { ctx } }) {
  loads.delete(ctx);
  showLoads();
}
document.addEventListener("htmx:after:swap", loaded);
document.addEventListener("htmx:finally:request", loaded);

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const isList = ctx.target?.id === "list";
  if (ctx.request.method === "GET") {
    if (isList && !ctx.isQuiet) { loads.add(ctx); showLoads(); }
    return;
  }
  const button = ctx.sourceEvent?.submitter ?? ctx.sourceElement, some = meant(button);
  let back = () => {};
  for (const row of some) delete row.dataset.failed;
  if (!some.length && isList) { loads.add(ctx); showLoads(); }
  if ("leaves" in button.dataset) {
    sendAway(some);
    back = () => { for (const row of some) row.removeAttribute("aria-busy"); };
  } else {
    for (const row of some) stays.add(row.id);
    if (button.dataset.act === "read") {
      turn(some);
      back = () => turn(some);
    }
  }
  writes.begun += 1;
  writes.open.set(ctx, () => {
    back();
    for (const row of some) row.dataset.failed = "";
    ctx.isBack = some.length > 0 && "leaves" in button.dataset;
    // An undo's own form goes with its toast.
    const once = isUndo(ctx.request.action) ? $("#undo-last") : button;
    offer(() => (once.matches("form") ? once.requestSubmit() : once.click()));
  });
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => writes.open.delete(ctx));

// The server did not take it: the rows stand where they stood and say so.
export function failed(ctx) {
  writes.open.get(ctx)?.();
}

// An older answer must not bring back a row that is on its way out: opened, and done before that was noted.
document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
  for (const task of tasks.filter(({ type, target }) => type === "oob" && target.matches(".row[aria-busy]"))) {
    tasks.splice(tasks.indexOf(task), 1);
  }
});

// Where the focus may go after a swap: the same row, else the nearest one that stays.
let lost = null;
const isLost = () => document.activeElement === document.body || !document.activeElement.checkVisibility();
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const row = current(), all = rows(), gone = picked(), from = ctx.sourceElement;
  const near = row ? [row, ...all.slice(all.indexOf(row)), ...all.slice(0, all.indexOf(row)).reverse()] : all;
  // The bar with the pressed button hides as soon as its rows leave.
  const isHere = document.activeElement?.closest("#list, .bulk, .toast, .turn") || (isLost() && from?.matches?.("[data-undo], #bulk, [form=bulk]"));
  const more = document.activeElement?.closest(".turn") ? all.length : null;
  // By then an undo's own form is gone with its toast.
  const known = from?.matches?.("[data-undo]") && new Set(all.map(({ id }) => id));
  lost = isHere ? { more, known, ids: near.filter((other) => other === row || !gone.includes(other)).map((other) => other.id) } : null;
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const from = ctx.sourceElement;
  if (from?.matches?.("#bulk") && ctx.response.status < 400) clearPicks();
  // What was sent away with others is no longer read; what a filter hides still is.
  if (from?.matches?.("#bulk, [form=bulk]") && openId() && !byId(`n-${openId()}`)) close();
  const restored = lost?.known && rows().find(({ id }) => !lost.known.has(id));
  if (restored) focusRow(restored);
  else if (lost && isLost()) focusRow(rows()[lost.more ?? -1] ?? byId(lost.ids.find((id) => byId(id))));
  lost = null;
});

// A stack opens and closes in place; the address says which one stands open.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-stack]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const url = new URL(location), { stack } = link.dataset;
  url.searchParams.get("stack") === stack ? url.searchParams.delete("stack") : url.searchParams.set("stack", stack);
  await htmx.ajax("GET", `${url.pathname}?${asShown(url.search.slice(1))}`, { source: link, target: "#list", swap: "outerMorph", isQuiet: true });
  history.replaceState(history.state, "", url);
});
