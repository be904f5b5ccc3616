// Remembers which parts of the agenda are open.
import { $$, byId } from "./dom.js";

const YEAR = 31_536_000; // seconds

// The agenda itself in a cookie, so that the server renders it so.
document.addEventListener("toggle", ({ target }) => {
  if (target.id !== "agenda") return;
  const path = new URL(target.dataset.path, location).pathname;
  document.cookie = `agenda=${target.open ? "" : "closed"}; path=${path}; max-age=${
    target.open ? 0 : YEAR
  }; samesite=lax`;
}, { capture: true });

// Its days by their ids, while the page is open: a swap of the list renders them as they were at first.
const openById = new Map();

document.addEventListener("htmx:before:swap", () => {
  for (const { id, open } of $$(".agenda__more")) openById.set(id, open);
});

document.addEventListener("htmx:after:swap", () => {
  for (const [id, open] of openById) byId(id)?.toggleAttribute("open", open);
});
