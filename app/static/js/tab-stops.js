// The list is one stop of the Tab key: the row that had the focus last. The arrow keys move from row to row, and along
// the controls of a row.
import { $, $$, byId, rows } from "./dom.js";
import { shownRow } from "./reading-pane.js";

const CONTROLS = ".tile input, .row__link, .act";

let stopId = null;

function setTabStop() {
  const list = $("#list");
  if (!list) return;
  const all = rows();
  const stop = all.find(({ id }) => id === stopId) ?? shownRow() ?? all[0];
  for (const control of $$(CONTROLS, list)) setTabIndex(control, control.closest(".row") === stop);
}

// Setting an attribute to what it is would still be a change of the page.
function setTabIndex(control, isStop) {
  const tabIndex = isStop && control.matches(".row__link") ? 0 : -1;
  if (control.tabIndex !== tabIndex) control.tabIndex = tabIndex;
}

document.addEventListener("focusin", ({ target }) => {
  const row = target.closest("#list .row");
  if (!row || row.id === stopId) return;
  const link = byId(stopId) && $(".row__link", byId(stopId));
  stopId = row.id;
  if (link) setTabIndex(link, false);
  setTabIndex($(".row__link", row), true);
});

document.addEventListener("htmx:after:swap", setTabStop);
setTabStop();

export function moveAlong(row, step) {
  const isReachable = (control) =>
    control.matches("input") || control.checkVisibility({ visibilityProperty: true });
  const controls = $$(CONTROLS, row).filter(isReachable);
  controls[controls.indexOf(document.activeElement) + step]?.focus();
}
