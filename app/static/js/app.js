// Enhances every page: shortcuts, focus, reading pane, live counts. Every action also works without scripts.
import "./list.js";
import "./selection.js";
import "./reading-pane.js";
import "./tab-stops.js";
import "./toasts.js";
import "./popovers.js";
import "./swipe.js";
import "./follow-sheet.js";
import "./shortcuts.js";
import "./palette.js";
import "./live.js";
import "./connection.js";
import "./badge.js";
import "./search.js";
import "./agenda.js";
import "./copy.js";

// The navigation scrolls where the window is low. After scrollIntoView, the Tab key would start there.
const place = document.querySelector(".side [aria-current=page]");
if (place) {
  const side = place.closest(".side");
  side.scrollTop += Math.max(0, place.getBoundingClientRect().bottom - side.getBoundingClientRect().bottom);
}
