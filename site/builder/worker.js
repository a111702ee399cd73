// Python, in a thread of its own: a long answer does not stop the page.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const ready = (async () => {
  const [python, archive, answers] = await Promise.all([
    loadPyodide({ indexURL: new URL("./pyodide/", self.location).href }),
    fetch("vps-firewall.zip").then((r) => r.arrayBuffer()),
    fetch("answers.py").then((r) => r.text()),
  ]);
  python.unpackArchive(archive, "zip", { extractDir: "/home/pyodide" });
  python.FS.writeFile("/home/pyodide/answers.py", answers);
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
