// Toasts leave by themselves; what they offered to undo can be taken back on, one step after the other.
import { $, say } from "./dom.js";
import { isUndo, offerLoad, tell } from "./again.js";
import { failed, writes } from "./list.js";
import { unfilter } from "./search.js";

document.addEventListener("animationend", (event) => {
  if (event.animationName === "drain") event.target.hidden = true;
});
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
});

// What can be taken back here is remembered in this tab for as long as the server keeps it: after a reload, on another page.
const UNDO_FOR = 600_000, MOST = 50, last = $("#undo-last");
const steps = () => JSON.parse(sessionStorage.getItem("undos") ?? "[]").filter(({ at }) => Date.now() - at < UNDO_FOR);
const keep = (some) => sessionStorage.setItem("undos", JSON.stringify(some.slice(-MOST)));
const forget = (url) => keep(steps().filter((step) => step.url !== url));

// By when they were asked for: answers may overtake each other.
function remember(form, at) {
  const url = form?.getAttribute("action");
  if (isUndo(url)) keep([...steps(), { at, url }].sort((one, other) => one.at - other.at));
}
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { ctx.begunAt = Date.now(); });
// Before its toast is there: the next one may take its place at once.
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  remember(tasks.map(({ fragment }) => fragment?.querySelector("[data-undo]")).find(Boolean), ctx.begunAt);
});
remember($("#toasts [data-undo]"), Date.now());

function aim(url) {
  last.setAttribute("action", url);
  if (last.hasAttribute("hx-post")) last.setAttribute("hx-post", url);
}
document.addEventListener("submit", ({ target }) => {
  const url = target.getAttribute("action");
  if (!target.matches("[data-undo]") || !isUndo(url)) return;
  aim(url);
  // Without htmx the page leaves, and hears no answer.
  if (!target.hasAttribute("hx-post")) { forget(url); isLeaving = true; }
}, true);
// Only what is taken back is forgotten, or what can be no longer: else Z tries again.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status < 400 || ctx.response.status === 404) forget(ctx.request.action);
});

// Z means what was done last, also where that is not answered yet: then it waits.
let presses = 0, isLeaving = false;
export function undo() {
  presses += 1;
  takeBack();
}
function takeBack() {
  if (!presses || writes.open.size || isLeaving) return;
  presses -= 1;
  const form = $("#toasts [data-undo]"), step = steps().at(-1);
  if (form && !isUndo(form.getAttribute("action"))) form.requestSubmit();
  else if (step) { aim(step.url); last.requestSubmit(); }
  else tellNothing();
}
document.addEventListener("htmx:finally:request", () => setTimeout(takeBack));

// An error stays, with its "Try again".
function tellNothing() {
  if ($(".toast--error")) say($("#no-undo").content.textContent.trim());
  else tell("no-undo");
}

// What was asked for by hand; what the page asks by itself it asks again by itself.
const ASKED = "#filters, #pane, #fresh, .turn a";

function offerAgain({ sourceElement: from, isQuiet, request: { method } }) {
  if (method !== "GET" || isQuiet || !from.matches(ASKED)) return false;
  if (from.matches("#filters")) offerLoad(unfilter());
  else if (!from.matches("#pane")) offerLoad(() => from.click());
  return true;
}

// It is loaded now, by whatever way: nothing is left to say, and nothing to try again.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const toast = $(".toast[data-of=not-loaded]");
  if (!toast || ctx.isQuiet || ctx.request.method !== "GET" || !ctx.sourceElement.matches(ASKED) || ctx.response.status >= 400) return;
  if (toast.contains(document.activeElement)) ($(".row__link[aria-current]") ?? $("#list")).focus();
  toast.remove();
});

function unanswered(ctx, why) {
  failed(ctx);
  if (offerAgain(ctx)) tell("not-loaded", why);
  if (ctx.request.method === "GET") return;
  // What waited to be taken back after it would be something else now.
  presses = 0;
  tell(isUndo(ctx.request.action) ? "not-undone" : "not-saved", why, ...(ctx.isBack ? [$("#toasts").dataset.back] : []));
}

// The server answered with an error: mostly its answer brought the toast. What stands between us and it answers in its
// own words, which are no part of this page.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  ctx.push = null; // The list is not what was asked for.
  if (ctx.text.includes('id="toasts"') && !isUndo(ctx.request.action)) {
    presses = 0;
    failed(ctx);
    offerAgain(ctx);
    return;
  }
  const said = $(".toast--error span", new DOMParser().parseFromString(ctx.text, "text/html"))?.textContent;
  Object.assign(ctx, { swap: "none", text: "" });
  unanswered(ctx, said ?? $("#toasts").dataset.error.replace("{status}", ctx.response.status));
});
// No answer at all.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const { offline, silent } = $("#toasts").dataset;
  if (ctx) unanswered(ctx, navigator.onLine ? silent : offline);
});
