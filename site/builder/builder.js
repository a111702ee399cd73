// The page: what is typed goes to worker.js, what it answers is shown. All text is set as text, never as HTML.
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers, highlightActiveLine, drawSelection } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { syntaxHighlighting, HighlightStyle, bracketMatching } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { yaml } from "@codemirror/lang-yaml";
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { picture } from "./picture.js";
import { worker } from "./start.js";

const START = `#cloud-config
vps_firewall:
  ssh: {from: [203.0.113.7]}
  allow: [http, https]
`;
const at = (id) => document.getElementById(id);
const element = (name, text, kind) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

// --- asking ---

const waiting = new Map();
let asked = 0;
const ask = (question) =>
  new Promise((resolve) => {
    waiting.set((asked += 1), resolve);
    worker.postMessage({ id: asked, question });
  });
worker.onmessage = ({ data }) => {
  waiting.get(data.id)(data.answer);
  waiting.delete(data.id);
};
worker.onerror = () => (at("state").textContent = "Python could not be started in this browser.");

// --- the editor ---

let words = { keys: [], entry: [], services: [] };
const complete = (context) => {
  const word = context.matchBefore(/[\w.-]*/);
  if (!context.explicit && word.from === word.to) return null;
  const before = context.state.doc.lineAt(context.pos).text.slice(0, word.from - context.state.doc.lineAt(context.pos).from);
  const options = /\{[^}]*$/.test(before) && !/service:\s*$/.test(before) ? words.entry : /[[,]\s*$|-\s+$|service:\s*$|allow:\s*$/.test(before) ? words.services : /^\s*$/.test(before) ? [...words.keys, ...words.services] : [];
  return options.length ? { from: word.from, options } : null;
};
const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--key)" },
  { tag: tags.comment, color: "var(--soft)" },
  { tag: [tags.string, tags.content], color: "var(--text)" },
]);
const fromLink = () => {
  const held = location.hash.startsWith("#policy=") ? location.hash.slice(8) : "";
  if (!held) return null;
  try {
    const bytes = Uint8Array.from(atob(held.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
};
let timer;
const view = new EditorView({
  parent: at("editor"),
  state: EditorState.create({
    doc: fromLink() ?? START,
    extensions: [
      lineNumbers(), lintGutter(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), yaml(),
      syntaxHighlighting(colours), autocompletion({ override: [complete], activateOnTyping: true }), EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "The policy, as user-data", autocapitalize: "none", spellcheck: "false" }),
      keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        clearTimeout(timer);
        timer = setTimeout(check, 120);
        stale();
      }),
    ],
  }),
});
const text = () => view.state.doc.toString();

// --- what is wrong, and who gets in ---

let grids, drawn = 0;
function drawAll() {
  drawn = at("pictures").clientWidth;
  at("pictures").replaceChildren(...(grids ? [picture("IPv4", grids.ipv4, drawn), picture("IPv6", grids.ipv6, drawn)] : []));
}
new ResizeObserver(() => at("pictures").clientWidth !== drawn && drawAll()).observe(at("pictures"));
let last = 0;
async function check() {
  const mine = (last += 1);
  const found = await ask({ ask: "check", text: text() });
  if (mine !== last) return; // something was typed meanwhile
  if (found.error) found.problems = [{ path: "the page", message: found.error, severity: "error", line: 0, column: 0 }];
  const lines = view.state.doc.lines;
  const places = found.problems.map((problem) => {
    const line = view.state.doc.line(Math.min(problem.line + 1, lines));
    const from = Math.min(line.from + problem.column, line.to);
    return { from, to: line.to, severity: problem.severity, message: `${problem.path}: ${problem.message}` };
  });
  view.dispatch(setDiagnostics(view.state, places));
  at("problems").replaceChildren(...(found.problems.length ? found.problems.map((p, n) => problem(p, places[n])) : [element("li", "Nothing: it is accepted.", "none")]));
  at("who").replaceChildren(...(found.who ? [table("IPv4", found.who.ipv4, found.sources[0]), table("IPv6", found.who.ipv6, found.sources[1]), element("p", "Everything else is closed.")] : [element("p", "Correct it first.")]));
  grids = found.grids;
  drawAll();
  document.body.dataset.checked = String(mine);
}
function problem(found, place) {
  const item = element("li", undefined, found.severity);
  const button = element("button");
  button.type = "button";
  button.append(element("strong", `${found.severity === "error" ? "Refused" : "Warning"}, line ${found.line + 1}: `), `${found.path}: ${found.message}`);
  button.onclick = () => {
    view.dispatch({ selection: { anchor: place.from, head: place.to }, scrollIntoView: true });
    view.focus();
  };
  item.append(button);
  return item;
}
function table(family, rows, sources) {
  const made = element("table");
  made.append(element("caption", family));
  const head = element("tr");
  head.append(...["what", "from", "by"].map((name) => { const cell = element("th", name); cell.scope = "col"; return cell; }));
  made.append(head);
  for (const [at, row] of rows.entries()) {
    if (row.direction !== "in" || !row.entries.length) continue;
    const line = element("tr");
    const by = row.rules.join(", ") + (row.limits.length ? `, at most ${row.limits.join(" or ")}` : "");
    const where = row.interfaces ? ` on ${row.interfaces.join(", ")}` : "";
    const ports = row.ports.map((port) => (/^(8\/icmp|128\/(ipv6-)?icmp(v6)?)$/.test(port) ? "ping" : port)).join(", ");
    line.append(element("td", ports + where), element("td", sources[at], sources[at] === "anywhere" ? "any" : "some"), element("td", by));
    made.append(line);
  }
  return made;
}

