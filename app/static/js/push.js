// Turns on push notifications in this browser, after a press of the button.
import { $, $$ } from "./dom.js";

const form = $("#push");
const button = $("#push-on");
const message = $("#push-say");

// Phones and tablets of Apple show push messages only for a site on the home screen.
if (form && navigator.standalone === false) $("#push-install").hidden = false;

if (form && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) showState();

async function showState() {
  message.textContent = "";
  const worker = await navigator.serviceWorker.getRegistration(form.dataset.worker);
  const subscription = await worker?.pushManager.getSubscription();
  const items = subscription ? $$("[data-endpoint]") : [];
  const item = items.find((other) => other.dataset.endpoint === subscription.endpoint);
  if (item) {
    $("[data-here]", item).hidden = false;
    return;
  }
  button.hidden = false;
  button.addEventListener("click", turnOn);
}

async function turnOn() {
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") {
      message.textContent = form.dataset.denied;
      return;
    }
    await subscribe();
  } catch {
    message.textContent = form.dataset.failed;
  } finally {
    button.disabled = false;
  }
}

async function subscribe() {
  // Its scope is the folder of the script: all of Bellhop, and nothing beside it.
  await navigator.serviceWorker.register(form.dataset.worker);
  const { pushManager } = await navigator.serviceWorker.ready;
  // A subscription with an older key, for example from another server, would never receive anything.
  await (await pushManager.getSubscription())?.unsubscribe();
  const subscription = await pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: form.dataset.key,
  });
  const { endpoint, keys } = subscription.toJSON();
  const fields = { endpoint, ...keys, label: describeBrowser() };
  for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
  form.submit();
}

const BROWSERS = [
  ["Firefox", /firefox/i],
  ["Edge", /edg/i],
  ["Opera", /opr/i],
  ["Chrome", /chrom/i],
  ["Safari", /safari/i],
];
const SYSTEMS = [
  ["Android", /android/i],
  ["iOS", /iphone|ipad/i],
  ["Windows", /windows/i],
  ["macOS", /mac os/i],
  ["Linux", /linux/i],
];

function describeBrowser() {
  const nameIn = (names) => names.find(([, pattern]) => pattern.test(navigator.userAgent))?.[0];
  return [nameIn(BROWSERS), nameIn(SYSTEMS)].filter(Boolean).join(", ");
}
