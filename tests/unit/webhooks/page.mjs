// Runs the page's script with a made-up browser: what it is given comes as JSON in the arguments,
// what it did goes to stdout as JSON.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const [script, given] = process.argv.slice(2);
const { search, action, answer } = JSON.parse(given);
const did = { calls: [], messages: [], address: search };

class Element {
  constructor(id = "") { Object.assign(this, { id, textContent: "", className: "", hidden: true, children: [], dataset: {} }); }
  append(child) { this.children.push(child); }
  replaceChildren(...children) { this.children = children; }
}
const elements = {};
const listeners = [];
const document = {
  body: Object.assign(new Element(), { dataset: { action } }),
  documentElement: {},
  createElement: () => new Element(),
  getElementById: (id) => (elements[id] ??= new Element(id)),
};
const window = {
  location: { search, pathname: `/${action}` },
  history: { replaceState: (_state, _title, address) => { did.address = address; } },
  parent: { postMessage: (message, target) => did.messages.push({ message, target }) },
  addEventListener: (_kind, listener) => listeners.push(listener),
};
const fetch = async (url, options) => {
  did.calls.push({ url, ...options, addressThen: did.address });
  if (answer === null) throw new TypeError("away");
  return { ok: answer.status < 300, status: answer.status, json: async () => JSON.parse(answer.body) };
};
vm.runInNewContext(readFileSync(script, "utf8"), {
  window, document, fetch, navigator: { language: "en" }, URLSearchParams,
});
await new Promise((resolve) => { setImmediate(resolve); });

const shown = (element) => ({
  text: element.textContent, className: element.className, below: element.children.map(shown),
});
did.title = document.title;
did.language = document.documentElement.lang;
did.state = shown(elements.state);
did.steps = elements.steps ? shown(elements.steps).below : [];
did.offered = ["again", "finish"].filter((id) => elements[id] && !elements[id].hidden);
if (did.offered.includes("finish")) {
  elements.finish.onclick();
  did.afterFinish = did.messages;
  did.messages = [];
}
console.log(JSON.stringify(did));
