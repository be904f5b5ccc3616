// The list. An action shows its effect at once, the focus is never lost, and a failed action is rolled back.
import {
  $,
  byId,
  focusedRow,
  focusRow,
  listLength,
  listQuery,
  rows,
  selectedRows,
  stackMembers,
} from "./dom.js";
import { isUndo, offerToRetry } from "./retry.js";
import { clearSelection } from "./selection.js";
import { close, empty, follow, keepUnread, openId, shownRow } from "./reading-pane.js";

// The writes without a response yet, each with the function that rolls it back, and the number of all writes.
export const writes = { pending: new Map(), started: 0 };

const BULK = "#bulk, [form=bulk]";

export function isBulkPending() {
  return [...writes.pending.keys()].some(({ sourceElement }) => sourceElement.matches(BULK));
}

// Ids of the rows that were read or changed here. A list of unread ones keeps them until it is loaded anew.
export const changedIds = new Set();

function neighbourOf(leaving) {
  const all = rows();
  const index = all.indexOf(leaving[0]);
  return all.slice(index).find((row) => !leaving.includes(row)) ?? all[index - 1] ?? null;
}

// Happens before the response, so that the next key press acts on the next row.
function removeRows(leaving) {
  const next = neighbourOf(leaving);
  const hadFocus = leaving.includes(focusedRow());
  const wasShown = leaving.includes(shownRow());
  for (const row of leaving) row.setAttribute("aria-busy", "true");
  // A row that is removed beside the one in the pane leaves the pane as it is.
  if (hadFocus) focusRow(wasShown ? next : shownRow() ?? next);
  if (wasShown && next) follow(next);
  if (next) return;
  // Older rows move up, and the first of them is next.
  isRefilling = Boolean($("#list > .turn"));
  if (wasShown && isRefilling) empty();
  else if (wasShown) close();
}

let isRefilling = false;

document.addEventListener("htmx:after:swap", () => {
  if (!isRefilling) return;
  const [first] = rows();
  isRefilling = !first && Boolean($("#list > .turn"));
  if (isRefilling) return;
  if (!first) close();
  else if (document.activeElement === $("#list")) focusRow(first);
});

function putRowsBack(leaving) {
  for (const row of leaving) row.removeAttribute("aria-busy");
}

// The button changes with its row: pressed again before the response, it does the opposite.
function toggleUnread(toggled) {
  for (const row of toggled) {
    const isUnread = row.toggleAttribute("data-unread");
    const button = $("[data-act=read]", row);
    if (isUnread) {
      button.removeAttribute("name");
      button.removeAttribute("value");
    } else {
      button.name = "_method";
      button.value = "delete";
    }
  }
}

function rowsOf(button) {
  if (button.matches("[data-act]")) {
    const row = button.closest(".row");
    return [row, ...stackMembers(row)];
  }
  if (button.matches("[data-pane], #opening")) return [shownRow()].filter(Boolean);
  return button.matches("[data-bulk]") ? selectedRows() : [];
}

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const { body } = ctx.request;
  if (ctx.sourceElement.id === "filters" && !body.get("q")) body.delete("q");
  if (body.has("view") && $("#list")) body.set("view", listQuery(body.get("view")));
});

const listLoads = new Set();

function showListLoads() {
  if (listLoads.size) $("#list")?.setAttribute("aria-busy", "true");
  else $("#list")?.removeAttribute("aria-busy");
}

function startListLoad(ctx) {
  listLoads.add(ctx);
  showListLoads();
}

function endListLoad({ detail: { ctx } }) {
  listLoads.delete(ctx);
  showListLoads();
}

document.addEventListener("htmx:after:swap", endListLoad);
document.addEventListener("htmx:finally:request", endListLoad);

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const isList = ctx.target?.id === "list";
  if (ctx.request.method === "GET") {
    if (isList && !ctx.isQuiet) startListLoad(ctx);
    return;
  }
  const button = ctx.sourceEvent?.submitter ?? ctx.sourceElement;
  const changed = rowsOf(button);
  for (const row of changed) delete row.dataset.failed;
  if (!changed.length && isList) startListLoad(ctx);
  writes.started += 1;
  writes.pending.set(ctx, showEffect(ctx, button, changed));
});

