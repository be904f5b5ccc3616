// Shows what was pushed, and opens it. Never keeps a page: what is shown is always the server's.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let message = {};
  try {
    message = event.data?.json() ?? {};
  } catch {
    // Something is shown in any case: a browser takes the permission away from a worker that stays silent.
  }
  event.waitUntil(
    self.registration.showNotification(String(message.title || "Bellhop"), {
      body: String(message.message || ""),
      tag: String(message.tag || "bellhop"),
      icon: "/favicon.ico",
      data: { url: String(message.url || "/") },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = new URL(event.notification.data?.url ?? "/", self.location.origin);
  const url = target.origin === self.location.origin ? target.href : self.location.origin;
  event.waitUntil(open(url));
});

async function open(url) {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (!tab) return self.clients.openWindow(url);
  await tab.focus();
  return tab.navigate(url);
}
