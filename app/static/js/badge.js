// The tab's own icon says how many are unread.
import { $ } from "./dom.js";

const link = $("link[rel=icon]"), plain = link.href;

// A picture of its own, because the page's policy allows no other origin and no inline style.
const picture = (n) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#2b46ca"/>
  <circle cx="12" cy="20" r="5" fill="#fff"/><rect x="${n > 9 ? 8 : 12}" width="${n > 9 ? 24 : 20}" height="20" rx="10" fill="#be2323"/>
  <text x="${n > 9 ? 20 : 22}" y="15.5" font-family="sans-serif" font-weight="700" font-size="16" text-anchor="middle" fill="#fff">${n > 9 ? "9+" : n}</text></svg>`;

function show() {
  const n = parseInt($("#unread-count")?.textContent) || 0;
  const href = n ? `data:image/svg+xml,${encodeURIComponent(picture(n))}` : plain;
  if (link.href !== href) link.href = href;
}
document.addEventListener("htmx:after:swap", show);
show();