// Shows what an action will do to the rows. Returns the function that rolls it back.
function showEffect(ctx, button, changed) {
  const areLeaving = "leaves" in button.dataset;
  const isToggle = !areLeaving && button.dataset.act === "read";
  if (areLeaving) removeRows(changed);
  else for (const row of changed) changedIds.add(row.id);
  if (isToggle) toggleUnread(changed);
  if ([button.dataset.act, button.dataset.pane].includes("read") && changed.includes(shownRow())) {
    keepUnread();
  }
  return () => {
    if (areLeaving) putRowsBack(changed);
    if (isToggle) toggleUnread(changed);
    for (const row of changed) row.dataset.failed = "";
    ctx.isBack = areLeaving && changed.length > 0;
    offerToRetry(() => repeatWrite(ctx, button));
  };
}

function repeatWrite(ctx, button) {
  // The form of an undo has gone with its toast.
  const source = isUndo(ctx.request.action) ? $("#undo-last") : button;
  // A form that is saved or previewed as it is filled in: to submit it would send an announcement.
  if (source.matches("form[hx-trigger^=input]")) source.dispatchEvent(new Event("input"));
  else if (source.matches("form")) source.requestSubmit();
  else source.click();
}

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => writes.pending.delete(ctx));

export function rollBack(ctx) {
  writes.pending.get(ctx)?.();
}

// A late response must not bring back a row that is on its way out. The response to opening a notification may
// come after the one to marking it done.
document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
  const outdated = tasks.filter(({ type, target }) => type === "oob" && target.matches(".row[aria-busy]"));
  for (const task of outdated) tasks.splice(tasks.indexOf(task), 1);
});

// Where the focus may go after a swap that takes it away, or null if it is not in the list.
let focusPlan = null;

function isFocusLost() {
  return document.activeElement === document.body || !document.activeElement.checkVisibility();
}

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  // The bulk bar, and with it the button that was pressed, is hidden as soon as its rows leave.
  const wasHere = document.activeElement?.closest("#list, .bulk, .toast, .turn") ||
    (isFocusLost() && source?.matches?.(`[data-undo], ${BULK}`));
  focusPlan = wasHere ? planFocus(source) : null;
});

function planFocus(source) {
  const all = rows();
  const row = focusedRow();
  const index = all.indexOf(row);
  const nearest = row ? [row, ...all.slice(index), ...all.slice(0, index).reverse()] : all;
  const selected = selectedRows();
  const staying = nearest.filter((other) => other === row || !selected.includes(other));
  return {
    ids: staying.map(({ id }) => id),
    // After "Show more": the first of the rows that it adds.
    nextIndex: document.activeElement?.closest(".turn") ? all.length : -1,
    // After an undo: the row that it restores. The form of the undo has gone with its toast by then.
    knownIds: source?.matches?.("[data-undo]") ? new Set(all.map(({ id }) => id)) : null,
  };
}

function applyFocusPlan() {
  const { ids, nextIndex, knownIds } = focusPlan;
  const restored = knownIds && rows().find(({ id }) => !knownIds.has(id));
  if (restored) focusRow(restored);
  else if (isFocusLost() && $("#list")) focusRow(rows()[nextIndex] ?? byId(ids.find((id) => byId(id))));
  else if (isFocusLost()) $("#main").focus({ preventScroll: true });
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  if (source?.matches?.("#bulk") && ctx.response.status < 400) clearSelection();
  // The open notification has left the list with others. One that only a filter hides stays open.
  if (source?.matches?.(BULK) && openId() && !byId(`n-${openId()}`)) close();
  if (focusPlan) applyFocusPlan();
  focusPlan = null;
});

// A refresh loads at most this many rows (MOST in app/forms/notifications.py) and would remove the others. So nothing is
// added to a list of that length: its link leads to the next page.
const MOST_ROWS = 200;

document.addEventListener("click", (event) => {
  if (event.target.closest(".turn [hx-get]") && listLength() >= MOST_ROWS) event.stopPropagation();
}, true);

// A stack expands and collapses in place. The address says which one is expanded.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-stack]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const url = new URL(location);
  const { stack } = link.dataset;
  if (url.searchParams.get("stack") === stack) url.searchParams.delete("stack");
  else url.searchParams.set("stack", stack);
  await htmx.ajax("GET", `${url.pathname}?${listQuery(url.search.slice(1))}`, {
    source: link,
    target: "#list",
    swap: "outerMorph",
    isQuiet: true,
  });
  history.replaceState(history.state, "", url);
});
