// Installs or removes the app for the tenant whose ERP has opened this page in a frame, and shows what
// was done. The query holds two tokens: they are read once, sent in a header and a body, and kept nowhere.
"use strict";

const TEXTS = {
  en: {
    install: {
      title: "Install vario-relay", busy: "The app is being installed. This takes up to a minute.",
      done: "The app is installed.", open: "The app is installed, but not everything worked.",
    },
    uninstall: {
      title: "Remove vario-relay", busy: "The app is being removed.",
      done: "The app is removed.", open: "The app is removed.",
    },
    noToken: "This page is opened by VARIO; without its tokens it can do nothing.",
    refused: "VARIO's proof of who is calling was not accepted or has ended. Close this page and begin again in VARIO; "
      + "if that does not help, whoever runs the service compares RELAY_APP_JWK and RELAY_APP_IDENTIFIER with VARIO.",
    refusals: {},
    away: "The service does not answer. Try again in a moment.",
    again: "Try again", finish: "Finish",
    erpRefused: "VARIO could not remove the app on its side. Begin again in VARIO.",
    steps: {
      tenant: "Tenant", "external-id": "Custom field", backend: "Backend", channels: "Sales channels",
      "foreign-fields": "Custom fields of others", webhooks: "Webhooks", events: "Events", columns: "How it is read",
      secrets: "Tokens and secrets", mappings: "Known products",
    },
  },
  de: {
    install: {
      title: "vario-relay installieren", busy: "Die App wird installiert. Das dauert bis zu einer Minute.",
      done: "Die App ist installiert.", open: "Die App ist installiert, aber nicht alles hat geklappt.",
    },
    uninstall: {
      title: "vario-relay entfernen", busy: "Die App wird entfernt.",
      done: "Die App ist entfernt.", open: "Die App ist entfernt.",
    },
    noToken: "Diese Seite wird von VARIO geöffnet; ohne dessen Token kann sie nichts tun.",
    refused: "VARIOs Nachweis, wer aufruft, wurde nicht anerkannt oder ist abgelaufen. Diese Seite schließen und in VARIO "
      + "neu beginnen; hilft das nicht, vergleicht der Betreiber RELAY_APP_JWK und RELAY_APP_IDENTIFIER mit VARIO.",
    refusals: {
      MISSING_OFFLINE_TOKEN: "VARIO hat keinen Offline-Token mitgegeben, und es ist keiner gespeichert.",
      OFFLINE_TOKEN_REFUSED: "Der Offline-Token wurde nicht anerkannt.",
      INSTALL_RUNNING: "Die App wird gerade schon installiert.",
    },
    away: "Der Dienst antwortet nicht. Bitte gleich noch einmal versuchen.",
    again: "Noch einmal", finish: "Abschließen",
    erpRefused: "VARIO konnte die App auf seiner Seite nicht entfernen. Bitte in VARIO neu beginnen.",
    steps: {
      tenant: "Mandant", "external-id": "Zusatzfeld", backend: "Backend", channels: "Vertriebskanäle",
      "foreign-fields": "Zusatzfelder anderer", webhooks: "Webhooks", events: "Ereignisse", columns: "So wird gelesen",
      secrets: "Token und Zugangsdaten", mappings: "Bekannte Produkte",
    },
  },
};

const query = new URLSearchParams(window.location.search);
// At once: an address with tokens shall not stay in the history, nor be copied or reloaded.
window.history.replaceState(null, "", window.location.pathname);

const action = document.body.dataset.action;
const language = (query.get("language") || navigator.language || "en").toLowerCase().startsWith("de") ? "de" : "en";
const texts = TEXTS[language];
const shown = (id) => document.getElementById(id);
let appToken = query.get("appToken");

function say(sentence, failed = false) {
  shown("state").textContent = sentence;
  shown("state").className = failed ? "failed" : "";
}

function tellErp(message) {
  // Nothing in it is secret, and who may have us in a frame is in our Content-Security-Policy.
  const own = { appIdentifier: query.get("appIdentifier"), integrationId: query.get("integrationId") };
  window.parent.postMessage({ ...own, ...message }, "*");
}

function showStep({ step, ok, detail, do: advice }) {
  const line = document.createElement("li");
  line.className = ok ? (advice ? "warning" : "well") : "failed";
  const head = document.createElement("p");
  head.textContent = `${texts.steps[step] || step}: ${detail}`;
  line.append(head);
  if (advice) {
    const below = document.createElement("p");
    below.className = "do";
    below.textContent = advice;
    line.append(below);
  }
  shown("steps").append(line);
}

function offer(id, press) {
  const button = shown(id);
  button.textContent = texts[id];
  button.hidden = false;
  button.onclick = () => { button.hidden = true; press(); };
}

async function call() {
  shown("again").hidden = true;
  shown("finish").hidden = true;
  shown("steps").replaceChildren();
  say(texts[action].busy);
  const body = { language };
  if (action === "install" && query.get("offlineToken")) body.offlineToken = query.get("offlineToken");
  let answer;
  let content = {};
  try {
    answer = await fetch(`api/${action}`, {
      method: "POST", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
      headers: { Authorization: `Bearer ${appToken}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    content = await answer.json();
  } catch (error) {
    // No answer, or one without JSON: what follows goes by the status alone.
  }
  if (answer && answer.ok) return report(content);
  // The service's own sentence is English; what happens often is said in the reader's language before.
  const known = texts.refusals[content.error];
  const said = [known, content.message].filter(Boolean).join(" ") || texts.away;
  say(answer && answer.status === 401 ? texts.refused : said, true);
  offer("again", call);
  return undefined;
}

function report({ ok, steps }) {
  steps.forEach(showStep);
  const finish = () => tellErp(action === "install" ? { installationComplete: true } : { requestUninstall: true });
  if (ok || action === "uninstall") {
    say(texts[action].done);
    finish();
    return;
  }
  // The ERP closes the page when it hears that we are done: first somebody shall have read it.
  say(texts[action].open, true);
  offer("again", call);
  offer("finish", finish);
}

window.addEventListener("message", ({ data, source }) => {
  if (source !== window.parent || typeof data !== "object" || data === null) return;
  // The ERP sends a new app token before the old one ends.
  if (typeof data.appToken === "string") appToken = data.appToken;
  if (data.uninstallState === false) say(texts.erpRefused, true);
});

document.documentElement.lang = language;
document.title = texts[action].title;
shown("title").textContent = texts[action].title;
if (appToken) call();
else say(texts.noToken, true);
