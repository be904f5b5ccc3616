// Shows the number of unread notifications, which every page has in #unread-count, in the icon of the tab and of the
// installed app.
import { $ } from "./dom.js";

const link = $("link[rel=icon]");
const plainIcon = link.href;

// Drawn with presentation attributes, because the content security policy allows no inline style. The colours
// are those of favicon.svg and of the stylesheet's --danger.
function drawIcon(count) {
  const isWide = count > 9;
  const label = isWide ? "9+" : count;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
    <rect width="32" height="32" rx="9" fill="#2b46ca"/>
    <circle cx="12" cy="20" r="5" fill="#fff"/>
    <rect x="${isWide ? 8 : 12}" width="${isWide ? 24 : 20}" height="20" rx="10" fill="#be2323"/>
    <text x="${isWide ? 20 : 22}" y="15.5" font-family="sans-serif" font-weight="700" font-size="16"
      text-anchor="middle" fill="#fff">${label}</text>
  </svg>`;
}

let shownCount = null;

function updateIcon() {
  const count = parseInt($("#unread-count")?.textContent) || 0;
  if (count === shownCount) return;
  shownCount = count;
  const href = count ? `data:image/svg+xml,${encodeURIComponent(drawIcon(count))}` : plainIcon;
  if (link.href !== href) link.href = href;
  showBadge(count);
}

function showBadge(count) {
  if (count) navigator.setAppBadge?.(count).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

document.addEventListener("htmx:after:swap", updateIcon);
updateIcon();
