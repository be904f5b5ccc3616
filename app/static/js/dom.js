// DOM helpers that the other modules share. docs/architecture.md lists what we add to htmx's request context.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const byId = (id) => document.getElementById(id);

export const rows = () => $$("#list .row:not([aria-busy])");
export const selectedRows = () => rows().filter((row) => $(".tile :checked", row));
export const focusedRow = () => document.activeElement?.closest?.("#list .row") ?? null;

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

export function onFiltered(callback) {
  document.addEventListener("htmx:after:history:push", callback);
  document.addEventListener("htmx:after:history:replace", callback);
}

onFiltered(() => {
  longest = 0;
});
