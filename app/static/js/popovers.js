// The menu of a row acts on the row that opened it, or on the selected rows: until when to snooze them, and what else
// can be done. The clock opens its times only. They are loaded as it opens.
import { $, $$, selectedRows } from "./dom.js";
import { actedRow } from "./reading-pane.js";

// The fields for a time that is not among the choices: one for words, and one of the browser.
const TIMES = "[name=when], [name=at]";
const READ_AFTER = 150; // milliseconds without a key

// For browsers without anchor positioning: the insets that put a menu beside its opener.
function place(menu, opener) {
  const { left, top, right, bottom } = opener.getBoundingClientRect();
  const isLow = bottom > innerHeight / 2;
  const isEnd = left > innerWidth / 2;
  const sides = [!isLow && bottom, isEnd && innerWidth - right, isLow && innerHeight - top, !isEnd && left];
  menu.style.setProperty("--inset", sides.map((side) => side === false ? "auto" : `${side}px`).join(" "));
}

const isSelected = (row) => $(".tile input", row).checked;

// Before the menu opens: notes the rows it is for, and hides the actions that make no sense for them.
function prepareMenu(menu, row, only = "") {
  const targets = row && !isSelected(row) ? [row] : selectedRows();
  const fields = targets.map((target) => {
    const { name, value } = $(".tile input", target);
    return [name, value];
  });
  menu.dataset.targets = new URLSearchParams(fields);
  menu.dataset.only = only;
  const areSaved = targets.every((target) => "saved" in target.dataset);
  $("[data-menu=saved]", menu).hidden = areSaved;
  $("[data-menu=unsaved]", menu).hidden = !areSaved;
  const snooze = $("[data-snooze]", menu);
  if (snooze) snooze.hidden = targets.every((target) => "done" in target.dataset);
}

// Opens the times for a row, beside its clock. Where that is not shown, for example without a mouse, beside the row.
export function openTimes(row) {
  const menu = $("#later");
  prepareMenu(menu, row, $("[data-snooze]", menu) && "snooze");
  const clock = $("[data-act=later]", row);
  const source = clock?.checkVisibility({ visibilityProperty: true }) ? clock : row;
  place(menu, source);
  menu.showPopover({ source });
}

// Does for the acted-on row or the selected rows what an item of the menu does: of several, the one that the menu
// would offer. Without any row, returns false.
export function actFromMenu(...names) {
  const row = actedRow();
  const menu = $("#later");
  if (!menu || !(row || selectedRows().length)) return false;
  prepareMenu(menu, row);
  const items = names.map((name) => $(`[data-menu=${name}]`, menu));
  items.find(({ hidden }) => !hidden).click();
  return true;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[popovertarget]");
  const menu = opener?.popoverTargetElement;
  if (menu) place(menu, opener);
  if (menu?.id === "later") prepareMenu(menu, opener.closest(".row"), opener.dataset.only);
  event.target.closest(":is(.menu, #days) [type=submit]")?.closest("[popover]").hidePopover();
});

// The clock of a row asks until when. Its shortcut, which presses it by script, snoozes until tomorrow.
document.addEventListener("click", (event) => {
  const clock = event.target.closest("[data-act=later]:not([name])");
  if (!clock || !event.isTrusted) return;
  event.preventDefault();
  event.stopPropagation();
  openTimes(clock.closest(".row"));
}, true);

document.addEventListener("beforetoggle", ({ target: menu, newState }) => {
  if (newState !== "open" || !menu.matches(".menu[data-choices]")) return;
  for (const field of $$(TIMES, menu)) field.value = "";
  for (const output of $$("output", menu)) output.replaceChildren();
}, true);

document.addEventListener("toggle", async ({ target: menu, newState }) => {
  if (newState !== "open" || !menu.matches(".menu[data-choices]")) return;
  // The event comes a moment after the menu. The user may have moved on to one of its fields by then.
  if (!menu.contains(document.activeElement)) {
    // On a touch screen, a field would open the keyboard over the choices.
    const field = matchMedia("(pointer: fine)").matches ? $("[name=when]", menu) : null;
    const controls = [field, ...$$("button", menu)].filter(Boolean);
    controls.find((control) => control.checkVisibility())?.focus();
  }
  const choices = $(".menu__choices", menu);
  if (!choices) return;
  const query = new URLSearchParams(menu.dataset.targets);
  await htmx.ajax("GET", `${menu.dataset.choices}&${query}`, { target: choices, swap: "outerMorph" });
}, true);

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const menu = ctx.sourceElement.closest?.("#later");
  if (!menu || ctx.request.method === "GET") return;
  const { body } = ctx.request;
  body.delete("ids");
  body.delete("stacks");
  for (const [name, value] of new URLSearchParams(menu.dataset.targets)) body.append(name, value);
});

async function understand(field) {
  const menu = field.closest(".menu");
  const output = $("output", field.closest(".menu__date"));
  const query = new URLSearchParams(menu.dataset.targets);
  query.set(field.name, field.value);
  const url = new URL(menu.dataset.moment, location);
  for (const [name, value] of query) url.searchParams.append(name, value);
  await htmx.ajax("GET", url.pathname + url.search, { source: output, target: output, swap: "innerHTML" });
  field.setAttribute("aria-invalid", String(Boolean($(".error", output))));
  return Boolean($("[data-until]", output));
}

let timer;

document.addEventListener("input", ({ target }) => {
  if (!target.matches(`.menu :is(${TIMES})`)) return;
  // One of the two counts: the last that was changed.
  for (const other of $$(TIMES, target.closest(".menu"))) if (other !== target) other.value = "";
  clearTimeout(timer);
  timer = setTimeout(() => understand(target), READ_AFTER);
});

// A time is sent once it is understood. Until then the menu stays open and says what is wrong, beside the field.
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".menu [value=date]");
  if (!button || "understood" in button.dataset) {
    delete button?.dataset.understood;
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const fields = $$(TIMES, button.closest(".menu"));
  const field = fields.find(({ value }) => value) ??
    $(TIMES, button.closest(".menu__date") ?? button.closest(".menu"));
  clearTimeout(timer);
  if (!field.value || !(await understand(field))) {
    field.focus();
    return;
  }
  button.dataset.understood = "";
  button.click();
}, true);

// Enter in one of the fields chooses that time. In a row's check box it does nothing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const isTime = event.target.matches(`#later :is(${TIMES})`);
  if (isTime || event.target.matches(".tile input")) event.preventDefault();
  if (isTime) $("[value=date]", event.target.closest(".menu__date")).click();
});
