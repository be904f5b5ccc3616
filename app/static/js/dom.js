// Small words that the other files share.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Rows on their way out no longer count.
export const rows = () => $$("#list .row:not([aria-busy])");
export const picked = () => rows().filter((row) => $(".tile :checked", row));
export const current = () => document.activeElement?.closest?.("#list .row") ?? null;
export const focusRow = (row) => (row ? $(".row__link", row) : $("#list"))?.focus();

// Emptied first, so that the same words are said again.
export function say(text) {
  const line = $("#say");
  line.textContent = "";
  requestAnimationFrame(() => { line.textContent = text; });
}

export function clearPicks() {
  for (const row of picked()) $(".tile input", row).checked = false;
}
