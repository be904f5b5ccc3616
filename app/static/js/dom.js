// DOM helpers that the other modules share.
//
// We add these fields to htmx's request context (`detail.ctx` of its events). The first three are passed as
// options of htmx.ajax(), which copies them to the context:
//
//   ctx.isQuiet   The page sent the request by itself. The list is not dimmed and a failure is not reported.
//   ctx.isLate    A function that tells whether something was changed here after the request was sent. If so,
//                 the response is not used, and the page asks again (live.js).
//   ctx.onLoaded  A function that is called when a successful response has been swapped in (live.js).
//   ctx.isBack    Set when a failed action had removed rows and list.js has put them back. The toast says so.
//   ctx.begunAt   When the request was sent, in milliseconds. Undo steps are sorted by it (toasts.js).

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const byId = (id) => document.getElementById(id);

// Rows that are on their way out do not count.
export const rows = () => $$("#list .row:not([aria-busy])");
export const selectedRows = () => rows().filter((row) => $(".tile :checked", row));
export const focusedRow = () => document.activeElement?.closest?.("#list .row") ?? null;

// Focuses a row, or the list if there is none.
export function focusRow(row) {
  const target = row ? $(".row__link", row) : $("#list");
  target?.focus();
}

// The rows of an expanded stack. They follow the row of the stack itself.
export function stackMembers(row) {
  const members = [];
  if (!row.dataset.count) return members;
  for (let next = row.nextElementSibling; next?.matches(".row--member"); next = next.nextElementSibling) {
    members.push(next);
  }
  return members;
}

// Lets screen readers speak a text. The region is emptied first: an unchanged text would not be spoken again.
export function speak(text) {
  const region = $("#say");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

// The most rows that this list has had. A list that is loaded again must not become shorter.
let longest = 0;

export function listLength() {
  const length = rows().filter((row) => !row.matches(".row--member")).length;
  longest = Math.max(longest, length);
  return longest;
}

// The query for the list as it is shown here: as long as it has been, without rows newer than its first one.
export function listQuery(view) {
  const { upto } = $("#list").dataset;
  const parts = [view];
  if (upto) parts.push(`upto=${upto}`);
  if (listLength() > 50) parts.push(`limit=${longest}`);
  return parts.filter(Boolean).join("&");
}

// Calls back when a filter has been applied, which gives the list a new address.
export function onFiltered(callback) {
  document.addEventListener("htmx:after:history:push", callback);
  document.addEventListener("htmx:after:history:replace", callback);
}

onFiltered(() => {
  longest = 0;
});
