// Python, in a thread of its own: a long answer does not stop the page.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const indexURL = new URL("./pyodide/", self.location).href;
const bytes = async (name) => {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
};
// A Python whose modules are imported already (site/snapshot.mjs); where a browser cannot take it, one that imports them.
const begun = async () => {
  try {
    const packed = (await bytes("start.bin")).body.pipeThrough(new DecompressionStream("gzip"));
    return await loadPyodide({ indexURL, _loadSnapshot: new Response(packed).arrayBuffer() });
  } catch (error) {
    console.error(`Python starts from nothing: ${error}`);
    return loadPyodide({ indexURL });
  }
};
const ready = (async () => {
  const [python, archive] = await Promise.all([begun(), bytes("vps-firewall.zip").then((r) => r.arrayBuffer())]);
  python.unpackArchive(archive, "zip", { extractDir: "/home/pyodide" });
  return python.pyimport("answers").answer;
})();

self.onmessage = async ({ data: { id, question } }) => {
  try {
    const answer = await ready;
    self.postMessage({ id, answer: JSON.parse(answer(JSON.stringify(question))) });
  } catch (error) {
    self.postMessage({ id, answer: { error: `the page itself failed: ${String(error).slice(-400)}` } });
  }
};
