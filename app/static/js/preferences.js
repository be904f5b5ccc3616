// The preferences form saves each change on its own. A change that could not be saved is reverted.
import { $, $$ } from "./dom.js";

const form = () => $("#preferences-form");
let pending = 0; // changes without a response yet

// Sets the controls to what the server has saved, which is in their attributes. Unless saving failed, a text
// field that has the focus keeps its text.
function showSaved(hasFailed) {
  for (const control of form().elements) {
    if (control.type === "checkbox" || control.type === "radio") {
      control.checked = control.defaultChecked;
    } else if (control.options) {
      for (const option of control.options) option.selected = option.defaultSelected;
    } else if (control.matches("input:not([type=hidden])")) {
      if (hasFailed || control !== document.activeElement) control.value = control.defaultValue;
    }
  }
}

// The preferences that change the look of every page apply to this page at once.
function applyAppearance() {
  if (!form().dataset.own) return;
  const { theme, density, single_key_shortcuts: shortcuts } = form().elements;
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  document.body.dataset.density = density.value;
  document.body.dataset.keys = shortcuts.checked ? "on" : "off";
}

// Browsers may know a zone by another name: Asia/Calcutta is Asia/Kolkata.
function isSameZone(saved, local) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: saved }).resolvedOptions().timeZone === local;
  } catch {
    return false; // The browser does not know the zone.
  }
}

// Offers the time zone of this device. It is never changed without being asked.
function offerLocalZone() {
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const field = $("#time_zone");
  const offer = $("#device-zone");
  if (!field || !local) return;
  const button = $("button", offer);
  const isKnown = $$("#time-zones option").some((option) => option.value === local);
  offer.hidden = !isKnown || isSameZone(field.defaultValue, local);
  $("span", button).textContent = button.dataset.zone.replace("{zone}", local);
  button.onclick = () => {
    field.value = local;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  };
}

const isPreferencesRequest = (ctx) => ctx?.target?.id === "preferences";

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!isPreferencesRequest(ctx)) return;
  pending += 1;
  if (ctx.sourceElement !== form()) return;
  // Only the control that changed is sent, and whether it was shown.
  const { body } = ctx.request;
  const { name } = ctx.sourceEvent.target;
  const wasShown = body.getAll("shown").includes(name);
  for (const key of new Set(body.keys())) {
    if (key !== name && key !== "csrf_token") body.delete(key);
  }
  if (wasShown) body.set("shown", name);
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!isPreferencesRequest(ctx)) return;
  pending -= 1;
  if (pending) return;
  const isSaved = ctx.response?.status < 400;
  showSaved(!isSaved);
  applyAppearance();
  offerLocalZone();
});

// Without a response, the toast of this page is shown instead of the one about lists.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (!isPreferencesRequest(ctx)) return;
  $("#toasts").replaceChildren($("#preferences-not-saved").content.cloneNode(true));
});

// A time that is complete saves at once, also one that was chosen from the list, which fires no change event.
const isTime = (control) => control.list?.id === "times";

document.addEventListener("input", ({ target }) => {
  if (isTime(target) && /^(([01]\d|2[0-3]):[0-5]\d|1?\d:[0-5]\d [AP]M)$/.test(target.value)) {
    target.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// Leaving the field fires a change event of its own, although the time has been saved.
document.addEventListener("change", (event) => {
  if (isTime(event.target) && event.target.value === event.target.defaultValue) {
    event.stopImmediatePropagation();
  }
}, { capture: true });

// Enter saves a field through its change event, as leaving the field does.
document.addEventListener("submit", (event) => {
  if (event.target === form()) event.preventDefault();
});

offerLocalZone();
