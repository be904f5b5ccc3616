// The preferences form: each change goes out alone, and what was not saved goes back to what it was.
import { $, $$ } from "./dom.js";

const form = () => $("#preferences-form");
let waiting = 0; // changes that are not answered yet

// The attributes say what the server has; the properties, what a hand did.
function settle(isFailure) {
  for (const control of form().elements) {
    if (control.type === "checkbox" || control.type === "radio") control.checked = control.defaultChecked;
    else if (control.options) for (const option of control.options) option.selected = option.defaultSelected;
    else if (control.matches("input:not([type=hidden])") && (isFailure || control !== document.activeElement)) control.value = control.defaultValue;
  }
}

// What changes the look of every page changes this one too.
function wear() {
  if (!form().dataset.own) return;
  const { theme, density, single_key_shortcuts: keys } = form().elements;
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  document.body.dataset.density = density.value;
  document.body.dataset.keys = keys.checked ? "on" : "off";
}

// Browsers have names of their own for some zones: Asia/Calcutta is Asia/Kolkata.
function sameZone(kept, here) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: kept }).resolvedOptions().timeZone === here;
  } catch {
    return false; // The browser does not know it.
  }
}

// The time zone is offered, never changed by itself.
function offerZone() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone, field = $("#time_zone"), offer = $("#device-zone");
  if (!field || !here) return;
  const button = $("button", offer);
  offer.hidden = sameZone(field.defaultValue, here) || !$$("#time-zones option").some((option) => option.value === here);
  $("span", button).textContent = button.dataset.zone.replace("{zone}", here);
  button.onclick = () => {
    field.value = here;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  };
}

const isOurs = (ctx) => ctx?.target?.id === "preferences";

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!isOurs(ctx)) return;
  waiting += 1;
  if (ctx.sourceElement !== form()) return;
  const { body } = ctx.request, { name } = ctx.sourceEvent.target;
  const wasShown = body.getAll("shown").includes(name);
  for (const key of new Set(body.keys())) if (key !== name && key !== "csrf_token") body.delete(key);
  if (wasShown) body.set("shown", name);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!isOurs(ctx)) return;
  waiting -= 1;
  if (waiting) return;
  settle(!(ctx.response?.status < 400));
  wear();
  offerZone();
});
// No answer at all: the toast speaks of this page, not of a list.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (isOurs(ctx)) $("#toasts").replaceChildren($("#preferences-not-saved").content.cloneNode(true));
});
// Enter in a field saves that field, as leaving it does.
document.addEventListener("submit", (event) => { if (event.target === form()) event.preventDefault(); });

offerZone();
