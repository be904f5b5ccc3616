// Toasts: they hide after a while, offer to undo the last changes one by one, and report failures.
import { $, speak } from "./dom.js";
import { isUndo, offerToReload, removeErrorToast, showErrorToast } from "./retry.js";
import { rollBack, writes } from "./list.js";
import { resetChips } from "./search.js";

document.addEventListener("animationend", (event) => {
  if (event.animationName === "drain") event.target.hidden = true;
});
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
});

// Undo steps are stored for this tab as long as the server keeps them, so that they survive a change of page.
const UNDO_LIFETIME = 600_000;
const MAX_STEPS = 50;
const undoForm = $("#undo-last");

function loadSteps() {
  const steps = JSON.parse(sessionStorage.getItem("undos") ?? "[]");
  return steps.filter(({ at }) => Date.now() - at < UNDO_LIFETIME);
}

function storeSteps(steps) {
  sessionStorage.setItem("undos", JSON.stringify(steps.slice(-MAX_STEPS)));
}

// Sorted by when the change was requested: responses may overtake each other.
function addStep(form, at) {
  const url = form?.getAttribute("action");
  if (isUndo(url)) storeSteps([...loadSteps(), { at, url }].sort((one, other) => one.at - other.at));
}

function removeStep(url) {
  storeSteps(loadSteps().filter((step) => step.url !== url));
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  ctx.begunAt = Date.now();
});
// Before the swap, because the next toast may replace this one at once.
document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  const forms = tasks.map(({ fragment }) => fragment?.querySelector("[data-undo]"));
  addStep(forms.find(Boolean), ctx.begunAt);
});
addStep($("#toasts [data-undo]"), Date.now());

function setUndoUrl(url) {
  undoForm.setAttribute("action", url);
  if (undoForm.hasAttribute("hx-post")) undoForm.setAttribute("hx-post", url);
}

let undoPresses = 0;
let isLeaving = false;

document.addEventListener("submit", ({ target }) => {
  const url = target.getAttribute("action");
  if (!target.matches("[data-undo]") || !isUndo(url)) return;
  setUndoUrl(url);
  // Without htmx the browser leaves the page, and nothing here sees the response.
  if (!target.hasAttribute("hx-post")) {
    removeStep(url);
    isLeaving = true;
  }
}, true);

// A step stays until it is undone, or cannot be undone any more (404). Until then, Z tries it again.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status < 400 || ctx.response.status === 404) removeStep(ctx.request.action);
});

// Undoes the last change. If that is still pending, the undo waits for its response.
export function undo() {
  undoPresses += 1;
  undoNext();
}

function undoNext() {
  if (!undoPresses || writes.pending.size || isLeaving) return;
  undoPresses -= 1;
  const form = $("#toasts [data-undo]");
  const step = loadSteps().at(-1);
  if (form && !isUndo(form.getAttribute("action"))) {
    form.requestSubmit();
  } else if (step) {
    setUndoUrl(step.url);
    undoForm.requestSubmit();
  } else {
    reportNothingToUndo();
  }
}

document.addEventListener("htmx:finally:request", () => setTimeout(undoNext));

// An error toast is not replaced, because it can be retried.
function reportNothingToUndo() {
  if ($(".toast--error")) speak($("#no-undo").content.textContent.trim());
  else showErrorToast("no-undo");
}

// The sources of requests that the user makes. The page retries its own requests by itself.
const USER_LOADS = "#filters, #pane, #fresh, .turn a";

const isUserLoad = ({ sourceElement, isQuiet, request }) =>
  request.method === "GET" && !isQuiet && sourceElement.matches(USER_LOADS);

function offerReloadOf({ sourceElement }) {
  if (sourceElement.matches("#filters")) offerToReload(resetChips());
  else if (!sourceElement.matches("#pane")) offerToReload(() => sourceElement.click());
}

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (isUserLoad(ctx) && ctx.response.status < 400) removeErrorToast("not-loaded");
});

function reportFailure(ctx, reason) {
  rollBack(ctx);
  if (isUserLoad(ctx)) {
    offerReloadOf(ctx);
    // The toast of a failed write stays: its button also repeats the load.
    if (!$(".toast:is([data-of=not-saved], [data-of=not-undone])")) showErrorToast("not-loaded", reason);
  }
  if (ctx.request.method === "GET") return;
  // The undos that waited for this write would now undo something else.
  undoPresses = 0;
  const reasons = [reason];
  if (ctx.isBack) reasons.push($("#toasts").dataset.back);
  showErrorToast(isUndo(ctx.request.action) ? "not-undone" : "not-saved", ...reasons);
}

// Requests that no one made: the pulse, the refreshes that follow it, and polls (hx-trigger="every …").
const isPoll = (ctx) => ctx.sourceEvent?.type === "every";
const isRefresh = (ctx) => ctx.isRefresh || isPoll(ctx);

// Of a part of the page that the server does not have any more. The toast says so, once.
function stopPolling(part) {
  part.removeAttribute("hx-get");
  part.removeAttribute("hx-trigger");
  htmx.process(part, true);
}

// The server responded with an error, usually with a toast that explains it. A proxy in front of the server
// responds with a page of its own, which is not shown.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  ctx.push = null; // The list has not changed, so its address does not change either.
  if (isRefresh(ctx)) {
    ctx.swap = "none";
    if (isPoll(ctx) && [403, 404].includes(ctx.response.status)) stopPolling(ctx.sourceElement);
    else ctx.text = "";
    return;
  }
  if (ctx.text.includes('id="toasts"') && !isUndo(ctx.request.action)) {
    undoPresses = 0;
    rollBack(ctx);
    if (isUserLoad(ctx)) offerReloadOf(ctx);
    return;
  }
  const page = new DOMParser().parseFromString(ctx.text, "text/html");
  const { status } = ctx.response;
  const reason = $(".toast--error span", page)?.textContent ??
    $("#toasts").dataset.error.replace("{status}", status);
  ctx.swap = "none";
  ctx.text = "";
  reportFailure(ctx, reason);
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const { offline, silent } = $("#toasts").dataset;
  if (ctx) reportFailure(ctx, navigator.onLine ? silent : offline);
});
