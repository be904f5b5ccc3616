// Small words that the other files share.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Rows on their way out no longer count.
export const rows = () => $$("#list .row:not([aria-busy])");
export const picked = () => rows().filter((row) => $(".tile :checked", row));
export const current = () => document.activeElement?.closest?.("#list .row") ?? null;
export const focusRow = (row) => (row ? $(".row__link", row) : $("#list"))?.focus();
export const byId = (id) => document.getElementById(id);

// A stack and what stands open below it.
export function members(row) {
  const found = [];
  if (row.dataset.count) for (let next = row.nextElementSibling; next?.matches(".row--member"); next = next.nextElementSibling) found.push(next);
  return found;
}

// Emptied first, so that the same words are said again.
export function say(text) {
  const line = $("#say");
  line.textContent = "";
  requestAnimationFrame(() => { line.textContent = text; });
}

// The list as it stands here: it keeps the length that it once had, and what is newer than its first row waits above.
let longest = 0;
export function asShown(view) {
  const { upto } = $("#list").dataset;
  return [view, upto && `upto=${upto}`, length() > 50 && `limit=${longest}`].filter(Boolean).join("&");
}
export function length() {
  longest = Math.max(longest, rows().filter((row) => !row.matches(".row--member")).length);
  return longest;
}

// A filter was answered: its list stands at an address of its own.
export function whenFiltered(then) {
  for (const step of ["push", "replace"]) document.addEventListener(`htmx:after:history:${step}`, then);
}
whenFiltered(() => { longest = 0; });
