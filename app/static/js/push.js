// Asks for push in this browser, and only after a press of the button.
import { $, $$ } from "./dom.js";

const form = $("#push");
const button = $("#push-on");
const line = $("#push-say");

if (form && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) start();

async function start() {
  line.textContent = "";
  const worker = await navigator.serviceWorker.getRegistration("/");
  const known = await worker?.pushManager.getSubscription();
  const item = known && $$("[data-endpoint]").find((one) => one.dataset.endpoint === known.endpoint);
  if (item) {
    $("[data-here]", item).hidden = false;
    return;
  }
  button.hidden = false;
  button.addEventListener("click", ask);
}

async function ask() {
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") {
      line.textContent = form.dataset.denied;
      return;
    }
    await navigator.serviceWorker.register(form.dataset.worker, { scope: "/" });
    const { pushManager } = await navigator.serviceWorker.ready;
    // Made with another key, as after a move to another server, it would stay silent.
    await (await pushManager.getSubscription())?.unsubscribe();
    const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: form.dataset.key });
    const { endpoint, keys } = made.toJSON();
    const fields = { endpoint, ...keys, label: name() };
    for (const [field, value] of Object.entries(fields)) form.elements[field].value = value;
    form.submit();
  } catch {
    line.textContent = form.dataset.failed;
  } finally {
    button.disabled = false;
  }
}

function name() {
  const agent = navigator.userAgent;
  const browser = [["Firefox", /firefox/i], ["Edge", /edg/i], ["Opera", /opr/i], ["Chrome", /chrom/i], ["Safari", /safari/i]];
  const system = [["Android", /android/i], ["iOS", /iphone|ipad/i], ["Windows", /windows/i], ["macOS", /mac os/i], ["Linux", /linux/i]];
  const match = (list) => list.find(([, pattern]) => pattern.test(agent))?.[0];
  return [match(browser), match(system)].filter(Boolean).join(", ");
}