// --- forms ---

const form = (id, run) => at(id).addEventListener("submit", (event) => { event.preventDefault(); run(); });
form("add", async () => {
  const service = at("service").value.trim();
  if (!service) return at("service").focus();
  const sources = at("sources").value.split(/[\s,]+/).filter(Boolean);
  const quoted = sources.map((source) => (/^[\w./-]+$/.test(source) ? source : JSON.stringify(source)));
  const named = /^[\w-]+$/.test(service) ? service : /^[\d-]+\/(tcp|udp)$/.test(service) ? service : JSON.stringify(service);
  const key = service.includes("/") ? "port" : "service";
  const item = sources.length ? `{${key}: ${named}, from: [${quoted.join(", ")}]}` : named;
  const done = await ask({ ask: "add", text: text(), key: "allow", item });
  at("added").textContent = done.error ?? `${service} is in the policy now.`;
  if (done.error) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: done.text } });
  at("service").value = "";
  at("service").focus();
});
form("why", async () => {
  const found = await ask({ ask: "explain", text: text(), what: at("what").value.trim(), source: at("source").value.trim() });
  at("explained").textContent = found.error ?? found.lines.join("\n");
});
form("render", async () => {
  const found = await ask({ ask: "rules", text: text(), backend: at("backend").value });
  at("rules").textContent = found.error ?? Object.entries(found).map(([name, rules]) => `# ${name}\n${rules}`).join("\n");
});
let made = null;
function stale() {
  made = null;
  at("copy").disabled = at("download").disabled = true;
  for (const id of ["told", "rules", "explained", "shared"]) at(id).textContent = "";
}
form("carry", async () => {
  at("told").textContent = "Making it …";
  const provider = at("provider").value;
  const found = await ask({ ask: "carry", text: text(), provider });
  at("told").textContent = found.error ?? found.told;
  if (found.error) return;
  made = { provider, form: found.form, bytes: Uint8Array.from(atob(found.bytes), (c) => c.charCodeAt(0)) };
  at("download").disabled = false;
  at("copy").disabled = made.form === "gzip"; // which is no text
});
at("copy").onclick = async () => {
  await navigator.clipboard.writeText(new TextDecoder().decode(made.bytes));
  at("told").textContent = "It is on the clipboard.";
};
at("download").onclick = () => {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([made.bytes], { type: "application/octet-stream" }));
  link.download = `user-data-${made.provider}${made.form === "gzip" ? ".gz" : ""}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
at("share").onclick = () => {
  const bytes = Array.from(new TextEncoder().encode(text()), (byte) => String.fromCharCode(byte)).join("");
  window.history.replaceState(null, "", `#policy=${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`);
  at("shared").textContent = "The address of this page carries it now: copy it from there.";
};

// --- the beginning ---

words = await ask({ ask: "words" });
at("services").replaceChildren(...words.services.map(({ label, detail }) => { const one = element("option", detail); one.value = label; return one; }));
at("provider").replaceChildren(...Object.keys(words.providers).map((name) => element("option", name)));
await check();
at("state").textContent = `vps-firewall ${words.version} is ready.`;
document.body.dataset.ready = "yes";
